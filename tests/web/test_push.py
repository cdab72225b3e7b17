"""Metrics that are pushed: what arrives, as OpenTelemetry's own classes and real servers read it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE

SCRIPT = r"""
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task(3)
    def front_page(self):
        self.client.get("/")

    @task
    def gone(self):
        self.client.get("/status/404", name='a, "name"=\n\\ of |two#lines')
"""
ODD = 'a, "name"=\n\\ of |two#lines'


def until(condition: Callable[[], Any]) -> Any:
    for _ in range(1200):
        if found := condition():
            return found
        time.sleep(0.05)
    raise AssertionError("It never became so")


class Collector:
    """Takes OTLP metrics, answers as it is told, and keeps what it took."""

    def __init__(self) -> None:
        self.taken: list[ExportMetricsServiceRequest] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.refusals = 0
        """How many are still answered with 503."""
        self.hangs = False
        """Whether no answer is given until the end."""
        self.answer = (200, "application/x-protobuf", b"")
        self.over = threading.Event()
        ours = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ours.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                if ours.hangs:
                    ours.over.wait()
                status, kind, text = ours.answer
                if ours.refusals > 0:
                    ours.refusals -= 1
                    status, kind, text = 503, "text/plain", b"not yet"
                if status == 200:
                    ours.taken.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def close(self) -> None:
        self.over.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


def points(message: ExportMetricsServiceRequest, name: str) -> dict[tuple[str, ...], Any]:
    """The points of a metric by the values of their attributes."""
    (resource,) = message.resource_metrics
    (scope,) = resource.scope_metrics
    for metric in scope.metrics:
        if metric.name == name:
            data = getattr(metric, metric.WhichOneof("data"))
            by_label = lambda point: tuple(pair.value.string_value for pair in point.attributes)  # noqa: E731
            return {by_label(point): point for point in data.data_points}
    return {}


def resource(message: ExportMetricsServiceRequest) -> dict[str, str]:
    return {pair.key: pair.value.string_value for pair in message.resource_metrics[0].resource.attributes}


def bucket_of_rank(point: Any, rank: int) -> tuple[float, float]:
    """The ends of the bucket in which so many of all times are reached, in seconds."""
    seen = point.zero_count
    if seen >= rank:
        return 0, 0
    base = 2 ** (2**-point.scale)
    for place, count in enumerate(point.positive.bucket_counts):
        seen += count
        if seen >= rank:
            return base ** (point.positive.offset + place), base ** (point.positive.offset + place + 1)
    raise AssertionError("its buckets hold less than its count")


@pytest.fixture
def statsd() -> Iterator[tuple[str, Callable[[], list[str]]]]:
    """Where a server listens, and the lines it has got."""
    lines: list[str] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(0.05)

        def read() -> list[str]:
            try:
                while True:
                    lines.extend(server.recv(65536).decode().split("\n"))
            except TimeoutError:
                return lines

        yield f"127.0.0.1:{server.getsockname()[1]}", read


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[str]:
    """A real InfluxDB, with a database "load"."""
    command = shutil.which("influxd")
    assert command, "influxd is missing: apt-get install influxdb"
    ports = free_port(), free_port()
    config = tmp_path / "influx.conf"
    config.write_text(f"""
