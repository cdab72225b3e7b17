"""What every test through the front door needs: the command, and a target that knows the truth."""

from __future__ import annotations

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# What tests do is kept nowhere but in files of their own.
os.environ["XDG_DATA_HOME"] = tempfile.mkdtemp(prefix="katydid-tests-")
atexit.register(shutil.rmtree, os.environ["XDG_DATA_HOME"], ignore_errors=True)

KATYDID = Path(sys.executable).parent / "katydid"

Run = Callable[..., "subprocess.CompletedProcess[str]"]

DEADLINE = 60
"""Seconds after which a process that should have ended is a failure; nothing waits for it otherwise."""


class Target:
    """A demo target of one test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.url = process.stdout.readline().split()[-1]

    def truth(self) -> dict:
        with urllib.request.urlopen(f"{self.url}/_truth") as answer:
            return json.load(answer)


@pytest.fixture
def target() -> Iterator[Target]:
    process = subprocess.Popen([KATYDID, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        yield Target(process)
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def katydid(tmp_path: Path) -> Run:
    """Runs the command in an empty directory, as a user would type it."""

    def run(
        *arguments: object, script: str | None = None, cwd: str | Path = tmp_path
    ) -> subprocess.CompletedProcess[str]:
        command = [str(KATYDID)]
        if script is not None:
            (tmp_path / "locustfile.py").write_text(script)
            command += ["-f", "locustfile.py"]
        command += [str(argument) for argument in arguments]
        return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)

    return run


class Running:
    """The command while it runs; its log is read line by line."""

    def __init__(self, directory: Path, arguments: tuple[object, ...]) -> None:
        self.process = subprocess.Popen(
            [KATYDID, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=directory,
        )
        self.log = ""
        self.printed = ""

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
        self.printed, rest = self.process.communicate(timeout=DEADLINE)
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
