"""Workers of one machine whose processes end when nobody expects it: scripts in Python and programs in Rust alike."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest

from .conftest import DEADLINE, Fleet, Node

OPTIONS = ("--processes", 2, "--headless", "-u", 4, "-r", 4)


@pytest.fixture(params=["python", "rust"])
def start(request: pytest.FixtureRequest, fleet: Fleet, target):
    """Starts such a test against the target."""

    def start(*options: object) -> Node:
        program = {"program": request.getfixturevalue("shop")} if request.param == "rust" else {}
        return fleet.run(*OPTIONS, "-H", target.url, "--no-store", *options, **program)

    return start


def children(of: Node) -> list[int]:
    """The processes that it has started, the newest last."""
    tasks = Path(f"/proc/{of.process.pid}/task")
    found = " ".join((task / "children").read_text() for task in tasks.iterdir())
    return sorted(int(child) for child in found.split())


def test_a_worker_that_is_killed_is_started_again(start):
    run = start("-t", "6s")
    run.wait_for("2 workers connected")
    run.wait_for("All users spawned")
    killed = children(run)[0]
    os.kill(killed, signal.SIGKILL)
    run.wait_for(f"The worker process {killed} .*SIGKILL.* Another one is started in its place")
    run.wait_for("reported as ready")
    run.wait()
    assert "Shutting down" in run.log
    assert run.requests > 0


def test_workers_end_with_the_process_that_has_started_them(start):
    run = start("-t", "10m")
    run.wait_for("All users spawned")
    run.send(signal.SIGKILL)
    # The log ends when the last of those who write to it has.
    rest, _ = run.process.communicate(timeout=DEADLINE)
    assert len(re.findall("The process that has started this worker has ended", rest)) == 2, rest


def test_what_a_workers_script_starts_is_no_worker(fleet, target):
    fleet.script("""
        import os, subprocess, sys
        from locust import HttpUser, events, task

        class Reader(HttpUser):
            @task
            def read(self):
                self.client.get("/items")

        @events.test_start.add_listener
        def on_start(environment, **kwargs):
            if environment.parsed_options.worker and "INNER" not in os.environ:
                inner = [sys.executable, "-m", "katydid", "--headless", "-u", "1", "-t", "1s", "-H", environment.host]
                known = {**os.environ, "INNER": "yes"}
                done = subprocess.run([*inner, "--no-store"], capture_output=True, text=True, env=known)
                print("INNER", "Ramping to 1 users" in done.stderr, flush=True)
    """)
    run = fleet.run(*OPTIONS, "-t", "5s", "-H", target.url)
    assert run.wait() == 0
    assert re.findall("INNER (.*)", run.log) == ["True", "True"], run.log


def test_a_test_whose_workers_give_up_does_not_wait_for_them(fleet, target):
    fleet.script("""
        import os, sys
        from locust import HttpUser, task

        if "KATYDID_CHILD" in os.environ:
            sys.exit(3)

        class Reader(HttpUser):
            @task
            def read(self):
                self.client.get("/items")
    """)
    run = fleet.run(*OPTIONS, "-t", "5s", "-H", target.url)
    assert run.wait() == 1
    assert re.search("The test cannot begin: [01] of the 2 worker processes are left", run.log), run.log