reporting-disabled = true
bind-address = "127.0.0.1:{ports[1]}"
[meta]
dir = "{tmp_path}/meta"
[data]
dir = "{tmp_path}/data"
wal-dir = "{tmp_path}/wal"
[http]
bind-address = "127.0.0.1:{ports[0]}"
log-enabled = false
[monitor]
store-enabled = false
""")
    process = subprocess.Popen([command, "-config", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{ports[0]}"

    def is_up() -> bool:
        assert process.poll() is None, "influxd has ended"
        try:
            return requests.post(f"{url}/query", {"q": "CREATE DATABASE load"}, timeout=10).ok
        except requests.ConnectionError:
            return False

    try:
        until(is_up)
        yield url
    finally:
        process.kill()
        process.wait()


def query(url: str, text: str) -> dict[str, float]:
    """The one number of each group, by the value of the tag that it is grouped by."""
    answer = requests.get(f"{url}/query", {"db": "load", "q": text}, timeout=30).json()
    series = answer["results"][0].get("series", [])
    return {next(iter(part.get("tags", {"": ""}).values())): part["values"][-1][1] for part in series}


@pytest.mark.parametrize("processes", [(), ("--processes", 2)], ids=["alone", "fleet"])
def test_what_is_pushed_is_what_the_page_and_the_target_know(serve, target, collector, influx, statsd, processes):
    address, lines = statsd
    site = serve(
        *("-H", target.url, *processes, "--push-tags", "team=shop"),
        *("--otlp-metrics", collector.url, "--influx", f"{influx}?db=load", "--statsd", address, "--statsd-tags"),
        head=SCRIPT,
    )
    until(lambda: not processes or (site.get("/api/v1/snapshot").json()["run"]["workers"] or {}).get("connected") == 2)
    assert site.post("/api/v1/start", json={"users": 4, "spawn_rate": 100}).status_code == 200
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= 200)
    assert site.post("/api/v1/stop", json={"mode": "now"}).status_code == 200
    until(lambda: site.get("/api/v1/snapshot").json()["run"]["state"] == "stopped")
    truth = target.truth()["by_path"]
    wanted = {"/": truth["GET /"], ODD: truth["GET /status/404"]}
    until(lambda: site.get("/api/v1/snapshot").json()["total"][1] >= sum(wanted.values()))
    page = site.get("/api/v1/snapshot").json()
    runs = until(lambda: site.get("/api/v1/runs").json()["runs"])
    # Some of its requests failed.
    assert site.running.end(signal.SIGINT) == 1, site.running.log

    # OpenTelemetry: the last message says all of it, and no counter has ever gone back.
    last = collector.taken[-1]
    assert {name: point.as_int for (_, name), point in points(last, "katydid.requests").items()} == wanted
    assert points(last, "katydid.failures")["GET", ODD].as_int == wanted[ODD]
    assert points(last, "katydid.failures_by_kind")[("http 4xx",)].as_int == wanted[ODD]
    assert points(last, "katydid.responses")[("200",)].as_int == wanted["/"]
    about = resource(last)
    assert about["service.name"] == "katydid"
    assert about["team"] == "shop"
    assert about["katydid.run"] == runs[0]["id"]
    # Workers push nothing.
    assert len({resource(message)["service.instance.id"] for message in collector.taken}) == 1
    during = [message for message in collector.taken if points(message, "katydid.requests")]
    counts = [points(message, "katydid.requests").get(("GET", "/")) for message in during]
    counts = [point for point in counts if point is not None]
    assert [point.as_int for point in counts] == sorted(point.as_int for point in counts)
    assert len({point.start_time_unix_nano for point in counts}) == 1
    assert all(point.start_time_unix_nano <= point.time_unix_nano for point in counts)
    (metric,) = [
        it for it in last.resource_metrics[0].scope_metrics[0].metrics if it.name == "katydid.request.duration"
    ]
    assert metric.unit == "s"
    assert metric.exponential_histogram.aggregation_temporality == AGGREGATION_TEMPORALITY_CUMULATIVE
    durations = points(last, "katydid.request.duration")
    assert {labels[1:]: point.count for labels, point in durations.items() if point.count} == {
        ("/", "ok"): wanted["/"],
        (ODD, "failed"): wanted[ODD],
    }
    names = {ident: name for ident, _, name in page["names"]}
    for entry in page["entries"]:
        (point,) = [it for labels, it in durations.items() if labels[1] == names[entry[0]] and it.count]
        assert sum(point.positive.bucket_counts) + point.zero_count == point.count
        assert point.max * 1e3 == pytest.approx(entry[10], abs=0.001)
        for part, told in ((0.5, entry[5]), (0.95, entry[6]), (0.99, entry[7])):
            start, end = bucket_of_rank(point, -int(-part * point.count // 1))
            assert start * 1e3 * (1 - 1e-9) < told <= end * 1e3 * (1 + 1e-9)

    # InfluxDB: the intervals add up.
    flat = ODD.replace("\n", " ").replace("\\", "/")
    sums = "SELECT sum(requests) FROM katydid_requests WHERE outcome='all' AND team='shop' GROUP BY \"name\""
    assert query(influx, sums) == {"/": wanted["/"], flat: wanted[ODD]}
    assert query(influx, "SELECT sum(failures) FROM katydid_run GROUP BY team") == {"shop": wanted[ODD]}
    # Before the run began there was nothing to count, and no run to name.
    totals = query(influx, "SELECT last(total_requests) FROM katydid_run GROUP BY run")
    assert {run: total for run, total in totals.items() if run} == {runs[0]["id"]: sum(wanted.values())}
    assert query(influx, "SELECT sum(responses) FROM katydid_responses GROUP BY code")["404"] == wanted[ODD]
    assert query(influx, "SELECT max(p95) FROM katydid_requests GROUP BY team")["shop"] > 0

    # StatsD: so do the counters.
    counted = Counter()
    for line in lines():
        metric, value, kind, tags = re.fullmatch(r"([^:|]+):([0-9.e+-]+)\|([cg])\|#(.+)", line).groups()
        assert "team:shop" in tags.split(",")
        if kind == "c":
            counted[metric, re.sub(r",?team:shop", "", tags)] += float(value)
    assert counted["katydid.request.requests", "method:GET,name:/"] == wanted["/"]
    assert counted["katydid.requests", ""] == sum(wanted.values())
    assert counted["katydid.failures_by_kind", "kind:http 4xx"] == wanted[ODD]


def test_collectd_reads_what_goes_to_statsd(katydid, target, tmp_path):
    command = shutil.which("collectd", path=f"{os.environ['PATH']}:/usr/sbin")
    assert command, "collectd is missing: apt-get install collectd-core"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "collectd.conf"
    config.write_text(f"""
