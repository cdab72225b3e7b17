"""Metrics for Prometheus, as its own parser reads them."""

from __future__ import annotations

import json
import math
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

SCRIPT = r"""
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task(3)
    def front_page(self):
        self.client.get("/")

    @task
    def gone(self):
        self.client.get("/status/404", name='a "name"\n\\ of two lines')
"""

OWN = """
from locust import events

@events.init.add_listener
def add_page(environment, web_ui, **kwargs):
    @web_ui.app.route("/metrics")
    def metrics():
        return "mine 1"
"""

OPEN = {"Accept": "application/openmetrics-text; version=1.0.0"}


def sums(families, name):
    samples = [sample for family in families for sample in family.samples if sample.name == name]
    return {tuple(sample.labels.values()): sample.value for sample in samples}


def until(condition):
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("It never became so")


def test_a_run_is_read_by_prometheus_own_parsers(serve, target):
    site = serve("-H", target.url, "--fail-if", "fail>1%", head=SCRIPT)
    assert sums(read_plain(site.get("/metrics").text), "katydid_run_active") == {(): 0}
    start = {"users": 4, "spawn_rate": 100}
    assert site.post("/api/v1/start", json=start).status_code == 200
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= 100)
    assert site.post("/api/v1/stop", json={"mode": "now"}).status_code == 200
    truth = target.truth()["by_path"]
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= sum(truth.values()))
    plain = site.get("/metrics")
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    opened = site.get("/metrics", headers=OPEN)
    assert opened.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    for families in (list(read_plain(plain.text)), list(read_open(opened.text))):
        requests = sums(families, "katydid_requests_total")
        assert requests == {
            ("GET", "/"): truth["GET /"],
            ("GET", 'a "name"\n\\ of two lines'): truth["GET /status/404"],
        }
        assert sum(sums(families, "katydid_failures_total").values()) == truth["GET /status/404"]
        assert sums(families, "katydid_failures_by_kind_total") == {("http 4xx",): truth["GET /status/404"]}
        responses = {("200",): truth["GET /"], ("404",): truth["GET /status/404"]}
        assert sums(families, "katydid_responses_total") == responses
        assert sums(families, "katydid_threshold_crossed") == {("fail>1%",): 1}
        counts = sums(families, "katydid_request_duration_seconds_count")
        assert {labels: count for labels, count in counts.items() if count} == {
            ("GET", "/", "ok"): truth["GET /"],
            ("GET", 'a "name"\n\\ of two lines', "failed"): truth["GET /status/404"],
        }
        buckets = sums(families, "katydid_request_duration_seconds_bucket")
        front = [count for (_, name, _, le), count in buckets.items() if name == "/"]
        assert front == sorted(front)
        assert front[-1] == truth["GET /"]


def test_the_dashboard_and_the_docs_name_metrics_that_there_are(serve, target):
    site = serve("-H", target.url, "--processes", 1, "--fail-if", "fail>1%", head=SCRIPT)
    until(lambda: sums(read_plain(site.get("/metrics").text), "katydid_worker_up"))
    assert site.post("/api/v1/start", json={"users": 1, "spawn_rate": 1}).status_code == 200
    until(lambda: sums(read_plain(site.get("/metrics").text), "katydid_failures_by_kind_total"))
    there = set(re.findall(r"^(katydid_\w+)", site.get("/metrics").text, re.MULTILINE)) | {
        "katydid_generator_findings",
        "katydid_rate_wanted",
    }
    root = Path(__file__).parents[2]
    dashboard = (root / "deploy" / "grafana" / "katydid.json").read_text()
    assert json.loads(dashboard)["uid"] == "katydid"
    shown = set(re.findall(r"katydid_\w+", dashboard))
    assert shown <= there, shown - there
    described = set(re.findall(r"katydid_\w+", (root / "docs" / "metrics.md").read_text().partition("\n## ")[0]))
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in there}
    assert described == families
    # It fails by its threshold.
    assert site.running.end(signal.SIGINT) == 3


