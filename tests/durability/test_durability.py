"""The store under a kill, a full disk, a directory that cannot be written to, and two writers."""

from __future__ import annotations

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.conftest import KATYDID, Run, Target
from tests.durability.kills import SCRIPT, play


def test_a_killed_run_is_there_up_to_two_seconds_before(tmp_path: Path) -> None:
    kills = play(6, tmp_path, seed=1, longest=4.5)
    assert [kill.faults for kill in kills] == [[]] * 6, kills
    assert any(kill.safe > 100 for kill in kills), "at least one ran long enough to show something"


def test_two_runs_at_the_same_time_share_a_store(katydid: Run, target: Target, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    options = ("-f", "locustfile.py", "-H", target.url, "--headless", "-t", "3s", "--json", "--store", store)
    with ThreadPoolExecutor() as pool:
        done = list(pool.map(lambda users: katydid(*options, "-u", users, "-r", 10), (2, 3)))
    printed = [sum(row["num_requests"] for row in json.loads(one.stdout)) for one in done]
    for one in done:
        assert "not kept" not in one.stderr, one.stderr
    listed = json.loads(katydid("runs", "--json", "--store", store).stdout)
    assert sorted(run["requests"] for run in listed) == sorted(printed)
    assert {run["result"] for run in listed} == {"finished"}


def _elsewhere(setup: str, tmp_path: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Runs the command where a few lines of shell have made a file system of its own."""
    words = " ".join(f"'{word}'" for word in (KATYDID, *arguments))
    script = f"set -e; {setup}; exec {words}"
    command = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script]
    return subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120, check=False
    )


def _can_mount(tmp_path: Path) -> bool:
    try:
        probe = ["unshare", "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", str(tmp_path)]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


def test_a_full_disk_is_told_of_and_the_load_goes_on(target: Target, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _can_mount(disk):
        pytest.skip("a file system of its own cannot be mounted here")
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    done = _elsewhere(
        f"mount -t tmpfs -o size=160k tmpfs '{disk}'",
        tmp_path,
        *("-f", "locustfile.py", "-H", target.url, "--headless", "-u", "4", "-t", "6s"),
        *("--json", "--store", disk / "runs.db"),
    )
    assert "This run is not kept" in done.stderr, done.stderr
    assert "full" in done.stderr, done.stderr
    assert done.stderr.count("This run is not kept") == 1, "it is said once"
    assert "Traceback" not in done.stderr, done.stderr
    assert "panicked" not in done.stderr, done.stderr
    counted = sum(row["num_requests"] for row in json.loads(done.stdout))
    assert counted == target.truth()["total"]


def test_a_directory_that_cannot_be_written_to_is_told_of_and_the_load_goes_on(target: Target, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if not _can_mount(disk):
        pytest.skip("a file system of its own cannot be mounted here")
    (tmp_path / "locustfile.py").write_text(SCRIPT)
    done = _elsewhere(
        f"mount -t tmpfs -o ro tmpfs '{disk}'",
        tmp_path,
        *("-f", "locustfile.py", "-H", target.url, "--headless", "-u", "2", "-t", "1s"),
        *("--json", "--store", disk / "runs.db"),
    )
    assert f"This run is not kept: {disk / 'runs.db'} cannot be opened: Read-only file system" in done.stderr
    assert "Choose another file with --store, or --no-store" in done.stderr
    counted = sum(row["num_requests"] for row in json.loads(done.stdout))
    assert counted == target.truth()["total"] > 0


EVENTFUL = """
import logging

from locust import HttpUser, constant, task

password = "correct horse battery"

class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def front_page(self):
        self.client.get("/", headers={"Authorization": "Bearer abcdefgh12345678"})

    @task
    def gone(self):
        self.client.get("/status/404?token=s3cr3t-value", name="/gone")

    @task
    def broken(self):
        logging.getLogger("shop").warning("about to break")
        raise KeyError("basket")
"""


def test_a_run_has_all_that_its_page_needs_and_no_secret(katydid: Run, target: Target, tmp_path: Path) -> None:
    store = tmp_path / "runs.db"
    options = ("--headless", "-u", 3, "-r", 10, "-t", "3s", "--store", store, "--store-keep", 7, "--store-size", "2GB")
    done = katydid("-H", target.url, *options, script=EVENTFUL)
    assert done.returncode == 1, done.stderr
    shown = json.loads(katydid("show", "last", "--format", "json", "--full", "--store", store).stdout)
    known, about = shown["known"], shown["about"]
    [script] = known["scripts"]
    assert (script["name"], script["sha256"]) == ("locustfile.py", about["script_sha256"])
    assert "def front_page(self)" in script["text"]
    samples = [sample for sample in known["samples"] if sample["example"]["status"] == 404]
    assert samples
    assert {sample["example"]["method"] for sample in samples} == {"GET"}
    [exception] = known["exceptions"]
    assert exception["msg"] == "'basket'"
    assert exception["count"] > 3
    assert "in broken" in exception["traceback"]
    assert any(line["text"] == "about to break" and line["level"] == "WARNING" for line in known["lines"])
    assert known["lines_dropped"] == 0
    assert known["moments"][-1]["members"][0]["memory_bytes"] > 1_000_000
    assert about["options"]["store_keep"] == 7
    assert (about["users"], about["cores"] > 0, about["memory_bytes"] > 1e8) == (3, True, True)
    # Numbers are of what the target saw.
    truth = target.truth()["by_path"]
    entries = {entry["name"]: entry for entry in shown["entries"]}
    assert entries["/"]["statuses"] == [[200, truth["GET /"]]]
    assert entries["/gone"]["statuses"][0][0] == 404
    # A wait of no whole microsecond is none.
    assert 0 < entries["/gone"]["phases"]["wait"]["count"] <= entries["/gone"]["requests"]
    everything = json.dumps(shown)
    for secret in ("correct horse", "abcdefgh12345678", "s3cr3t-value"):
        assert secret not in everything
    listed = katydid("runs", "--store", store).stdout
    assert "Up to 7 runs and 2 GB are kept" in listed


def test_a_size_that_is_none_is_refused(katydid: Run) -> None:
    done = katydid("--store-size", "lots", "--headless", script=SCRIPT)
    assert done.returncode == 2, done
    assert "'lots' is no size: write 500MB or 5GB" in done.stderr
