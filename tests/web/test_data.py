"""What the page is told of a run besides rates and times: marks, health, endpoints, errors, workers, logs."""

from __future__ import annotations

import signal
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


HOARDER = (
    READER
    + """
import os
import resource

from locust import events

@events.test_start.add_listener
def hoard(**kwargs):
    hoard.files = [open(os.devnull) for _ in range(300)]
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) * 100 // 95, most))
"""
)


def test_what_the_generator_suffers_from_is_said_in_words(run):
    api = run(HOARDER)
    assert api.get("snapshot")["health"] == []
    api.post("start", users=1, spawn_rate=1)
    state = api.until("snapshot", lambda state: state["health"])
    [finding] = state["health"]
    assert (finding["code"], finding["level"]) == ("files", "warning")
    assert "files are open" in finding["text"]
    assert "ulimit -n" in finding["text"]
    assert finding["since"] >= state["run"]["started"]
    assert any(mark["kind"] == "health" and mark["text"] == finding["text"] for mark in state["marks"])


SHOPPER = """
from locust import HttpUser, constant, task

class Shopper(HttpUser):
    wait_time = constant(0.01)

    @task
    def shop(self):
        self.client.get("/items")
        self.client.get("/status/503", name="broken")
        self.client.get("/redirect/2", name="moved")
        self.client.get("/latency?ms=20", name="slow")
        with self.client.post("/echo", data="x" * 1000, name="judged", catch_response=True) as response:
            response.failure("not this way")
"""


def endpoints(api: Api) -> dict[str, Any]:
    """Everything about each name, and under ``Aggregated`` about all of them."""
    ids = [-1, *(number for number, _, _ in api.get("snapshot")["names"])]
    return {detail["name"]: detail for detail in (api.get(f"endpoints/{number}") for number in ids)}


def check(detail: Any) -> None:
    """What must be true of any name."""
    assert sum(count for _, count in detail["statuses"]) == detail["requests"]
    assert sum(ok + failed for _, ok, failed in detail["histogram"]) == detail["requests"]
    points = detail["series"]["points"]
    assert sum(ok + failed for _, ok, failed, *_ in points) == detail["requests"]
    assert sum(point[6] for point in points) == detail["bytes_in"]
    assert [time for _, time in detail["percentiles"]] == sorted(time for _, time in detail["percentiles"])
    assert sum(sum(point[8]) for point in points) == detail["requests"]


def test_each_endpoint_tells_codes_phases_bytes_percentiles_and_its_course(run):
    api = run(SHOPPER)
    api.post("start", users=2, spawn_rate=10)
    api.until("snapshot", lambda state: state["total"][1] >= 200)
    api.post("stop")
    api.until(
        "snapshot", lambda state: state["run"]["ended"] and state["points"][-1][0] >= state["run"]["ended"] // 1000
    )
    details = endpoints(api)
    for detail in details.values():
        check(detail)
    codes = {name: [code for code, _ in detail["statuses"]] for name, detail in details.items()}
    assert codes == {
        "Aggregated": [200, 503],
        "/items": [200],
        "broken": [503],
        "moved": [200],
        "slow": [200],
        "judged": [200],
    }
    phases = {name: {phase["name"]: phase for phase in detail["phases"]} for name, detail in details.items()}
    assert list(phases["slow"]) == ["blocked", "redirects", "dns", "connect", "tls", "send", "wait", "receive"]
    assert phases["slow"]["wait"]["sum_ms"] >= 20 * details["slow"]["requests"]
    assert phases["moved"]["redirects"]["count"] == details["moved"]["requests"]
    assert phases["slow"]["redirects"]["count"] == phases["slow"]["tls"]["count"] == 0
    assert phases["Aggregated"]["connect"]["count"] == 2
    # Each user may have been stopped before its verdict.
    assert details["judged"]["failures"] >= details["judged"]["requests"] - 2
    assert details["judged"]["bytes_out"] > 1000 * details["judged"]["requests"]
    assert api.visitor.get(f"{api.url}/api/v1/endpoints/999", timeout=30).status_code == 404
    assert api.visitor.get(f"{api.url}/api/v1/endpoints/x", timeout=30).status_code == 404


