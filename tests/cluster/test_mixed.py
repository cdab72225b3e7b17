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

HEADLESS = ("--headless", "-u", 8, "-r", 8, "-t", "4s", "-s", "5s", "--expect-workers", 2)


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
