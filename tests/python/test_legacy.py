"""Scripts of the 0.14 generation."""

import random

import pytest

from katydid import events as global_events
from katydid.event import Events
from katydid.exception import LocustError, StopUser
from katydid.legacy import Locust, TaskSequence, seq_task
from katydid.user.task import TaskSet, task


def locust_with(task_set, **attributes):
    return type("Visitor", (Locust,), {"task_set": task_set, **attributes})


class Nothing(TaskSet):
    @task
    def nothing(self): ...


def test_a_class_is_runnable_if_it_has_a_task_set_and_no_underscore():
    assert not locust_with(Nothing).abstract
    assert locust_with(Nothing).tasks == [Nothing]
    assert locust_with(None).abstract
    assert type("_Base", (Locust,), {"task_set": Nothing}).abstract
    assert Locust.abstract


def test_a_task_set_is_inherited_and_replaced():
    class Other(TaskSet): ...

    base = locust_with(Nothing)
    assert type("Same", (base,), {}).tasks == [Nothing]
    assert type("Different", (base,), {"task_set": Other}).tasks == [Other]


def test_a_nested_class_can_be_the_task_set():
    class Visitor(Locust):
        class task_set(TaskSet):  # as scripts wrote it
            @task
            def work(self): ...

    assert Visitor.tasks == [Visitor.task_set]


def test_weights_start_at_ten():
    assert locust_with(Nothing).weight == 10


def test_a_constructor_may_take_nothing(environment):
    class Visitor(Locust):
        task_set = Nothing

        def __init__(self):
            super().__init__()
            self.mine = 1

    user = Visitor(environment)
    assert user.environment is environment
    assert user.mine == 1


def test_the_root_is_the_task_set_itself(environment):
    seen = []

    class Root(TaskSet):
        @task
        def work(self):
            seen.append((self.locust, self.parent, self.client))
            raise StopUser

    user = locust_with(Root)(environment)
    user.run()
    assert seen == [(user, user, user.client)]


def test_a_locust_without_client_says_so(environment):
    with pytest.raises(LocustError, match="No client instantiated"):
        locust_with(Nothing)(environment).client.get("/")


def test_waits_are_milliseconds_between_two_bounds(environment):
    user = locust_with(Nothing, min_wait=100, max_wait=300)(environment)
    random.seed(1)
    waits = {TaskSet(user).wait_time() for _ in range(2000)}
    assert min(waits) == 0.1
    assert max(waits) == 0.3


def test_a_task_sets_bounds_win_over_the_users(environment):
    own = type("Own", (TaskSet,), {"min_wait": 700, "max_wait": 700})
    assert own(locust_with(Nothing, min_wait=100, max_wait=100)(environment)).wait_time() == 0.7


def test_a_wait_function_returns_milliseconds(environment):
    user = locust_with(Nothing, wait_function=lambda self: 1500, min_wait=1, max_wait=1)(environment)
    assert TaskSet(user).wait_time() == 1.5
    own = type("Own", (TaskSet,), {"wait_function": lambda self: 2500})
    assert own(user).wait_time() == 2.5


def test_wait_time_wins_over_both(environment):
    user = locust_with(Nothing, wait_time=lambda self: 3, wait_function=lambda self: 1, min_wait=1)(environment)
    assert TaskSet(user).wait_time() == 3


def test_a_task_sequence_goes_by_number_then_by_order(environment):
    class Steps(TaskSequence):
        @seq_task(3)
        def last(self): ...

        @seq_task(1)
        def first(self): ...

        @seq_task(2)
        @task(2)
        def twice(self): ...

    steps = Steps(locust_with(Steps)(environment))
    assert [steps.get_next_task().__name__ for _ in range(5)] == ["first", "twice", "twice", "last", "first"]


