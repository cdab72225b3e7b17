"""What the page is told of a run besides rates and times: marks, health, endpoints, errors, workers, logs."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
import requests

READER = """
from locust import HttpUser, constant, task

class Reader(HttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        self.client.get("/items")
"""


class Api:
    """The web API of a running command."""

    def __init__(self, running: Any, url: str) -> None:
        self.running = running
        self.url = url
        self.visitor = requests.Session()
        self.visitor.trust_env = False

    def get(self, path: str) -> Any:
        answer = self.visitor.get(f"{self.url}/api/v1/{path}", timeout=30)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, **fields: Any) -> None:
        answer = self.visitor.post(f"{self.url}/api/v1/{path}", json=fields, timeout=30)
        assert answer.status_code == 200, answer.text

    def until(self, path: str, holds: Callable[[Any], Any]) -> Any:
        """Asks again and again until the answer is as it should be, and returns it."""
        end = time.monotonic() + 30
        while True:
            answer = self.get(path)
            if holds(answer):
                return answer
            assert time.monotonic() < end, answer
            time.sleep(0.05)


@pytest.fixture
def run(start, locustfile, target) -> Callable[..., Api]:
    """Starts the command with its page and a demo target."""

    def run(script: str, *options: object) -> Api:
        path = locustfile(script)
        running = start("-f", path, "-H", target.url, "--web-host", "127.0.0.1", "-P", 0, *options)
        return Api(running, running.wait_for(r"Starting web interface at (https?://[^\s,]+)")[1])

    return run


def test_what_happens_is_marked(run):
    api = run(READER, "--fail-if", "p50>0ms")
    api.post("start", users=2, spawn_rate=10)
    api.until("snapshot", lambda state: any(mark["kind"] == "threshold" for mark in state["marks"]))
    api.post("start", users=3, spawn_rate=10)
    api.until("snapshot", lambda state: state["run"]["users"] == 3 and state["run"]["state"] == "running")
    api.post("stop")
    marks = api.get("snapshot")["marks"]
    kinds = [mark["kind"] for mark in marks if mark["kind"] != "health"]
    assert kinds == ["start", "reached", "threshold", "load", "reached", "stop", "end"]
    texts = {mark["kind"]: mark["text"] for mark in marks}
    assert texts["load"] == "2 → 3 users wanted, 10 per second"
    assert texts["threshold"].startswith("crossed: p50>0ms")
    assert [mark["id"] for mark in marks] == sorted({mark["id"] for mark in marks})
    assert [mark["t"] for mark in marks] == sorted(mark["t"] for mark in marks)
    api.post("start", users=1, spawn_rate=1)
    assert api.get("snapshot")["marks"][0]["kind"] == "start"


def test_requests_under_way_are_counted_and_the_oldest_has_an_age(run):
    slow = READER.replace('"/items"', '"/latency?ms=60000"')
    api = run(slow)
    api.post("start", users=3, spawn_rate=10)
    first = api.until("snapshot", lambda state: state["run"]["in_flight"] == 3)["run"]
    later = api.until("snapshot", lambda state: (state["run"]["oldest_ms"] or 0) > first["oldest_ms"] + 900)["run"]
    assert later["in_flight"] == 3
    assert 0 < later["open_files"] < later["file_limit"]


def test_what_the_generator_suffers_from_is_said_in_words(run):
    busy = READER.replace('self.client.get("/items")', "\n        while True:\n            sum(range(1000))")
    api = run(busy)
    api.post("start", users=1, spawn_rate=1)
    state = api.until("snapshot", lambda state: any(finding["code"] == "cpu" for finding in state["health"]))
    finding = next(finding for finding in state["health"] if finding["code"] == "cpu")
    assert finding["level"] == "warning"
    assert "% of a core" in finding["text"]
    assert finding["since"] >= state["run"]["started"]
    assert any(mark["kind"] == "health" and "of a core" in mark["text"] for mark in state["marks"])
