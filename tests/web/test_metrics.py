"""Metrics for Prometheus, as its own parser reads them."""

from __future__ import annotations

import json
import re
import signal
import time
from pathlib import Path

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
        assert counts == requests
        buckets = sums(families, "katydid_request_duration_seconds_bucket")
        front = [count for (method, name, le), count in buckets.items() if name == "/"]
        assert front == sorted(front)
        assert front[-1] == truth["GET /"]


def test_the_dashboard_and_the_docs_name_metrics_that_there_are(serve, target):
    site = serve("-H", target.url, "--processes", 1, "--fail-if", "fail>1%", head=SCRIPT)
    until(lambda: sums(read_plain(site.get("/metrics").text), "katydid_worker_up"))
    assert site.post("/api/v1/start", json={"users": 1, "spawn_rate": 1}).status_code == 200
    until(lambda: sums(read_plain(site.get("/metrics").text), "katydid_failures_by_kind_total"))
    there = set(re.findall(r"^(katydid_\w+)", site.get("/metrics").text, re.MULTILINE)) | {"katydid_generator_findings"}
    root = Path(__file__).parents[2]
    dashboard = (root / "deploy" / "grafana" / "katydid.json").read_text()
    assert json.loads(dashboard)["uid"] == "katydid"
    shown = set(re.findall(r"katydid_\w+", dashboard))
    assert shown <= there, shown - there
    described = set(re.findall(r"katydid_\w+", (root / "docs" / "metrics.md").read_text()))
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


def test_a_script_that_has_metrics_at_that_path_keeps_them(serve):
    assert serve(script=OWN).get("/metrics").text == "mine 1"
