"""Iterations that begin at a rate which the workers of a fleet share, whatever becomes of it meanwhile."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import gevent
import pytest

KATYDID = Path(sys.executable).parent / "katydid"

STEPS = """
import os
from locust import HttpUser, LoadTestShape, task
from katydid import Rate

class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/bytes/7")

class Steps(LoadTestShape):
    def tick(self):
        rates = os.environ["RATES"].split()
        second = int(self.get_run_time())
        return Rate(float(rates[second])) if second < len(rates) else None
"""
"""A script that asks for another rate in each second, as `shaped.rs` does."""


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


def seconds(monkeypatch: pytest.MonkeyPatch, *rates: int) -> None:
    """Has shapes ask for these rates, each for a second."""
    monkeypatch.setenv("RATES", " ".join(map(str, rates)))


@pytest.mark.parametrize("kind", ["python", "rust"])
def test_a_shape_asks_its_workers_for_rates(fleet, shaped, target, kind, tmp_path, monkeypatch):
    seconds(monkeypatch, 40, 40, 80, 80)
    fleet.script(STEPS)
    program = {"program": shaped} if kind == "rust" else {}
    options = ("--headless", "--expect-workers", 2, "-H", target.url, "--store", tmp_path / "runs.db")
    master = fleet.master(*options, **program)
    workers = [fleet.worker(**program), fleet.worker(**program)]
    assert master.wait() == 0, master.log
    assert [worker.wait() for worker in workers] == [0, 0]
    iterations = kept_iterations(tmp_path / "runs.db")
    assert iterations["finished"] == iterations["due"] == master.requests == target.truth()["total"]
    # A shape is asked about once a second.
    assert 200 <= master.requests <= 280
    assert set(re.findall(r"Iterations begin at ([\d.]+)/s", master.log)) == {"40", "80"}, master.log


@pytest.mark.parametrize("kind", ["python", "rust"])
def test_each_second_of_a_fleet_is_its_own(mixed, shop, target, kind, tmp_path):
    program = {"program": shop} if kind == "rust" else {}
    store = ("--store", tmp_path / "runs.db")
    master = mixed.master(
        "--headless", "--rate", "40/s for 9s", "--expect-workers", 2, "-H", target.url, *store, **program
    )
    workers = [mixed.worker(**program), mixed.worker(**program)]
    assert master.wait() in (0, 1), "some payments fail"
    assert [worker.wait() for worker in workers] == [0, 0]
    begun = []
    for second in range(2, 9):
        stretch = ("--from", second, "--to", second + 1, "--format", "json")
        shown = subprocess.run(
            [KATYDID, "show", *store, *map(str, stretch)], capture_output=True, text=True, check=True
        )
        begun.append(json.loads(shown.stdout)["iterations"]["started"])
    # Workers report three seconds at once.
    assert all(20 <= count <= 60 for count in begun), begun


@pytest.mark.parametrize("kind", ["python", "rust"])
def test_workers_are_told_of_what_a_shape_asks_for_while_their_master_is_away(
    fleet, shaped, target, kind, tmp_path, monkeypatch
):
    seconds(monkeypatch, *[5] * 4, *[100] * 8)
    fleet.script(STEPS)
    program = {"program": shaped} if kind == "rust" else {}
    options = ("--headless", "--expect-workers", 1, "-H", target.url, "--store", tmp_path / "runs.db")
    first = fleet.master(*options, **program)
    fleet.worker(**program)
    first.wait_for("Iterations begin at")
    began = time.monotonic()
    first.wait_for("Aggregated")
    first.send(signal.SIGKILL)
    first.wait()
    while time.monotonic() - began < 4.2:
        gevent.sleep(0.05)
    second = fleet.master_again(*options, **program)
    second.wait_for("Going on with the run")
    # One that joins now gets its part, too.
    joined = fleet.worker(**program)
    assert second.wait() == 0, second.log
    assert joined.wait() == 0
    counted = target.truth()["total"]
    # Five a second for all of it are sixty.
    assert second.requests == counted > 150, second.log
    assert re.search("GET +.*/bytes/7", second.log)


@pytest.mark.parametrize("kind", ["python", "rust"])
def test_a_worker_without_its_master_does_not_go_on_at_its_rate(mixed, shop, target, kind):
    program = {"program": shop} if kind == "rust" else {}
    options = ("--headless", "--rate", "40/s for 60s", "--expect-workers", 1, "-H", target.url)
    master = mixed.master(*options, **program)
    worker = mixed.worker(**program)
    master.wait_for("Iterations begin at")
    master.send(signal.SIGSTOP)
    worker.wait_for("so they are stopped here")
    while (before := target.truth()["total"]) != moved(target, 0.5):
        pass
    assert moved(target, 2) == before
    master.send(signal.SIGCONT)
    while moved(target, 0.1) < before + 40:
        pass
    master.send(signal.SIGINT)
    assert master.wait() in (0, 1), "some payments fail"
    assert worker.wait() == 0
    assert master.requests == target.truth()["total"]


def moved(target, seconds: float) -> int:
    """How many requests there have been so many seconds later."""
    gevent.sleep(seconds)
    return target.truth()["total"]
