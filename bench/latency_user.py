"""The latencies of the truth test: a fixed number of requests for each, on connections that are open before."""

import urllib.request

import gevent
from gevent.event import Event
from locust import HttpUser, constant, task
from locust.exception import StopUser

begin = Event()
ready = []
ended = []


class Latency(HttpUser):
    """Makes `requests` requests and is done."""

    abstract = True
    wait_time = constant(0.01)
    path = ""
    requests = 0

    def on_start(self):
        # Connecting counts as the client's time and the target cannot know it: it happens here.
        self.client.get("/")
        ready.append(self)
        place = len(ready)
        users = self.environment.runner.target_user_count
        if place == users:
            measure(self.environment)
        begin.wait()
        # One after the other: a crowd would queue at the target before it looks at its clock.
        gevent.sleep(place / users)

    @task
    def ask(self):
        if self.requests == 0:
            ended.append(self)
            if len(ended) == self.environment.runner.target_user_count:
                self.environment.runner.quit()
            raise StopUser
        self.requests -= 1
        self.client.get(self.path)


class One(Latency):
    fixed_count = 10
    path = "/latency?ms=1.000"
    requests = 1000


class Many(Latency):
    fixed_count = 60
    path = "/latency?ms=137"
    requests = 150


class Long(Latency):
    fixed_count = 250
    path = "/latency?ms=1050"
    requests = 24


class Mix(Latency):
    fixed_count = 30
    path = "/latency?mix=web"
    requests = 700


def measure(environment):
    """Forgets what came before, on both sides."""
    urllib.request.urlopen(f"{environment.host}/_truth/reset", data=b"").close()
    environment.stats.reset_all()
    begin.set()