BaseDir "{tmp_path}"
PIDFile "{tmp_path}/pid"
TypesDB "/usr/share/collectd/types.db"
Hostname "here"
Interval 1
LoadPlugin statsd
LoadPlugin csv
<Plugin statsd>
  Host "127.0.0.1"
  Port "{port}"
</Plugin>
<Plugin csv>
  DataDir "{tmp_path}/csv"
  StoreRates false
</Plugin>
""")
    folder = tmp_path / "csv" / "here" / "statsd"

    def last(name: str) -> float | None:
        files = sorted(folder.glob(f"derive-{name}-*"))
        rows = [line.split(",")[1] for file in files for line in file.read_text().splitlines()[1:]]
        return float(rows[-1]) if rows else None

    process = subprocess.Popen([command, "-f", "-C", str(config)], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until(lambda: any(f":{port:04X} " in line for line in Path("/proc/net/udp").read_text().splitlines()))
        run = ("--headless", "-u", 2, "-r", 100, "-t", "2s", "-H", target.url, "--exit-code-on-error", 0)
        done = katydid(*run, "--statsd", f"127.0.0.1:{port}", "--statsd-prefix", "load.", script=SCRIPT)
        assert done.returncode == 0, done.stderr
        truth = target.truth()["by_path"]
        until(lambda: last("load.requests") == sum(truth.values()))
        until(lambda: last("load.request.GET._.requests") == truth["GET /"])
    finally:
        process.kill()
        process.wait()


RUN = ("--headless", "-u", 2, "-r", 100, "-t", "3s", "--only-summary", "--exit-code-on-error", 0)


def test_collectors_that_are_not_there_disturb_nobody(katydid, target, monkeypatch):
    monkeypatch.setenv("INFLUX_TOKEN", "sesame-open-thyself")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=sesame-open-thyself")
    nowhere = f"127.0.0.1:{free_port()}"
    done = katydid(
        *(*RUN, "-H", target.url, "--otlp-metrics", f"http://{nowhere}", "--statsd", nowhere),
        *("--influx", f"http://user:sesame-open-thyself@{nowhere}?org=o&bucket=b", "--json"),
        script=SCRIPT,
    )
    assert done.returncode == 0, done.stderr
    counted = sum(entry["num_requests"] for entry in json.loads(done.stdout))
    assert counted == target.truth()["total"] > 0
    assert done.stderr.count("does not take metrics") == 3, done.stderr
    assert len(re.findall(r"\d+ reports of metrics did not reach", done.stderr)) == 3
    assert "sesame" not in done.stderr


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((401, "text/plain", b"who are\x1b[31m you, bearer sesame-open-thyself?"), "401 Unauthorized: who are"),
        ((200, "text/html", b"<html>I am a shop</html>"), "not OTLP's"),
        ((302, "text/plain", b""), "give the address itself"),
        ((200, "application/x-protobuf", b"\x0a\x06\x08\x03\x12\x02no"), "rejects 3 points: no"),
    ],
    ids=["refuses", "garbage", "elsewhere", "partly"],
)
def test_an_answer_that_is_none_is_said_once(katydid, target, collector, answer, words):
    collector.answer = answer
    done = katydid(*RUN, "-H", target.url, "--otlp-metrics", collector.url, script=SCRIPT)
    assert done.returncode == 0, done.stderr
    assert len(collector.asked) >= 2
    (line,) = [line for line in done.stderr.splitlines() if "does not take metrics" in line]
    assert words in line
    assert "sesame" not in line
    assert "\x1b[31m" not in line


def test_what_waited_arrives_when_the_collector_is_well_again(start, locustfile, target, collector):
    collector.refusals = 2
    running = start(
        *("-f", locustfile(SCRIPT), "-H", target.url, "--headless", "-u", 2, "-r", 100, "--exit-code-on-error", 0),
        *("--otlp-metrics", collector.url),
    )
    running.wait_for(r"does not take metrics: it answers 503 Service Unavailable: not yet")
    running.wait_for(r"takes metrics again; nothing was lost")
    assert running.end(signal.SIGINT) == 0
    times = [points(message, "katydid.run.active")[()].time_unix_nano for message in collector.taken]
    assert times == sorted(set(times))
    requests = points(collector.taken[-1], "katydid.requests")
    assert sum(point.as_int for point in requests.values()) == target.truth()["total"]


def test_a_collector_that_never_answers_is_not_waited_for(katydid, target, collector, monkeypatch):
    collector.hangs = True
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "60000")
    done = katydid(*RUN, "-H", target.url, "--otlp-metrics", collector.url, script=SCRIPT)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ reports of metrics did not reach the OTLP collector", done.stderr)


def test_a_script_whose_greenlets_never_wait_ends(katydid, target, collector):
    collector.answer = (401, "text/plain", b"who are you?")
    busy = """
