"""A master that is killed and started again goes on with its run: the same totals, none lost, none twice."""

from __future__ import annotations

import signal

import pytest


@pytest.mark.parametrize("moment", ["spawning", "running"])
def test_a_killed_master_goes_on_where_it_was(fleet, target, tmp_path, moment):
    users, rate = (10, 2) if moment == "spawning" else (6, 6)
    options = (
        *("--headless", "-u", users, "-r", rate, "-t", "7s", "--expect-workers", 2),
        *("-H", target.url, "--store", tmp_path / "runs.db"),
    )
    first = fleet.master(*options)
    workers = [fleet.worker(), fleet.worker()]
    first.wait_for("Sending spawn jobs" if moment == "spawning" else "All users spawned")
    # A table is printed every two seconds; by the third, reports have been counted.
    for _ in range(2):
        first.wait_for("Aggregated")
    first.send(signal.SIGKILL)
    first.wait()
    before = target.truth()["total"]
    assert before > 0

    second = fleet.master_again(*options)
    assert second.wait() == 1, second.log
    assert [worker.wait() for worker in workers] == [0, 0]
    assert "Going on with the run that was started at" in second.log
    assert "limit reached, shutting down" in second.log
    truth = target.truth()
    assert second.requests == truth["total"] > before
    lost = truth["by_path"]["GET /status/404"]
    assert f"{lost}(100.00%)" in second.log
    assert "Discard" not in "".join(worker.log for worker in workers)

    # What has ended is not taken up again.
    third = fleet.master_again("--headless", "--store", tmp_path / "runs.db", "--expect-workers-max-wait", 1)
    assert third.wait() == 1
    assert "Going on" not in third.log, second.log + third.log
    assert "Gave up waiting for workers" in third.log
