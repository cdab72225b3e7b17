"""Users of a Redis server with redis-py, which gevent's patching makes cooperative, by `events.request.fire`."""
# args: --headless -u 3 -r 3

import os
import subprocess
import time

import gevent
import redis
from locust import User, constant, events, task

from watch import say, watch

PATH = os.path.abspath("redis.sock")
watch("test_start", "spawning_complete", "quit")


@events.test_start.add_listener
def on_test_start(environment, **kwargs):
    serve = ["redis-server", "--port", "0", "--unixsocket", PATH, "--save", ""]
    environment.server = subprocess.Popen(serve, stdout=subprocess.DEVNULL)
    with gevent.Timeout(20):
        while not os.path.exists(PATH):
            gevent.sleep(0.01)


@events.test_stop.add_listener
def on_test_stop(environment, **kwargs):
    environment.server.kill()
    environment.server.wait()


class Client:
    """Counts each command as a request."""

    def __init__(self, environment):
        self.connection = redis.Redis(unix_socket_path=PATH)
        self.request = environment.events.request

    def __getattr__(self, command):
        def execute(*arguments):
            began, started = time.time(), time.perf_counter()
            answer = failure = None
            try:
                answer = getattr(self.connection, command)(*arguments)
            except redis.RedisError as error:
                failure = error
            self.request.fire(
                request_type="REDIS",
                name=command,
                start_time=began,
                response_time=(time.perf_counter() - started) * 1000,
                response_length=len(answer) if isinstance(answer, bytes) else 0,
                response=answer,
                exception=failure,
                context={},
            )
            return answer

        return execute


class Reader(User):
    """Waits for what the writer pushes: the whole program would, if the library did not switch."""

    fixed_count = 2
    wait_time = constant(0)

    def on_start(self):
        self.client = Client(self.environment)

    @task
    def read(self):
        self.client.blpop("queue", 20)
        self.client.incr("text")
        self.client.incr("count")
        gevent.sleep(60)


class Writer(User):
    fixed_count = 1
    wait_time = constant(0)

    def on_start(self):
        self.client = Client(self.environment)

    @task
    def write(self):
        self.client.set("text", "no number")
        while self.client.connection.info("clients")["blocked_clients"] < 2:
            gevent.sleep(0.01)
        for number in range(2):
            self.client.rpush("queue", number)
        while self.client.connection.get("count") != b"2":
            gevent.sleep(0.01)
        say(text=self.client.get("text"))
        with self.environment.events.request.measure("REDIS", "both") as meta:
            meta["response_length"] = 3
            self.client.connection.pipeline().get("text").get("count").execute()
        gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    for entry in sorted(environment.stats.entries.values(), key=lambda entry: entry.name):
        say(
            name=entry.name, requests=entry.num_requests, failures=entry.num_failures, length=entry.total_content_length
        )
