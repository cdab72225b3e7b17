"""URLs without a script, by the wheel's command."""

import json


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
