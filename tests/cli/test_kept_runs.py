"""Kept runs, from the command that made them to those that look at them."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.conftest import KATYDID

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.02)

    @task(3)
    def front_page(self):
        self.client.get("/")

    @task
    def gone(self):
        self.client.get("/status/404", name="/gone")
"""


def test_a_run_is_kept_and_every_way_to_look_at_it_tells_the_same(katydid, target, tmp_path):
    store = ("--store", tmp_path / "runs.db")
    options = ("--headless", "-u", 4, "-r", 10, "-t", "3s", "--fail-if", "fail>90%", "--fail-if", "/gone fail>5%")
    done = katydid("-H", target.url, *options, "--json", *store, script=SCRIPT)
    assert done.returncode == 3, done.stderr
    printed = {row["name"]: row for row in json.loads(done.stdout)}
    truth = target.truth()["by_path"]

    [run] = json.loads(katydid("runs", "--json", *store).stdout)
    assert (run["script"], run["result"], run["peak_users"]) == ("locustfile.py", "failed", 4)
    assert run["requests"] == sum(truth.values())
    standings = {each["text"]: each["standing"] for each in run["thresholds"]}
    assert standings == {"fail>90%": "kept", "/gone fail>5%": "crossed"}

    shown = json.loads(katydid("show", "last", "--format", "json", *store).stdout)
    entries = {entry["name"]: entry for entry in shown["entries"]}
    assert entries.keys() == printed.keys()
    for name, entry in entries.items():
        assert entry["requests"] == printed[name]["num_requests"]
        assert entry["failures"] == printed[name]["num_failures"]
    assert entries["/gone"]["failures"] == truth["GET /status/404"] == shown["errors"][0]["count"]
    assert entries["/"]["requests"] == truth["GET /"]
    # Per second of the run, which begins and ends within one.
    length = (run["ended_ms"] - run["started_ms"]) / 1000
    assert shown["total"]["requests_per_second"] == pytest.approx(run["requests"] / length)
    assert run["seconds"] == round(length) or length % 1 == pytest.approx(0.5, abs=0.01)

    text = katydid("show", *store).stdout
    assert f"{run['id']} of locustfile.py, failed" in text
    assert "FAILED  /gone fail>5%" in text


def test_a_store_that_is_none_is_refused_in_words(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("not a store" * 100)
    done = subprocess.run([KATYDID, "runs", "--store", path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "is not a store of Katydid's, or it is broken; it is left as it is" in done.stderr
    assert path.read_text() == "not a store" * 100
