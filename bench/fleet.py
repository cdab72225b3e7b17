"""What workers cost a master: Katydid's and Locust's, on one core, the workers played on the other.

Each worker sends a heartbeat a second and, every three, a report of 50 names. Meanwhile
`/stats/requests` is asked for once a second, as a page does. `make bench-fleet` runs everything
and prints a table; `make bench-fleet ARGS="--seconds 10 --workers 1000"` a part of it.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import KATYDID, ROOT, locust

MASTER, PLAYER = "0", "1"
SCALES = [100, 1_000, 3_000, 5_000]
# Locust's master is tried with more and more until it does not keep up.
LOCUST_SCALES = [100, 1_000, 2_000, 3_000]
USERS_EACH = 2
# Sockets, libraries and pipes beside the workers' connections.
OTHER_FILES = 200
JOINED_WITHIN = 180


class NotBorneError(Exception):
    """The master does not keep up; says in what way."""


@dataclass
class Cost:
    """What a master was seen to need."""

    cpu: float
    memory_mb: float
    answers_ms: list[float]
    reports: float
    missing: int
    truth: str

    def row(self) -> str:
        """The numbers of a table's row."""
        median, most = statistics.median(self.answers_ms), max(self.answers_ms)
        return (
            f"{self.cpu:>8.1f}{self.memory_mb:>9.0f}{median:>10.1f}{most:>9.1f}"
            f"{self.reports:>11,.0f}{self.missing:>9}  {self.truth}"
        )


