"""Fleets of real processes."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

KATYDID = Path(sys.executable).parent / "katydid"
ROOT = Path(__file__).resolve().parents[2]
LOCUST = ROOT / ".stamps/locust/bin/locust"

DEADLINE = 90
"""Seconds after which a process that should have ended is a failure; nothing waits for it otherwise."""

SCRIPT = """
import os
from locust import HttpUser, constant, events, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/items")

class Loser(HttpUser):
    wait_time = constant(0.02)

    @task
    def lose(self):
        self.client.get("/status/404", name="lost")

@events.spawning_complete.add_listener
def spawned(user_count, **kwargs):
    print("SPAWNED", user_count, flush=True)
"""

VISITORS = """
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


class Node:
    """A process of a fleet; its log is read as it comes."""

    def __init__(self, command: list[object], directory: Path) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or LOCUST not in command}
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.log = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads the log up to a line that matches, and returns the match."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.log += line
            if found := re.search(pattern, line):
                return found
        raise AssertionError(f"{pattern!r} was never logged:\n{self.log}")

    def send(self, signum: signal.Signals) -> None:
        self.process.send_signal(signum)

    def wait(self) -> int:
        """Waits for the end and returns the exit code."""
        rest, _ = self.process.communicate(timeout=DEADLINE)
        self.log += rest
        return self.process.returncode

    @property
    def requests(self) -> int:
        """What the last table of the log counts over all names."""
        return int(re.findall(r"^ +Aggregated +(\d+) +\d+\(", self.log, re.MULTILINE)[-1])


class Fleet:
    """The nodes of one test, ours or stock ones."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.nodes: list[Node] = []
        self.port = 0
        self.script(SCRIPT)

    def script(self, text: str) -> None:
        (self.directory / "locustfile.py").write_text(textwrap.dedent(text))

    def master(self, *options: object, stock: bool = False, program: Path = KATYDID) -> Node:
        """Starts a master on a port that was free a moment ago: Locust's, ours, or that of a test in Rust."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        return self.master_again(*options, stock=stock, program=program)

    def master_again(self, *options: object, stock: bool = False, program: Path = KATYDID) -> Node:
        """Starts a master on the port of the last one."""
        bind = ["--master-bind-host", "127.0.0.1", "--master-bind-port", self.port]
        return self._start([LOCUST if stock else program, "--master", *bind, *options])

    def worker(self, *options: object, stock: bool = False, program: Path = KATYDID) -> Node:
        return self._start([LOCUST if stock else program, "--worker", "--master-port", self.port, *options])

    def run(self, *options: object, program: Path = KATYDID) -> Node:
        return self._start([program, *options])

    def _start(self, command: list[object]) -> Node:
        node = Node(command, self.directory)
        self.nodes.append(node)
        return node


@pytest.fixture(scope="session")
def shop() -> Path:
    """The test in Rust that the examples have."""
    return built("shop")


@pytest.fixture(scope="session")
def shaped() -> Path:
    """A test in Rust whose shape asks for rates."""
    return built("shaped")


def built(name: str) -> Path:
    """A test in Rust; built already where the tests in Rust were run."""
    command = ["cargo", "build", "--quiet", "--package", "katydid", "--example", name]
    subprocess.run(command, cwd=ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/examples" / name


@pytest.fixture
def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def fleet(tmp_path: Path) -> Iterator[Fleet]:
    """A fleet whose processes are gone when the test ends."""
    fleet = Fleet(tmp_path)
    yield fleet
    for node in fleet.nodes:
        if node.process.poll() is None:
            node.process.kill()
        node.process.communicate()


@pytest.fixture
def mixed(fleet: Fleet) -> Fleet:
    """A fleet whose workers in Python have the kinds of users of the shop in Rust."""
    fleet.script(VISITORS)
    return fleet


Make = Callable[..., Node]