import gevent

def spin():
    while True:
        gevent.sleep(0)

gevent.spawn(spin)
"""
    done = katydid(*RUN, "-H", target.url, "--otlp-metrics", collector.url, script=SCRIPT + busy)
    assert done.returncode == 0, done.stderr
    assert re.search(r"\d+ reports of metrics did not reach the OTLP collector", done.stderr)


def test_headers_and_compression_come_from_opentelemetrys_variables(katydid, target, collector, monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"{collector.url}/base")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "api-key=open%20sesame")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
    # It is unpacked by nobody here: that it came so is what counts.
    collector.answer = (204, "text/plain", b"")
    done = katydid(*RUN, "-t", "1s", "-H", target.url, "--otlp-metrics", "env", script=SCRIPT)
    assert "does not take" not in done.stderr
    path, headers = collector.asked[0]
    assert path == "/base/v1/metrics"
    assert headers["api-key"] == "open sesame"
    assert headers["content-encoding"] == "gzip"
    assert headers["content-type"] == "application/x-protobuf"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--otlp-metrics", "localhost:4318"), "begins with neither http:// nor https://"),
        (("--otlp-metrics", "env"), "OTEL_EXPORTER_OTLP_ENDPOINT"),
        (("--influx", "http://127.0.0.1:8086"), "?db=NAME"),
        (("--statsd", "127.0.0.1"), "HOST:PORT"),
        (("--push-tags", "shop", "--statsd", "127.0.0.1:8125"), "name=value"),
    ],
)
def test_addresses_that_are_none_are_refused_at_the_start(katydid, arguments, words):
    done = katydid("--headless", "-t", "1s", *arguments, script=SCRIPT)
    assert done.returncode == 2
    assert words in done.stderr
    assert arguments[0] in done.stderr
    assert "Traceback" not in done.stderr
