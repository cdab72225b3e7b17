"""Users that are killed wherever they are: nothing is lost, nothing is counted twice, nothing stays behind."""

from __future__ import annotations

import gc
import json

import gevent
import pytest
from gevent.server import StreamServer

from katydid import hub
from katydid.clients import HttpSession
from katydid.contrib.fasthttp import FastHttpSession
from katydid.env import Environment

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"


@pytest.fixture
def halting():
    """A server that halts in the middle of its answers until it is told to go on: address, event, what came."""
    go, came = gevent.event.Event(), []

    def serve(connection, address):
        asked = b""
        while part := connection.recv(65536):
            asked += part
            while b"\r\n\r\n" in asked:
                head, _, asked = asked.partition(b"\r\n\r\n")
                came.append(head)
                if b"/reading" in head:
                    connection.sendall(ANSWER + b"01234")
                    go.wait()
                    connection.sendall(b"56789")
                else:
                    go.wait()
                    connection.sendall(ANSWER + b"0123456789")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}", go, came
    go.set()
    server.stop(timeout=0)


@pytest.fixture
def counted():
    """An environment whose runner counts, and how many requests it has counted of a name."""
    environment = Environment()
    runner = environment.create_local_runner()

    def count(name):
        return sum(row["num_requests"] for row in hub.engine().stats()["entries"] if row["name"] == name)

    yield environment, count
    runner.quit()
    hub.close()


def until(condition):
    with gevent.Timeout(10):
        while not condition():
            gevent.sleep(0.005)


@pytest.mark.parametrize("kind", [HttpSession, FastHttpSession])
@pytest.mark.parametrize("path", ["/waiting", "/reading"])
@pytest.mark.parametrize("options", [{}, {"catch_response": True}], ids=["plain", "caught"])
def test_a_request_whose_user_is_killed_is_counted_once(halting, counted, kind, path, options):
    url, go, came = halting
    environment, count = counted
    session = kind(url, environment.events.request, None)
    call = gevent.spawn(session.get, path, **options)
    until(lambda: came)
    call.kill()
    assert isinstance(call.value, gevent.GreenletExit)
    go.set()
    until(lambda: count(path) == 1)
    # The connection and the session are as good as before.
    assert session.get("/after").content == b"0123456789"
    assert (count(path), count("/after")) == (1, 1)


@pytest.mark.parametrize("kind", [HttpSession, FastHttpSession])
def test_a_user_that_is_killed_while_it_connects_leaves_nothing_behind(counted, kind):
    environment, count = counted
    # A socket that listens and never accepts, with a full queue, keeps a caller connecting.
    listener = gevent.socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    port = listener.getsockname()[1]
    queued = [gevent.socket.socket() for _ in range(2)]
    for waiting in queued:
        waiting.setblocking(False)
        waiting.connect_ex(("127.0.0.1", port))
    session = kind(f"http://127.0.0.1:{port}", environment.events.request, None)
    calls = [gevent.spawn(session.get, "/connecting") for _ in range(5)]
    gevent.sleep(0)
    gevent.killall(calls)
    assert all(isinstance(call.value, gevent.GreenletExit) for call in calls)
    for waiting in (*queued, listener):
        waiting.close()
    until(lambda: count("/connecting") == 5)


def test_a_reader_of_a_stream_that_is_killed_closes_its_connection(halting, counted):
    url, go, _ = halting
    environment, count = counted
    session = FastHttpSession(url, environment.events.request, None, concurrency=1)
    response = session.get("/reading", stream=True)
    assert response.read(5) == b"01234"
    reader = gevent.spawn(response.read, 5)
    gevent.sleep(0.01)
    reader.kill()
    response.release()
    go.set()
    # Its only connection is free again.
    assert session.get("/after").content == b"0123456789"
    assert (count("/reading"), count("/after")) == (1, 1)


def test_an_on_stop_may_make_requests(katydid, target):
    script = """
import json
from locust import HttpUser, events, task

@events.quitting.add_listener
def tell(environment, **kwargs):
    print(json.dumps({entry.name: entry.num_requests for entry in environment.stats.entries.values()}))

class Visitor(HttpUser):
    def on_stop(self):
        self.client.get("/echo?bye")
    @task
    def visit(self):
        self.client.get("/latency?ms=20")
"""
    done = katydid("--headless", "-u", 20, "-r", 100, "-t", "1s", "-H", target.url, "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout.splitlines()[0])
    truth = target.truth()["by_path"]
    assert rows == {name.removeprefix("GET "): count for name, count in truth.items()}
    assert rows["/echo?bye"] == 20


def test_responses_are_freed_without_the_garbage_collector(url, hook):
    session = HttpSession(url, hook, None)
    session.trust_env = False
    fast = FastHttpSession(url, hook, None)
    gc.collect()
    gc.disable()
    try:
        reports = hook._handlers.copy()
        hook._handlers[:] = [lambda **report: None]
        before = len(gc.get_objects())
        for _ in range(50):
            session.get("/echo")
            fast.get("/echo")
            for client in (session, fast):
                with client.get("/echo", catch_response=True) as response:
                    response.success()
                with client.get("/status/500", catch_response=True) as response:
                    response.failure("no")
            session.get("/bytes/10000", stream=True).close()
            fast.get("/bytes/10000", stream=True).release()
        assert len(gc.get_objects()) - before < 200
        hook._handlers[:] = reports
    finally:
        gc.enable()
