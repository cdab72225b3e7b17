"""Bad input gets one clear message, the right exit code, and no traceback of ours."""

from __future__ import annotations

import socket

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
    "target down": (USER, ["--headless", "-t", "1s", "-H", "http://127.0.0.1:1"], 1, "ConnectionRefusedError(111"),
}


@pytest.mark.parametrize("case", CASES)
def test_it_says_what_is_wrong(katydid, case):
    script, arguments, code, words = CASES[case]
    done = katydid(*arguments, script=script)
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "katydid/" not in done.stderr, "no traceback of ours"


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
