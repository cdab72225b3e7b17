"""Libraries that scripts use, from PyPI, do with Katydid what they do with Locust."""

from __future__ import annotations

import difflib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from compare import HERE, SUPPORT, Script, transcripts

SCRIPTS = sorted((HERE / "ecosystem").glob("*.py"))
LIBRARIES = ("locust-plugins==5.0.3", "redis>=5,<9", "grpcio>=1.60,<2")

Outcome = tuple[list[str], list[str]]


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """What either tool did with each script."""
    libraries = tmp_path_factory.mktemp("libraries")
    # Without what they depend on: that is Locust, which is Katydid here, and what either tool has.
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*install, "--target", libraries, *LIBRARIES], check=True)
    path = os.pathsep.join(filter(None, [str(SUPPORT), str(libraries), os.environ.get("PYTHONPATH")]))

    def outcome(script: Path) -> Outcome:
        read = Script.read(script)
        return transcripts(replace(read, environment=read.environment | {"PYTHONPATH": path}))

    with ThreadPoolExecutor(2) as pool:
        return dict(zip((script.stem for script in SCRIPTS), pool.map(outcome, SCRIPTS), strict=True))


@pytest.mark.parametrize("name", [script.stem for script in SCRIPTS])
def test_a_library_does_as_under_locust(name: str, outcomes: dict[str, Outcome]) -> None:
    locust, katydid = outcomes[name]
    if katydid != locust:
        pytest.fail("\n".join(difflib.unified_diff(locust, katydid, "locust", "katydid", lineterm="", n=4)), False)
