"""What a run came to, in every form it can be taken away in: all of them tell the same."""

from __future__ import annotations

import base64
import csv
import html
import io
import json
import re
import signal
import struct
import urllib.request
import xml.etree.ElementTree as ET

import pytest
from prometheus_client.parser import text_string_to_metric_families

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.01)

    @task(3)
    def look(self):
        self.client.get("/bytes/10")

    @task
    def miss(self):
        self.client.get("/status/404", name="<img src=x onerror=alert(1)>")
"""
FOLDERS = (("charts", "svg"), ("pictures", "png"))
GONE = "<img src=x onerror=alert(1)>"
RULES = ("--fail-if", "fail>90%", "--fail-if", "/bytes/* requests>=1")


def rows(text: str, table: str) -> dict[str, list[str]]:
    """The rows of a report's table by the text of their second cell; each of the values that programs read."""
    body = re.search(rf'id="{table}".*?</table>', text, re.DOTALL)
    assert body is not None
    found = {}
    for row in re.findall(r"<tr.*?(?=<tr|</tbody|</tfoot)", body[0].split("<tbody>")[1], re.DOTALL):
        cells = re.findall(r"<td([^>]*)>(.*?)(?=<td|$)", row, re.DOTALL)
        name = html.unescape(re.sub(r"<[^>]+>", "", cells[1][1])).strip()
        found[name] = [value[0] if (value := re.findall(r'data-v="([^"]*)"', cell[0])) else "" for cell in cells]
    return found


def embedded(text: str, name: str) -> str:
    """A file that is in a report."""
    found = re.search(rf'download="{re.escape(name)}" href="data:[^,]*;base64,([^"]*)"', text)
    assert found is not None
    return base64.b64decode(found[1]).decode()


def test_page_report_csv_json_prometheus_and_command_line_tell_the_same(start, katydid, target, locustfile, tmp_path):
    store = tmp_path / "runs.db"
    running = start(
        "-f", locustfile(SCRIPT), "--autostart", "-H", target.url, "-u", 4, "-r", 4, "-t", "3s", "-P", 0,
        "--web-host", "127.0.0.1", "--html", "report.html", "--csv", "out", "--store", store, *RULES,
    )  # fmt: skip
    url = running.wait_for(r"at (http://[^\s,]+)")[1]
    running.wait_for("--run-time limit reached")
    running.wait_for("leaving web ui running")

    def get(path: str) -> str:
        return urllib.request.urlopen(f"{url}{path}").read().decode()

    snapshot = json.loads(get("/api/v1/snapshot"))
    metrics = {}
    for family in text_string_to_metric_families(get("/metrics")):
        for sample in family.samples:
            if sample.name in ("katydid_requests_total", "katydid_failures_total"):
                metrics[sample.name, sample.labels["name"]] = int(sample.value)
    shown = get("/stats/report")
    by_web = {name: get(f"/api/v1/runs/current/files/{name}") for name in ("run.json", "endpoints.csv", "summary.md")}
    assert running.end(signal.SIGINT) == 3

    truth = target.truth()["by_path"]
    report = (tmp_path / "report.html").read_text()
    written = katydid("report", "last", "-o", "again.html", "--store", store)
    assert (written.returncode, written.stderr) == (0, "Wrote again.html\n")
    told = json.loads(katydid("show", "last", "--format", "json", "--store", store).stdout)
    entries = {entry["name"]: entry for entry in told["entries"]}
    assert {name: entry["requests"] for name, entry in entries.items()} == {
        "/bytes/10": truth["GET /bytes/10"],
        GONE: truth["GET /status/404"],
    }
    counted = csv.DictReader(io.StringIO(katydid("report", "--format", "csv", "--store", store).stdout))
    by_csv = {row["name"]: row for row in counted}
    live_csv = {row["Name"]: row for row in csv.DictReader((tmp_path / "out_stats.csv").open(newline=""))}
    names = {entry[0]: entry[2] for entry in snapshot["names"]}
    live = {names[row[0]]: row for row in snapshot["entries"] if row[0] in names}
    for text in (report, shown, (tmp_path / "again.html").read_text()):
        table = rows(text, "endpoint-table")
        assert json.loads(embedded(text, "run.json"))["entries"] == told["entries"]
        assert embedded(text, "endpoints.csv") == by_web["endpoints.csv"]
        for name, entry in entries.items():
            cells = table[name]
            assert [int(cell) for cell in cells[2:4]] == [entry["requests"], entry["failures"]]
            # p50, p95, p99, the longest and the mean.
            assert [float(cells[place]) for place in (6, 8, 9)] == [entry[part] for part in ("p50", "p95", "p99")]
            assert float(cells[11]) == entry["max"]
            assert float(cells[12]) == pytest.approx(entry["mean"])
    for name, entry in entries.items():
        row = by_csv[name]
        assert [int(row["requests"]), int(row["failures"])] == [entry["requests"], entry["failures"]]
        assert [float(row[f"{part}_ms"]) for part in ("p50", "p95", "p99", "max")] == [
            entry[part] for part in ("p50", "p95", "p99", "max")
        ]
        assert [int(live_csv[name]["Request Count"]), int(live_csv[name]["Failure Count"])] == [
            entry["requests"], entry["failures"],
        ]  # fmt: skip
        assert live[name][1:3] == [entry["requests"], entry["failures"]]
        assert live[name][5:8] == pytest.approx([entry["p50"], entry["p95"], entry["p99"]])
        assert metrics["katydid_requests_total", name] == entry["requests"]
        assert metrics.get(("katydid_failures_total", name), 0) == entry["failures"]
    assert json.loads(by_web["run.json"])["total"] == told["total"]
    assert told["errors"][0]["count"] == truth["GET /status/404"]
    assert "404" in katydid("show", "--store", store).stdout

    # Nothing of the script's became markup, and nothing is fetched.
    assert GONE not in report
    assert html.escape(GONE) in report
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', report)
    assert "Failed by 1 of 2 thresholds" in report
    assert report.count("<svg xmlns") >= 12
    data = sum(len(text) for text in re.findall(r'base64,[^"]*|<script[^>]*json[^>]*>.*?</script>', report, re.DOTALL))
    assert len(report) - data < 250_000


