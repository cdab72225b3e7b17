"""--otel, told to the console and to a collector."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(1)

    @task
    def look(self):
        self.client.get("/bytes/10")
        self.client.get("/status/404", name="named")
        self.environment.runner.quit()
"""


def test_spans_and_metrics_on_the_console(katydid, target, monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "console")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "console")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    done = katydid("--headless", "-H", target.url, "--otel", "--profile", "p1", "--only-summary", script=SCRIPT)
    assert "Starting Locust 2.47.0" in done.stderr
    assert ", OpenTelemetry enabled" in done.stderr
    for told in ('"name": "GET /bytes/10"', '"name": "GET named"', '"name": "locust.client.duration"'):
        assert told in done.stdout
    assert '"error.type": "HTTPError"' in done.stdout
    assert '"profile": "p1"' in done.stdout
    assert target.truth()["total"] == 2


@pytest.fixture
def collector() -> Iterator[tuple[str, list[str]]]:
    """Where a collector listens, and the paths that were posted to."""
    paths: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            paths.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()
        thread.join()


def test_a_collector_gets_everything(katydid, target, collector, monkeypatch):
    url, paths = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    done = katydid("--headless", "-H", target.url, "--otel", "--only-summary", script=SCRIPT)
    assert done.returncode == 1
    assert set(paths) == {"/v1/traces", "/v1/metrics", "/v1/logs"}


def test_nothing_is_told_when_all_goes_nowhere(katydid, target, monkeypatch):
    for signal in ("TRACES", "METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "none")
    done = katydid("--headless", "-H", target.url, "--otel", "--only-summary", script=SCRIPT)
    assert "OpenTelemetry enabled" not in done.stderr
    assert done.returncode == 1
