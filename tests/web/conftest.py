"""What tests of a served page need: the command with its page, and a client that asks it."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

SCRIPT = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        pass

"""


class Site:
    """The page of a running command, and a visitor of it who keeps cookies."""

    def __init__(self, running: Any, url: str) -> None:
        self.running = running
        self.url = url
        self.visitor = requests.Session()
        self.visitor.trust_env = False

    def get(self, path: str, **settings: Any) -> requests.Response:
        return self.visitor.get(self.url + path, timeout=30, **settings)

    def post(self, path: str, data: Any = None, **settings: Any) -> requests.Response:
        return self.visitor.post(self.url + path, data, timeout=30, **settings)

    def end(self) -> str:
        """Ends the command, which must be content, and returns its log."""
        assert self.running.end(signal.SIGINT) == 0, self.running.log
        return self.running.log


@pytest.fixture
def serve(start, locustfile) -> Callable[..., Site]:
    """Starts the command with its page on a free port; the script's part is put below a class of users."""

    def serve(*options: object, script: str = "", head: str = SCRIPT) -> Site:
        path = locustfile(head + script)
        running = start("-f", path, "-H", "http://127.0.0.1:9", "--web-host", "127.0.0.1", "-P", 0, *options)
        return Site(running, running.wait_for(r"Starting web interface at (https?://[^\s,]+)")[1])

    return serve


@pytest.fixture(scope="module")
def certificate(tmp_path_factory) -> Path:
    """A folder with ``cert.pem`` and ``key.pem`` for this machine."""
    folder = tmp_path_factory.mktemp("certificate")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost"
    command += f" -addext subjectAltName=IP:127.0.0.1 -keyout {folder}/key.pem -out {folder}/cert.pem"
    subprocess.run(command.split(), check=True, capture_output=True)
    return folder
