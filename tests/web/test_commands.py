"""Commands of our own API: told once, refused when they are out of date, carried out here and on workers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

BUSY = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/")

class Reader(HttpUser):
    wait_time = constant(0.05)

    @task
    def read(self):
        self.client.get("/items")
"""

SLOW = """
import gevent, logging
from locust import User, constant, task

class Slow(User):
    wait_time = constant(1000)

    @task
    def think(self):
        logging.info("it began")
        gevent.sleep(SECONDS)
        logging.info("it finished")
"""


class Console:
    """A page, and what its buttons send."""

    def __init__(self, site: Any) -> None:
        self.site = site

    def command(self, name: str, /, **fields: Any) -> Any:
        return self.site.post(f"/api/v1/{name}", json=fields)

    def done(self, name: str, /, **fields: Any) -> dict[str, Any]:
        answer = self.command(name, **fields)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def snapshot(self) -> dict[str, Any]:
        return self.site.get("/api/v1/snapshot").json()

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first snapshot of which something is true."""
        for _ in range(600):
            snapshot = self.snapshot()
            if condition(snapshot):
                return snapshot
            time.sleep(0.05)
        raise AssertionError(f"It never became so: {snapshot['run']}")

    def until_running(self, users: int) -> dict[str, Any]:
        return self.until(lambda it: (it["run"]["state"], it["run"]["users"]) == ("running", users))

    def marks(self, *kinds: str) -> list[tuple[str, str]]:
        return [(mark["kind"], mark["text"]) for mark in self.snapshot()["marks"] if mark["kind"] in kinds]

    def becomes(self, quiet: bool, target: Any) -> bool:
        """Whether the target gets no requests in a whole second, or gets some, within a few tries."""
        for _ in range(10):
            before, begin = target.truth()["by_path"], self.snapshot()["t"]
            self.until(lambda it, begin=begin: it["t"] >= begin + 1000)
            if (target.truth()["by_path"] == before) is quiet:
                return True
        return False


@pytest.fixture(params=["here", "on workers"])
def console(request, serve, target) -> Callable[[str], Console]:
    """Serves the page of a script whose users run in the command itself, or on two workers."""

    def console(script: str) -> Console:
        workers = ("--processes", 2) if request.param == "on workers" else ()
        console = Console(serve("-H", target.url, *workers, head=script))
        console.until(lambda it: not workers or (it["run"]["workers"] or {}).get("connected") == 2)
        return console

    return console


def test_a_test_is_steered_while_it_runs(console, target):
    console = console(BUSY)
    console.done("start", users=4, spawn_rate=100, user_classes=["Visitor"])
    console.until_running(4)

    # Other numbers, other classes, other weights.
    console.done("load", users=6)
    assert console.until_running(6)["run"]["users_by_class"]["Visitor"] == 6
    console.done("load", user_classes={"Visitor": 1, "Reader": 2}, spawn_rate=50)
    # Those that come do so before the others go.
    run = console.until(lambda it: it["run"]["users_by_class"] == {"Visitor": 2, "Reader": 4})["run"]
    assert (run["target_users"], run["spawn_rate"]) == (6, 50)
    console.done("load", run_time="1h")
    assert console.until(lambda it: it["run"]["run_time"])["run"]["run_time"] == 3600

    # A pause ends requests, not users.
    console.until_running(6)
    console.done("pause")
    run = console.until(lambda it: it["run"]["state"] == "paused")["run"]
    assert run["users"] == 6
    assert console.site.get("/stats/requests").json()["state"] == "running"
    assert console.becomes(True, target)
    # Users that come meanwhile are held, too.
    console.done("load", users=8)
    console.until(lambda it: it["run"]["users"] == 8)
    assert console.becomes(True, target)
    console.done("resume")
    console.until_running(8)
    assert console.becomes(False, target)

    # What happened is there to be seen.
    console.done("segment", name="after lunch")
    console.done("segment")
    console.done("note", text=" deployed <b>v12</b> ")
    assert console.marks("pause", "resume", "segment", "note") == [
        ("pause", "users start no new tasks"),
        ("resume", "users go on"),
        ("segment", "after lunch"),
        ("segment", "Segment 3"),
        ("note", "deployed <b>v12</b>"),
    ]
    # A paused test can be stopped.
    console.done("pause")
    console.done("stop", mode="now")
    snapshot = console.snapshot()
    assert (snapshot["run"]["state"], snapshot["run"]["users"]) == ("stopped", 0)
    assert snapshot["total"][1] == sum(target.truth()["by_path"].values())
    # The next one is not paused.
    console.done("start", users=1, spawn_rate=1)
    assert console.until(lambda it: it["total"][1] > 0)["run"]["state"] in ("spawning", "running")
    console.done("stop")
    console.site.end()


def test_users_finish_their_tasks_or_do_not(console):
    console = console(SLOW.replace("SECONDS", "1.5"))
    for mode, finished in (("finish", True), ("now", False)):
        console.done("start", users=2, spawn_rate=100)
        for _ in range(2):
            console.site.running.wait_for("it began")
        before = len(console.site.running.log)
        console.done("stop", mode=mode)
        console.done("start", users=1, spawn_rate=100)
        console.site.running.wait_for("it began")
        console.done("stop", mode="now")
        assert ("it finished" in console.site.running.log[before:]) is finished
    console.site.end()


def test_who_is_told_to_finish_can_still_be_stopped_at_once(console):
    console = console(SLOW.replace("SECONDS", "1000"))
    console.done("start", users=2, spawn_rate=100)
    for _ in range(2):
        console.site.running.wait_for("it began")
    waiting = threading.Thread(target=console.command, args=["stop"], kwargs={"mode": "finish", "timeout": 900})
    waiting.start()
    console.until(lambda it: it["run"]["state"] in ("stopping", "cleanup"))
    console.done("stop", mode="now")
    waiting.join(timeout=30)
    assert not waiting.is_alive()
    assert console.snapshot()["run"]["users"] == 0
    console.site.end()


def test_a_command_is_carried_out_once_and_not_on_an_old_state(serve, target):
    console = Console(serve("-H", target.url, head=BUSY))
    for name in ("load", "pause", "resume", "segment"):
        refused = console.command(name, users=2)
        assert (refused.status_code, refused.json()["error"]["message"]) == (409, "no test is running"), name
        assert refused.json()["run"]["state"] == "ready"

    start = {"users": 2, "spawn_rate": 100, "id": "abc"}
    first = console.done("start", **start)
    console.until_running(2)
    console.done("load", users=3)
    console.until_running(3)
    # A repeated one says what the first did, and does nothing.
    assert console.done("start", **start) == first
    for _ in range(3):
        console.done("note", text="once", id="abc")
    assert console.marks("note") == [("note", "once")]
    assert console.snapshot()["run"]["target_users"] == 3

    # Two operators saw the same state; the second is told what the first has made of it.
    seen = console.snapshot()["run"]["revision"]
    changed = console.done("load", users=5, revision=seen)["revision"]
    assert changed > seen
    for name in ("load", "pause", "stop", "segment"):
        refused = console.command(name, users=4, revision=seen)
        assert refused.status_code == 409, name
        assert "changed meanwhile" in refused.json()["error"]["message"]
        assert (refused.json()["run"]["revision"], refused.json()["run"]["target_users"]) == (changed, 5)
    console.done("pause", revision=changed)
    # A pause of what is paused changes nothing.
    revision = console.snapshot()["run"]["revision"]
    assert console.done("pause")["revision"] == revision
    console.done("resume")

    for name, fields, field in (
        ("load", {"users": 0}, "users"),
        ("load", {"spawn_rate": -1}, "spawn_rate"),
        ("load", {"user_classes": []}, "user_classes"),
        ("load", {"user_classes": {"Nobody": 1}}, "user_classes"),
        ("load", {"user_classes": {"Reader": -1}}, "user_classes"),
        ("load", {"user_classes": {"Reader": 0, "Visitor": 0}}, "user_classes"),
        ("load", {"run_time": "soon"}, "run_time"),
        ("stop", {"mode": "later"}, "mode"),
        ("stop", {"mode": "finish", "timeout": -1}, "timeout"),
        ("note", {"text": " "}, "text"),
        ("note", {"text": 7}, "text"),
        ("note", {"text": "x", "id": ""}, "id"),
        ("note", {"text": "x", "revision": "new"}, "revision"),
    ):
        refused = console.command(name, **fields)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, field), (name, fields)
    assert console.site.post("/api/v1/note", "[]", headers={"Content-Type": "application/json"}).status_code == 400
    assert console.site.get("/api/v1/pause").status_code == 405
    console.done("stop")
    console.site.end()


def test_a_shape_keeps_the_load_in_its_hands(serve, target):
    shape = """