def test_every_form_can_be_had_of_any_part_of_a_run(katydid, target, tmp_path):
    store = ("--store", tmp_path / "runs.db")
    for _ in range(2):
        options = ("--headless", "-u", 4, "-r", 10, "-t", "3s", "--only-summary", *RULES)
        assert katydid("-H", target.url, *options, *store, script=SCRIPT).returncode == 3

    whole = json.loads(katydid("report", "--format", "json", *store).stdout)
    halves = [
        json.loads(katydid("report", "--format", "json", *part, *store).stdout)
        for part in (("--to", "2s"), ("--from", "2s"))
    ]
    assert sum(half["total"]["requests"] for half in halves) == whole["total"]["requests"]

    suite = ET.fromstring(katydid("report", "--format", "junit", *store).stdout)
    failed = {case.get("name"): case.find("failure") is not None for case in suite.iter("testcase")}
    assert failed == {"fail>90%": False, "/bytes/* requests>=1": True}

    markdown = katydid("report", "--format", "markdown", *store).stdout
    assert "**FAILED**" in markdown
    assert "| **All** |" in markdown

    percentiles = katydid("report", "--format", "hgrm", *store).stdout
    assert f"Total count    = {whole['total']['requests']:>12}" in percentiles
    assert katydid("report", "--format", "hgrm", "-o", "each/", *store).returncode == 0
    assert len(list((tmp_path / "each").iterdir())) == 3

    assert katydid("report", "--format", "svg", "-o", "charts", *store).returncode == 0
    for chart in (tmp_path / "charts").glob("*.svg"):
        assert ET.parse(chart).getroot().tag.endswith("svg"), chart
    assert katydid("report", "--format", "png", "-o", "pictures", *store).returncode == 0
    charts, pictures = ({path.stem for path in (tmp_path / name).glob(f"*.{kind}")} for name, kind in FOLDERS)
    assert charts == pictures
    for picture in (tmp_path / "pictures").glob("*.png"):
        kind, width, height = struct.unpack(">8s8xII", picture.read_bytes()[:24])
        # Twice as many pixels as the chart has units, and a margin.
        assert (kind, width, height) == (b"\x89PNG\r\n\x1a\n", 1152, 504), picture
    course = list(csv.DictReader((tmp_path / "charts" / "throughput.csv").open(newline="")))
    assert (
        round(sum(float(row["OK"] or 0) for row in course)) == whole["total"]["requests"] - whole["total"]["failures"]
    )

    beside = katydid("report", "last", "--baseline", "last~1", "-o", "-", *store).stdout
    assert 'id="baseline"' in beside
    for wrong, words in (
        (("last", "--baseline", "last"), "cannot be its own baseline"),
        (("--format", "svg"), "name a folder"),
        (("--format", "png"), "name a folder"),
        (("--from", "1h"), "that is no part of"),
        (("-o", "locustfile.py/report.html"), "cannot be written"),
    ):
        ended = katydid("report", *wrong, *store)
        assert (ended.returncode, words in ended.stderr, "panic" in ended.stderr) == (1, True, False), ended.stderr


def test_a_run_that_is_not_kept_has_a_report(katydid, target, tmp_path):
    options = ("--headless", "-u", 2, "-r", 10, "-t", "2s", "--no-store", "--html", "report.html")
    assert katydid("-H", target.url, *options, script=SCRIPT).returncode == 1
    report = (tmp_path / "report.html").read_text()
    table = rows(report, "endpoint-table")
    truth = target.truth()["by_path"]
    assert int(table["/bytes/10"][2]) == truth["GET /bytes/10"]
    assert int(table[GONE][3]) == truth["GET /status/404"]
    assert report.count("<svg xmlns") >= 8
