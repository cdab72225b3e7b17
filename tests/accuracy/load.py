"""The script of all cases, which name the user classes to play; prints unrounded times as JSON at its end."""

import json
import os
import time
import urllib.request

import gevent
from gevent.event import Event
from locust import FastHttpUser, HttpUser, User, constant, constant_throughput, events, task
from locust.exception import StopUser
from locust.runners import WorkerRunner
from samples import samples

CLIENT = FastHttpUser if os.environ.get("CLIENT") == "FastHttpUser" else HttpUser

PARTS = ("0.5", "0.9", "0.95", "0.99", "0.999", "1.0")

begin = Event()
ready = []
ended = []


@events.quitting.add_listener
def report(environment, **kwargs):
    if isinstance(environment.runner, WorkerRunner):
        return
    for entry in told(environment):
        print("TRUE " + json.dumps(entry))
    if getattr(environment.parsed_options, "iteration_rate", None):
        from katydid import hub

        print("ITERATIONS " + json.dumps(hub.engine().iterations()))


def told(environment):
    """What is known of each name: by Katydid's engine, or by the statistics of Locust."""
    try:
        from katydid import hub
    except ImportError:
        return [
            {
                "name": entry.name,
                "num_requests": entry.num_requests,
                "num_failures": entry.num_failures,
                "response_times": entry.response_times,
                "true": {"service": {part: entry.get_response_time_percentile(float(part)) for part in PARTS}},
            }
            for entry in environment.stats.entries.values()
        ]
    return hub.engine().stats()["entries"]


class Asking(CLIENT):
    """Makes a fixed number of requests on a connection that is open before; the last one to end ends the run."""

    abstract = True
    wait_time = constant(0.005)
    requests = 0

    def on_start(self):
        # Connecting counts as the client's time and the target cannot know it: it happens here.
        self.client.get("/")
        ready.append(self)
        place, users = len(ready), self.environment.runner.target_user_count
        if place == users:
            urllib.request.urlopen(f"{self.environment.host}/_truth/reset", data=b"").close()
            self.environment.stats.reset_all()
            begin.set()
        begin.wait()
        # One after the other: a crowd would queue at the target before it looks at its clock.
        gevent.sleep(place / users / 5)

    @task
    def next(self):
        if self.requests == 0:
            ended.append(self)
            if len(ended) == self.environment.runner.target_user_count:
                self.environment.runner.quit()
            raise StopUser
        self.requests -= 1
        self.ask()


class Constant1(Asking):
    fixed_count = 2
    requests = 200

    def ask(self):
        self.client.get("/latency?ms=1.000")


class Constant137(Asking):
    fixed_count = 4
    requests = 10

    def ask(self):
        self.client.get("/latency?ms=137")


class Constant1050(Asking):
    fixed_count = 8
    requests = 2

    def ask(self):
        self.client.get("/latency?ms=1050")


class Mix(Asking):
    fixed_count = 10
    requests = 100

    def ask(self):
        self.client.get("/latency?mix=api")


class SlowBody(Asking):
    fixed_count = 4
    requests = 3

    def ask(self):
        self.client.get("/slow-body?bytes=100&chunks=5&ms=100")


class Mixed503(Asking):
    """Every fifth request fails at once; under the same name as those that do not."""

    fixed_count = 5
    requests = 40

    def ask(self):
        path = "/status/503" if self.requests % 5 == 0 else "/latency?ms=50"
        self.client.get(path, name="mixed")


class Freezing(CLIENT):
    """Asks until the run ends, while the target is stopped for a while."""

    wait_time = constant(0.02)

    @task
    def ask(self):
        self.client.get("/latency?ms=2", name="frozen")


class Arriving(CLIENT):
    """Asks once when it is its turn, by a rate."""

    @task
    def ask(self):
        self.client.get("/latency?ms=2", name="arriving")


class Pacing(CLIENT):
    """Asks so often a second, as long as answers come."""

    wait_time = constant_throughput(float(os.environ.get("PACE", "1")))

    @task
    def ask(self):
        self.client.get("/latency?ms=2", name="arriving")


class Burning(User):
    """Burns 300 ms of CPU in Python again and again, beside those who ask."""

    fixed_count = 1
    wait_time = constant(0.1)

    @task
    def burn(self):
        until = time.perf_counter() + 0.3
        while time.perf_counter() < until:
            pass


class Beside(CLIENT):
    """Those who ask beside it."""

    fixed_count = 5
    wait_time = constant(0.01)

    @task
    def ask(self):
        self.client.get("/latency?ms=20", name="beside")


class Replayed(User):
    """Tells of the same samples however many workers there are: each takes its share of them."""

    @task
    def tell(self):
        runner = self.environment.runner
        index = max(getattr(runner, "worker_index", 0), 0)
        for time_ms in samples()[index :: int(os.environ["SHARES"])]:
            self.environment.events.request.fire(
                request_type="GET",
                name="replayed",
                response_time=time_ms,
                response_length=7,
                exception=None,
                context={},
            )
        Event().wait()