def test_workers_tell_their_master_the_same(run):
    api = run(SHOPPER, "--processes", 2)
    api.until("snapshot", lambda state: (state["run"]["workers"] or {}).get("connected") == 2)
    api.post("start", users=2, spawn_rate=10)
    api.until("snapshot", lambda state: state["total"][1] >= 100)
    api.post("stop")
    api.until(
        "snapshot", lambda state: state["run"]["ended"] and state["points"][-1][0] >= state["run"]["ended"] // 1000
    )
    details = endpoints(api)
    for detail in details.values():
        check(detail)
    assert [code for code, _ in details["Aggregated"]["statuses"]] == [200, 503]
    wait = next(phase for phase in details["slow"]["phases"] if phase["name"] == "wait")
    assert wait["sum_ms"] >= 20 * wait["count"] > 0
    kinds = [mark["kind"] for mark in api.get("snapshot")["marks"] if mark["kind"] != "health"]
    assert kinds == ["start", "reached", "stop", "end"]
    # Killed, it would leave its workers to wait for it for a minute.
    api.running.end(signal.SIGINT)


FAULTY = """
import itertools
from urllib.parse import urlsplit

from locust import HttpUser, constant, task

numbers = itertools.count()

class Shopper(HttpUser):
    wait_time = constant(0.02)

    def on_start(self):
        host = urlsplit(self.host).netloc
        self.client.cookies.set("visit", "hunter0")
        self.client.get("/status/500?token=hunter1&page=2", name="/report", headers={"Authorization": "Bearer hunter2"})
        self.client.get(f"http://ann:hunter3@{host}/status/403", name="/private")
        hidden = {"X-Api-Key": "hunter4", "X-Plain": "seen"}
        body = {"password": "hunter5", "card": "4111"}
        with self.client.post("/echo", json=body, name="/pay", headers=hidden, catch_response=True) as response:
            response.failure("declined: token=hunter6")
        self.client.get("http://127.0.0.1:9/?sid=hunter7", name="/down")

    @task
    def shop(self):
        with self.client.get("/items", catch_response=True) as response:
            response.failure(f"expected {next(numbers)} items of order 1f0c9a9e-23b1-4d5e-8f66-0123456789ab")
"""


def by_name(api: Api) -> dict[str, Any]:
    return {fault["name"]: fault for fault in api.get("errors")["errors"]}


def test_failures_that_tell_the_same_are_one_error_with_examples(run):
    api = run(FAULTY)
    api.post("start", users=2, spawn_rate=10)
    api.until("snapshot", lambda state: state["total"][1] >= 60)
    api.post("stop")
    answer = api.get("errors")
    assert answer["others"] == 0
    faults = by_name(api)
    assert next(iter(faults)) == "/items"
    items = faults["/items"]
    assert items["pattern"] == "CatchResponseError('expected <n> items of order <id>')"
    assert items["kind"] == "check"
    assert items["variants"] == items["count"] > 50
    assert items["first_seen"] < items["last_seen"]
    assert items["workers"] == {}
    assert len(items["samples"]) == 3
    kinds = {name: fault["kind"] for name, fault in faults.items()}
    assert kinds == {
        "/items": "check",
        "/report": "http 5xx",
        "/private": "http 4xx",
        "/pay": "check",
        "/down": "connect",
    }
    failed = {kind: sum(f["count"] for f in faults.values() if f["kind"] == kind) for kind in kinds.values()}
    course = api.until(
        "errors/course", lambda it: sum(sum(counts) for _, counts in it["points"]) == sum(failed.values())
    )
    sums = [sum(column) for column in zip(*(counts for _, counts in course["points"]), strict=True)]
    by_kind = dict(zip(course["kinds"], sums, strict=True))
    assert {kind: count for kind, count in by_kind.items() if count} == failed
    [sample] = {sample["url"].split("/", 3)[3]: sample for sample in faults["/report"]["samples"]}.values()
    assert sample["url"].endswith("/status/500?token=***&page=2")
    assert (sample["method"], sample["status"], sample["worker"]) == ("GET", 500, "")
    assert sample["body"] == "500 Internal Server Error\n"
    assert sample["body_bytes"] == len(sample["body"])
    assert sample["duration_ms"] > 0
    assert ["Authorization", "***"] in sample["request_headers"]
    assert any(name == "Content-Type" and value.startswith("text/plain") for name, value in sample["response_headers"])
    pay = faults["/pay"]["samples"][0]
    assert ["X-Plain", "seen"] in pay["request_headers"]
    assert "seen" in pay["body"]
    assert faults["/down"]["samples"][0]["status"] is None
    total = api.get("snapshot")["total"]
    assert sum(fault["count"] for fault in faults.values()) == total[2]


