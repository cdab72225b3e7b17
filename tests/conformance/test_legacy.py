"""Scripts and command lines of the 0.14 generation, by the numbers of the acceptance checklist.

Today's Locust runs none of these, so unlike its neighbours this module speaks of Katydid alone.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).parent / "katydid"

ONE_REQUEST = """
from locust import HttpLocust, TaskSet, task

class Visit(TaskSet):
    @task
    def front_page(self):
        self.client.get("/")
        self.locust.environment.runner.quit()

class Visitor(HttpLocust):
    task_set = Visit
    min_wait = 1000
    max_wait = 1000
"""

NOTHING = """
from locust import Locust, TaskSet, task

class Idle(TaskSet):
    @task
    def nothing(self): pass

class Idler(Locust):
    task_set = Idle
    min_wait = max_wait = 50
"""

OLD_NAMES = {
    "locust": "HttpLocust Locust TaskSet TaskSequence task seq_task InterruptTaskSet ResponseError "
    "RescheduleTaskImmediately between constant constant_pacing events web runners stats",
    "locust.core": "Locust HttpLocust TaskSet TaskSequence task seq_task NoClientWarningRaiser TaskSetMeta",
    "locust.events": "EventHook request_success request_failure locust_error report_to_master slave_report "
    "hatch_complete quitting master_start_hatching master_stop_hatching locust_start_hatching locust_stop_hatching",
    "locust.wait_time": "between constant constant_pacing",
    "locust.inspectlocust": "print_task_ratio",
    "locust.log": "setup_logging",
    "locust.main": "main",
    "locust.runners": "LocustRunner LocalLocustRunner MasterLocustRunner SlaveLocustRunner locust_runner "
    "STATE_HATCHING SLAVE_REPORT_INTERVAL",
    "locust.stats": "global_stats RequestStats",
    "locust.clients": "HttpSession ResponseContextManager",
    "locust.exception": "LocustError StopLocust InterruptTaskSet RescheduleTask MissingWaitTimeError",
    "locust.contrib.fasthttp": "FastHttpLocust FastHttpSession",
    "locust.util.deprecation": "DeprecatedLocustClass check_for_deprecated_task_set_attribute",
}


def test_01_everything_can_be_imported(katydid):
    imports = "\n".join(
        f"import {module}\nfrom {module} import {', '.join(names.split())}" for module, names in OLD_NAMES.items()
    )
    done = katydid("--list", script=NOTHING + imports)
    assert done.returncode == 0, done.stderr
    assert "Idler" in done.stdout


def test_02_an_http_locust_waits_milliseconds(katydid, target):
    script = ONE_REQUEST.replace(
        "self.locust.environment.runner.quit()",
        "print(self.wait_time(), self.locust.wait_time, type(self.client).__name__)\n"
        "        self.locust.environment.runner.quit()",
    )
    done = katydid("--no-web", "-c", 1, "-H", target.url, "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1.0 None HttpSession\n"
    assert target.truth()["by_path"] == {"GET /": 1}


def test_03_a_wait_function_returns_milliseconds(katydid):
    script = NOTHING.replace("min_wait = max_wait = 50", "wait_function = lambda self: 2500").replace(
        "def nothing(self): pass",
        "def nothing(self):\n        print(self.wait_time())\n        self.locust.environment.runner.quit()",
    )
    done = katydid("--no-web", "-c", 1, "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2.5\n"


def test_04_a_task_sequence_goes_by_its_numbers(katydid):
    done = katydid(
        "--no-web",
        "-c",
        1,
        "--only-summary",
        script="""
from locust import Locust, TaskSequence, seq_task, task
from locust.exception import StopLocust

class Steps(TaskSequence):
    @seq_task(3)
    def last(self):
        print("last")
        self.locust.environment.runner.quit()

    @seq_task(1)
    def first(self):
        print("first")

    @seq_task(2)
    @task(2)
    def twice(self):
        print("twice")

class Walker(Locust):
    task_set = Steps
    min_wait = max_wait = 0
""",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["first", "twice", "twice", "last"]


def test_05_a_task_set_knows_its_locust_and_its_client(katydid, target):
    script = ONE_REQUEST.replace(
        "self.locust.environment.runner.quit()",
        "print(type(self.locust).__name__, self.parent is self.locust, self.client is self.locust.client)\n"
        "        self.locust.environment.runner.quit()",
    )
    done = katydid("--no-web", "-c", 1, "-H", target.url, "--only-summary", script=script)
    assert done.stdout == "Visitor True True\n"


def test_06_handlers_are_added_with_plus(katydid, target):
    script = ONE_REQUEST + (
        "\nimport locust.events\n"
        "def success(request_type, name, response_time, response_length):\n"
        "    print(request_type, name, response_time > 0, response_length > 0)\n"
        "def never(request_type, name, response_time, response_length, exception): print('failure')\n"
        "locust.events.request_success += success\n"
        "locust.events.request_success += never\n"
        "locust.events.request_success -= never\n"
        "locust.events.request_failure += never\n"
    )
    done = katydid("--no-web", "-c", 1, "-H", target.url, "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "GET / True True\n"


def test_06_a_handler_fired_by_hand_counts_a_request(katydid):
    done = katydid(
        "--no-web",
        "-c",
        1,
        "--only-summary",
        script="""
