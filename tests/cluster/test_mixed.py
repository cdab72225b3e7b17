"""Fleets of users in Rust and in Python under one master: the same counts as the target's own log."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
KATYDID = Path(sys.executable).parent / "katydid"

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.05)
    weight = 3

    @task
    def look(self):
        self.client.get("/bytes/7", name="of Python")

class Buyer(HttpUser):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/bytes/7", name="of Python")
"""
"""The kinds of users of the shop in Rust, by the same names."""

HEADLESS = ("--headless", "-u", 8, "-r", 8, "-t", "4s", "-s", "5s", "--expect-workers", 2)


@pytest.fixture
def mixed(fleet):
    fleet.script(SCRIPT)
    return fleet


def of_python(log: str) -> int:
    """How many requests the last table of a log counts under the script's name."""
    return int(re.findall(r"^GET +of Python +(\d+) +\d+\(", log, re.MULTILINE)[-1])


@pytest.mark.parametrize("master_is", ["stock", "python", "rust"])
def test_users_of_both_kinds_are_counted_by_one_master(mixed, shop, target, master_is):
    options = (*HEADLESS, "-H", target.url)
    master = mixed.master(*options, stock=master_is == "stock", program=shop) if master_is != "python" else None
    master = master or mixed.master(*options)
    workers = [mixed.worker(program=shop), mixed.worker(stock=master_is == "rust")]
    assert master.wait() in (0, 1), "some payments fail"
    assert [worker.wait() for worker in workers] == [0, 0]
    truth = target.truth()["total"]
    # Locust's own worker may end a user in the middle of a request, which then nobody counts.
    unseen = 4 if master_is == "rust" else 0
    assert truth - unseen <= master.requests <= truth
    python = of_python(master.log)
    assert 0 < python < master.requests


def test_a_killed_master_in_rust_goes_on_where_it_was(mixed, shop, target, tmp_path):
    options = ("--headless", "-u", 6, "-r", 6, "-t", "7s", "--expect-workers", 2, "-H", target.url)
    options = (*options, "-s", "5s", "--store", tmp_path / "runs.db")
    first = mixed.master(*options, program=shop)
    workers = [mixed.worker(program=shop), mixed.worker()]
    first.wait_for("All users spawned")
    for _ in range(2):
        first.wait_for("Aggregated")
    first.send(signal.SIGKILL)
    first.wait()
    before = target.truth()["total"]
    assert before > 0

    second = mixed.master_again(*options, program=shop)
    assert second.wait() in (0, 1), "some payments fail"
    assert [worker.wait() for worker in workers] == [0, 0]
    assert "Going on with the run of a master that did not end it" in second.log
    assert second.requests == target.truth()["total"] > before
    kept = subprocess.run(
        [KATYDID, "runs", "--store", tmp_path / "runs.db", "--json"], capture_output=True, text=True, check=True
    )
    assert [run["requests"] for run in json.loads(kept.stdout)] == [second.requests]


@pytest.mark.parametrize("master_is", ["python", "rust"])
def test_a_rate_is_shared_by_workers_of_both_kinds(mixed, shop, target, master_is):
    options = ("--headless", "--rate", "40/s for 4s", "--expect-workers", 2, "-H", target.url)
    master = mixed.master(*options, **({"program": shop} if master_is == "rust" else {}))
    workers = [mixed.worker(program=shop), mixed.worker()]
    assert master.wait() in (0, 1), "some payments fail"
    assert [worker.wait() for worker in workers] == [0, 0]
    assert "The schedule is over" in master.log
    paths = target.truth()["by_path"]
    # Each worker has every other of the 160 arrivals; those of the script are one request each.
    assert paths["GET /bytes/7"] == 80
    assert master.requests == sum(paths.values()) > 160


def test_a_shape_in_rust_asks_its_workers_for_rates(mixed, shaped, target, tmp_path):
    options = ("--headless", "--expect-workers", 2, "-H", target.url, "--store", tmp_path / "runs.db")
    master = mixed.master(*options, program=shaped)
    workers = [mixed.worker(program=shaped), mixed.worker(program=shaped)]
    assert master.wait() == 0, master.log
    assert [worker.wait() for worker in workers] == [0, 0]
    iterations = kept_iterations(tmp_path / "runs.db")
    assert iterations["finished"] == iterations["due"] == master.requests == target.truth()["total"]
    # Two seconds of 40 and of 80; a shape is asked about once a second.
    assert 200 <= master.requests <= 280
    assert all(" 40/s" in text or " 80/s" in text for text in re.findall("Iterations begin at(.*),", master.log))


@pytest.mark.parametrize("kind", ["python", "rust"])
def test_a_killed_master_goes_on_with_its_rate(mixed, shop, target, kind, tmp_path):
    options = ("--headless", "--rate", "40/s for 8s", "--expect-workers", 2, "-H", target.url)
    options = (*options, "-s", "9s", "--store", tmp_path / "runs.db")
    program = {"program": shop} if kind == "rust" else {}
    first = mixed.master(*options, **program)
    workers = [mixed.worker(**program), mixed.worker(**program)]
    first.wait_for("Iterations begin at")
    for _ in range(2):
        first.wait_for("Aggregated")
    first.send(signal.SIGKILL)
    first.wait()
    second = mixed.master_again(*options, **program)
    assert second.wait() in (0, 1), "some payments fail"
    assert [worker.wait() for worker in workers] == [0, 0]
    assert "Going on with the run" in second.log
    assert "The schedule is over" in second.log
    assert second.requests == target.truth()["total"]
    iterations = kept_iterations(tmp_path / "runs.db")
    assert iterations["finished"] == iterations["due"]
    # Each worker may begin one twice, or leave one out, where it is told how far the schedule is.
    assert iterations["due"] == pytest.approx(320, abs=2)


def kept_iterations(store: Path) -> dict[str, int]:
    """How many iterations a store's only run has."""
    shown = [KATYDID, "show", "--store", store, "--format", "json"]
    return json.loads(subprocess.run(shown, capture_output=True, text=True, check=True).stdout)["iterations"]


@pytest.mark.parametrize("joins", ["python", "rust"])
@pytest.mark.parametrize("master_is", ["python", "rust"])
def test_a_worker_that_joins_takes_its_part_of_the_rate(mixed, shop, target, master_is, joins, tmp_path):
    options = ("--headless", "--rate", "40/s for 8s", "-H", target.url, "--store", tmp_path / "runs.db")
    master = mixed.master(*options, **({"program": shop} if master_is == "rust" else {}))
    first = mixed.worker()
    master.wait_for("Iterations begin at")
    second = mixed.worker(**({"program": shop} if joins == "rust" else {}))
    master.wait_for("2 workers connected")
    assert master.wait() in (0, 1), "some payments fail"
    assert [first.wait(), second.wait()] == [0, 0]
    iterations = kept_iterations(tmp_path / "runs.db")
    # Where the parts change hands, one may be due on both or on neither.
    assert iterations["due"] == pytest.approx(320, abs=3)
    assert iterations["finished"] == iterations["due"]
    if joins == "rust":
        # One iteration of the script is one such request; the other worker had about half of what was left then.
        assert 140 < target.truth()["by_path"]["GET /bytes/7"] < 290
