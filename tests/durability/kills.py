"""Runs that are killed at random moments, and what the store has of them.

The target's own log is the truth: what it got up to two seconds before the kill has to be in the store.
"""

from __future__ import annotations

import csv
import json
import random
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

KATYDID = Path(sys.executable).parent / "katydid"
ALLOWED = 2.0
"""Seconds of load that a kill may cost."""

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.005)

    @task(9)
    def front_page(self):
        self.client.get("/")

    @task
    def gone(self):
        self.client.get("/status/404", name="/gone")
"""


@dataclass
class Kill:
    """One run that was killed."""

    after: float
    """Seconds under load."""
    began: float
    killed: float
    """When, in seconds of the Unix epoch."""
    opened_ms: float
    """How long it took to list what is there afterwards, the command's start included."""
    state: str
    """How the run is listed."""
    kept: int
    """Requests the store has."""
    safe: int = 0
    """Requests that the target got up to two seconds before the kill."""
    all: int = 0
    """Requests that the target got."""
    lost_seconds: float = 0.0
    """How long before the kill the target got the last request that the store has."""

    @property
    def faults(self) -> list[str]:
        """What is not as it should be."""
        found = []
        if self.kept < self.safe:
            found.append(f"{self.safe - self.kept} requests are missing")
        if self.kept > self.all:
            found.append(f"{self.kept - self.all} requests are too many")
        if self.state not in ("running", "interrupted"):
            found.append(f"it is listed as {self.state}")
        return found


def play(count: int, directory: Path, seed: int, longest: float) -> list[Kill]:
    """Kills so many runs, one after the other, that keep to the same store.

    Args:
        count: How many.
        directory: Where everything is written.
        seed: Of the moments.
        longest: Seconds under load at the most.
    """
    moments = random.Random(seed)
    log, store = directory / "truth.csv", directory / "runs.db"
    script = directory / "locustfile.py"
    script.write_text(SCRIPT)
    command = [KATYDID, "target", "--port", "0", "--truth-log", log]
    target = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert target.stdout is not None
    url = target.stdout.readline().split()[-1]
    kills = []
    try:
        for _ in range(count):
            kills.append(_kill_one(url, script, store, moments.uniform(0.2, longest)))
        # And the next one runs to its end.
        last = subprocess.run(
            [*_command(url, script, store), "-t", "1s"], capture_output=True, text=True, timeout=60, check=False
        )
        assert last.returncode == 1, last.stderr
        assert "not kept" not in last.stderr, last.stderr
        assert _listed(store)[0]["result"] == "finished"
    finally:
        target.send_signal(signal.SIGTERM)
        target.wait()
    with log.open() as file:
        arrivals = sorted(int(row["arrival_ns"]) / 1e9 for row in csv.DictReader(file))
    for kill in kills:
        mine = [at for at in arrivals if kill.began <= at <= kill.killed + 1]
        kill.all = len(mine)
        kill.safe = sum(at <= kill.killed - ALLOWED for at in mine)
        last_kept = mine[max(0, min(kill.kept, len(mine)) - 1)] if mine else kill.killed
        kill.lost_seconds = max(0.0, kill.killed - last_kept)
    return kills


def _command(url: str, script: Path, store: Path) -> list[str | Path]:
    return [KATYDID, "-f", script, "-H", url, "--headless", "-u", "8", "-r", "100", "--store", store, "--only-summary"]


def _kill_one(url: str, script: Path, store: Path, after: float) -> Kill:
    began = time.time()
    process = subprocess.Popen(
        _command(url, script, store), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    while (line := process.stderr.readline()) and not re.search("All users spawned|Ramping to", line):
        pass
    time.sleep(after)
    process.kill()
    killed = time.time()
    process.communicate()
    asked = time.perf_counter()
    listed = _listed(store)
    opened_ms = (time.perf_counter() - asked) * 1e3
    mine = [run for run in listed if run["started_ms"] >= began * 1e3]
    state, kept = (mine[0]["result"], mine[0]["requests"]) if mine else ("running", 0)
    return Kill(after, began, killed, opened_ms, state, kept)


def _listed(store: Path) -> list[dict[str, object]]:
    """The runs that are kept; none if there is no store yet."""
    if not store.exists():
        return []
    done = subprocess.run(
        [KATYDID, "runs", "--json", "-n", "1000", "--store", store],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    listed: list[dict[str, object]] = json.loads(done.stdout)
    return listed
