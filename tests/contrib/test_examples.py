"""The examples of other protocols run as their first lines say, against real servers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def counted(katydid) -> Callable[..., dict[tuple[str, str], int]]:
    """Runs an example until its users have run ten tasks; returns the failures by type and name."""

    def counted(example: str, *arguments: object) -> dict[tuple[str, str], int]:
        done = katydid(
            "-f", EXAMPLES / example, "--headless", "-u", "2", "-r", "2",
            "--iterations", "10", "--skip-log-setup", "--json", *arguments,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return {(entry["method"], entry["name"]): entry["num_failures"] for entry in json.loads(done.stdout)}

    return counted


def test_postgres(counted, postgres, monkeypatch):
    monkeypatch.setenv("DATABASE", postgres)
    assert counted("postgres.py") == {("postgres_success", "execute_query"): 0}


def test_mqtt(counted, broker, monkeypatch):
    monkeypatch.setenv("MQTT_PORT", str(broker.tcp))
    failures = counted("mqtt.py", "--host", "127.0.0.1")
    assert failures[("MQTT", "publish:1:sensors/[id]")] == failures[("MQTT", "connect")] == 0
    assert set(failures.values()) == {0}


def test_socketio(counted, server):
    failures = counted("socketio_chat.py", "--host", f"http://127.0.0.1:{server('socketio_server')}")
    assert failures[("WS", "connect")] == failures[("WSE", "tell")] == 0
    assert set(failures.values()) == {0}
