"""The short forms of the cases; ``make chaos`` plays the long ones and prints a table."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.cases import SHORT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, Any]]:
    """What became of each case; they are played side by side, in a process that nothing has patched."""
    command = [sys.executable, "-m", "tests.chaos", "--short", "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == len(SHORT), done.stderr
    return {line["name"]: line for line in lines}


@pytest.mark.parametrize("name", SHORT)
def test_nothing_is_lost_unsaid(outcomes: dict[str, dict[str, Any]], name: str) -> None:
    outcome = outcomes[name]
    if "skipped" in outcome:
        pytest.skip(outcome["skipped"])
    assert outcome["faults"] == [], outcome
    assert outcome["counted"] > 50, outcome
