"""Rows 67 to 84: masters and workers as objects, with a peer that says exactly what it is told."""

import argparse
import json
import logging
import socket
import subprocess
import sys
import time
from pathlib import Path

import gevent
import locust.log
import locust.runners
import pytest
from locust import User, constant, task
from locust.env import Environment
from locust.event import Events
from locust.stats import RequestStats, setup_distributed_stats_event_listeners

ROOT = Path(__file__).parents[2]
VERSION = "2.47.0"


class Person(User):
    wait_time = constant(10)

    @task
    def wait_here(self): ...


class Peer:
    """A node of its own process. What it hears is in ``heard``, in order."""

    def __init__(self, *arguments):
        # The tests may run by Locust's interpreter itself.
        stamped = ROOT / ".stamps" / "locust" / "bin" / "python"
        python = stamped if stamped.exists() else sys.executable
        self.process = subprocess.Popen(
            [python, Path(__file__).parent / "support" / "peer.py", *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={},
        )  # fmt: skip
        self.port = int(self.process.stdout.readline()) if arguments[0] == "master" else None
        self.heard = []
        self.listening = gevent.spawn(self._listen)

    def _listen(self):
        for line in self.process.stdout:
            self.heard.append(json.loads(line))
            if self.heard[-1][0] == "quit" and self.port is None:
                # A worker that does not answer is waited for.
                self.say("quit")

    def say(self, kind, data=None):
        self.process.stdin.write(json.dumps([kind, data]) + "\n")
        self.process.stdin.flush()

    def all(self, kind):
        return [data for heard, data in self.heard if heard == kind]


@pytest.fixture
def peer():
    """Starts peers; they end with the test."""
    peers = []

    def peer(*arguments):
        peers.append(Peer(*arguments))
        return peers[-1]

    yield peer
    for each in peers:
        each.process.kill()
        each.process.wait()
        each.listening.kill()


@pytest.fixture
def impatient(monkeypatch):
    """Masters made after this miss a worker after half a second."""
    monkeypatch.setattr(locust.runners, "HEARTBEAT_INTERVAL", 0.15)


@pytest.fixture
def master(peer):
    """A master on a port of its own; it ends before its workers do."""
    logging.getLogger("locust").propagate = True
    runner = Environment(user_classes=[Person]).create_master_runner("127.0.0.1", 0)
    yield runner
    runner.quit()


@pytest.fixture
def join(master, peer, until):
    """Has a worker join the master."""

    def join(name, version=VERSION):
        worker = peer("worker", master.server.port, name)
        worker.say("client_ready", version)
        until(lambda: worker.all("ack"))
        return worker

    return join


def beat(worker, state="ready", **more):
    worker.say("heartbeat", {"state": state, "current_cpu_usage": 12.5, **more})


def test_68_versions(master, peer, join, until, caplog):
    caplog.set_level(logging.INFO, "locust")
    old = peer("worker", master.server.port, "old")
    old.say("client_ready", None)
    until(lambda: "ERROR" in [record.levelname for record in caplog.records])
    caplog.clear()
    join("any", -1)
    join("patch", "2.47.9")
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    join("other", "2.13.0")
    assert "WARNING" in [record.levelname for record in caplog.records]
    assert sorted(master.clients) == ["any", "other", "patch"]
    assert not old.heard


def test_69_indexes_are_dense_and_stay(master, join, until):
    workers = {name: join(name) for name in ("a", "b", "c")}
    assert [worker.all("ack")[0]["index"] for worker in workers.values()] == [0, 1, 2]
    workers["a"].say("quit")
    until(lambda: "a" not in master.clients)
    assert join("d").all("ack")[0]["index"] == 3
    workers["a"].say("client_ready", VERSION)
    until(lambda: len(workers["a"].all("ack")) == 2)
    assert workers["a"].all("ack")[1]["index"] == 0


def test_70_only_missing_workers_get_no_users(impatient, master, join, until):
    workers = {state: join(state) for state in ("ready", "spawning", "running", "missing")}
    heard_of = [worker for state, worker in workers.items() if state != "missing"]

    def is_missing():
        for state in ("ready", "spawning", "running"):
            beat(workers[state], state)
        return master.clients["missing"].state == "missing"

    until(is_missing)
    starting = gevent.spawn(master.start, 6, 100)
    until(lambda: is_missing() and all(worker.all("spawn") for worker in heard_of))
    assert [worker.all("spawn")[-1]["user_classes_count"] for worker in heard_of] == [{"Person": 2}] * 3
    assert not workers["missing"].all("spawn")
    starting.kill()


def test_72_73_a_silent_worker_is_missing_and_heals(impatient, master, join, until):
    worker, other = join("a"), join("b")

    def is_missing():
        beat(other)
        return master.clients["a"].state == "missing"

    until(is_missing)
    assert [node.id for node in master.clients.missing] == ["a"]
    assert "b" in [node.id for node in master.clients.ready]
    beat(worker)
    until(lambda: master.clients["a"].state == "ready")
    until(is_missing)
    worker.say("quit")
    until(lambda: beat(other) or "a" not in master.clients)
    assert "b" in master.clients


def test_71_the_last_worker_that_quits_ends_the_test(master, join, until):
    stopped = []
    master.environment.events.test_stop.add_listener(lambda environment: stopped.append(1))
    worker = join("a")
    starting = gevent.spawn(master.start, 2, 100)
    until(lambda: worker.all("spawn"))
    counts = {"user_classes_count": {"Person": 2}, "user_count": 2}
    worker.say("spawning")
    worker.say("spawning_complete", counts)
    until(lambda: master.state == "running" and starting.ready())
    worker.say("quit")
    until(lambda: stopped and master.state == "stopped")


def test_74_a_new_worker_gets_its_share(master, join, until):
    def report(worker, users):
        worker.say("spawning_complete", {"user_classes_count": {"Person": users}, "user_count": users})

    first = join("a")
    starting = gevent.spawn(master.start, 4, 100)
    until(lambda: first.all("spawn"))
    assert first.all("spawn")[-1]["user_classes_count"] == {"Person": 4}
    report(first, 4)
    until(lambda: master.state == "running" and starting.ready())
    second = join("b")
    until(lambda: second.all("spawn"))
    assert second.all("spawn")[-1]["user_classes_count"] == {"Person": 2}
    until(lambda: first.all("spawn")[-1]["user_classes_count"] == {"Person": 2})
    for worker in (first, second):
        worker.say("client_stopped")
        worker.say("quit")


def test_75_a_heartbeat_may_lack_the_memory(master, join, until):
    beat(join("a"))
    until(lambda: master.clients["a"].cpu_usage == 12.5)
    worker = join("b")
    beat(worker, current_memory_usage=1024)
    until(lambda: master.clients["b"].memory_usage == 1024)
    until(lambda: worker.all("heartbeat"))


def test_76_options_of_the_script_go_with_the_users(master, join, until):
    master.environment.parsed_options = argparse.Namespace(my_argument="cool", my_number=3)
    worker = join("a")
    starting = gevent.spawn(master.start, 1, 100)
    until(lambda: worker.all("spawn"))
    options = worker.all("spawn")[0]["parsed_options"]
    assert (options["my_argument"], options["my_number"]) == ("cool", 3)
    starting.kill()


def test_76_a_worker_takes_the_options_of_the_script_only(hired, until):
    boss, worker = hired
    worker.environment.parsed_options = argparse.Namespace(my_argument="own", loglevel="INFO", expect_workers=1)
    boss.say("heartbeat")
    assert worker.environment.parsed_options.my_argument == "own"
    told = {"my_argument": "cool", "loglevel": "DEBUG", "expect_workers": 5}
    boss.say("spawn", {**spawn(100.0, 1), "parsed_options": told})
    until(lambda: worker.user_count == 1)
    options = worker.environment.parsed_options
    assert (options.my_argument, options.loglevel, options.expect_workers) == ("cool", "INFO", 5)


def test_77_messages_of_scripts(master, join, until, caplog):
    got = []
    master.register_message("greet", lambda environment, msg: got.append((environment, msg.data, msg.node_id)))
    with pytest.raises(Exception, match="already had a listener"):
        master.register_message("greet", print)
    worker = join("a")
    worker.say("greet", {"from": "a"})
    until(lambda: got)
    assert got == [(master.environment, {"from": "a"}, "a")]
    worker.say("unknown")
    until(lambda: "unknown" in caplog.text)
    master.send_message("hello", [1], client_id="a")
    until(lambda: worker.all("hello") == [[1]])


def test_79_requests_without_a_time_survive_merging():
    events, stats = Events(), RequestStats()
    setup_distributed_stats_event_listeners(events, stats)
    for times in ([None, None], [10, None]):
        theirs = RequestStats()
        for response_time in times:
            theirs.log_request("GET", "/", response_time, 5)
        data = {"stats": theirs.serialize_stats(), "stats_total": theirs.total.get_stripped_report(), "errors": {}}
        events.worker_report.fire(client_id="a", data=data)
    entry = stats.get("/", "GET")
    assert (entry.num_requests, entry.num_none_requests, entry.avg_response_time) == (4, 3, 10)
    assert entry.min_response_time == 10


def test_80_a_broken_message_of_a_worker_has_it_reconnect(master, peer, join, until):
    worker = join("a")
    worker.say("raw", "no message")
    until(lambda: worker.all("reconnect") == [None])
    stranger = peer("worker", master.server.port, "stranger")
    stranger.say("raw", "no message")
    beat(worker)
    until(lambda: worker.all("heartbeat"))
    assert not stranger.heard


@pytest.fixture
def hired(peer, monkeypatch):
    """A worker of a master that says what it is told, and that master."""
    monkeypatch.setattr(locust.runners, "WORKER_REPORT_INTERVAL", 0.1)
    boss = peer("master")
    environment = Environment(user_classes=[Person])
    making = gevent.spawn(environment.create_worker_runner, "127.0.0.1", boss.port)
    end = time.monotonic() + 20
    while not boss.all("client_ready"):
        assert time.monotonic() < end
        gevent.sleep(0.01)
    boss.say("ack", {"index": 0})
    yield boss, making.get(timeout=20)
    boss.say("quit")
    making.value.greenlet.join(timeout=20)


def spawn(timestamp, users):
    return {
        "timestamp": timestamp, "user_classes_count": {"Person": users}, "host": None, "stop_timeout": 0.0,
        "parsed_options": {},
    }  # fmt: skip


def test_67_counts_are_absolute_and_older_orders_are_left(hired, until):
    boss, worker = hired
    boss.say("spawn", spawn(100.0, 3))
    until(lambda: worker.user_count == 3 and boss.all("spawning_complete"))
    boss.say("spawn", spawn(99.0, 5))
    boss.say("spawn", spawn(101.0, 2))
    until(lambda: worker.user_count == 2)
    assert worker.user_classes_count == {"Person": 2}
    said = {"user_classes_count": {"Person": 2}, "user_count": 2}
    until(lambda: boss.all("spawning_complete")[-1] == said)


def test_75_what_a_worker_says(hired, until):
    boss, _ = hired
    until(lambda: boss.all("heartbeat") and boss.all("stats"))
    assert boss.all("client_ready") == [VERSION]
    assert boss.all("heartbeat")[0].keys() == {"state", "current_cpu_usage", "current_memory_usage"}
    boss.say("spawn", spawn(100.0, 1))
    until(lambda: boss.all("stats")[-1]["user_count"] == 1)
    assert boss.all("stats")[-1]["user_classes_count"] == {"Person": 1}
    assert {"stats", "stats_total", "errors"} <= boss.all("stats")[-1].keys()


def test_78_a_worker_hears_once_that_all_users_are_there(hired, until):
    boss, worker = hired
    told = []
    worker.environment.events.spawning_complete.add_listener(lambda user_count: told.append(user_count))
    boss.say("spawn", spawn(100.0, 1))
    until(lambda: worker.user_count == 1)
    boss.say("spawning_complete", {"user_count": 9})
    until(lambda: told)
    boss.say("stop")
    until(lambda: boss.all("client_stopped"))
    assert told == [9]
    assert worker.user_count == 0


@pytest.fixture
def lonely(monkeypatch):
    """Workers made after this give up a master that is silent for half a second."""
    monkeypatch.setattr(locust.runners, "HEARTBEAT_INTERVAL", 0.15)
    monkeypatch.setattr(locust.runners, "MASTER_HEARTBEAT_TIMEOUT", 0.5)


def test_81_a_worker_leaves_a_master_that_is_silent(lonely, hired, until, caplog):
    logging.getLogger("locust").propagate = True
    boss, worker = hired
    boss.say("heartbeat")
    boss.say("spawn", spawn(100.0, 1))
    until(lambda: worker.user_count == 1)
    until(lambda: "Didn't get heartbeat from master in over" in caplog.text)
    until(lambda: worker.user_count == 0)


def test_82_a_worker_that_waits_for_its_script(tmp_path):
    command = Path(sys.executable).parent / "katydid"
    script = tmp_path / "from_the_master.py"
    script.write_text(
        "from locust import User, task\n"
        "print('READ BY', __name__, flush=True)\n"
        "class Sleeper(User):\n"
        "    @task\n"
        "    def go(self):\n"
        "        print('RUN', flush=True)\n"
        "        self.environment.runner.quit()\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    worker = subprocess.Popen(
        [command, "--worker", "-f", "-", "--master-port", port, "--loglevel", "DEBUG"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        first = worker.stdout.readline()
        master = subprocess.run(
            [command, "--master", "--headless", "-f", script, "--master-bind-port", port, "--master-bind-host",
             "127.0.0.1", "--expect-workers", "1", "-u", "1", "-t", "20s"],
            cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        said, _ = worker.communicate(timeout=60)
    finally:
        worker.kill()
    assert "READ BY" not in first
    assert "READ BY" in said
    assert "RUN" in said
    assert master.returncode == 0, master.stderr


def test_83_a_worker_that_logs_too_much_stops_sending_it(monkeypatch, hired, until, caplog):
    boss, worker = hired
    reader = locust.log.LogReader()
    reader.name = "log_reader"
    monkeypatch.setattr(locust.runners, "WORKER_LOG_REPORT_INTERVAL", 0.05)
    logging.getLogger("locust").propagate = True
    logging.getLogger().addHandler(reader)
    try:
        sending = gevent.spawn(getattr(worker, "_send_logs" if hasattr(worker, "_sends_logs") else "logs_reporter"))
        reader.logs.append("one")
        until(lambda: boss.all("logs"))
        assert "one" in boss.all("logs")[-1]["logs"]
        reader.logs.extend(f"line {number}" for number in range(71))
        until(sending.ready)
        until(lambda: "line 70" in boss.all("logs")[-1]["logs"])
        assert "70" in caplog.text
    finally:
        logging.getLogger().removeHandler(reader)


@pytest.mark.parametrize(
    ("text", "waits"), [("0", False), ("0.0 * WORKER_REPORT_INTERVAL", False), ("60", True),
                        ("20 * WORKER_REPORT_INTERVAL", True), ("20.5*WORKER_REPORT_INTERVAL", True)],
)  # fmt: skip
def test_84_how_long_the_end_of_a_ramp_waits_for_the_workers(text, waits, monkeypatch, request, until):
    monkeypatch.setenv("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", text)
    master, join = request.getfixturevalue("master"), request.getfixturevalue("join")
    complete = []
    master.environment.events.spawning_complete.add_listener(lambda user_count: complete.append(user_count))
    worker = join("a")
    starting = gevent.spawn(master.start, 2, 100)
    until(lambda: worker.all("spawn"))
    if waits:
        # An answer to a heartbeat comes after whatever the master did at once.
        beat(worker)
        until(lambda: worker.all("heartbeat"))
        assert not complete
        worker.say("spawning_complete", {"user_classes_count": {"Person": 2}, "user_count": 2})
    until(lambda: complete and starting.ready())
    worker.say("quit")
