"""Masters and workers, ours and stock ones: the same users, the same counts as the target's own log."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import urllib.parse
import urllib.request

import gevent
import pytest

HEADLESS = ("--headless", "-u", 6, "-r", 6, "-t", "3s", "--expect-workers", 2)


@pytest.mark.parametrize("second_is_stock", [False, True], ids=["ours", "stock"])
def test_a_master_of_ours_counts_what_its_workers_did(fleet, target, second_is_stock):
    master = fleet.master(*HEADLESS, "-H", target.url)
    workers = [fleet.worker(), fleet.worker(stock=second_is_stock)]
    assert master.wait() == 1, "requests failed"
    assert [worker.wait() for worker in workers] == [0, 0]
    truth = target.truth()
    # Locust's own worker may end a user in the middle of a request, which then nobody counts.
    unseen = 3 if second_is_stock else 0
    assert truth["total"] - unseen <= master.requests <= truth["total"]
    assert master.requests > 50
    lost = truth["by_path"]["GET /status/404"]
    counted = re.findall(r"^GET +lost +(\d+) +\1\(100.00%\)", master.log, re.MULTILINE)
    assert lost - unseen <= int(counted[-1]) <= lost
    assert 'All users spawned: {"Loser": 3, "Reader": 3} (6 total users)' in master.log
    assert all("SPAWNED 6" in worker.log for worker in workers)
    assert ("in Locust's two digits" in master.log) == second_is_stock


def test_a_stock_master_counts_what_our_workers_did(fleet, target):
    master = fleet.master(*HEADLESS, "-H", target.url, stock=True)
    workers = [fleet.worker(), fleet.worker()]
    assert master.wait() == 1
    assert [worker.wait() for worker in workers] == [0, 0]
    assert master.requests == target.truth()["total"] > 50


@pytest.fixture(params=["ours", "mixed", "stock master"])
def members(request, fleet):
    """Starts a master and its workers: ours; ours and a stock one; or ours of a stock master."""
    is_stock = request.param == "stock master"

    def start(*options: object, worker: tuple[object, ...] = ()):
        master = fleet.master(*options, stock=is_stock)
        workers = [fleet.worker(*worker), fleet.worker(*worker)]
        if request.param == "mixed":
            workers.append(fleet.worker(*worker, stock=True))
        return master, workers

    start.count = 3 if request.param == "mixed" else 2
    start.unseen = 0 if request.param == "ours" else 4
    """Locust's own nodes may end a user in the middle of a request, which then nobody counts."""
    return start


def test_workers_get_their_script_from_the_master(target, members):
    options = ("--headless", "-u", 3, "-r", 3, "-t", "2s", "--expect-workers", members.count)
    master, workers = members(*options, "-H", target.url, worker=("-f", "-"))
    master.wait()
    assert [worker.wait() for worker in workers] == [0] * members.count
    truth = target.truth()["total"]
    assert truth - members.unseen <= master.requests <= truth
    assert master.requests > 10


def test_processes_are_workers_of_this_one(fleet, target):
    run = fleet.run("--processes", 2, "--headless", "-u", 6, "-r", 6, "-t", "2s", "-H", target.url)
    assert run.wait() == 1
    assert "2 workers connected" in run.log
    assert run.requests == target.truth()["total"] > 50


