"""Users of a WebSocket with websocket-client; a second greenlet of each user hears what the server says."""
# args: --headless -u 2 -r 2

import time

import gevent
import websocket
from locust import User, constant, events, task

from protocol_servers import start
from watch import say, watch

watch("test_start", "spawning_complete", "quit")
heard = []


@events.test_start.add_listener
def on_test_start(environment, **kwargs):
    environment.server, environment.port = start("websocket_server")


@events.test_stop.add_listener
def on_test_stop(environment, **kwargs):
    environment.server.kill()
    environment.server.communicate()


class Guest(User):
    wait_time = constant(0)

    def on_start(self):
        with self.environment.events.request.measure("WS", "connect"):
            self.socket = websocket.create_connection(f"ws://127.0.0.1:{self.environment.port}/", timeout=20)
        self.heard = []
        self.ear = gevent.spawn(self.listen)

    def listen(self):
        fire = self.environment.events.request.fire
        failure = None
        while failure is None:
            text = ""
            try:
                text = self.socket.recv()
                if not text:
                    raise websocket.WebSocketConnectionClosedException("closed by the server")
                self.heard.append(text)
            except websocket.WebSocketException as error:
                failure = error
            spent = (time.perf_counter() - self.said) * 1000
            fire(
                request_type="WSR",
                name="heard",
                response_time=spent,
                response_length=len(text),
                exception=failure,
                context={},
            )

    @task
    def talk(self):
        for text in ("one", "two", "goodbye"):
            before = len(self.heard)
            self.said = time.perf_counter()
            self.socket.send(text)
            while text != "goodbye" and len(self.heard) == before:
                gevent.sleep(0.01)
        self.ear.join()
        heard.append(self.heard)
        if len(heard) == 2:
            gevent.spawn(self.environment.runner.quit)
        gevent.sleep(60)


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    say(heard=heard)
    for entry in sorted(environment.stats.entries.values(), key=lambda entry: entry.name):
        say(
            name=entry.name, requests=entry.num_requests, failures=entry.num_failures, length=entry.total_content_length
        )
