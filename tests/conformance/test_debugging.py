"""120: one user by hand, to step through a script in a debugger."""

import subprocess
import sys

import pytest

SCRIPT = """
from katydid import HttpUser, User, constant, events, run_single_user, task
from katydid.exception import StopUser

@events.init.add_listener
def on_init(environment, runner, web_ui):
    print("init", runner, web_ui)

@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--mine", default="nothing")

for name in ("test_start", "test_stopping", "test_stop", "quitting", "quit"):
    getattr(events, name).add_listener(lambda name=name, **kwargs: print(name))

class Visitor(HttpUser):
    def on_start(self):
        environment = self.environment
        print("host", self.host, environment.parsed_options.mine, environment.single_user_instance is self)

    def on_stop(self):
        print("stopped")

    def context(self):
        return {"user": 1}

    @task
    def visit(self):
        self.client.post("/echo", data="payload", name="n" * 52, context={"more": 2})
        self.environment.events.request.fire(
            request_type="X", name="short", response_time=None, response_length=7, exception=ValueError("bad")
        )
        raise StopUser
"""


@pytest.fixture
def run(tmp_path):
    """Runs the script as a debugger would: with Python itself."""

    def run(text, *arguments):
        path = tmp_path / "visit.py"
        path.write_text(text)
        return subprocess.run(
            [sys.executable, path, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False, timeout=60
        )

    return run


def test_120_the_host_of_the_command_line_is_used(run, target):
    done = run(SCRIPT + "run_single_user(Visitor)\n", "-H", target.url, "--mine", "this")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [cell.strip() for cell in lines[0].split("\t")] == ["type", "name", "resp_ms", "exception"]
    assert lines[1:4] == ["init None None", "test_start", f"host {target.url} this True"]
    first, second = ([cell.strip() for cell in line.split("\t")] for line in lines[4:6])
    assert first[:2] == ["POST", "n" * 52]
    assert first[2].isdigit()
    assert first[3:] == []
    assert second == ["X", "short", "-1", "ValueError('bad')"]
    # There is no run that could be stopped: neither test_stop nor quitting.
    assert lines[6:] == ["stopped"]


def test_120_the_columns_can_be_chosen(run, target):
    everything = "include_length=True, include_time=True, include_context=True, include_payload=True"
    done = run(SCRIPT + f"run_single_user(Visitor, {everything})\n", "-H", target.url)
    assert done.returncode == 0, done.stderr
    head, *lines = [line.split("\t") for line in done.stdout.splitlines() if "\t" in line]
    head = [cell.strip() for cell in head]
    assert head == ["time", "type", "name", "resp_ms", "length", "exception", "context", "payload"]
    first, second = (dict(zip(head, map(str.strip, line), strict=False)) for line in lines)
    assert first["context"] == "{'user': 1, 'more': 2}"
    assert first["payload"] == "payload"
    assert first["time"].startswith("20")
    assert int(first["length"]) > 0
    assert (second["length"], second["exception"]) == ("7", "ValueError('bad')")


def test_120_init_comes_once_and_test_start_with_each_user(run, target):
    done = run(SCRIPT + "run_single_user(Visitor)\nrun_single_user(Visitor)\n", "-H", target.url)
    assert [line for line in done.stdout.splitlines() if line in ("init None None", "test_start")] == [
        "init None None",
        "test_start",
        "test_start",
    ]
    assert done.stdout.count("short") == 2


def test_120_what_on_start_raises_leaves_the_script(run):
    text = SCRIPT.replace('print("host", ', 'raise ValueError("not today", ')
    done = run(text + "run_single_user(Visitor)\nprint('never')\n", "-H", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "never" not in done.stdout
    assert "stopped" not in done.stdout
    assert "ValueError: ('not today'" in done.stderr
    assert "/ERROR/locust.user.users: " in done.stderr


def test_120_logging_can_be_left_alone(run):
    text = SCRIPT + "import logging\nrun_single_user(Visitor, loglevel=None)\nprint(logging.getLogger().handlers)\n"
    done = run(text, "-H", "http://127.0.0.1:1")
    assert done.stdout.splitlines()[-1] == "[]"
