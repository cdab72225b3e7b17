"""Bad input gets one clear message, the right exit code, and no traceback of ours."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

USER = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def get(self):
        self.client.get("/")
"""

CASES = {
    "missing file": (None, ["-f", "missing.py"], 1, "Could not find 'missing.py'"),
    "syntax error": ("class Visitor(HttpUser)\n    pass\n", [], 1, 'locustfile.py", line 1'),
    "failing import": ("import nosuchmodule\n", [], 1, "No module named 'nosuchmodule'"),
    "no user": ("answer = 42\n", [], 1, "No User class found!"),
    "unknown user": (USER, ["Nobody"], 1, "Unknown User(s): Nobody"),
    "no host": (USER, ["--headless", "-t", "1s"], 1, "You must specify the base host"),
    "unknown option": (USER, ["--hots", "x"], 2, "Did you mean '--host'?"),
    "bad time": (USER, ["--headless", "-t", "1.5s"], 2, "--run-time"),
    "bad number": (USER, ["--headless", "-u", "many"], 2, "--users"),
    "users below zero": (USER, ["--headless", "-u", "-3"], 2, "--users: must be a number of users"),
    "rate of zero": (USER, ["--headless", "-r", "0"], 2, "--spawn-rate: must be a number above zero"),
    "no directory for csv": (USER, ["--headless", "--csv", "/proc/x/y"], 1, "Could not write the CSV files /proc/x/y"),
    "config is missing": (USER, ["--config", "nowhere.conf"], 2, "nowhere.conf: No such file"),
    "config is a directory": (USER, ["--config", "."], 2, "Is a directory"),
    "target down": (USER, ["--headless", "-t", "1s", "-H", "http://127.0.0.1:1"], 1, "ConnectionRefusedError(111"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_is_wrong(katydid, case):
    script, arguments, code, words = CASES[case]
    done = katydid(*arguments, script=script)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "katydid/" not in done.stderr, "no traceback of ours"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("locust.conf", "users = 2\nspawn-rate = fast\n", "locust.conf, line 2: argument -r/--spawn-rate: inv"),
        ("katydid.conf", "# mine\nusrs = 2\n", "katydid.conf, line 2: unrecognized arguments: --usrs"),
        ("pyproject.toml", '[tool.katydid]\nusers = "many"\n', "pyproject.toml, line 2: argument -u/--users: inv"),
        ("pyproject.toml", "[tool.locust\n", "pyproject.toml is not valid TOML"),
        ("locust.conf", "\x00\udcff", "locust.conf is not a text file"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_told_with_its_place(katydid, tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content.encode(errors="surrogateescape"))
    done = katydid("--headless", script=USER)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_files_and_variables_of_ours_are_stronger_than_locusts(katydid, tmp_path, monkeypatch):
    (tmp_path / "locust.conf").write_text("host = http://127.0.0.1:1\nusers = 7\nspawn-rate = 8\n")
    (tmp_path / "katydid.conf").write_text("users = 6\n")
    monkeypatch.setenv("LOCUST_RUN_TIME", "9")
    monkeypatch.setenv("KATYDID_RUN_TIME", "1")
    done = katydid("--headless", "--only-summary", script=USER)
    assert "Ramping to 6 users at a rate of 8.00 per second" in done.stderr
    assert "Run time limit set to 1 seconds" in done.stderr


def test_nobody_need_read_what_is_printed(tmp_path):
    (tmp_path / "locustfile.py").write_text(USER)
    reading, writing = os.pipe()
    os.close(reading)
    command = [Path(sys.executable).parent / "katydid", "--list"]
    done = subprocess.run(command, cwd=tmp_path, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert done.returncode == 0
    assert "Broken" not in done.stderr


def test_a_full_disk_is_told_and_nothing_else_is_lost(katydid, target, tmp_path):
    # Linux's device that is always full.
    (tmp_path / "out_stats.csv").symlink_to("/dev/full")
    done = katydid("--headless", "-t", "1s", "-H", target.url, "--csv", "out", script=USER)
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_named(katydid):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = katydid("--web-host", "127.0.0.1", "-P", port, script=USER)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "-P" in done.stderr


def test_the_list_of_users(katydid):
    done = katydid("--list", script=USER)
    assert done.returncode == 0
    assert done.stdout == "Available Users:\n    Visitor\n"


def test_the_version(katydid):
    done = katydid("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("katydid 0.1.0 (Locust 2.47.0)")
