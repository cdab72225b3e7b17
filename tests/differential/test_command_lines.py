"""A command line, the environment and files come to the same options, output and exit code as under Locust."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import katydid
from compare import LOCUST

KATYDID = Path(sys.executable).parent / "katydid"
AT_ONCE = 3

SCRIPT = """
import json
from locust import User, events, tag, task

@events.init_command_line_parser.add_listener
def on_parser(parser, **kwargs):
    parser.add_argument("--shop", default="books", env_var="SHOP")
    parser.add_argument("--often", type=int, default=1)

@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    print(json.dumps(vars(environment.parsed_options), default=str, sort_keys=True))

class A(User):
    @tag("one")
    @task
    def only(self):
        print(type(self).__name__)
        self.environment.runner.quit()

class B(A):
    @tag("one")
    @task
    def only(self):
        print(type(self).__name__)
        self.environment.runner.quit()
"""
PART = SCRIPT.replace("class A(", "class Part(").replace("class B(A)", "class Other(Part)")
RUN = "--headless --only-summary"


@dataclass
class Case:
    """A command line, given in an empty directory that has the script."""

    arguments: str
    environment: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)


def run(*arguments: str, env: dict[str, str] | None = None, **files: str) -> Case:
    """A run of one user of one class."""
    return Case(
        " ".join([RUN, *arguments, "A"]), env or {}, {name.replace("__", "."): text for name, text in files.items()}
    )


CASES = {
    # Options, by all their names.
    "plain": run(),
    "short": run("-u 1 -r 2 -t 20s -H http://x -s 2 -L ERROR"),
    "long": run("--users 1 --spawn-rate 0.5 --run-time 1m --host http://x --stop-timeout 1m --loglevel warning"),
    "equals": run("--users=1 --spawn-rate=3 --run-time=1h2m3s"),
    "glued": run("-u1 -r2 -t20"),
    "abbreviated": run("--spawn 2 --run-t 20 --logf log.txt"),
    "ambiguous": run("--re 2"),
    "repeated": run("-u 3 -u 1"),
    "run time in seconds": run("-t 90"),
    "run time of nothing": run("-t 0"),
    "run time wrong": run("-t 1.5s"),
    "run time in another order": run("-t 1m1h"),
    "run time empty": run("-t ''"),
    "users below zero": run("-u x"),
    "rate of zero": run("-r 0"),
    "rate without end": run("-r inf"),
    "rate wrong": run("-r fast"),
    "unknown option": run("--user-count 3"),
    "value missing": run("--host"),
    "tags": Case(f"{RUN} A --tags one two"),
    "tags before a class": Case(f"{RUN} --tags one -- A"),
    "tags excluded": Case(f"{RUN} A -E two"),
    "tags in the environment": run(env={"LOCUST_TAGS": "one"}),
    "tags as a list in the environment": run(env={"LOCUST_TAGS": "[one, two]"}),
    "log level wrong": run("--loglevel LOUD"),
    "log file": run("--logfile log.txt"),
    "no log setup": run("--skip-log-setup"),
    "csv": run("--csv made/out"),
    "csv history": run("--csv out --csv-full-history"),
    "csv history alone": run("--csv-full-history"),
    "json file": run("--json-file out"),
    "html": run("--html out.html"),
    "reset": run("--reset-stats"),
    "print": run("--print-stats"),
    "weights": run("--equal-weights"),
    "profile": run("--profile nightly"),
    "exit code": run("--exit-code-on-error 5"),
    "stop timeout wrong": run("-s soon"),
    "web options without a page": run("--web-host 127.0.0.1 -P 1 --web-base-path /x --class-picker --autoquit 3"),
    "autoquit alone": Case("--autoquit 3 A"),
    "gone: web-auth": run("--web-auth a:b"),
    "gone: legacy-ui": run("--legacy-ui"),
    "workers": run("--expect-workers 3 --expect-workers-max-wait 4"),
    "workers wrong": run("--expect-workers 0"),
    "master and worker": run("--master --worker"),
    "processes wrong": run("--processes -3"),
    "processes of a master": run("--processes 2 --master"),
    "own option": run("--shop fish --often 3"),
    "own option wrong": run("--often many"),
    "own option in the environment": run(env={"SHOP": "fish"}),
    "config of users": run("""--config-users '{"user_class_name": "A", "weight": 3}'"""),
    "config of unknown users": run("""--config-users '{"user_class_name": "Z"}'"""),
    "config of users wrong": run("--config-users '{'"),
    # Classes and scripts.
    "list": Case("--list"),
    "short list": Case("-l"),
    "unknown class": Case(f"{RUN} Z"),
    "class twice": Case(f"{RUN} A A"),
    "classes in the environment": Case(RUN, {"LOCUST_USER_CLASSES": "A"}),
    "no script": Case(f"-f nowhere.py {RUN}"),
    "script without its ending": Case(f"-f nowhere {RUN}"),
    "script of a directory": Case(f"-f parts {RUN} Part", files={"parts/one.py": PART}),
    "directory without scripts": Case(f"-f empty {RUN}", files={"empty/notes.txt": ""}),
    "two scripts": Case(f"-f locustfile.py,two.py {RUN} A", files={"two.py": "from locust import User, task\n"
                        "class C(User):\n    @task\n    def x(self): pass\n"}),
    "one class in two scripts": Case(f"-f locustfile.py,two.py {RUN}", files={"two.py": SCRIPT}),
    "script that is no Python": Case(f"-f bad.py {RUN}", files={"bad.py": "class ("}),
    "script without users": Case(f"-f bad.py {RUN}", files={"bad.py": "x = 1"}),
    "script in the environment": run(env={"LOCUST_LOCUSTFILE": "nowhere.py"}),
    "script of the master alone": Case(f"-f - {RUN}"),
    "task ratio": Case("--show-task-ratio -u 7"),
    "task ratio as json": Case("--show-task-ratio-json -u 7 A"),
    # Where else options may be.
    "environment": run(env={"LOCUST_USERS": "2", "LOCUST_SPAWN_RATE": "5", "LOCUST_HOST": "http://e"}),
    "environment and command line": run("-u 1", env={"LOCUST_USERS": "2"}),
    "flag in the environment": run(env={"LOCUST_RESET_STATS": "true", "LOCUST_ONLY_SUMMARY": "false"}),
    "environment wrong": run(env={"LOCUST_USERS": "many"}),
    "file": run(locust__conf="users = 2\nspawn-rate = 5\nhost: http://f\nshop fish\n"),
    "file with comments": run(locust__conf="# users\nusers = 2 # two\n; more\n[section]\n---\nreset-stats\n"),
    "file with abbreviations": run(locust__conf="u = 1\nr = 4\n"),
    "file with a list": run(locust__conf="tags = [one, two]\n"),
    "file and environment": run(env={"LOCUST_USERS": "3"}, locust__conf="users = 2\n"),
    "file with an unknown key": run(locust__conf="usrs = 2\n"),
    "file with a wrong value": run(locust__conf="users = many\n"),
    "file named": run("--config mine.conf", mine__conf="users = 4\nheadless = true\n"),
    "file named and found": run("--config mine.conf", mine__conf="users = 4\n", locust__conf="users = 2\nhost: http://f"),
    "file named is missing": run("--config nowhere.conf"),
    "toml": run(pyproject__toml='[tool.locust]\nusers = 3\nshop = "fish"\nreset-stats = true\n'),
    "toml and file": run(pyproject__toml="[tool.locust]\nusers = 3\n", locust__conf="users = 2\n"),
    "toml without our table": run(pyproject__toml="[tool.other]\nusers = 3\n"),
    "toml named": run("--config mine.toml", mine__toml='[tool.locust]\nusers = 3\ntags = ["one"]\n'),
    "toml wrong": run(pyproject__toml="[tool.locust\n"),
}  # fmt: skip

GONE = ("expect_slaves", "slave")
"""What Locust has attributes for, though it refuses the options."""

Outcome = tuple[int, list[str], dict[str, object], list[str]]


def outcome(command: Path, case: Case, home: Path) -> Outcome:
    """The exit code, what was printed, and the options."""
    home.mkdir()
    for name, text in {"locustfile.py": SCRIPT, **case.files}.items():
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("LOCUST_", "KATYDID_"))}
    done = subprocess.run(
        [command, *shlex.split(case.arguments)],
        cwd=home, env={**environment, **case.environment, "HOME": str(home)},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=25,
    )  # fmt: skip
    lines, options = [], {}
    for line in done.stdout.splitlines():
        if line.startswith("{") and '"loglevel"' in line:
            options = json.loads(line)
        else:
            lines.append(re.sub(r"0x[0-9a-f]+", "0x", line.rstrip()))
    return done.returncode, lines, options, masked(done.stderr)


def masked(log: str) -> list[str]:
    """Log and tables without times, numbers and the host's name; widths follow the numbers, so they go, too."""
    lines = [re.sub(r"^\[.*?\] [^/]+/", "", line) for line in log.splitlines()]
    lines = [line.replace(f" (Katydid {katydid.__version__})", "") for line in lines]
    # A fault of Locust's own, where two users end at once.
    lines = [line for line in lines if "encountered a user that didn't have proper args" not in line]
    return [re.sub(r"\d+(\.\d+)?", "N", re.sub(r" +", " ", line)).rstrip() for line in lines]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Future[Outcome], Future[Outcome]]]]:
    """Every case under way, a few at a time: as Locust has it, as Katydid has it."""
    home = tmp_path_factory.mktemp("lines")
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {
            name: (
                pool.submit(outcome, LOCUST / "locust", case, home / f"locust-{place}"),
                pool.submit(outcome, KATYDID, case, home / f"katydid-{place}"),
            )
            for place, (name, case) in enumerate(CASES.items())
        }
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("name", CASES)
def test_a_command_line_comes_to_the_same(
    name: str, outcomes: dict[str, tuple[Future[Outcome], Future[Outcome]]]
) -> None:
    locust, ours = (future.result() for future in outcomes[name])
    assert ours[:2] == locust[:2]
    # Katydid knows some more options.
    wanted = {key: value for key, value in locust[2].items() if key not in GONE}
    assert {key: ours[2].get(key, "missing") for key in wanted} == wanted
    if locust[0] == 0:
        # What is refused is refused in words of our own.
        assert ours[3] == locust[3]
