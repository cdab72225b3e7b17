"""What every test through the front door needs: the command, and a target that knows the truth."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

KATYDID = Path(sys.executable).parent / "katydid"

Run = Callable[..., "subprocess.CompletedProcess[str]"]


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

    def run(*arguments: object, script: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(KATYDID)]
        if script is not None:
            (tmp_path / "locustfile.py").write_text(script)
            command += ["-f", "locustfile.py"]
        command += [str(argument) for argument in arguments]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120
        )

    return run
