"""Declaring tasks, and what becomes of them when they run."""

import logging
import sys

import gevent
import pytest

from katydid.exception import (
    InterruptTaskSet,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopUser,
)
from katydid.user.task import DefaultTaskSet, TaskSet, task
from katydid.user.users import User
from katydid.user.wait_time import constant


def names(tasks):
    return [item.__name__ for item in tasks]


def test_a_weight_repeats_a_decorated_task():
    class Set(TaskSet):
        @task(2)
        def often(self): ...

        @task
        def once(self): ...

        def never(self): ...

    assert names(Set.tasks) == ["often", "often", "once"]


def test_a_list_a_dict_and_pairs_expand_alike():
    def one(_): ...

    def two(_): ...

    class Listed(User):
        tasks = [one, two]

    class Weighted(User):
        tasks = {one: 2, two: 1}

    class Paired(User):
        tasks = [(one, 1), (two, 2)]

    assert Listed.tasks == [one, two]
    assert Weighted.tasks == [one, one, two]
    assert Paired.tasks == [one, two, two]


def test_inherited_tasks_come_before_the_list_and_the_list_before_decorated_ones():
    def listed(_): ...

    class Base(TaskSet):
        @task
        def inherited(self): ...

    class Derived(Base):
        @task
        def own(self): ...

        tasks = [listed]

    assert names(Derived.tasks) == ["inherited", "listed", "own"]
    assert names(Base.tasks) == ["inherited"]


def test_a_nested_task_set_is_a_task():
    class Outer(TaskSet):
        @task(3)
        class Inner(TaskSet): ...

    assert Outer.tasks == [Outer.Inner] * 3


def test_abstract_is_not_inherited():
    class Base(User):
        abstract = True

    class Derived(Base): ...

    assert Base.abstract
    assert not Derived.abstract


def test_a_task_cannot_be_named_run():
    with pytest.raises(Exception, match="run"):

        @task
        def run(self): ...


def test_declaring_on_start_a_task_warns(caplog):
    @task
    def on_start(self): ...

    assert "on_start" in caplog.text


def test_tasks_of_a_user_get_the_user_and_tasks_of_a_set_get_the_set(diary, live):
    class Set(TaskSet):
        @task
        def inner(self):
            self.user.note(type(self).__name__)
            self.interrupt()

    class Person(diary):
        length = 50

        @task
        def outer(self):
            self.note(type(self).__name__)

        tasks = [Set]

    assert set(live(Person).entries) == {"Person", "Set"}


def test_on_start_runs_before_the_first_task_and_on_stop_after_the_last(diary, live):
    class Person(diary):
        def on_start(self):
            self.note("start")

        def on_stop(self):
            self.entries.append("stop")

        @task
        def work(self):
            self.note("work")

    assert live(Person).entries == ["start"] + ["work"] * 5 + ["stop"]


def test_every_level_is_told_to_stop_the_innermost_first(diary, live):
    class Inner(TaskSet):
        @task
        def work(self):
            raise StopUser

        def on_stop(self):
            self.user.entries.append("inner")

    class Outer(TaskSet):
        tasks = [Inner]

        def on_stop(self):
            self.user.entries.append("outer")

    class Person(diary):
        tasks = [Outer]

        def on_stop(self):
            self.entries.append("user")

    assert live(Person).entries == ["inner", "outer", "user"]


def waits(monkeypatch, user):
    """Has a user's sleeps written into its diary."""
    monkeypatch.setattr(
        sys.modules["katydid.user.task"], "sleep", lambda seconds: seconds and user.note(f"wait {seconds}")
    )


@pytest.mark.parametrize(
    ("reschedule", "expected"),
    [(True, ["in", "out", "in"]), (False, ["in", "out", "wait 1"])],
)
def test_interrupt_skips_the_parents_wait_only_if_asked_to(diary, live, monkeypatch, reschedule, expected):
    class Inner(TaskSet):
        @task
        def work(self):
            self.user.note("in")
            self.interrupt(reschedule)

        def on_stop(self):
            self.user.note("out")

    class Person(diary):
        length = 3
        wait_time = constant(1)
        tasks = [Inner]

        def on_start(self):
            waits(monkeypatch, self)

    assert live(Person).entries == expected


def test_an_interrupt_in_on_start_does_not_call_on_stop(diary, live):
    class Inner(TaskSet):
        def on_start(self):
            self.user.note("start")
            self.interrupt()

        def on_stop(self):
            self.user.note("stop")

    class Person(diary):
        length = 3
        tasks = [Inner]

    assert live(Person).entries == ["start"] * 3


@pytest.mark.parametrize(
    ("exception", "expected"),
    [(RescheduleTask, ["work", "wait 1"]), (RescheduleTaskImmediately, ["work", "work"])],
)
def test_rescheduling_waits_or_does_not(diary, live, monkeypatch, exception, expected):
    class Person(diary):
        length = 2
        wait_time = constant(1)

        def on_start(self):
            waits(monkeypatch, self)

        @task
        def work(self):
            self.note("work")
            raise exception

    assert live(Person).entries == expected