def test_the_load_changes_stops_and_starts_again_from_the_page(fleet, target, members, free_port):
    master, workers = members("-P", free_port, "-H", target.url)
    master.wait_for(r"web interface at http://")
    # Locust says so before it listens.
    for _ in range(200):
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", free_port)):
            break
        gevent.sleep(0.1)

    def call(path: str, **form: object) -> dict:
        data = urllib.parse.urlencode(form).encode() if form or path == "/stop" else None
        with urllib.request.urlopen(f"http://127.0.0.1:{free_port}{path}", data) as answer:
            return json.load(answer)

    def until(**wanted: object) -> dict:
        """Asks until it is so: Locust's own master may answer what was so two seconds ago."""
        for _ in range(200):
            answer = call("/stats/requests")
            if all(answer[key] == value for key, value in wanted.items()):
                return answer
            gevent.sleep(0.1)
        raise AssertionError(answer)

    master.wait_for(f"{len(workers)} workers connected")
    call("/swarm", user_count=4, spawn_rate=4)
    master.wait_for(r"All users spawned: .*\(4 total")
    call("/swarm", user_count=2, spawn_rate=4)
    master.wait_for(r"All users spawned: .*\(2 total")
    assert len(until(user_count=2)["workers"]) == len(workers)
    call("/stop")
    first = target.truth()["total"]
    gevent.sleep(2.1)
    counted = until(state="stopped")["stats"][-1]["num_requests"]
    assert first - members.unseen <= counted <= first
    assert counted > 0
    call("/swarm", user_count=2, spawn_rate=2)
    master.wait_for(r"All users spawned: .*\(2 total")
    master.send(signal.SIGINT)
    master.wait()
    assert [worker.wait() for worker in workers] == [0] * members.count
    second = target.truth()["total"] - first
    assert second - members.unseen <= master.requests <= second, "the second test counts from zero"


def test_scripts_send_each_other_messages(fleet, target, members):
    fleet.script("""
        from locust import User, constant, events, task
        from locust.runners import MasterRunner, WorkerRunner

        def on_job(environment, msg, **kwargs):
            print("JOB", msg.data, flush=True)
            environment.runner.send_message("done", {"of": msg.data["part"]})

        def on_done(environment, msg, **kwargs):
            print("DONE", msg.data, msg.node_id == next(iter(environment.runner.clients)), flush=True)

        @events.init.add_listener
        def init(environment, **kwargs):
            if isinstance(environment.runner, WorkerRunner):
                environment.runner.register_message("job", on_job)
            if isinstance(environment.runner, MasterRunner):
                environment.runner.register_message("done", on_done)

        @events.test_start.add_listener
        def start(environment, **kwargs):
            if isinstance(environment.runner, MasterRunner):
                environment.runner.send_message("job", {"part": 7, "names": ["a", "b"], "none": None})

        class Idle(User):
            wait_time = constant(1)

            @task
            def nothing(self):
                pass
    """)
    options = ("--headless", "-u", 3, "-t", "2s", "--expect-workers", members.count)
    master, workers = members(*options, "-H", target.url)
    assert master.wait() == 0
    for worker in workers:
        worker.wait()
        assert "JOB {'part': 7, 'names': ['a', 'b'], 'none': None}" in worker.log
    assert master.log.count("DONE {'of': 7}") == members.count
    assert "DONE {'of': 7} True" in master.log


def test_users_of_a_killed_worker_start_again_elsewhere(fleet, target):
    master = fleet.master("--headless", "-u", 4, "-r", 4, "-H", target.url, "--expect-workers", 2)
    victim, survivor = fleet.worker(), fleet.worker()
    master.wait_for(r"All users spawned: .*\(4 total")
    victim.send(signal.SIGKILL)
    master.wait_for("failed to send heartbeat, setting state to missing. Its 2 users")
    master.wait_for(r"All users spawned: .*\(4 total")
    master.send(signal.SIGTERM)
    master.wait()
    assert survivor.wait() == 0


@pytest.mark.parametrize(
    ("options", "message", "code"),
    [
        (["--master", "--worker"], "cannot be combined with --worker", 255),
        (["--processes", "2", "--master"], "cannot be combined with --master", 1),
        (["--processes", "0"], "must be at least 1", 1),
        (["-f", "-"], "needs --worker", 1),
        (["--master", "--headless", "--expect-workers-max-wait", "1"], "0 of 1 are there", 1),
    ],
)
def test_roles_that_cannot_be_are_refused(fleet, options, message, code):
    if "--expect-workers-max-wait" in options:
        node = fleet.master(*options[1:])
    else:
        node = fleet.run(*options)
    assert node.wait() == code
    assert message in node.log
    assert "Traceback" not in node.log


def test_a_port_that_is_taken_is_said(fleet):
    first = fleet.master("-P", 0)
    first.wait_for("web interface")
    second = fleet.run("--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", fleet.port, "-P", 0)
    assert second.wait() == 1
    assert f"Could not listen for workers on 127.0.0.1:{fleet.port}: Address already in use" in second.log
