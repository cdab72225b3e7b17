"""Katydid used from a program instead of from its command."""

import subprocess
import sys

PROGRAM = """
import katydid._aliases

katydid._aliases.install()

import gevent
from locust import HttpUser, constant, events, task
from locust.env import Environment
from locust.log import setup_logging
from locust.stats import stats_printer

setup_logging("INFO")

class Visitor(HttpUser):
    host = {url!r}
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/")

environment = Environment(user_classes=[Visitor], events=events)
runner = environment.create_local_runner()
web_ui = environment.create_web_ui("127.0.0.1", 0)
environment.events.init.fire(environment=environment, runner=runner, web_ui=web_ui)
gevent.spawn(stats_printer(environment.stats))
runner.start(3, spawn_rate=10)
gevent.spawn_later(1, runner.quit)
runner.greenlet.join()
web_ui.stop()
print(runner.state, runner.user_count, environment.stats.get("/", "GET").num_requests)
"""


def test_the_usual_program_runs_and_ends(target):
    program = PROGRAM.format(url=target.url)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["stopped", "0", str(target.truth()["by_path"]["GET /"])]
    assert "Ramping to 3 users at a rate of 10.00 per second" in done.stderr


def test_a_single_user_is_run_and_its_requests_are_printed(target):
    program = f"""
import katydid._aliases

katydid._aliases.install()

from locust import HttpUser, run_single_user, task
from locust.exception import StopUser

class Visitor(HttpUser):
    host = {target.url!r}

    @task
    def front_page(self):
        self.client.get("/")
        self.client.get("/item/999", name="missing")
        raise StopUser

run_single_user(Visitor)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["type", "name", "resp_ms", "exception"]
    assert first.split()[:2] == ["GET", "/"]
    assert second.split()[:2] == ["GET", "missing"]
    assert "404 Client Error" in second


TWO_PAGES = """
import katydid._aliases

katydid._aliases.install()

import json
import urllib.request

import gevent
from locust import User, constant, task
from locust.env import Environment

class One(User):
    wait_time = constant(0.02)

    @task
    def ask(self):
        with self.environment.events.request.measure("X", type(self).__name__):
            pass

class Two(One): pass

environments = [Environment(user_classes=[cls]) for cls in (One, Two)]
runners = [environment.create_local_runner() for environment in environments]
pages = [environment.create_web_ui("127.0.0.1", 0) for environment in environments]

def read(page, path="/stats/requests", data=None):
    with urllib.request.urlopen(f"http://127.0.0.1:{page.port}{path}", data) as answer:
        return json.load(answer)

for users, runner in enumerate(runners, 1):
    runner.start(users, spawn_rate=10)
for page in pages:
    while len(read(page)["stats"]) < 2:
        gevent.sleep(0.05)
    told = read(page)
    print(told["user_count"], [row["name"] for row in told["stats"]])
read(pages[1], "/stop", b"")
print([runner.state for runner in runners])
for runner, page in zip(runners, pages):
    runner.quit()
    page.stop()
print([runner.state for runner in runners])
"""


def test_two_environments_run_and_have_their_pages_at_the_same_time():
    done = subprocess.run([sys.executable, "-c", TWO_PAGES], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "1 ['One', 'Aggregated']",
        "2 ['Two', 'Aggregated']",
        "['running', 'stopped']",
        "['stopped', 'stopped']",
    ]
