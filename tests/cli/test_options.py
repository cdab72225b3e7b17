"""Options that no other test needs: each does something. And the help text, as it was last looked at."""

from __future__ import annotations

import json
import os
import signal
import urllib.request
from pathlib import Path

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        self.client.get("/bytes/10")
"""


def test_help_is_what_it_was(katydid, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    kept = Path(__file__).with_name("help.txt")
    shown = katydid("--help").stdout
    if os.environ.get("UPDATE_SNAPSHOTS"):
        kept.write_text(shown)
    assert shown == kept.read_text(), "if that is as it should be: UPDATE_SNAPSHOTS=1 pytest tests/cli/test_options.py"


def test_locustfile_by_its_long_name(katydid, locustfile):
    assert "Visitor" in katydid("--locustfile", locustfile(SCRIPT, "mine.py"), "--list").stdout


def test_headful_is_stronger_than_headless(start, locustfile, target):
    running = start(
        "-f", locustfile(SCRIPT), "--headless", "--headful", "-P", 0, "--web-host", "127.0.0.1", "-H", target.url
    )
    running.wait_for("Starting web interface")
    assert running.end(signal.SIGINT) == 0


def test_print_stats_prints_beside_the_page(start, locustfile, target):
    running = start(
        "-f", locustfile(SCRIPT), "--autostart", "-P", 0, "--web-host", "127.0.0.1", "-H", target.url, "--print-stats"
    )  # fmt: skip
    running.wait_for(r"^GET +/bytes/10 +\d+")
    assert running.end(signal.SIGINT) == 0


def test_json_file_takes_the_place_of_the_tables(katydid, target, tmp_path):
    done = katydid(
        "--headless", "-H", target.url, "--iterations", "3", "--json-file", "made/out", "--only-summary", script=SCRIPT
    )
    assert "# reqs" not in done.stderr
    (entry,) = json.loads((tmp_path / "made/out.json").read_text())
    assert (entry["name"], entry["num_requests"]) == ("/bytes/10", 3)


def test_build_path_is_another_page(start, locustfile, tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<title>another page</title>")
    running = start("-f", locustfile(SCRIPT), "-P", 0, "--web-host", "127.0.0.1", "--build-path", tmp_path / "page")
    url = running.wait_for(r"at (http://[^\s,]+)")[1]
    assert "another page" in urllib.request.urlopen(url).read().decode()
    assert running.end(signal.SIGINT) == 0


def test_stop_timeout_lets_tasks_end(katydid, target):
    script = SCRIPT.replace('get("/bytes/10")', 'get("/latency?ms=1500")')
    done = katydid("--headless", "-H", target.url, "-t", "1s", "--stop-timeout", "20", "--only-summary", script=script)
    assert "Aggregated" in done.stderr
    assert target.truth()["total"] == 1
    assert done.returncode == 0
