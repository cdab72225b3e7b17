"""The command line: the rows that concern scripts, their logs and their processes."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

COMMAND = Path(sys.executable).parent / "katydid"

SCRIPT = """
import json
from locust import User, constant, events, tag, task

@events.init_command_line_parser.add_listener
def add_arguments(parser):
    parser.add_argument("--shop", default="books", env_var="SHOP")
    parser.add_argument("--number", type=int, default=1)
    parser.add_argument("--switch", action="store_true")
    parser.add_argument("--hidden", is_secret=True, default="")

class Person(User):
    wait_time = constant(3600)

    @tag("a")
    @task
    def work(self): pass

    @tag("a b")
    @task
    def other(self): pass

@events.spawning_complete.add_listener
def show(**kwargs):
    environment = runner.environment
    options = environment.parsed_options
    print(json.dumps({
        "shop": options.shop, "number": options.number, "switch": options.switch,
        "tags": options.tags, "left": [task.__name__ for task in Person.tasks],
    }))
    runner.quit()

@events.init.add_listener
def on_init(environment, **kwargs):
    global runner
    runner = environment.runner
"""


@pytest.fixture
def shown(tmp_path):
    """Runs the script and returns what it found in its options."""

    def shown(*arguments, config="", **variables):
        (tmp_path / "locustfile.py").write_text(SCRIPT)
        (tmp_path / "locust.conf").write_text(config)
        done = subprocess.run(
            [COMMAND, "--headless", "--only-summary", *arguments],
            cwd=tmp_path,
            env={**os.environ, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return shown


def test_100_the_exit_code_a_quitting_listener_sets_wins(katydid):
    script = (
        SCRIPT
        + """
@events.quitting.add_listener
def judge(environment, **kwargs):
    environment.process_exit_code = 7

@events.quit.add_listener
def ended(exit_code, **kwargs):
    print("code", exit_code)
"""
    )
    done = katydid("--headless", "--only-summary", script=script)
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines()[-1] == "code 7"
    assert "Shutting down (exit code 7)" in done.stderr


@pytest.mark.parametrize(
    ("variable", "tags", "left"),
    [("[a, c]", ["a", "c"], ["work"]), ("a b", ["a b"], ["other"])],
    ids=["in brackets", "without"],
)
def test_102_a_list_in_a_variable_needs_brackets(shown, variable, tags, left):
    options = shown(LOCUST_TAGS=variable)
    assert (options["tags"], options["left"]) == (tags, left)


def test_103_an_unknown_option_suggests_a_close_one(katydid):
    done = katydid("--shopp", "x", script=SCRIPT)
    assert done.returncode == 2
    assert "unrecognized arguments: --shopp" in done.stderr
    assert "Did you mean '--shop'?" in done.stderr


def test_104_arguments_of_a_script_keep_their_types(shown):
    assert shown() == {"shop": "books", "number": 1, "switch": False, "tags": None, "left": ["work", "other"]}
    told = shown(config="number = 5\nswitch = true\n", SHOP="shoes")
    assert (told["shop"], told["number"], told["switch"]) == ("shoes", 5, True)
    told = shown("--shop", "hats", "--number", "7", config="number = 5\nshop = none\n", SHOP="shoes")
    assert (told["shop"], told["number"], told["switch"]) == ("hats", 7, False)


IDLE = """
from locust import User, constant, task

class Idler(User):
    wait_time = constant(0.1)

    @task
    def idle(self): pass
"""


def test_56_an_init_listener_that_fails_ends_the_process(katydid):
    script = IDLE + (
        "\nfrom locust import events\n"
        "@events.init.add_listener\ndef fail(**kwargs): 1 / 0\n"
        "@events.init.add_listener\ndef told(**kwargs): print('told')\n"
        "@events.test_start.add_listener\ndef never(**kwargs): print('started')\n"
    )
    done = katydid("--headless", "-t", "1s", script=script)
    assert done.returncode == 1
    assert done.stdout == "told\n"
    assert "Uncaught exception in event handler" in done.stderr
    assert 'locustfile.py", line 12, in fail' in done.stderr


SHAPE = (
    IDLE
    + """
