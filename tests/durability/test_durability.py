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