class Player:
    """The process that plays the workers, and what it has said last."""

    def __init__(self, binary: Path, port: int, workers: int, is_stock: bool) -> None:
        command = ["taskset", "-c", PLAYER, binary, "--port", str(port), "--workers", str(workers)]
        self.process = subprocess.Popen(
            [*command, *(["--stock"] if is_stock else [])], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said: dict[str, int] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.said = json.loads(line)

    def close(self) -> None:
        """Ends it."""
        self.process.kill()
        self.process.wait()


def free_ports() -> tuple[int, int]:
    """Two ports that nobody listens on."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def get(url: str, patience: float = 60) -> bytes:
    """The body behind a URL."""
    with urllib.request.urlopen(url, timeout=patience) as answer:
        body: bytes = answer.read()
        return body


@contextmanager
def master(command: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, str]]:
    """A master with a page, pinned to its core: the process, its port for workers, its URL."""
    port, web_port = free_ports()
    url = f"http://127.0.0.1:{web_port}"
    options = ["-f", ROOT / "bench/http_user.py", "-H", "http://127.0.0.1:9", "--loglevel", "WARNING"]
    options += ["--master-bind-host", "127.0.0.1", "--master-bind-port", str(port)]
    options += ["--web-host", "127.0.0.1", "--web-port", str(web_port)]
    process = subprocess.Popen(
        ["taskset", "-c", MASTER, command, "--master", *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            try:
                get(url + "/stats/requests")
                break
            except (urllib.error.URLError, ConnectionError):
                if process.poll() is not None:
                    sys.exit(f"{command.name} ended at once with {process.returncode}")
                time.sleep(0.1)
        yield process, port, url
    finally:
        process.kill()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """Memory that a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


def cost(command: Path, binary: Path, workers: int, is_stock: bool, seconds: int) -> Cost:
    """Measures one master.

    Raises:
        NotBorneError: It does not keep up.
    """
    with master(command) as (process, port, url):
        player = Player(binary, port, workers, is_stock)
        try:
            return measured(process.pid, url, player, workers, seconds)
        except (OSError, json.JSONDecodeError) as error:
            raise NotBorneError(f"/stats/requests: {error}") from error
        finally:
            player.close()


def measured(pid: int, url: str, player: Player, workers: int, seconds: int) -> Cost:
    """Has the workers join and swarm, and looks at the master for some seconds."""
    until(lambda: player.said.get("welcome", 0) >= workers, "not all workers were welcomed")
    users = workers * USERS_EACH
    form = urllib.parse.urlencode({"user_count": users, "spawn_rate": users, "host": "http://127.0.0.1:9"})
    urllib.request.urlopen(url + "/swarm", form.encode(), timeout=60).close()
    until(lambda: json.loads(get(url + "/stats/requests"))["state"] == "running", "the ramp did not end")
    # Reports and the masters' tables are at their usual pace and size after two rounds.
    time.sleep(6)
    answers, missing = [], 0
    reports, cpu, start = player.said["reports"], cpu_seconds(pid), time.monotonic()
    for second in range(1, seconds + 1):
        asked = time.monotonic()
        body = get(url + "/stats/requests", 30)
        answers.append((time.monotonic() - asked) * 1000)
        states = [worker["state"] for worker in json.loads(body)["workers"]]
        missing = max(missing, workers - len(states) + states.count("missing"))
        time.sleep(max(0.0, start + second - time.monotonic()))
    wall = time.monotonic() - start
    used, reports = cpu_seconds(pid) - cpu, player.said["reports"] - reports
    held = memory_mb(pid)
    # All that was reported must be in the total.
    urllib.request.urlopen(url + "/stop", b"", timeout=120).close()
    time.sleep(3)
    counted = sum(
        row["num_requests"] for row in json.loads(get(url + "/stats/requests"))["stats"] if row["name"] != "Aggregated"
    )
    told = player.said["requests"]
    truth = f"{counted:,}" if counted == told else f"{counted:,} of {told:,}"
    return Cost(used / wall * 100, held, answers, reports / wall, missing, truth)


def until(condition, problem: str) -> None:  # type: ignore[no-untyped-def]
    """Waits for something that a master which keeps up does soon."""
    end = time.monotonic() + JOINED_WITHIN
    while not condition():
        if time.monotonic() > end:
            raise NotBorneError(f"{problem} within {JOINED_WITHIN} s")
        time.sleep(0.25)


def allow_files(workers: int) -> None:
    """Sees to it that master and player may have so many connections."""
    needed = workers + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            sys.exit(
                f"{workers} workers need {needed} open files, and this shell may have {hard}. "
                f"Raise the limit (ulimit -Hn {needed}) or play fewer: --workers {hard - OTHER_FILES}"
            )
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def player_binary() -> Path:
    """The player, built if it is not yet."""
    build = ["cargo", "build", "--release", "--quiet", "-p", "katydid-fleet-bench", "--message-format", "json"]
    done = subprocess.run(build, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    made = [json.loads(line).get("executable") for line in done.stdout.splitlines()]
    return Path(next(path for path in made if path))


def machine() -> str:
    """What the numbers are from."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    git = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True)
    day, kernel = time.strftime("%Y-%m-%d"), platform.release()
    return f"{day}, commit {git.stdout.strip()}, {os.cpu_count()} cores of {cpu}, Linux {kernel}"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30, help="how long each master is looked at")
    parser.add_argument("--workers", type=int, nargs="*", help="how many workers, one row each")
    parser.add_argument("--only", choices=["katydid", "stock", "locust"], help="one kind of rows")
    options = parser.parse_args()
    rows = [("katydid", "Katydid, its own workers", KATYDID, False, options.workers or SCALES)]
    rows.append(("stock", "Katydid, stock workers", KATYDID, True, options.workers or SCALES))
    if options.only in (None, "locust"):
        rows.append(("locust", "Locust 2.47, stock workers", locust(), True, options.workers or LOCUST_SCALES))
    rows = [row for row in rows if options.only in (None, row[0])]
    allow_files(max(workers for *_, scales in rows for workers in scales))
    binary = player_binary()
    print(machine())
    print("CPU in % of one core; times of /stats/requests asked for once a second\n")
    print(f"{'master, workers':<28}{'number':>7}{'CPU %':>8}{'RSS MB':>9}{'median ms':>10}{'max ms':>9}", end="")
    print(f"{'reports/s':>11}{'missing':>9}  requests counted")
    for _, name, command, is_stock, scales in rows:
        for workers in scales:
            print(f"{name:<28}{workers:>7,}", end="", flush=True)
            try:
                print(cost(command, binary, workers, is_stock, options.seconds).row(), flush=True)
            except NotBorneError as why:
                print(f"  {why}", flush=True)
                break


if __name__ == "__main__":
    main()
