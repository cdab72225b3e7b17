"""What the tests of whole runs need besides the command and its target."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest


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
