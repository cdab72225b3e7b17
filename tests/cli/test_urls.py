"""URLs without a script, by the wheel's command."""

import json
import re
import socket


def test_a_url_is_enough(katydid, target, table):
    done = katydid(f"{target.url}/items", "-n", "40", "-u", "4", "--no-store", "--json")
    assert done.returncode == 0, done.stderr
    assert table(done.stderr)["GET /items"] == (40, 0)
    assert json.loads(done.stdout)[0]["num_requests"] == target.truth()["by_path"]["GET /items"] == 40


def test_failures_and_thresholds_decide_about_the_exit_code(katydid, target):
    status = f"{target.url}/status/503"
    assert katydid(status, "-n", "3", "-u", "1", "--no-store").returncode == 1
    assert katydid(status, "-n", "3", "-u", "1", "--no-store", "--fail-if", "fail>50%").returncode == 3
    assert katydid(status, "-n", "0").returncode == 2


def test_neither_gevent_nor_a_script_is_needed(katydid, target, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    done = katydid(f"{target.url}/", "-n", "1", "-u", "1", "--no-store")
    assert done.returncode == 0, done.stderr
    assert "gevent" not in done.stderr


def test_what_was_due_and_did_not_begin_is_said(katydid, target, tmp_path):
    store = ("--store", tmp_path / "runs.db")
    slow = f"{target.url}/latency?ms=5000"
    done = katydid(slow, "--rate", "20/s", "--rate-users", "1", "-t", "2s", *store)
    assert re.search(r"\d+ of 4\d iterations that were due did not begin", done.stderr), done.stderr
    report = json.loads(katydid("report", "--format", "json", "-o", "-", *store).stdout)
    assert report["trust"]["is"] == "incomplete"
    assert any("did not begin" in reason for reason in report["trust"]["reasons"]), report["trust"]


def test_requests_that_are_given_up_are_said(katydid):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        done = katydid(url, "-u", "3", "-r", "3", "-t", "1s", "--no-store")
    assert "3 requests of stopped users had no answer yet and were given up" in done.stderr


def test_so_many_iterations_are_due_at_a_rate(katydid, target, tmp_path):
    store = ("--store", tmp_path / "runs.db")
    done = katydid(f"{target.url}/", "--rate", "100/s", "-n", "30", *store)
    assert done.returncode == 0, done.stderr
    iterations = json.loads(katydid("show", "--format", "json", *store).stdout)["iterations"]
    assert [iterations[key] for key in ("due", "started", "finished", "dropped")] == [30, 30, 30, 0]
    assert target.truth()["total"] == 30


def test_files_that_cannot_be_written_are_told_of_before_the_run(katydid, target, tmp_path):
    (tmp_path / "taken").write_text("no folder")
    for option in ("--html", "--json-file", "--junit"):
        done = katydid(f"{target.url}/", "-n", "1", "--no-store", option, tmp_path / "taken" / "file")
        assert done.returncode == 1
        assert "Could not write" in done.stderr
    assert target.truth()["total"] == 0
