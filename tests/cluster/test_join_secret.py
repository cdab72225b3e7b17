"""``--join-secret``: who knows it may join, and nobody else learns anything."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

SECRET = "a secret of the tests, 0123456789"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "join.secret"
    path.write_text(SECRET + "\n")
    return path


@pytest.fixture
def other(tmp_path: Path) -> Path:
    path = tmp_path / "other.secret"
    path.write_text("another secret of the tests\n")
    return path


class Wire:
    """Passes connections on to a master and keeps what was on them."""

    def __init__(self, master: int) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.master = master
        self.seen = bytearray()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.master))
            except OSError:
                # The master is not there yet; the worker tries again.
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while piece := source.recv(65536):
                self.seen += piece
                sink.sendall(piece)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            sink.close()


@pytest.mark.parametrize("is_secret", [True, False], ids=["secret", "open"])
def test_nothing_can_be_read_on_the_wire(fleet, target, secret, is_secret):
    join = ("--join-secret", secret) if is_secret else ()
    master = fleet.master("--headless", "-u", 2, "-r", 2, "-t", "2s", "-H", target.url, *join)
    wire = Wire(fleet.port)
    fleet.port = wire.port
    worker = fleet.worker("-f", "-", *join)
    assert master.wait() == 1
    assert worker.wait() == 0
    assert master.requests == target.truth()["total"] > 10
    assert len(wire.seen) > 2_000
    readable = [
        text for text in (b"client_ready", b"locustfile", b"HttpUser", b"/items", b"spawn") if text in wire.seen
    ]
    assert bool(readable) != is_secret, readable
    assert SECRET.encode() not in wire.seen


def test_a_worker_without_the_secret_is_told_so_and_refused(fleet, target, secret, other):
    master = fleet.master("-P", 0, "-H", target.url, "--join-secret", secret)
    master.wait_for("web interface")
    without, wrong = fleet.worker(), fleet.worker("--join-secret", other)
    fetching = fleet.worker("-f", "-")
    assert [node.wait() for node in (without, wrong, fetching)] == [1, 1, 1]
    assert "wants a join secret: start this worker with --join-secret FILE" in without.log
    assert "wants a join secret" in fetching.log
    assert "The master has another join secret than this worker" in wrong.log
    assert "Traceback" not in without.log + wrong.log + fetching.log
    assert "Refused a connection from 127.0.0.1: the " in master.wait_for("Refused").string


def test_a_worker_with_a_secret_does_not_join_a_master_that_has_none(fleet, target, secret):
    master = fleet.master("-P", 0, "-H", target.url)
    master.wait_for("web interface")
    worker = fleet.worker("--join-secret", secret)
    assert worker.wait() == 1
    assert "The master has no join secret, and this worker has one" in worker.log

    fleet.master("-P", 0, "-H", target.url, stock=True).wait_for("web interface")
    worker = fleet.worker("--join-secret", secret)
    assert worker.wait() == 1
    assert "The master has no join secret, and this worker has one" in worker.log


def test_the_secret_may_be_in_the_environment(fleet, target, secret, monkeypatch):
    master = fleet.master("--headless", "-u", 2, "-r", 2, "-t", "1s", "-H", target.url, "--join-secret", secret)
    monkeypatch.setenv("KATYDID_JOIN_SECRET", SECRET)
    worker = fleet.worker()
    assert master.wait() == 1
    assert worker.wait() == 0


def test_stock_workers_are_refused_unless_they_are_allowed(fleet, target, secret):
    master = fleet.master("-P", 0, "-H", target.url, "--join-secret", secret)
    master.wait_for("web interface")
    fleet.worker(stock=True)
    line = master.wait_for("Refused").string
    assert "the other side has no join secret. Start it with --join-secret, or this master with " in line

    master = fleet.master(
        *("--headless", "-u", 4, "-r", 4, "-t", "2s", "--expect-workers", 2, "-H", target.url),
        *("--join-secret", secret, "--allow-stock-workers"),
    )
    workers = [fleet.worker("--join-secret", secret), fleet.worker(stock=True)]
    assert master.wait() == 1
    assert [worker.wait() for worker in workers] == [0, 0]
    # Locust's own worker may end a user in the middle of a request, which then nobody counts.
    assert master.requests in range(target.truth()["total"] - 3, target.truth()["total"] + 1)
    assert master.requests > 20


def test_processes_of_one_machine_use_it_too(fleet, target, secret):
    run = fleet.run(
        "--processes", 2, "--headless", "-u", 4, "-r", 4, "-t", "1s", "-H", target.url, "--join-secret", secret
    )
    assert run.wait() == 1
    assert "2 workers connected" in run.log
    assert run.requests == target.truth()["total"] > 10


def test_a_secret_that_is_none_is_refused(katydid, tmp_path):
    (tmp_path / "short").write_text("abc\n")
    script = "from locust import User, task\n\nclass Idle(User):\n    @task\n    def idle(self):\n        pass\n"
    short = katydid("--master", "--headless", "--join-secret", "short", script=script)
    assert short.returncode == 1
    assert "The join secret in short has 3 bytes, and needs at least 16" in short.stderr
    missing = katydid("--worker", "--join-secret", "missing", script=script)
    assert missing.returncode == 1
    assert "The join secret in missing cannot be read: No such file or directory" in missing.stderr