from locust import LoadTestShape

class Peak(LoadTestShape):
    def tick(self):
        return (2, 10)
"""
    console = Console(serve("-H", target.url, head=BUSY + shape))
    console.done("start")
    console.until_running(2)
    refused = console.command("load", users=3)
    assert (refused.status_code, refused.json()["error"]["message"]) == (
        409,
        "the load shape Peak decides how many users run",
    )
    console.done("pause")
    console.until(lambda it: it["run"]["state"] == "paused")
    console.done("stop")
    console.site.end()


def test_a_run_is_judged_by_thresholds_that_come_and_go(console):
    console = console(BUSY)
    refused = console.command("thresholds", thresholds=["p95>1h", "p95>soon"])
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "thresholds")
    assert console.command("thresholds", thresholds="p95>1h").status_code == 422
    console.done("start", users=2, spawn_rate=100, thresholds=["p95>1h", "GET / requests>0"])

    def standing(snapshot):
        return {each["text"]: each["standing"] for each in snapshot["thresholds"]}

    console.until(lambda it: standing(it) == {"p95>1h": "kept", "GET / requests>0": "crossed"})
    console.done("thresholds", thresholds=["p95>1h", "/nowhere max>1s"])
    snapshot = console.until(lambda it: standing(it) == {"p95>1h": "kept", "/nowhere max>1s": "unmeasured"})
    known, added = snapshot["thresholds"]
    assert (known["added"], known["part"], known["limit"], known["all"]) == (None, 0.95, 3_600_000, True)
    assert added["added"] is not None
    texts = [text for _, text in console.marks("threshold")]
    assert texts[0].startswith("crossed: GET / requests>0 (")
    assert texts[1:] == ["added: /nowhere max>1s", "removed: GET / requests>0"]
    console.done("stop")
    # It would decide about the exit code.
    console.done("thresholds", thresholds=["p95>1h"])
    console.until(lambda it: len(it["thresholds"]) == 1)
    console.site.end()


TAGGED = """
from locust import HttpUser, constant, tag, task

class Visitor(HttpUser):
    wait_time = constant(0.02)

    @tag("quick")
    @task
    def front_page(self):
        self.client.get("/")

    @tag("slow")
    @task
    def items(self):
        self.client.get("/items")
"""


def test_tasks_are_chosen_by_tags_that_may_differ_from_run_to_run(console):
    console = console(TAGGED)
    tags = console.site.get("/api/v1/run").json()["tags"]
    assert tags == {"known": ["quick", "slow"], "only": [], "without": []}
    assert console.command("start", users=1, spawn_rate=1, tags="quick").json()["error"]["field"] == "tags"
    for chosen, expected in (
        ({"tags": ["quick"], "exclude_tags": []}, {"/"}),
        ({"tags": [], "exclude_tags": ["quick"]}, {"/items"}),
        ({"tags": [], "exclude_tags": []}, {"/", "/items"}),
    ):
        console.done("start", users=2, spawn_rate=100, **chosen)
        snapshot = console.until(lambda it: it["total"][1] > 20)
        assert {name for _, _, name in snapshot["names"]} == expected
        console.done("stop", mode="now")
    console.site.end()
