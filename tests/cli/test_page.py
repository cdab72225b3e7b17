"""Runs with a page, steered by Locust's own web calls."""

import json
import signal
import urllib.parse
import urllib.request

import pytest

SHOP = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/")
"""


@pytest.fixture
def page(start, locustfile, target):
    """Starts the command with its page on a free port; returns it with a function to call the page."""

    def page(*options, text=SHOP):
        running = start("-f", locustfile(text), "-H", target.url, "--web-host", "127.0.0.1", "-P", 0, *options)
        url = running.wait_for(r"Starting web interface at (http://[^\s,]+)")[1]

        def call(path, method="POST", **form):
            data = urllib.parse.urlencode(form, doseq=True).encode() if method == "POST" else None
            with urllib.request.urlopen(urllib.request.Request(url + path, data, method=method), timeout=30) as answer:
                text = answer.read().decode()
            return json.loads(text) if text.startswith("{") else text

        return running, call

    return page


def test_a_test_is_started_watched_and_stopped(page, target):
    running, call = page()
    assert call("/swarm", user_count=2, spawn_rate=2) == {
        "success": True,
        "message": "Swarming started",
        "host": target.url,
    }
    running.wait_for("All users spawned")
    seen = call("/stats/requests", "GET")
    assert (seen["state"], seen["user_count"]) == ("running", 2)
    assert call("/tasks", "GET")["per_class"] == {"Visitor": {"ratio": 1.0, "tasks": {"front_page": {"ratio": 1.0}}}}
    assert call("/stop") == {"success": True, "message": "Test stopped"}
    assert running.end(signal.SIGINT) == 0


def test_the_words_of_old_work_too(page):
    running, call = page()
    assert call("/swarm", locust_count=1, hatch_rate=1)["success"]
    running.wait_for("All users spawned")
    assert call("/stop", "GET")["success"]
    assert running.end(signal.SIGINT) == 0


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"user_count": "x", "spawn_rate": 1}, "Invalid user_count value: 'x' (must be an integer)"),
        ({"user_count": 1, "spawn_rate": "x"}, "Invalid spawn_rate value: 'x' (must be a number)"),
        ({"user_count": 1, "spawn_rate": 0}, "Missing or invalid user_count or spawn_rate from /swarm request"),
        ({"user_count": 1}, "Missing or invalid user_count or spawn_rate from /swarm request"),
        (
            {"user_count": 1, "spawn_rate": 1, "run_time": "1x"},
            "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.",
        ),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(page, form, message):
    _, call = page()
    answer = call("/swarm", **form)
    assert (answer["success"], answer["message"]) == (False, message)


def test_a_run_time_ends_the_test_but_not_the_page(page):
    running, call = page(text=SHOP + "\n@events.test_stop.add_listener\ndef said(**_): print('over', flush=True)\n")
    assert call("/swarm", user_count=1, spawn_rate=1, run_time="1s")["run_time"] == 1
    assert running.process.stdout.readline() == "over\n"
    assert call("/swarm", user_count=1, spawn_rate=1)["success"]
    running.wait_for("All users spawned")
    assert running.end(signal.SIGINT) == 0


def test_a_host_from_the_form_is_used(page, target):
    running, call = page()
    assert call("/swarm", user_count=1, spawn_rate=1, host=f"{target.url}/item")["host"] == f"{target.url}/item"
    running.wait_for("All users spawned")
    call("/stop")
    assert running.end(signal.SIGINT) == 1
    assert set(target.truth()["by_path"]) == {"GET /item/"}


def test_autostart_starts_and_autoquit_ends_by_itself(page, target):
    running, _ = page("--autostart", "-u", 2, "-r", 2, "-t", "1s", "--autoquit", "0")
    assert running.wait() == 0
    assert "--run-time limit reached, stopping test" in running.log
    assert "--autoquit time reached, shutting down" in running.log
    assert target.truth()["by_path"]["GET /"] > 0


def test_resetting_sets_the_numbers_to_zero(page):
    running, call = page(text=SHOP + "\n@events.reset_stats.add_listener\ndef said(**_): print('reset', flush=True)\n")
    call("/swarm", user_count=1, spawn_rate=1)
    running.wait_for("All users spawned")
    call("/stop")
    assert call("/stats/reset") == "ok"
    assert running.process.stdout.readline() == "reset\n"
    assert running.end(signal.SIGINT) == 0


def test_users_that_stop_by_themselves_are_not_shown_any_more(page):
    text = """
    from locust import User, task
    from locust.exception import StopUser

    class Short(User):
        @task
        def work(self):
            raise StopUser
    """
    running, call = page(text=text)
    call("/swarm", user_count=3, spawn_rate=3)
    running.wait_for("All users spawned")
    while call("/api/v1/snapshot", "GET")["run"]["users"]:
        # Answered by the server's own pace; the suite's time-out is the limit.
        continue
    assert running.end(signal.SIGINT) == 0
