"""The cases: a fleet under load, something that happens to it, and what is left in the end.

Every case runs users that make at most ten requests a second each, so the target's log shows also whether a user ran
twice. What must hold after each: the master counted no request that the target did not get, all that it did not count
is declared as lost, never more users at work than asked for, and the run ends.
"""

from __future__ import annotations

import csv
import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.network import Host, Network, SlowLink

KATYDID = Path(sys.executable).parent / "katydid"
PORT = 5557
RATE = 10
"""Requests per second of one user."""
DEADLINE = 150
"""Seconds after which a process that should have ended counts as one that does not end."""
SLACK = 1.3
"""Losses are declared by the rate of a worker's last report, which the true one may exceed a little."""

SCRIPT = """
from locust import HttpUser, constant_pacing, task

class Reader(HttpUser):
    wait_time = constant_pacing(0.1)

    @task
    def read(self):
        self.client.get("/items")
"""


SLOW_FAREWELL = """
    def on_stop(self):
        import time

        time.sleep(1.5)
"""
"""What makes the end of a run last long enough for something to happen meanwhile."""


class Process:
    """A process of a fleet; its log goes to a file.

    Args:
        command: What is run.
        directory: Where.
        name: What its log is called.
    """

    def __init__(self, command: list[str], directory: Path, name: str) -> None:
        self.path = directory / f"{name}.log"
        with self.path.open("wb") as log:
            self.popen = subprocess.Popen(
                command, cwd=directory, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def log(self) -> str:
        return self.path.read_text(errors="replace")

    def until(self, pattern: str, times: int = 1) -> None:
        """Waits until so many lines of the log match."""
        last = time.monotonic() + 60
        while len(re.findall(pattern, self.log)) < times:
            if time.monotonic() > last or self.popen.poll() is not None:
                raise AssertionError(f"{pattern!r} was not logged:\n{self.log[-3000:]}")
            time.sleep(0.05)

    def send(self, signum: signal.Signals) -> None:
        self.popen.send_signal(signum)

    def ended(self) -> int | None:
        """The exit code, once it has ended; None if it does not."""
        try:
            return self.popen.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            return None


@dataclass
class Stage:
    """Where one case is played.

    Args:
        network: Its hosts, if it needs several.
        directory: For scripts, logs and the store.
    """

    network: Network | None
    directory: Path
    processes: list[Process] = field(default_factory=list)
    hosts: dict[str, Host] = field(default_factory=dict)

    def begin(self) -> None:
        (self.directory / "locustfile.py").write_text(textwrap.dedent(SCRIPT))
        host = self.network.target_address if self.network else "127.0.0.1"
        self.truth_log = self.directory / "truth.csv"
        self.target = self.start(
            "target", [KATYDID, "target", "--host", host, "--port", 0, "--truth-log", self.truth_log]
        )
        self.target.until("http://")
        self.url = re.findall(r"http://\S+", self.target.log)[0]

    def start(self, name: str, command: list[object], host: Host | None = None) -> Process:
        words = [str(word) for word in command]
        process = Process([*(host.prefix if host else []), *words], self.directory, f"{len(self.processes)}-{name}")
        self.processes.append(process)
        return process

    def host(self, name: str) -> Host | None:
        if self.network is not None and name not in self.hosts:
            self.hosts[name] = self.network.host(name)
        return self.hosts.get(name)

    @property
    def port(self) -> int:
        if not hasattr(self, "_port"):
            import socket

            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                self._port: int = probe.getsockname()[1]
        return PORT if self.network else self._port

    def master(self, users: int, rate: float, seconds: float, *more: object, workers: int = 2) -> Process:
        """Starts a master, or starts it again."""
        options = ("--headless", "-s", 5, "-u", users, "-r", rate, "-t", f"{seconds}s", "--expect-workers", workers)
        where = ("--master-bind-port", self.port, "-H", self.url, "--store", self.directory / "runs.db")
        role = () if "--processes" in more else ("--master",)
        return self.start("master", [KATYDID, *role, *where, *options, *more], self.host("master"))

    def worker(self, name: str = "worker", port: int | None = None) -> Process:
        host = self.host(name)
        master = self.hosts["master"].address if self.network else "127.0.0.1"
        command = [KATYDID, "--worker", "--master-host", master, "--master-port", port or self.port]
        return self.start(name, command, host)

    def close(self) -> None:
        for process in self.processes:
            if process.popen.poll() is None:
                process.send(signal.SIGCONT)
                process.popen.kill()
                process.popen.wait()


@dataclass
class Outcome:
    """What is left of a case."""

    asked: int
    """Users."""
    logged: int
    """Requests by the target's own log."""
    counted: int
    """Requests by the master's last table."""
    declared: int
    """Requests that the master says are lost."""
    busiest: int
    """Requests of the busiest second, by the target's log."""
    master: int | None
    """The master's exit code; None if it did not end."""
    workers: list[int | None]
    note: str = ""

    @property
    def faults(self) -> list[str]:
        """What should not be."""
        found = []
        if self.master != 0:
            found.append(f"the master ended with {self.master}")
        if None in self.workers:
            found.append("a worker did not end")
        if self.counted > self.logged:
            found.append("more was counted than the target got")
        if self.logged - self.counted > self.declared * SLACK + self.asked:
            found.append("more is missing than was declared as lost")
        # Two more for each user: a second begins and ends anywhere, and who was frozen has one overdue.
        if self.busiest > self.asked * (RATE + 2):
            found.append("users ran twice")
        return found


def finish(stage: Stage, master: Process, workers: list[Process], asked: int) -> Outcome:
    """Waits for the end and looks at what is left."""
    code = master.ended()
    codes = [worker.ended() for worker in workers]
    with urllib.request.urlopen(f"{stage.url}/_truth") as answer:
        logged = json.load(answer)["total"]
    stage.target.send(signal.SIGTERM)
    stage.target.ended()
    with stage.truth_log.open() as file:
        seconds = Counter(int(row["arrival_ns"]) // 10**9 for row in csv.DictReader(file))
    rows = re.findall(r"^ +Aggregated +(\d+) +\d+\(", master.log, re.MULTILINE)
    declared = sum(int(text) for text in re.findall(r"about (\d+) requests that it made in", master.log))
    return Outcome(
        asked,
        logged,
        int(rows[-1]) if rows else 0,
        declared,
        max(seconds.values(), default=0),
        code,
        codes,
    )


Case = Callable[[Stage], Outcome]


def _wait_for(master: Process, state: str) -> None:
    """Waits until a run is spawning (with some users there), running, or being stopped."""
    if state == "spawning":
        master.until("Aggregated", times=2)
    elif state == "running":
        master.until("All users spawned")
        master.until("Aggregated", times=2)
    else:
        master.until("limit reached, shutting down")


def kill(part: str, state: str) -> Case:
    """``kill -9`` of the master, a worker or a child of ``--processes`` in a state of the run."""

    def play(stage: Stage) -> Outcome:
        users, rate, seconds = (24, 3, 10) if state == "spawning" else (6, 6, 8 if state == "running" else 4)
        if state == "stopping":
            with (stage.directory / "locustfile.py").open("a") as script:
                script.write(SLOW_FAREWELL)
        if part == "child":
            master = stage.master(users, rate, seconds, "--processes", 2)
            workers: list[Process] = []
        else:
            master = stage.master(users, rate, seconds)
            workers = [stage.worker(), stage.worker()]
        _wait_for(master, state)
        if part == "worker":
            workers.pop().send(signal.SIGKILL)
        elif part == "child":
            child = subprocess.run(
                ["pgrep", "-P", str(master.popen.pid)], capture_output=True, text=True, check=True
            ).stdout.split()[0]
            subprocess.run(["kill", "-9", child], check=True)
        else:
            master.send(signal.SIGKILL)
            master.popen.wait()
            master = stage.master(users, rate, seconds)
        return finish(stage, master, workers, users)

    return play


def freeze(part: str, pause: float) -> Case:
    """SIGSTOP of the master or a worker for some seconds."""

    def play(stage: Stage) -> Outcome:
        master = stage.master(6, 6, pause + 10)
        workers = [stage.worker(), stage.worker()]
        _wait_for(master, "running")
        frozen = master if part == "master" else workers[0]
        frozen.send(signal.SIGSTOP)
        time.sleep(pause)
        frozen.send(signal.SIGCONT)
        return finish(stage, master, workers, 6)

    return play


def cut(part: str, pause: float) -> Case:
    """The link between the master, or one worker, and everybody else is cut for some seconds."""

    def play(stage: Stage) -> Outcome:
        master = stage.master(6, 6, pause + 15)
        workers = [stage.worker("one"), stage.worker("two")]
        _wait_for(master, "running")
        host = stage.hosts["master" if part == "master" else "one"]
        host.cut()
        time.sleep(pause)
        host.mend()
        return finish(stage, master, workers, 6)

    return play


def delay(stage: Stage) -> Outcome:
    """A link that takes 200 to 300 ms each way."""
    master = stage.master(6, 6, 8)
    slow = SlowLink(("127.0.0.1", stage.port), 0.2, 0.1)
    workers = [stage.worker(port=slow.port), stage.worker()]
    return finish(stage, master, workers, 6)


def churn(count: int, seconds: float) -> Case:
    """Workers that join, leave in order, and die, at random."""

    def play(stage: Stage) -> Outcome:
        rng = random.Random(7)
        asked = count * 2
        master = stage.master(asked, asked, seconds + 15)
        steady = [stage.worker(), stage.worker()]
        workers = list(steady)
        _wait_for(master, "running")
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(rng.uniform(0.2, 1.0) * 20 / count)
            alive = [worker for worker in workers if worker.popen.poll() is None and worker not in steady]
            if len(alive) < count - 2 and rng.random() < 0.6:
                workers.append(stage.worker())
            elif alive:
                rng.choice(alive).send(rng.choice([signal.SIGKILL, signal.SIGTERM]))
        outcome = finish(stage, master, workers, asked)
        outcome.note = f"{len(workers)} workers"
        return outcome

    return play


PARTS = {"worker": "a worker", "child": "a child of --processes", "master": "the master"}
SHORT: dict[str, Case] = {
    "kill -9 of a worker, spawning": kill("worker", "spawning"),
    "kill -9 of a worker, running": kill("worker", "running"),
    "kill -9 of a worker, stopping": kill("worker", "stopping"),
    "kill -9 of a child of --processes, running": kill("child", "running"),
    "kill -9 of the master, stopping": kill("master", "stopping"),
    "SIGSTOP of a worker for 6 s": freeze("worker", 6),
    "SIGSTOP of the master for 6 s": freeze("master", 6),
    "link of a worker cut for 6 s": cut("worker", 6),
    "200 to 300 ms on the link of a worker": delay,
}
LONG: dict[str, Case] = {
    **{
        f"kill -9 of {name}, {state}": kill(part, state)
        for part, name in PARTS.items()
        for state in ("spawning", "running", "stopping")
    },
    **{f"SIGSTOP of a worker for {pause} s": freeze("worker", pause) for pause in (2, 10, 70)},
    **{f"SIGSTOP of the master for {pause} s": freeze("master", pause) for pause in (2, 10, 70)},
    **{f"link of a worker cut for {pause} s": cut("worker", pause) for pause in (5, 60)},
    **{f"link of the master cut for {pause} s": cut("master", pause) for pause in (5, 60)},
    "200 to 300 ms on the link of a worker": delay,
    "20 workers join and leave for 60 s": churn(20, 60),
}


def play(case: Case, network: Network | None) -> Outcome:
    """Plays one case from beginning to end."""
    with tempfile.TemporaryDirectory(prefix="katydid-chaos-") as directory:
        stage = Stage(network, Path(directory))
        try:
            stage.begin()
            return case(stage)
        finally:
            stage.close()
