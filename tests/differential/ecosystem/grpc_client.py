"""Users of gRPC: its own support of gevent switched on, an interceptor that fires `events.request`."""
# args: --headless -u 2 -r 2

import time

import gevent
import grpc
import grpc.experimental.gevent
from locust import User, constant, events, task

from protocol_servers import start
from watch import say, watch

grpc.experimental.gevent.init_gevent()
watch("test_start", "spawning_complete", "quit")
greeted = []


@events.test_start.add_listener
def on_test_start(environment, **kwargs):
    environment.server, environment.port = start("grpc_server")


@events.test_stop.add_listener
def on_test_stop(environment, **kwargs):
    environment.server.kill()
    environment.server.communicate()


class Counting(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Counts each call as a request."""

    def __init__(self, environment):
        self.request = environment.events.request

    def intercept_unary_unary(self, continuation, details, message):
        call, began = continuation(details, message), time.perf_counter()
        # Waits for the end, and raises nothing yet.
        failed = call.exception() is not None
        self._count(details, began, [] if failed else [call.result()], call.code() if failed else None)
        return call

    def intercept_unary_stream(self, continuation, details, message):
        began = time.perf_counter()
        answers = list(continuation(details, message))
        self._count(details, began, answers, None)
        return iter(answers)

    def _count(self, details, began, answers, failure):
        self.request.fire(
            request_type="grpc",
            name=details.method,
            response_time=(time.perf_counter() - began) * 1000,
            response_length=sum(map(len, answers)),
            response=answers,
            exception=failure,
            context={},
        )


class Guest(User):
    wait_time = constant(0)

    def on_start(self):
        channel = grpc.insecure_channel(f"127.0.0.1:{self.environment.port}")
        channel = grpc.intercept_channel(channel, Counting(self.environment))
        self.greet = channel.unary_unary("/demo.Greeter/Greet")
        self.repeat = channel.unary_stream("/demo.Greeter/Repeat")

    @task
    def meet(self):
        answer = self.greet(b"guest")
        parts = list(self.repeat(b"echo"))
        try:
            self.greet(b"nobody")
        except grpc.RpcError as error:
            greeted.append((answer, parts, error.details()))
        if len(greeted) == 2:
            gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    say(greeted=greeted)
    for entry in sorted(environment.stats.entries.values(), key=lambda entry: entry.name):
        say(
            name=entry.name, requests=entry.num_requests, failures=entry.num_failures, length=entry.total_content_length
        )
