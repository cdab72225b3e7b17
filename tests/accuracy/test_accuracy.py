"""What a run reports is what the target saw; ``make accuracy`` prints the numbers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.accuracy.cases import CASES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", CASES)
def test_what_is_reported_is_what_the_target_saw(name: str) -> None:
    # In a process that nothing has patched.
    command = [sys.executable, "-m", "tests.accuracy", "--json", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    assert [line for line in lines if not line["agrees"]] == [], lines
