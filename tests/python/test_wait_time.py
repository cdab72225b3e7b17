"""How long users wait."""

import sys

import pytest

from katydid.exception import MissingWaitTimeError
from katydid.user.task import TaskSet
from katydid.user.users import User
from katydid.user.wait_time import between, constant, constant_pacing, constant_throughput, poisson


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still unless it is set."""

    class Clock:
        now = 100.0

    clock = Clock()
    for name in ("wait_time", "users", "task"):
        monkeypatch.setattr(sys.modules[f"katydid.user.{name}"], "perf_counter", lambda: clock.now)
    return clock


def user_with(environment, **attributes):
    return type("Person", (User,), attributes)(environment)


def test_between_stays_between(environment):
    user = user_with(environment, wait_time=between(0.2, 0.3))
    waits = [user.wait_time() for _ in range(1000)]
    assert min(waits) >= 0.2
    assert max(waits) <= 0.3
    assert len(set(waits)) > 900


def test_there_is_no_wait_by_default(environment):
    assert user_with(environment).wait_time() == 0


def test_pacing_counts_the_time_the_task_took(environment, clock):
    user = user_with(environment, wait_time=constant_pacing(1))
    clock.now += 0.25
    assert user.wait_time() == 0.75
    clock.now += 0.75 + 0.5
    assert user.wait_time() == 0.5
    clock.now += 0.5 + 3
    assert user.wait_time() == 0


def test_throughput_is_pacing_the_other_way_round(environment, clock):
    user = user_with(environment, wait_time=constant_throughput(4))
    assert user.wait_time() == 0.25


def test_two_users_keep_their_own_pace(environment, clock):
    cls = type("Person", (User,), {"wait_time": constant_pacing(10)})
    one = cls(environment)
    clock.now += 4
    other = cls(environment)
    assert one.wait_time() == 6
    assert other.wait_time() == 10


def test_poisson_waits_have_the_mean_that_was_asked_for(environment):
    user = user_with(environment, wait_time=poisson(5))
    waits = [user.wait_time() for _ in range(20000)]
    assert sum(waits) / len(waits) == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("maker", [constant_throughput, poisson])
def test_a_rate_is_above_zero(maker):
    with pytest.raises(ValueError, match="requires a positive rate"):
        maker(0)


def test_a_task_sets_own_wait_wins_over_the_users(environment):
    user = user_with(environment, wait_time=constant(1))
    own = type("Own", (TaskSet,), {"wait_time": constant(2)})(user)
    plain = TaskSet(user)
    assert own.wait_time() == 2
    assert TaskSet(own).wait_time() == 1
    assert plain.wait_time() == 1


def test_milliseconds_of_old_are_used_where_there_is_no_wait_time(environment):
    user = user_with(environment, wait_time=None, min_wait=500, max_wait=500)
    assert TaskSet(user).wait_time() == 0.5
    own = type("Own", (TaskSet,), {"min_wait": 0, "max_wait": 0})
    assert own(user_with(environment, wait_time=None)).wait_time() == 0
    with pytest.raises(MissingWaitTimeError):
        TaskSet(user_with(environment, wait_time=None)).wait_time()