from locust import Locust, TaskSet, task, events, runners

class Ask(TaskSet):
    @task
    def ask(self):
        events.request_success.fire(request_type="xmlrpc", name="ok", response_time=12, response_length=3)
        events.request_failure.fire(
            request_type="xmlrpc", name="bad", response_time=13, exception=ValueError("refused"))
        stats = runners.locust_runner.stats
        print(stats.total.num_requests, stats.total.num_failures, [e.error for e in stats.errors.values()])
        runners.locust_runner.quit()

class Asker(Locust):
    task_set = Ask
    min_wait = max_wait = 1000
""",
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == "2 1 [ValueError('refused')]\n"


def test_07_setup_and_teardown_run_once(katydid):
    script = NOTHING.replace(
        "    @task\n",
        "    def setup(self): print('set up')\n    def teardown(self): print('torn down')\n    @task\n",
    ) + (
        "    def setup(self): print('user set up')\n"
        "    def teardown(self): print('user torn down')\n"
        "from locust import events, runners\n"
        "def ready(user_count): runners.locust_runner.quit()\n"
        "events.hatch_complete += ready\n"
    )
    done = katydid("--no-web", "-c", 3, "-r", 100, "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["user set up", "set up", "torn down", "user torn down"]


def test_08_the_old_command_line(katydid, target):
    done = katydid(
        "--no-web", "-c", 2, "-r", 2, "-t", "1s", "-H", target.url, "--no-reset-stats", "--only-summary",
        script=ONE_REQUEST.replace("self.locust.environment.runner.quit()", "pass"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Ramping to 2 users at a rate of 2.00 per second" in done.stderr
    assert "--run-time limit reached" in done.stderr


SLAVE = (
    ONE_REQUEST.replace("self.locust.environment.runner.quit()", "pass")
    + """
from locust import events, runners

def reported(client_id, data):
    print("reported", isinstance(runners.locust_runner, runners.SlaveLocustRunner), flush=True)
    events.report_to_master -= reported

def told(client_id, data):
    print("told", runners.locust_runner.slave_count, flush=True)
    events.slave_report -= told

events.report_to_master += reported
events.slave_report += told
"""
)


@pytest.mark.parametrize("said", ["by options", "by variables"])
def test_09_and_10_a_master_and_a_slave(tmp_path, target, said):
    (tmp_path / "locustfile.py").write_text(SLAVE)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    nodes = {
        "by options": (
            ["--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", port, "--expect-slaves", "1",
             "--no-web", "-c", "2", "-r", "2", "-t", "2s", "--host", target.url],
            ["--slave", "--master-host", "127.0.0.1", "--master-port", port],
        ),
        "by variables": (
            {"LOCUST_MASTER": "1", "LOCUST_MASTER_BIND_HOST": "127.0.0.1", "LOCUST_MASTER_BIND_PORT": port,
             "LOCUST_EXPECT_SLAVES": "1", "LOCUST_NO_WEB": "1", "LOCUST_CLIENTS": "2", "LOCUST_HATCH_RATE": "2",
             "LOCUST_RUN_TIME": "2s", "LOCUST_HOST": target.url},
            {"LOCUST_SLAVE": "1", "LOCUST_MASTER_HOST": "127.0.0.1", "LOCUST_MASTER_PORT": port},
        ),
    }[said]  # fmt: skip
    processes = [
        subprocess.Popen(
            [COMMAND, *(node if said == "by options" else ())],
            cwd=tmp_path,
            env={**os.environ, **(node if said == "by variables" else {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for node in nodes
    ]
    try:
        (printed, log), (slaves, slaves_log) = [process.communicate(timeout=60) for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert [process.returncode for process in processes] == [0, 0], log + slaves_log
    assert (printed, slaves) == ("told 1\n", "reported True\n")
    assert "(index 0) reported as ready. 1 workers connected." in log
    assert int(re.findall(r"Aggregated +(\d+) +\d+\(", log)[-1]) == target.truth()["total"] > 0


@pytest.mark.parametrize("upward", ["from", "from -f"])
def test_11_the_script_may_lie_in_a_directory_above(tmp_path, upward):
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / ("locustfile.py" if upward == "from" else "mine.py")).write_text(NOTHING)
    arguments = ["--list"] if upward == "from" else ["-f", "mine", "--list"]
    done = subprocess.run([COMMAND, *arguments], cwd=below, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Idler" in done.stdout


@pytest.fixture
def page(tmp_path):
    """Starts the command with its page and returns what calls it; the process ends with the test."""
    processes = []

    def page(script):
        (tmp_path / "locustfile.py").write_text(script)
        process = subprocess.Popen(
            [COMMAND, "--web-host", "127.0.0.1", "--port", "0"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        processes.append(process)
        for line in process.stderr:
            found = re.search(r"web interface at ([^\s,]+)", line)
            if found:
                break
        else:
            raise AssertionError("there is no page")

        def call(path, **form):
            data = urllib.parse.urlencode(form).encode() if form else None
            with urllib.request.urlopen(found[1].rstrip("/") + path, data, timeout=20) as answer:
                return answer.read().decode()

        return call

    yield page
    for process in processes:
        process.kill()
        process.communicate()


def test_12_and_13_swarm_takes_the_old_words_and_stop_a_get(page):
    call = page(NOTHING)
    assert json.loads(call("/swarm", locust_count=3, hatch_rate=50))["success"]
    end = time.monotonic() + 20
    while json.loads(call("/stats/requests"))["user_count"] != 3:
        assert time.monotonic() < end, "the users never came"
    assert json.loads(call("/stop"))["success"]
    assert json.loads(call("/stats/requests"))["user_count"] == 0
    assert call("/stats/reset") == "ok"


def test_14_hatch_complete_tells_how_many(katydid):
    script = NOTHING + (
        "\nfrom locust import events, runners\n"
        "def ready(user_count):\n"
        "    print(user_count)\n"
        "    runners.locust_runner.quit()\n"
        "events.hatch_complete += ready\n"
    )
    done = katydid("--no-web", "-c", 4, "-r", 100, "--only-summary", script=script)
    assert done.stdout == "4\n"


def test_15_the_runner_by_its_old_name(katydid):
    script = (
        NOTHING
        + """
