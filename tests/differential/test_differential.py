"""Every script does under Katydid what it does under Locust: the same requests, events, output, log and exit code."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice

import pytest

from compare import LOCUST, SCRIPTS, Script, transcripts

NAMES = sorted(path.stem for path in SCRIPTS.glob("*.py"))
AT_ONCE = 4

DIVERGES: dict[str, str] = {}
"""Scripts that Katydid does not run as Locust does, and why."""

Runs = dict[str, "Future[tuple[list[str], list[str]]]"]


@pytest.fixture(scope="session")
def runs(request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Every chosen script under way, a few at a time."""
    assert (LOCUST / "locust").exists(), "Locust is missing, `make test` installs it"
    chosen = [
        item.callspec.params["name"] for item in request.session.items if item.path.name == "test_differential.py"
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(transcripts, Script.read(SCRIPTS / f"{name}.py")) for name in chosen}
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.xfail(strict=True, reason=DIVERGES[name])) if name in DIVERGES else name
        for name in NAMES
    ],
)
def test_a_script_runs_as_under_locust(name: str, runs: Runs) -> None:
    locust, katydid = runs[name].result()
    if katydid != locust:
        difference = difflib.unified_diff(locust, katydid, "locust", "katydid", lineterm="", n=4)
        pytest.fail("\n".join(islice(difference, 200)), False)