def test_only_the_outermost_set_is_told_and_only_of_a_kill(environment):
    import gevent

    told = []

    class Inner(TaskSet):
        @task
        def work(self):
            ready.set()
            gevent.sleep(3600)

        def on_stop(self):
            told.append("inner")

    class Outer(TaskSet):
        tasks = [Inner]

        def on_stop(self):
            told.append("outer")

    from gevent.event import Event

    ready = Event()
    greenlet = gevent.spawn(locust_with(Outer)(environment).run)
    ready.wait()
    greenlet.kill()
    assert told == ["outer"]

    class Leaving(TaskSet):
        @task
        def leave(self):
            raise StopUser

        def on_stop(self):
            told.append("leaving")

    locust_with(Leaving)(environment).run()
    assert told == ["outer"]


def test_setup_runs_once_per_class_and_teardown_at_the_end(environment):
    calls = []

    class Set(TaskSet):
        def setup(self):
            calls.append("set up")

        def teardown(self):
            calls.append("torn down")

        @task
        def work(self):
            raise StopUser

    class Visitor(Locust):
        task_set = Set

        def setup(self):
            calls.append("user set up")

        def teardown(self):
            calls.append("user torn down")

    for _ in range(3):
        Visitor(environment).run()
    environment.events.quitting.fire(environment=environment)
    assert calls == ["user set up", "set up", "user torn down", "torn down"]


def test_scheduled_tasks_may_have_arguments(environment):
    calls = []

    class Nested(TaskSet):
        @task
        def work(self):
            calls.append((self.args, self.kwargs))
            raise StopUser

    class Set(TaskSet):
        def on_start(self):
            self.schedule_task(self.bound, [1], {"b": 2})
            self.schedule_task(Set.plain, args=[3])
            self.schedule_task(Nested, [4], {"c": 5})

        def bound(self, a, b):
            calls.append((a, b))

        def plain(self, a):
            calls.append(a)

        @task
        def other(self): ...

    locust_with(Set, wait_time=lambda self: 0)(environment).run()
    assert calls == [(1, 2), 3, ([4], {"c": 5})]


class TestEvents:
    """The hooks by their old names."""

    request = {"request_type": "GET", "name": "/", "response_time": 12, "response_length": 3}

    def test_successes_and_failures_come_separately_with_the_old_arguments(self):
        events, calls = Events(), []

        def success(request_type, name, response_time, response_length):
            calls.append((request_type, name, response_time, response_length))

        def failure(request_type, name, response_time, response_length, exception):
            calls.append(exception)

        events.request_success += success
        events.request_failure += failure
        events.request.fire(**self.request, exception=None, context={}, url="http://x/")
        events.request.fire(**self.request, exception="bad", context={}, url="http://x/")
        assert calls == [("GET", "/", 12, 3), "bad"]

    def test_firing_them_reports_a_request(self):
        events, fired = Events(), []
        events.request.add_listener(lambda **kwargs: fired.append(kwargs))
        events.request_success.fire(**self.request)
        events.request_failure.fire(request_type="GET", name="/", response_time=12, exception="bad")
        assert fired == [
            {**self.request, "exception": None},
            {**self.request, "response_length": 0, "exception": "bad"},
        ]

    def test_a_fired_one_reaches_its_own_listeners(self):
        events, calls = Events(), []
        events.request_success += lambda **kwargs: calls.append(kwargs)
        events.request_success.fire(**self.request)
        assert calls == [self.request]

    def test_the_hook_of_today_stays_plain_until_one_of_old_is_used(self):
        events = Events()
        assert not events.request.plain, "nobody counts yet"
        events.request.add_builtin(lambda **kwargs: None)
        assert events.request.plain
        events.request_success += lambda **kwargs: None
        assert not events.request.plain

    def test_the_other_old_names(self):
        events, calls = Events(), []
        events.hatch_complete += lambda user_count: calls.append(user_count)
        events.locust_error += lambda locust_instance, exception, tb: calls.append(str(exception))
        events.locust_start_hatching += lambda: calls.append("start")
        events.locust_stop_hatching += lambda: calls.append("stop")
        events.test_start.fire(environment=None)
        events.spawning_complete.fire(user_count=5)
        events.user_error.fire(user_instance=None, exception=ValueError("bad"), tb=None)
        events.test_stop.fire(environment=None)
        assert calls == ["start", 5, "bad", "stop"]

    def test_they_hang_on_the_global_hooks_too(self):
        assert global_events.request_success is global_events.request_success
