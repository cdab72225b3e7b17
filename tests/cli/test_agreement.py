"""Everything that tells of one run tells the same: the web API, the console, CSV, JSON and JUnit."""

from __future__ import annotations

import csv
import io
import json
import re
import signal
import urllib.request
import xml.etree.ElementTree as ET

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0)

    @task(5)
    def look(self):
        self.client.get("/bytes/10")

    @task
    def miss(self):
        self.client.post("/status/404", name="gone")
"""
NUMBERS = re.compile(
    r"^(GET|POST)? +(\S+) +(\d+) +(\d+)\(([\d.]+)%\) \| +(\d+) +(\d+) +(\d+) +(\d+) \| +([\d.]+) +([\d.]+)",
    re.MULTILINE,
)
PERCENTILES = re.compile(r"^(GET|POST)? +(\S+) +((?: *\d+){12})$", re.MULTILINE)


def test_all_tell_the_same(start, target, locustfile, tmp_path):
    running = start(
        "-f", locustfile(SCRIPT), "--autostart", "-H", target.url, "-u", 5, "-r", 5, "-t", "2s", "-P", 0,
        "--web-host", "127.0.0.1", "--csv", "out", "--json", "--junit", "out.xml", "--fail-if", "requests>=0",
        "--fail-if", "gone requests>=0", "--fail-if", "fail>=0", "--loglevel", "INFO",
    )  # fmt: skip
    url = running.wait_for(r"at (http://[^\s,]+)")[1]
    running.wait_for("--run-time limit reached")
    running.wait_for("leaving web ui running")

    def get(path: str) -> str:
        return urllib.request.urlopen(f"{url}{path}").read().decode()

    web = {row["name"]: row for row in json.loads(get("/stats/requests"))["stats"]}
    by_web = {row["Name"]: row for row in csv.DictReader(io.StringIO(get("/stats/requests/csv")))}
    assert running.end(signal.SIGINT) == 3
    by_csv = {row["Name"]: row for row in csv.DictReader((tmp_path / "out_stats.csv").open(newline=""))}
    by_json = {row["name"]: row for row in json.loads(running.printed)}
    # With --json Locust's tables begin again from zero, but for the last line, and so do ours.
    *_, aggregated = NUMBERS.findall(running.log)
    *_, percentiles = PERCENTILES.findall(running.log)
    measured = dict(re.findall(r"^FAILED +(\S.*?) +([\d.]+)(?: %)?$", running.log, re.MULTILINE))

    truth = target.truth()
    requests, failures = truth["total"], truth["by_path"]["POST /status/404"]
    total = by_csv["Aggregated"]
    assert requests > 100
    assert by_web == by_csv
    assert [int(total["Request Count"]), int(total["Failure Count"])] == [requests, failures]
    assert [web["Aggregated"]["num_requests"], web["Aggregated"]["num_failures"]] == [requests, failures]
    assert [int(aggregated[2]), int(aggregated[3])] == [requests, failures]
    assert [measured["requests>=0"], measured["gone requests>=0"]] == [str(requests), str(failures)]
    assert measured["fail>=0"] == str(failures)
    cases = {case.get("name"): case.find("failure") for case in ET.parse(tmp_path / "out.xml").iter("testcase")}
    assert cases["requests>=0"].get("message") == str(requests)
    for name in ("/bytes/10", "gone"):
        row, entry = by_csv[name], by_json[name]
        assert int(row["Request Count"]) == entry["num_requests"] == web[name]["num_requests"]
        assert int(row["Failure Count"]) == entry["num_failures"] == web[name]["num_failures"]
        assert float(row["Max Response Time"]) == entry["max_response_time"]
        assert web[name]["max_response_time"] == int(entry["max_response_time"] + 0.5)
        assert float(row["Min Response Time"]) == entry["min_response_time"]
        assert web[name]["min_response_time"] == int(entry["min_response_time"] + 0.5)
        average = entry["total_response_time"] / entry["num_requests"]
        assert float(row["Average Response Time"]) == web[name]["avg_response_time"]
        assert abs(average - web[name]["avg_response_time"]) < 1e-9
    assert [int(float(total[f"{kind} Response Time"])) for kind in ("Average", "Min", "Max")] == [
        int(number) for number in aggregated[5:8]
    ]
    names = ("50%", "66%", "75%", "80%", "90%", "95%", "98%", "99%", "99.9%", "99.99%", "100%")
    assert [int(float(total[name])) for name in names] == [int(number) for number in percentiles[2].split()[:-1]]
    assert f"{float(total['Requests/s']):.2f}" == aggregated[9]