def test_workers_have_metrics_of_their_own(serve, target):
    site = serve("-H", target.url, "--processes", 2, head=SCRIPT)
    until(lambda: len(sums(read_plain(site.get("/metrics").text), "katydid_worker_up")) == 2)
    up = sums(read_plain(site.get("/metrics").text), "katydid_worker_up")
    assert list(up.values()) == [1, 1]
    site.end()


@pytest.fixture
def prometheus(tmp_path) -> Iterator[Callable[..., Callable[[str], dict[tuple[str, ...], float]]]]:
    """Starts a real Prometheus that reads a page; what it answers, it is asked in its own language."""
    command = shutil.which("prometheus")
    assert command, "prometheus is missing: apt-get install prometheus"
    started = []

    def prometheus(url: str, *options: str) -> Callable[[str], dict[tuple[str, ...], float]]:
        folder = tmp_path / f"prometheus-{len(started)}"
        folder.mkdir()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = folder / "prometheus.yml"
        scrape = {
            "job_name": "katydid",
            "scrape_interval": "1s",
            "scrape_timeout": "1s",
            "static_configs": [{"targets": [url.partition("//")[2]]}],
        }
        config.write_text(json.dumps({"scrape_configs": [scrape]}))
        arguments = [f"--config.file={config}", f"--storage.tsdb.path={folder}/data"]
        arguments.append(f"--web.listen-address=127.0.0.1:{port}")
        process = subprocess.Popen([command, *arguments, *options], stderr=subprocess.DEVNULL)
        started.append(process)

        def ask(query: str) -> dict[tuple[str, ...], float]:
            assert process.poll() is None, "prometheus has ended"
            try:
                answer = requests.get(f"http://127.0.0.1:{port}/api/v1/query", {"query": query}, timeout=10).json()
            except (requests.ConnectionError, ValueError):
                return {}
            found = answer["data"]["result"] if answer["status"] == "success" else []
            return {
                (row["metric"].get("name", ""), row["metric"].get("outcome", "")): float(row["value"][1])
                for row in found
                if "value" in row
            }

        return ask

    yield prometheus
    for process in started:
        process.kill()
        process.wait()


def test_prometheus_itself_reads_classic_and_native_histograms(serve, target, prometheus):
    site = serve("-H", target.url, head=SCRIPT)
    classic = prometheus(site.url)
    native = prometheus(site.url, "--enable-feature=native-histograms")
    assert site.post("/api/v1/start", json={"users": 4, "spawn_rate": 100}).status_code == 200
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= 200)
    assert site.post("/api/v1/stop", json={"mode": "now"}).status_code == 200
    truth = target.truth()["by_path"]
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= sum(truth.values()))
    wanted = {("/", "ok"): truth["GET /"], ('a "name"\n\\ of two lines', "failed"): truth["GET /status/404"]}
    duration = "katydid_request_duration_seconds"

    def counted(ask, query):
        return {labels: count for labels, count in ask(query).items() if count}

    until(lambda: counted(classic, f"{duration}_count") == wanted)
    # A native one is a number of its own, in whose buckets everything is.
    until(lambda: counted(native, f"histogram_count({duration})") == wanted)
    assert native(f"histogram_fraction(0, 60, {duration})")["/", "ok"] == pytest.approx(1)
    snapshot = site.get("/api/v1/snapshot").json()
    names = {ident: name for ident, _, name in snapshot["names"]}
    for entry in snapshot["entries"]:
        for part, told in ((0.5, entry[5]), (0.95, entry[6])):
            quantiles = native(f"histogram_quantile({part}, {duration})").items()
            # Of nothing there is none: all requests of a name went well, or all failed.
            found = {name: seconds for (name, _), seconds in quantiles if not math.isnan(seconds)}
            # What its buckets leave open is 4.4 % at most, as docs/metrics.md says.
            assert found[names[entry[0]]] * 1e3 == pytest.approx(told, rel=0.09)
    # Some of its requests failed.
    assert site.running.end(signal.SIGINT) == 1, site.running.log


def test_a_script_that_has_metrics_at_that_path_keeps_them(serve):
    assert serve(script=OWN).get("/metrics").text == "mine 1"