from locust import LoadTestShape

class Brief(LoadTestShape):
    def reset_time(self):
        super().reset_time()
        print("reset")

    def tick(self):
        return (1, 10) if self.get_run_time() < 0.5 else None
"""
)


def test_63_a_shape_ignores_options_and_says_so(katydid):
    done = katydid("--headless", "--only-summary", "-u", 5, "-r", 3, "-t", "9s", script=SHAPE)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "reset\n"
    assert "--run-time, --users or --spawn-rate have no impact on LoadShapes" in done.stderr
    assert "The following option(s) will be ignored: --users, --spawn-rate, --run-time" in done.stderr
    assert "Shape test updating to 1 users at 10.00 spawn rate" in done.stderr
    assert "Shape test completed, shutting down" in done.stderr


def test_63_a_shape_that_reads_them_is_not_warned_of(katydid):
    script = SHAPE.replace("    def reset_time", "    use_common_options = True\n\n    def reset_time")
    done = katydid("--headless", "--only-summary", "-u", 5, script=script)
    assert done.returncode == 0, done.stderr
    assert "ignored" not in done.stderr


ONE = "from locust import LoadTestShape, User\nclass One(User): tasks = [print]\nclass Steps(LoadTestShape): {tick}\n"


def test_64_a_class_may_be_imported_into_another_script(katydid, locustfile):
    locustfile(ONE.format(tick="tick = lambda self: None"), "one.py")
    locustfile("from one import One, Steps\nclass Two(One): weight = 2\n", "two.py")
    done = katydid("-f", "one.py,two.py", "--list")
    assert (done.returncode, done.stdout.split()) == (0, ["Available", "Users:", "One", "Two"]), done.stderr


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ("class One(User): weight = 5\n", "Duplicate user class names: One is defined in both "),
        ("class Steps(LoadTestShape): tick = None\n", "Duplicate shape classes: Steps"),
    ],
    ids=["user", "shape"],
)
def test_64_another_class_of_the_same_name_may_not(katydid, locustfile, other, told):
    locustfile(ONE.format(tick="tick = lambda self: None"), "one.py")
    locustfile("from locust import LoadTestShape, User\n" + other, "two.py")
    done = katydid("-f", "one.py,two.py", "--list")
    assert done.returncode == 1
    assert done.stderr.startswith(told)


TALKER = """
import logging
from locust import User, constant, task

class Talker(User):
    wait_time = constant(3600)

    @task
    def talk(self):
        print("printed")
        logging.getLogger("mine").info("told")
        self.environment.runner.quit()