def test_no_secret_of_a_request_is_told(run):
    api = run(FAULTY)
    api.post("start", users=1, spawn_rate=1)
    api.until("errors", lambda answer: len(answer["errors"]) == 5)
    for path in ("errors", "snapshot", "endpoints/-1"):
        told = api.visitor.get(f"{api.url}/api/v1/{path}", timeout=30).text
        assert "hunter" not in told, told[max(0, told.index("hunter") - 200) :][:300]


def test_errors_are_counted_for_each_worker(run):
    api = run(FAULTY, "--processes", 2)
    api.until("snapshot", lambda state: (state["run"]["workers"] or {}).get("connected") == 2)
    api.post("start", users=2, spawn_rate=10)
    api.until(
        "errors", lambda answer: len(answer["errors"]) == 5 and all(fault["samples"] for fault in answer["errors"])
    )
    api.post("stop")
    for fault in api.get("errors")["errors"]:
        assert sum(fault["workers"].values()) == fault["count"]
        assert len(fault["workers"]) == 2
        assert {sample["worker"] for sample in fault["samples"]} <= set(fault["workers"])
    assert "hunter" not in api.visitor.get(f"{api.url}/api/v1/errors", timeout=30).text
    # Killed, it would leave its workers to wait for it for a minute.
    api.running.end(signal.SIGINT)


CHATTY = (
    READER
    + """
import logging

from locust import events

@events.test_start.add_listener
def tell(environment, **kwargs):
    logging.getLogger("shop.cart").warning("cart is full\\nof eggs, password=hunter8")
"""
)


def test_what_is_logged_is_told_once_with_its_level_and_without_secrets(run):
    api = run(CHATTY)
    first = api.until("logs", lambda answer: any("Starting web interface" in line["text"] for line in answer["lines"]))
    api.post("start", users=1, spawn_rate=1)
    path = f"logs?after={first['next']}"
    later = api.until(path, lambda answer: any(line["logger"] == "shop.cart" for line in answer["lines"]))
    line = next(line for line in later["lines"] if line["logger"] == "shop.cart")
    assert (line["level"], line["source"], later["dropped"]) == ("WARNING", "", 0)
    assert line["text"] == "cart is full\nof eggs, password=***"
    numbers = [line["seq"] for line in first["lines"] + later["lines"]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_this_process_is_a_worker_where_it_runs_the_users(run):
    api = run(READER)
    api.post("start", users=2, spawn_rate=10)
    [worker] = api.until("workers", lambda answer: answer["workers"][0]["rps"] > 10)["workers"]
    assert (worker["id"], worker["state"], worker["precision"]) == ("local", "running", "exact")
    assert (worker["users"], worker["users_by_class"]) == (2, {"Reader": 2})
    assert worker["heartbeat_age"] is None


def test_workers_and_their_logs_are_told(run):
    api = run(CHATTY, "--processes", 2)
    api.until("snapshot", lambda state: (state["run"]["workers"] or {}).get("connected") == 2)
    api.post("start", users=3, spawn_rate=10)
    answer = api.until("workers", lambda answer: all(worker["rps"] > 5 for worker in answer["workers"]))
    assert [worker["index"] for worker in answer["workers"]] == [0, 1]
    assert sorted(worker["users"] for worker in answer["workers"]) == [1, 2]
    for worker in answer["workers"]:
        assert worker["id"].startswith(worker["host"] + "_")
        assert (worker["state"], worker["precision"], worker["version"]) == ("running", "exact", "2.47.0")
        assert worker["heartbeat_age"] < 30
        assert 0 < worker["open_files"] < worker["file_limit"]
    course = api.until("workers/course", lambda course: course["points"] and len(course["points"][-1][1]) == 2)
    assert set(course["ids"].values()) == {worker["id"] for worker in answer["workers"]}
    assert sorted(member[1] for member in course["points"][-1][1]) == [1, 2]
    ids = {worker["id"] for worker in answer["workers"]}

    def told(answer: Any) -> bool:
        sources = {line["source"] for line in answer["lines"] if line["logger"] == "shop.cart"}
        return sources == {"", *ids}

    api.until("logs?after=0", told)
    # Killed, it would leave its workers to wait for it for a minute.
    api.running.end(signal.SIGINT)
