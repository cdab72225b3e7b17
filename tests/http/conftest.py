"""A target for a whole module, and sessions on it whose reports a test can read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from katydid.clients import HttpSession
from katydid.contrib.fasthttp import FastHttpSession
from katydid.event import EventHook


@pytest.fixture(scope="module")
def url():
    command = [Path(sys.executable).parent / "katydid", "target", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[-1]
        process.terminate()


@pytest.fixture
def reports():
    return []


@pytest.fixture
def hook(reports):
    hook = EventHook()
    hook.add_listener(lambda **report: reports.append(report))
    return hook


@pytest.fixture
def http(url, hook):
    session = HttpSession(url, hook, None)
    session.trust_env = False
    return session


@pytest.fixture
def fast(url, hook):
    return FastHttpSession(url, hook, None)


@pytest.fixture(params=["http", "fast"])
def client(request):
    return request.getfixturevalue(request.param)
