"""The servers that the users of contrib are tested with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def await_port(port: int, process: subprocess.Popen[str]) -> None:
    """Returns when something listens there."""
    for _ in range(600):
        assert process.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nothing listens on {port}")


@pytest.fixture
def server() -> Iterator[Callable[[str], int]]:
    """Starts one of `servers` and returns its port."""
    started: list[subprocess.Popen[str]] = []

    def server(name: str) -> int:
        command = [sys.executable, str(Path(__file__).with_name("servers.py")), name]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        return int(process.stdout.readline())

    yield server
    for process in started:
        process.kill()
        process.communicate()


class Broker(NamedTuple):
    """The ports of an MQTT broker."""

    tcp: int
    websockets: int
    guarded: int
    """Where nobody is let in."""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """An MQTT broker."""
    mosquitto = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin")
    assert mosquitto, "mosquitto is missing: apt-get install mosquitto"
    ports = Broker(free_port(), free_port(), free_port())
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"""
per_listener_settings true
listener {ports.tcp} 127.0.0.1
allow_anonymous true
listener {ports.websockets} 127.0.0.1
protocol websockets
allow_anonymous true
listener {ports.guarded} 127.0.0.1
allow_anonymous false
""")
    process = subprocess.Popen([mosquitto, "-c", str(config)], stderr=subprocess.DEVNULL, text=True)
    try:
        await_port(ports.guarded, process)
        yield ports
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def postgres() -> Iterator[str]:
    """A PostgreSQL database's address."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert binaries, "PostgreSQL is missing: apt-get install postgresql"
    # It refuses to run as root, and its user must be able to get there.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as home:
        os.chmod(home, 0o777)
        data, port = f"{home}/data", free_port()
        initialise = [*as_user, binaries[-1] / "initdb", "-D", data, "-U", "tester", "-A", "trust", "--no-sync"]
        subprocess.run(initialise, check=True, stdout=subprocess.DEVNULL, cwd=home)
        serve = [*as_user, binaries[-1] / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", home, "-F"]
        process = subprocess.Popen(serve, stderr=subprocess.DEVNULL, text=True, cwd=home)
        try:
            await_port(port, process)
            yield f"postgresql://tester@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait()