import json
from locust import events, runners
from locust.runners import LocalLocustRunner, MasterLocustRunner, STATE_HATCHING
from locust.stats import global_stats

def ready(user_count):
    runner = runners.locust_runner
    events.request_success.fire(request_type="A", name="b", response_time=1, response_length=1)
    print(json.dumps({
        "requests": [runner.stats.total.num_requests, runner.request_stats.total.num_requests,
                     global_stats.total.num_requests],
        "is": [isinstance(runner, LocalLocustRunner), isinstance(runner, MasterLocustRunner)],
        "users": [runner.num_clients, runner.user_count, len(runner.locusts)],
        "classes": [cls.__name__ for cls in runner.locust_classes],
        "host": runner.host,
        "rate": runner.options.spawn_rate,
        "hatching": STATE_HATCHING,
        "missing": hasattr(runner, "never_was"),
    }))
    runner.quit()

events.hatch_complete += ready
"""
    )
    done = katydid("--no-web", "-c", 2, "-r", 50, "-H", "http://127.0.0.1:1", "--only-summary", script=script)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "requests": [1, 1, 1],
        "is": [True, False],
        "users": [2, 2, 2],
        "classes": ["Idler"],
        "host": "http://127.0.0.1:1",
        "rate": 50,
        "hatching": "spawning",
        "missing": False,
    }


def test_15_a_runner_made_by_hand(tmp_path):
    (tmp_path / "library.py").write_text(
        "from katydid import _aliases\n_aliases.install()\n" + NOTHING + "from argparse import Namespace\n"
        "from locust import events, runners\n"
        "runner = runners.LocalLocustRunner([Idler], Namespace(host=None))\n"
        "def ready(user_count):\n"
        "    print(user_count, runners.locust_runner is runner)\n"
        "    runner.quit()\n"
        "events.hatch_complete += ready\n"
        "runner.start_hatching(2, 100)\n"
        "runner.greenlet.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "library.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "2 True\n"


def test_16_routes_can_be_added_when_the_script_is_imported(page):
    call = page(
        NOTHING
        + """
from locust import runners, web

@web.app.route("/mine/<word>")
def mine(word):
    return f"{word} {runners.locust_runner.state}"
"""
    )
    assert call("/mine/yours") == "yours ready"


def test_17_step_load_adds_users_step_by_step(katydid):
    script = (
        NOTHING
        + """
from locust import events, runners

seen = []

def ready(user_count):
    seen.append(user_count)
    if len(seen) == 3:
        print(seen)
        runners.locust_runner.quit()

events.hatch_complete += ready
"""
    )
    done = katydid(
        "--no-web", "-c", 7, "-r", 100, "--step-load", "--step-clients", 2, "--step-time", "1s", "--only-summary",
        script=script,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[2, 4, 6]\n"


def test_17_step_load_and_step_time_need_each_other(katydid):
    done = katydid("--no-web", "--step-time", "1s", script=NOTHING)
    assert done.returncode == 1
    assert "--step-load and --step-time need each other" in done.stderr


def test_17_step_load_ends_with_the_run_time_and_stays_at_whole_steps():
    from katydid.legacy_run import StepLoad

    load = StepLoad(7, spawn_rate=5, step_users=2, step_seconds=10, run_time=100)
    ticks = []
    for second in (0, 9, 10, 29, 31, 99, 100):
        load.get_run_time = lambda second=second: second
        ticks.append(load.tick())
    assert ticks == [(2, 5), (2, 5), (4, 5), (6, 5), (6, 5), (6, 5), None]
