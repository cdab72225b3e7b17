"""The command line: the rows that concern scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path

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
