"""Programs that talk to Locust's web API find in Katydid's answers the keys and types they know."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

KATYDID = Path(sys.executable).parent / "katydid"
LOCUST = Path(__file__).resolve().parents[2] / ".stamps/locust/bin/locust"
MEDIANS = ("median_response_time", "total_median_response_time")

TRIES = 5_000
"""So often is asked for what must come."""

TOOLS = {"katydid": KATYDID, "locust": LOCUST}

SCRIPT = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task
    def front_page(self):
        self.client.get("/")

    @task
    def missing(self):
        self.client.get("/status/404", name="/missing")

    @task
    def mistake(self):
        raise ValueError("a mistake")
"""

EXPORTER = """
from flask import Response

@events.init.add_listener
def export(environment, **kwargs):
    # What exporters in locustfiles do: a route of the page's, and numbers off the runner.
    @environment.web_ui.app.route("/export/prometheus")
    def metrics():
        runner = environment.runner
        stats = runner.stats
        lines = [f"locust_users {runner.user_count}", f'locust_state{{state="{runner.state}"}} 1']
        for entry in [*stats.entries.values(), stats.total]:
            labels = f'{{method="{entry.method or ""}",path="{entry.name}"}}'
            lines += [
                f"locust_requests_num_requests{labels} {entry.num_requests}",
                f"locust_requests_num_failures{labels} {entry.num_failures}",
                f"locust_requests_avg_response_time{labels} {entry.avg_response_time}",
                f"locust_requests_min_response_time{labels} {entry.min_response_time or 0}",
                f"locust_requests_max_response_time{labels} {entry.max_response_time}",
                f"locust_requests_median_response_time{labels} {entry.median_response_time or 0}",
                f"locust_requests_current_rps{labels} {entry.current_rps}",
                f"locust_requests_current_fail_per_sec{labels} {entry.current_fail_per_sec}",
                f"locust_requests_avg_content_length{labels} {entry.avg_content_length}",
                f"locust_requests_p99{labels} {entry.get_response_time_percentile(0.99) or 0}",
            ]
        for error in stats.errors.values():
            labels = f'{{method="{error.method}",path="{error.name}"}}'
            lines.append(f"locust_errors{labels} {error.occurrences}")
        lines.append(f"locust_p95 {stats.total.get_current_response_time_percentile(0.95) or 0}")
        lines.append(f"locust_fail_ratio {stats.total.fail_ratio}")
        return Response("\\n".join(lines) + "\\n", mimetype="text/plain")
"""


class Client:
    """What a program in a build does: start, watch, stop, with nothing but the web API."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        self.session.trust_env = False

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=30)

    def post(self, path: str, **form: object) -> requests.Response:
        return self.session.post(self.url + path, data=form, timeout=30)

    def run(self) -> dict[str, Any]:
        """Runs a test to its end; returns every answer on the way by what was asked."""
        answers: dict[str, Any] = {"ready": self.get("/stats/requests").json()}
        answers["swarm"] = self.post("/swarm", user_count=3, spawn_rate=3).json()
        assert answers["swarm"]["success"] is True
        for _ in range(TRIES):
            if self.is_under_way(answers):
                break
            answers["running"] = self.get("/stats/requests").json()
            answers["exceptions"] = self.get("/exceptions").json()
        else:
            raise AssertionError(answers)
        answers["tasks"] = self.get("/tasks").json()
        answers["logs"] = self.get("/logs").json()
        answers["requests csv"] = self.get("/stats/requests/csv").text.splitlines()[0]
        answers["failures csv"] = self.get("/stats/failures/csv").text.splitlines()[0]
        answers["exceptions csv"] = self.get("/exceptions/csv").text.splitlines()[0]
        answers["stop"] = self.session.post(self.url + "/stop", timeout=30).json()
        answers["reset"] = self.session.post(self.url + "/stats/reset", timeout=30).text
        return answers

    def is_under_way(self, answers: dict[str, Any]) -> bool:
        running = answers.get("running", {"state": "ready"})
        return (
            running["state"] == "running"
            and len(running["stats"]) == 3
            and bool(running["errors"])
            and running["current_response_time_percentiles"]["response_time_percentile_0.95"] is not None
            and bool(answers["exceptions"]["exceptions"])
        )


@pytest.fixture
def serve(tmp_path, target) -> Iterator[Any]:
    """Starts each tool's page for a script."""
    processes: list[subprocess.Popen[bytes]] = []

    def serve(tool: str, script: str = "") -> Client:
        path = tmp_path / "locustfile.py"
        path.write_text(textwrap.dedent(SCRIPT + script))
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or tool == "katydid"}
        port = free_port()
        command = [TOOLS[tool], "-f", path, "-H", target.url, "--web-host", "127.0.0.1", "-P", port]
        with (tmp_path / f"{tool}.log").open("w") as log:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        processes.append(process)
        client = Client(f"http://127.0.0.1:{port}")
        # Locust says where its page is before it is there.
        while process.poll() is None:
            with suppress(requests.ConnectionError):
                client.get("/stats/requests")
                return client
            time.sleep(0.05)
        raise AssertionError((tmp_path / f"{tool}.log").read_text())

    yield serve
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def free_port() -> int:
    """A port that was free a moment ago; Locust takes none of its own choice."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def shape(value: Any) -> Any:
    """The keys and the types of an answer; a list's are those of its first element."""
    if isinstance(value, dict):
        # A median is whole, unless it would be outside of what was measured, when it is that.
        return {key: "number" if key in MEDIANS else shape(each) for key, each in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def names(text: str) -> set[str]:
    """The names and labels of a page of metrics, without their values."""
    return {line.rsplit(" ", 1)[0] for line in text.splitlines()}


def test_a_program_in_a_build_finds_the_same_keys_and_types(serve):
    ours, theirs = (serve(tool).run() for tool in ("katydid", "locust"))
    for answers in (ours, theirs):
        # How many lines a tool logs is its own affair.
        assert isinstance(answers.pop("logs")["master"], list)
        # A percentile is a whole number of milliseconds or null, whichever comes first.
        assert all(row["num_requests"] > 0 for row in answers["running"]["stats"])
    for asked, answer in theirs.items():
        assert shape(ours[asked]) == shape(answer), asked
    for asked in ("swarm", "stop", "reset", "requests csv", "failures csv", "exceptions csv"):
        assert (
            {**ours[asked], "host": ""} == {**theirs[asked], "host": ""}
            if isinstance(ours[asked], dict)
            else (ours[asked] == theirs[asked])
        ), asked
    assert [row["name"] for row in ours["running"]["stats"]] == [row["name"] for row in theirs["running"]["stats"]]


def test_an_exporter_in_a_script_shows_the_same_metrics(serve):
    pages = []
    for tool in ("katydid", "locust"):
        client = serve(tool, EXPORTER)
        client.post("/swarm", user_count=2, spawn_rate=2)
        page = ""
        for _ in range(TRIES):
            page = client.get("/export/prometheus").text
            if "locust_errors{" in page and page.count("locust_requests_num_requests") == 3:
                break
        else:
            raise AssertionError(f"{tool} never showed all of it:\n{page}")
        pages.append({name for name in names(page) if not name.startswith("locust_state")})
    assert pages[0] == pages[1]
