"""What the tests of whole runs need besides the command and its target."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DEADLINE = 60
"""Seconds after which a process that should have ended is a failure; nothing waits for it otherwise."""


class Running:
    """The command while it runs; its log is read line by line."""

    def __init__(self, directory: Path, arguments: tuple[object, ...]) -> None:
        self.process = subprocess.Popen(
            [Path(sys.executable).parent / "katydid", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=directory,
        )
        self.log = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads the log up to a line that matches, and returns the match."""
        for line in self.process.stderr:
            self.log += line
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError(f"{pattern!r} was never logged:\n{self.log}")

    def end(self, signum: signal.Signals) -> int:
        """Sends a signal, waits for the end and returns the exit code."""
        self.process.send_signal(signum)
        return self.wait()

    def wait(self) -> int:
        """Waits for the end and returns the exit code."""
        _, rest = self.process.communicate(timeout=DEADLINE)
        self.log += rest
        return self.process.returncode


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts the command in an empty directory; what is still running at the end is killed."""
    started: list[Running] = []

    def start(*arguments: object) -> Running:
        running = Running(tmp_path, arguments)
        started.append(running)
        return running

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.communicate()


@pytest.fixture
def locustfile(tmp_path: Path) -> Callable[..., Path]:
    """Writes a script and returns its path."""

    def locustfile(text: str, name: str = "locustfile.py") -> Path:
        path = tmp_path / name
        path.write_text(textwrap.dedent(text))
        return path

    return locustfile


@pytest.fixture
def table() -> Callable[[str], dict[str, tuple[int, int]]]:
    """Reads the last table of requests in a log: method and name to requests and failures."""

    def table(log: str) -> dict[str, tuple[int, int]]:
        rows: dict[str, tuple[int, int]] = {}
        for line in log.splitlines():
            row = re.match(r"(\S*) +(\S.*?) +(\d+) +(\d+)\(\d+\.\d\d%\) \|", line)
            if line.startswith("Type ") and "# fails" in line:
                rows = {}
            elif row:
                rows[f"{row[1]} {row[2]}".strip()] = (int(row[3]), int(row[4]))
        return rows

    return table
