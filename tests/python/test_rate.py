"""Load as a rate: iterations begin when they are due."""

from __future__ import annotations

import json

import pytest

import katydid
from katydid.exception import LocustError
from katydid.rate import Rate
from katydid.shape import LoadTestShape, check_tick

TELLS = """
import json
from locust import LoadTestShape, TaskSet, User, constant, events, task
from katydid import Rate, hub

done = {}

@events.quitting.add_listener
def tell(environment, **kwargs):
    if type(environment.runner).__name__ != "WorkerRunner":
        print("TOLD " + json.dumps([hub.engine().iterations(), done, environment.stats.total.num_requests]))

def note(user):
    done[type(user).__name__] = done.get(type(user).__name__, 0) + 1
    user.environment.events.request.fire(
        request_type="NOTE", name=type(user).__name__, response_time=1, response_length=0, exception=None, context={}
    )
"""

SCRIPT = (
    TELLS
    + """
class Often(User):
    weight = 3
    # Would be too slow for any rate: the schedule decides.
    wait_time = constant(1000)

    @task
    def once(self):
        note(self)

class Nested(User):
    weight = 1

    @task
    class Inside(TaskSet):
        @task
        def once(self):
            note(self.user)
            self.interrupt()
"""
)


def told(done):
    """What the script told at its end: the iterations, those of each class, and the requests."""
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOLD "))
    return json.loads(line[5:])


def test_rates_are_read_and_what_is_wrong_is_said():
    assert Rate(200) == Rate("200/s") == katydid.Rate("12000/m")
    assert Rate("0-10/s over 4s, 10/s for 6s").length == 10
    assert Rate(5, poisson=True).text == "5/s poisson"
    for wrong in ("fast", "10-20/s", "0/s", "10/s, 20/s"):
        with pytest.raises(ValueError, match=r"is no rate|over which time|starts nothing|has no end"):
            Rate(wrong)
    with pytest.raises(ValueError, match="at least 1"):
        Rate(5, users=0)


def test_a_shape_may_return_a_rate():
    class Shape(LoadTestShape):
        def tick(self):
            return Rate(1)

    check_tick(Shape(), Rate(1))
    with pytest.raises(LocustError, match=r"katydid\.Rate"):
        check_tick(Shape(), 5)


def test_as_many_iterations_begin_as_were_asked_for_and_each_class_has_its_part(katydid):
    iterations, done, requests = told(katydid("--headless", "--rate", "0-80/s over 1s, 80/s for 1s", script=SCRIPT))
    assert (iterations["due"], iterations["started"], iterations["dropped"]) == (120, 120, 0)
    assert iterations["finished"] == 120
    assert done == {"Often": 90, "Nested": 30}
    assert requests == 120


def test_workers_share_a_rate(katydid):
    arguments = ("--headless", "--processes", "2", "--rate", "60/s for 2s")
    iterations, _, requests = told(katydid(*arguments, script=SCRIPT))
    # Each worker may begin a moment later than the schedule of all.
    assert 100 <= iterations["due"] <= 124
    assert iterations["started"] + iterations["dropped"] == iterations["due"]
    assert requests == iterations["started"]


def test_what_nobody_is_free_for_is_late_and_at_the_end_dropped(katydid):
    script = (
        TELLS
        + """
import gevent

class Slow(User):
    @task
    def once(self):
        gevent.sleep(0.4)
        note(self)
"""
    )
    arguments = ("--headless", "--rate", "50/s", "--rate-users", "2", "-t", "2s", "--fail-if", "dropped>0")
    done = katydid(*arguments, "--fail-if", "late>1%", script=script)
    assert done.returncode == 3, done.stderr
    assert "dropped>0" in done.stderr
    line = next(line for line in done.stdout.splitlines() if line.startswith("TOLD "))
    iterations, _, _ = json.loads(line[5:])
    assert iterations["due"] == iterations["started"] + iterations["dropped"]
    assert iterations["started"] <= 12
    assert iterations["late"] >= 1
    assert iterations["dropped"] >= 50


STEPS = (
    SCRIPT
    + """
class Steps(LoadTestShape):
    ticks = 0

    def tick(self):
        self.ticks += 1
        return Rate(20 * self.ticks) if self.ticks < 3 else None
"""
)


def test_a_shape_changes_the_rate_and_ends_the_test(katydid):
    iterations, _, requests = told(katydid("--headless", script=STEPS))
    assert iterations["started"] >= 20
    assert requests == iterations["started"]


def test_a_shape_changes_the_rate_of_all_workers(katydid):
    iterations, _, requests = told(katydid("--headless", "--processes", "2", script=STEPS))
    # Twenty in a second, then forty in another; the first second has less, until the first users are there.
    assert 40 <= iterations["started"] <= 70
    assert requests == iterations["started"]


def test_closed_runs_count_their_iterations_too(katydid):
    script = SCRIPT.replace("constant(1000)", "constant(0)")
    iterations, done, _ = told(katydid("--headless", "-u", "2", "--iterations", "12", script=script))
    assert (iterations["due"], iterations["dropped"]) == (0, 0)
    assert iterations["finished"] == sum(done.values()) == 12


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--rate", "fast"), "'fast' is no rate; write for example 200/s"),
        (("--rate", "10/s", "--stages", "1s:4"), "--rate and --stages both say what the load is"),
        (("--rate", "10/s", "--rate-users", "0"), "--rate-users"),
        (("--rate", "10/s", "--arrivals", "sometimes"), "--arrivals"),
    ],
)
def test_what_cannot_be_is_refused(katydid, arguments, words):
    done = katydid("--headless", *arguments, script=SCRIPT)
    assert done.returncode in (1, 2)
    assert words in done.stderr
