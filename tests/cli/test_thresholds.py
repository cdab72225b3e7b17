"""--fail-if, thresholds in a script, --junit and --iterations: exit codes, tables and files."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/bytes/10")
        self.client.get("/status/404", name="gone")
"""


def run(katydid, target, *arguments: str, script: str = SCRIPT):
    return katydid("--headless", "-H", target.url, "--iterations", "5", "--only-summary", *arguments, script=script)


def test_a_run_that_keeps_its_thresholds_succeeds(katydid, target):
    done = run(katydid, target, "--fail-if", "p95>60s", "--fail-if", "GET /bytes/* fail>0%", "--fail-if", "fail>50%")
    assert done.returncode == 0, "a threshold about failures decides about them"
    assert "ok       GET /bytes/* fail>0% 0.00 %" in done.stderr
    assert "ok       fail>50%             50.00 %" in done.stderr


def test_a_run_that_breaks_one_fails_with_3(katydid, target, tmp_path):
    done = run(
        katydid, target, "--fail-if", "requests>9", "--fail-if", "gone fail>=100%", "--fail-if", "/nowhere max>1s",
        "--junit", "made/for/it/junit.xml",
    )  # fmt: skip
    assert done.returncode == 3
    for row in (
        "FAILED   requests>9      10",
        "FAILED   gone fail>=100% 100.00 %",
        "FAILED   /nowhere max>1s no request",
    ):
        assert row in done.stderr
    suite = ET.parse(tmp_path / "made/for/it/junit.xml").getroot().find("testsuite")
    assert suite is not None
    assert (suite.get("name"), suite.get("tests"), suite.get("failures")) == ("locustfile.py", "3", "3")
    assert [case.get("name") for case in suite] == ["requests>9", "gone fail>=100%", "/nowhere max>1s"]


def test_without_one_about_failures_these_still_fail_the_run(katydid, target):
    assert run(katydid, target, "--fail-if", "p95>60s").returncode == 1


def test_a_name_in_quotes_is_taken_as_it_is(katydid, target):
    script = SCRIPT.replace('name="gone"', 'name="not there"')
    done = run(
        katydid, target, "--fail-if", 'GET "not there" fail>99%', "--fail-if", "'not *' requests>0", script=script
    )
    assert 'FAILED   GET "not there" fail>99% 100.00 %' in done.stderr
    assert "ok       'not *' requests>0" in done.stderr


def test_a_name_that_nothing_was_sent_to_keeps_no_limit(katydid, target):
    done = run(katydid, target, "--fail-if", "/nowhere fail>0")
    assert done.returncode == 3
    assert "FAILED   /nowhere fail>0 no request to measure" in done.stderr


def test_a_script_has_the_last_word(katydid, target):
    script = (
        SCRIPT
        + """
from locust import events

thresholds = ["requests>1"]

@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    environment.process_exit_code = 7
"""
    )
    done = run(katydid, target, script=script)
    assert done.returncode == 7
    assert "FAILED   requests>1 10" in done.stderr


def test_thresholds_of_a_configuration_file(katydid, target, tmp_path):
    (tmp_path / "katydid.conf").write_text("fail-if = [requests>1, p95>60s]\n")
    done = run(katydid, target)
    assert done.returncode == 3
    assert "ok       p95>60s" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "script", "code", "words"),
    [
        (["--fail-if", "p95>fast"], SCRIPT, 2, ["p95>fast\n    ^", "300ms"]),
        (["--fail-if", "speed>1"], SCRIPT, 2, ["speed>1\n^", "p95"]),
        ([], SCRIPT + "\nthresholds = ['max']", 1, ["max\n   ^", "where is the limit?"]),
        ([], SCRIPT + "\nthresholds = [300]", 1, ["300", "no text"]),
        (["--junit", "/proc/nowhere/junit.xml"], SCRIPT, 1, ["/proc/nowhere/junit.xml"]),
        (["--html", "/proc/nowhere/report.html"], SCRIPT, 1, ["/proc/nowhere/report.html"]),
        (["--json-file", "/proc/nowhere/numbers"], SCRIPT, 1, ["/proc/nowhere/numbers.json"]),
        (["--junit", "."], SCRIPT, 1, ["Could not write .: Is a directory"]),
        (["--fail-if", "fail>0.01"], SCRIPT, 2, ["fail>0.01\n     ^", "fail>1%"]),
        (["--fail-if", "'log in p95>1s"], SCRIPT, 2, ["\n^ this quote is not closed"]),
        (["--iterations", "0"], SCRIPT, 2, ["--iterations", "above zero"]),
    ],
)
def test_what_is_wrong_is_said_before_anything_runs(katydid, target, arguments, script, code, words):
    done = run(katydid, target, *arguments, script=script)
    assert done.returncode == code
    assert all(word in done.stderr for word in words), done.stderr
    assert target.truth()["total"] == 0


def test_a_threshold_that_breaks_is_logged_while_the_test_runs(start, target, locustfile):
    path = locustfile(SCRIPT)
    running = start("-f", path, "--headless", "-H", target.url, "--fail-if", "requests>1", "-t", "60s")
    running.wait_for(r"WARNING/katydid.thresholds: Threshold crossed: requests>1 \(\d+\)")


def test_iterations_are_shared_by_processes(katydid, target):
    done = run(katydid, target, "--processes", "2", "-u", "4", "-r", "4")
    assert target.truth()["total"] == 10
    assert done.returncode == 1


def test_options_of_ours_give_way_to_those_of_a_script(katydid, target):
    script = (
        SCRIPT
        + """
from locust import events

@events.init_command_line_parser.add_listener
def on_parser(parser, **kwargs):
    parser.add_argument_group("mine").add_argument("--junit", type=int)

@events.test_start.add_listener
def on_start(environment, **kwargs):
    print("MINE", environment.parsed_options.junit)
"""
    )
    assert "MINE 4" in run(katydid, target, "--junit", "4", script=script).stdout