"""

LINE = r"^\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}\] \S+/%s: %s$"


def test_97_logs_go_to_stderr_and_prints_to_stdout(katydid, tmp_path):
    done = katydid("--headless", script=TALKER)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "printed\n"
    assert re.search(LINE % ("INFO/mine", "told"), done.stderr, re.MULTILINE)
    assert re.search(LINE % ("INFO/locust.main", r"Shutting down \(exit code 0\)"), done.stderr, re.MULTILINE)
    assert not (tmp_path / "run.log").exists()


def test_97_a_file_takes_the_logs_and_leaves_the_tables(katydid, tmp_path):
    done = katydid("--headless", "--logfile", "run.log", script=TALKER)
    assert done.returncode == 0, done.stderr
    log = (tmp_path / "run.log").read_text()
    assert re.search(LINE % ("INFO/mine", "told"), log, re.MULTILINE)
    assert re.search(LINE % ("INFO/locust.main", r"Shutting down \(exit code 0\)"), log, re.MULTILINE)
    assert done.stdout == "printed\n"
    assert "INFO" not in done.stderr
    assert "Aggregated" in done.stderr
    assert "Aggregated" not in log


def test_98_without_log_setup_only_the_script_speaks(katydid):
    done = katydid("--headless", "--skip-log-setup", script=TALKER)
    assert (done.returncode, done.stdout, done.stderr) == (0, "printed\n", "")


def test_100_failures_give_the_code_that_was_asked_for(katydid):
    script = TALKER.replace(
        'print("printed")', 'with self.environment.events.request.measure("A", "b"): raise ValueError("bad")'
    )
    assert katydid("--headless", "--only-summary", script=script).returncode == 1
    assert katydid("--headless", "--only-summary", "--exit-code-on-error", 0, script=script).returncode == 0
    assert katydid("--headless", "--only-summary", "--exit-code-on-error", 9, script=script).returncode == 9


def test_101_nearer_settings_win(shown, tmp_path):
    (tmp_path / "pyproject.toml").write_text('[tool.locust]\nshop = "toml"\nnumber = 2\nswitch = true\n')
    (tmp_path / "more.conf").write_text("shop = more\n")
    told = shown(config="shop = conf\nnumber = 1\n")
    assert (told["shop"], told["number"], told["switch"]) == ("toml", 2, True)
    assert shown("--config", "more.conf", config="shop = conf\n")["shop"] == "more"
    assert shown("--config", "more.conf", SHOP="variable")["shop"] == "variable"
    assert shown("--config", "more.conf", "--shop", "typed", SHOP="variable")["shop"] == "typed"


def test_105_the_full_history_needs_a_place(katydid):
    done = katydid("--headless", "--csv-full-history", script=IDLE)
    assert done.returncode == 2
    assert done.stderr.endswith("error: '--csv-full-history' requires '--csv'.\n")


PAGE = ("--autostart", "--web-host", "127.0.0.1", "-P", 0)


def test_106_the_page_stays_after_an_automatic_start(start, locustfile):
    run = start("-f", locustfile(IDLE), *PAGE, "-t", "1s")
    run.wait_for("web interface at ")
    run.wait_for("--run-time limit reached, stopping test")
    run.wait_for("--autoquit not specified, leaving web ui running indefinitely")
    assert run.end(signal.SIGTERM) == 0


def test_106_unless_it_is_told_to_quit(start, locustfile):
    run = start("-f", locustfile(IDLE), *PAGE, "-t", "1s", "--autoquit", 0)
    run.wait_for("--run-time limit reached, stopping test")
    run.wait_for("--autoquit time reached, shutting down")
    assert run.wait() == 0


def test_106_quitting_needs_a_start(katydid):
    done = katydid("--autoquit", 1, script=IDLE)
    assert done.returncode == 1
    assert done.stderr == "--autoquit is only meaningful in combination with --autostart\n"


def test_107_workers_are_not_waited_for_for_ever(katydid):
    done = katydid(
        "--master", "--master-bind-host", "127.0.0.1", "--master-bind-port", 0, "--headless",
        "--expect-workers", 2, "--expect-workers-max-wait", 1, script=IDLE,
    )  # fmt: skip
    assert done.returncode == 1
    assert "Gave up waiting for workers to connect" in done.stderr


def test_108_there_are_as_many_processes_as_were_asked_for_and_ctrl_c_ends_them(start, locustfile):
    run = start("-f", locustfile(IDLE), "--processes", 3, "--headless", "-u", 3, "-r", 100)
    run.wait_for(r"All users spawned: .*\(3 total users\)")
    children = psutil.Process(run.process.pid).children()
    assert len(children) == 3
    assert run.end(signal.SIGINT) == 0
    assert not [child for child in children if child.is_running()]


def test_108_a_mistake_is_told_and_ends_all_of_them(katydid):
    done = katydid("--processes", 3, "--headless", "Nobody", script=IDLE)
    assert done.returncode == 1
    assert "Unknown User(s): Nobody" in done.stderr
