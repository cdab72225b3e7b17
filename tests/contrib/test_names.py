"""What scripts import from `locust.contrib` is here, too, and takes the same arguments."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

LOCUST = Path(__file__).parents[2] / ".stamps/locust"

DESCRIBE = """
import importlib, inspect, json, sys

def described(value):
    if callable(value):
        return list(inspect.signature(value).parameters)
    return value if isinstance(value, (int, str, list, dict, type(None))) else type(value).__name__

package, name = sys.argv[1:]
module = importlib.import_module(f"{package}.contrib.{name}")
told = {}
for name, value in vars(module).items():
    if isinstance(value, (int, str, list)) and name.isupper():
        told[name] = value
    if inspect.isclass(value) and value.__module__ == module.__name__:
        told[name] = described(value)
        told |= {f"{name}.{part}": described(getattr(value, part)) for part in vars(value) if part[0] != "_"}
print(json.dumps(told))
"""
MODULES = ("csv_request_logger", "dns", "milvus", "mongodb", "mqtt", "oai", "postgres", "qdrant", "socketio")


def describe(package: str, module: str, path: str) -> dict[str, object]:
    command = [sys.executable, "-c", DESCRIBE, package, module]
    environment = {**os.environ, "PYTHONPATH": path, "OPENAI_API_KEY": "none"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("module", MODULES)
def test_names_and_arguments(module):
    # Locust itself from where it is installed, the optional libraries from here.
    (libraries,) = LOCUST.glob("lib/python*/site-packages")
    theirs = describe("locust", module, str(libraries))
    ours = describe("katydid", module, os.environ.get("PYTHONPATH", ""))
    assert theirs
    assert {name: ours.get(name) for name in theirs} == theirs
