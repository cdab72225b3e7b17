"""What a run reports is what the target saw, exactly."""

from __future__ import annotations

import re

import pytest

OLD = """
from locust import HttpLocust, TaskSet, task, between

class Test(TaskSet):
    def on_start(self):
        header = {"Authorization": r"Bearer tester", "Content-Type": "application/x-www-form-urlencoded"}
        print(self.client.post("/api/test/testForSignup", data={"account": "a"}, headers=header).text)

    @task(1)
    def get_timeline_page(self):
        print(self.client.get("/api/test/timelinePage", headers={"Accept-Language": r"test"}).text)

    @task(2)
    def get_mypage(self):
        print(self.client.get("/api/test/mypage", headers={"Accept-Language": r"test"}).text)

class WebSiteUser(HttpLocust):
    task_set = Test
    wait_time = between(0.1, 0.3)
    host = ''
"""
NEW = OLD.replace("HttpLocust", "HttpUser").replace("task_set = Test", "tasks = [Test]")

FULL_SPEED = """
from locust import {user}, task

class Fast({user}):
    @task
    def get(self):
        self.client.get("/bytes/33")
"""

JUDGED = """
from locust import HttpUser, task, events

@events.request.add_listener
def on_request(name, exception, response_length, **kwargs):
    print("EVENT", name, bool(exception), response_length)

class Judge(HttpUser):
    @task
    def get(self):
        with self.client.get("/bytes/5", catch_response=True, name="judged") as response:
            if response.text != "?":
                response.failure("not a question mark")
        self.client.get("/status/503")
        self.environment.runner.quit()
"""


def counted(output: str) -> int:
    rows = re.findall(r"^ +Aggregated +(\d+) +\d+\(", output, re.MULTILINE)
    return int(rows[-1])


@pytest.mark.parametrize(
    ("script", "options"),
    [(OLD, "--no-web -c 10 -r 5 -t 3s"), (NEW, "--headless -u 10 -r 5 -t 3s")],
    ids=["0.14", "2.47"],
)
def test_scripts_of_both_generations_run_and_count_alike(katydid, target, script, options):
    done = katydid(*options.split(), "-H", target.url, script=script)
    assert done.returncode == 0, done.stderr
    truth = target.truth()
    assert counted(done.stderr) == truth["total"]
    assert truth["by_path"]["POST /api/test/testForSignup"] == 10, "on_start runs once per user"
    assert truth["by_path"]["GET /api/test/mypage"] > truth["by_path"]["GET /api/test/timelinePage"]
    printed = len(done.stdout.splitlines())
    assert truth["total"] - 10 <= printed <= truth["total"], (
        "every response was printed, but to users stopped just then"
    )


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_no_request_is_lost_when_users_are_killed_at_full_speed(katydid, target, user):
    done = katydid("--headless", "-u", 30, "-r", 30, "-t", "2s", "-H", target.url, script=FULL_SPEED.format(user=user))
    assert done.returncode == 0, done.stderr
    assert counted(done.stderr) == target.truth()["total"] > 1000


def test_the_script_judges_and_listens(katydid, target):
    done = katydid("--headless", "-u", 1, "-H", target.url, script=JUDGED)
    assert done.returncode == 1
    assert done.stdout.splitlines()[:2] == ["EVENT judged True 5", done.stdout.splitlines()[1]]
    assert "EVENT /status/503 True" in done.stdout
    assert re.search(r"GET judged: not a question mark +$", done.stderr, re.MULTILINE)
    assert "HTTPError('503 Server Error: Service Unavailable for url: /status/503')" in done.stderr


IN_TEST_START = """
import requests
from locust import HttpUser, task, events
from locust.clients import HttpSession

@events.test_start.add_listener
def log_in(environment, **kwargs):
    HttpSession(environment.host, environment.events.request, None).get("/?login")

class Shopper(HttpUser):
    @task
    def look(self):
        self.client.get("/")
        self.environment.runner.quit()
"""


def test_requests_of_a_test_start_listener_are_counted(katydid, target):
    done = katydid("--headless", "-u", 1, "-H", target.url, script=IN_TEST_START)
    assert re.search(r"^GET +/\?login +1 ", done.stderr, re.MULTILINE)
    assert counted(done.stderr) == target.truth()["total"] == 2


FROZEN = """
from locust import HttpUser, task

class Waiter(HttpUser):
    @task
    def wait_for_ever(self):
        self.client.get("/latency?ms=60000")
"""


def test_requests_given_up_at_the_end_are_said(katydid, target):
    done = katydid("--headless", "-u", 3, "-r", 3, "-t", "1s", "-H", target.url, script=FROZEN)
    assert "3 requests of stopped users had no answer yet and were given up" in done.stderr
    assert counted(done.stderr) == 0