def test_a_failing_task_is_reported_logged_and_followed_by_the_next(diary, live, environment, caplog):
    errors = []
    environment.events.user_error.add_listener(lambda **kwargs: errors.append(kwargs))

    class Person(diary):
        length = 2

        @task
        def work(self):
            self.note("work")
            raise ValueError("bad")

    user = live(Person)
    assert user.entries == ["work", "work"]
    assert len(errors) == 2
    assert isinstance(errors[0]["user_instance"], DefaultTaskSet)
    assert str(errors[0]["exception"]) == "bad"
    assert "ValueError: bad" in caplog.text
    assert "katydid/user/task.py" not in caplog.text


def test_a_failing_task_ends_the_user_where_exceptions_are_not_caught(diary, live):
    class Person(diary):
        @task
        def work(self):
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        live(Person, catch_exceptions=False)


def test_a_failing_on_start_ends_the_user_and_is_reported(diary, live, environment, caplog):
    errors = []
    environment.events.user_error.add_listener(lambda **kwargs: errors.append(kwargs["user_instance"]))

    class Person(diary):
        def on_start(self):
            raise ValueError("bad")

        def on_stop(self):
            self.note("stop")

        @task
        def work(self):
            self.note("work")

    with pytest.raises(ValueError, match="bad"):
        live(Person)
    assert [user.entries for user in errors] == [[]]
    assert caplog.text.count("ValueError: bad") == 1


def test_a_user_without_tasks_says_so_when_it_runs(diary, live, environment):
    errors = []

    class Person(diary):
        task = None

    @environment.events.user_error.add_listener
    def remember(exception, **kwargs):
        errors.append(str(exception))
        raise StopUser

    live(Person)
    assert errors[0].startswith("No tasks defined on Person")


def test_scheduled_tasks_run_before_random_ones_and_first_ones_before_those(diary, live):
    class Set(TaskSet):
        def on_start(self):
            self.schedule_task(self.bound)
            self.schedule_task(Set.plain)
            self.schedule_task(Set.urgent, first=True)

        def bound(self):
            self.user.note("bound")

        def plain(self):
            self.user.note("plain")

        def urgent(self):
            self.user.note("urgent")

        @task
        def usual(self):
            self.user.note("usual")

    class Person(diary):
        length = 4
        tasks = [Set]

    assert live(Person).entries == ["urgent", "bound", "plain", "usual"]


def test_overridden_steps_of_the_loop_are_used(diary, live):
    class Set(TaskSet):
        @task
        def work(self):
            self.user.note("work")

        def get_next_task(self):
            self.user.note("pick")
            return super().get_next_task()

        def execute_next_task(self):
            self.user.note("next")
            super().execute_next_task()

        def execute_task(self, task):
            self.user.note("execute")
            super().execute_task(task)

        def wait(self):
            self.user.note("wait")

    class Person(diary):
        length = 5
        tasks = [Set]

    assert live(Person).entries == ["pick", "next", "execute", "work", "wait"]


def test_user_and_parent_cannot_be_set(environment):
    taskset = TaskSet(User(environment))
    with pytest.raises(AttributeError):
        taskset.user = None
    with pytest.raises(AttributeError):
        taskset.parent = None


def test_a_task_that_never_switches_lets_the_others_run(diary, environment):
    class Person(diary):
        length = 3

        @task
        def work(self):
            self.note(len(order))
            order.append(self)

    order = []
    users = [Person(environment), Person(environment)]
    gevent.joinall([gevent.spawn(user.run) for user in users])
    assert order == users * 3


def test_a_user_that_is_told_to_stop_finishes_its_task_but_starts_no_other(diary, live):
    class Person(diary):
        @task
        def work(self):
            assert not self.stop(force=False)
            self.note("work")

    assert live(Person).entries == ["work"]


def test_a_waiting_user_can_be_stopped_at_once(diary, environment):
    from gevent.pool import Group

    class Person(diary):
        wait_time = constant(3600)

        @task
        def work(self):
            self.note("work")

        def on_stop(self):
            self.note("stop")

    user = Person(environment)
    greenlet = user.start(Group())
    assert greenlet.args[0] is user
    while user._state != "waiting":
        gevent.sleep(0)
    assert user.stop(force=False)
    greenlet.join()
    assert user.entries == ["work", "stop"]


def test_an_exception_in_on_stop_is_logged_and_goes_no_further(diary, live, caplog):
    class Inner(TaskSet):
        @task
        def work(self):
            self.user.note("work")
            raise InterruptTaskSet

        def on_stop(self):
            raise ValueError("bad")

    class Person(diary):
        length = 2
        tasks = [Inner]

    with caplog.at_level(logging.ERROR):
        assert live(Person).entries == ["work", "work"]
    assert "Uncaught exception in on_stop" in caplog.text
