"""Hooks, and the order in which a run fires them."""

import gevent
import pytest
from locust import HttpUser, User, constant, task
from locust.event import DeprecatedEventHook, EventHook, Events
from locust.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

NAMES = [
    "cpu_warning", "heartbeat_received", "heartbeat_sent", "init", "init_command_line_parser", "quit", "quitting",
    "report_to_master", "request", "reset_stats", "spawning_complete", "test_start", "test_stop", "test_stopping",
    "usage_monitor", "user_error", "worker_connect", "worker_report",
]  # fmt: skip


def test_there_are_these_hooks():
    hooks = {name: value for name, value in vars(Events()).items() if isinstance(value, EventHook)}
    assert sorted(hooks) == NAMES


def test_a_subclass_may_have_more():
    class More(Events):
        mine: "EventHook"

    assert isinstance(More().mine, EventHook)


def test_listeners_are_called_in_order_or_in_reverse():
    hook, called = EventHook(), []

    @hook.add_listener
    def first(number):
        called.append(("first", number))

    hook.add_listener(lambda number: called.append(("second", number)))
    hook.fire(number=1)
    hook.fire(number=2, reverse=True)
    hook.remove_listener(first)
    hook.fire(number=3)
    assert called == [("first", 1), ("second", 1), ("second", 2), ("first", 2), ("second", 3)]
    with pytest.raises(ValueError, match="not in list"):
        hook.remove_listener(first)


def test_55_a_failing_listener_does_not_stop_the_others(caplog):
    hook, called = EventHook(), []

    @hook.add_listener
    def fail(**kwargs):
        raise ValueError("bad")

    hook.add_listener(lambda **kwargs: called.append(1))
    hook.fire(some=1)
    assert called == [1]
    assert [record.name for record in caplog.records] == ["root"]
    assert "Uncaught exception in event handler" in caplog.text
    assert "ValueError: bad" in caplog.text


@pytest.mark.parametrize("steering", [StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet])
def test_what_steers_users_goes_through(steering):
    hook = EventHook()

    @hook.add_listener
    def steer(**kwargs):
        raise steering

    with pytest.raises(steering):
        hook.fire()


def test_44_measure_swallows_the_exception_and_fires():
    hook, fired = EventHook(), []
    hook.add_listener(lambda **kwargs: fired.append(kwargs))
    error = ValueError("bad")
    with hook.measure("SQL", "select", 5, {"a": 1}) as event:
        event["name"] = "changed"
        event["more"] = 1
        raise error
    (sent,) = fired
    assert sent.pop("response_time") >= 0
    assert sent.pop("start_time") > 0
    assert sent == {
        "request_type": "SQL",
        "name": "changed",
        "response_length": 5,
        "context": {"a": 1},
        "exception": error,
        "more": 1,
    }
    with hook.measure("SQL", "select"):
        pass
    assert (fired[1]["exception"], fired[1]["context"], fired[1]["response_length"]) == (None, {}, 0)


def test_measure_does_not_swallow_a_kill():
    hook, fired = EventHook(), []
    hook.add_listener(lambda **kwargs: fired.append(kwargs["exception"]))

    def work():
        with hook.measure("A", "b"):
            gevent.sleep(3600)

    greenlet = gevent.spawn(work)
    gevent.sleep(0)
    greenlet.kill()
    assert isinstance(greenlet.value, gevent.GreenletExit)
    assert fired == [None]


def test_a_deprecated_hook_says_so(caplog):
    hook = DeprecatedEventHook("use the other one")
    hook.add_listener(lambda **kwargs: None)
    assert caplog.messages == ["use the other one"]


def watch(events, log):
    """Notes the names of all events, and the names of their arguments, in a log."""
    for name in NAMES:
        getattr(events, name).add_listener(
            lambda _hook=name, **kwargs: log.append((_hook, tuple(sorted(kwargs)))),
        )


def test_17_a_run_fires_these_with_these_arguments(run_with, until):
    log = []

    class Person(User):
        wait_time = constant(3600)

        def __init__(self, environment):
            super().__init__(environment)
            log.append("__init__")

        def on_start(self):
            log.append("on_start")

        def on_stop(self):
            log.append("on_stop")

        @task
        def work(self):
            with self.environment.events.request.measure("A", "b"):
                pass
            raise ValueError("bad")

    runner = run_with(Person)
    watch(runner.environment.events, log)
    runner.start(1, spawn_rate=1)
    until(lambda: ("spawning_complete", ("user_count",)) in log and any("user_error" in entry for entry in log))
    # Whether the ramp or the first task is over first is nobody's promise.
    log.remove(("spawning_complete", ("user_count",)))
    runner.start(2, spawn_rate=1)
    until(lambda: ("spawning_complete", ("user_count",)) in log)
    log.remove(("spawning_complete", ("user_count",)))
    runner.stop()
    runner.quit()
    request = ("context", "exception", "name", "request_type", "response_length", "response_time", "start_time")
    life = ["on_start", ("request", request), ("user_error", ("exception", "tb", "user_instance"))]
    assert log == [
        ("test_start", ("environment",)),
        "__init__",
        *life,
        "__init__",
        *life,
        ("test_stopping", ("environment",)),
        "on_stop",
        "on_stop",
        ("test_stop", ("environment",)),
    ]


def test_53_test_start_is_fired_again_after_a_stop(run_with, until):
    log = []

    class Person(User):
        wait_time = constant(3600)

        @task
        def work(self): ...

    runner = run_with(Person)
    for name in ("test_start", "test_stopping", "test_stop"):
        getattr(runner.environment.events, name).add_listener(lambda _hook=name, **kwargs: log.append(_hook))
    for _ in range(2):
        runner.start(1, spawn_rate=1)
        until(lambda: runner.state == "running")
        runner.stop()
    runner.quit()
    assert log == ["test_start", "test_stopping", "test_stop"] * 2


def test_a_request_of_the_client_has_these_arguments(run_with, until):
    fired = []

    class Visitor(HttpUser):
        host = "http://127.0.0.1:1"

        def context(self):
            return {"of the user": 1, "both": 1}

        @task
        def visit(self):
            self.client.get("/", context={"of the call": 2, "both": 2})
            raise StopUser

    runner = run_with(Visitor)
    runner.environment.events.request.add_listener(lambda **kwargs: fired.append(kwargs))
    runner.start(1, spawn_rate=1)
    until(lambda: fired)
    (sent,) = fired
    assert sorted(sent) == [
        "context", "exception", "name", "request_type", "response", "response_length", "response_time", "start_time",
        "url",
    ]  # fmt: skip
    assert sent["context"] == {"of the user": 1, "of the call": 2, "both": 2}
    assert isinstance(sent["exception"], ConnectionRefusedError)


def test_stop_test_in_test_start_stops_the_run(run_with, until, caplog):
    class Person(User):
        made = 0

        @task
        def work(self):
            Person.made += 1

    runner = run_with(Person)

    @runner.environment.events.test_start.add_listener
    def refuse(environment, **kwargs):
        raise StopTest("not today")

    try:
        runner.start(1, spawn_rate=1)
    except StopTest:
        return  # Locust lets it reach a caller that is no greenlet of its own.
    until(lambda: "not today" in caplog.text)
    runner.quit()
    assert Person.made == 0


def test_fullname_and_json_of_a_user_class():
    class Person(User):
        host = "http://127.0.0.1:1"
        weight = 3

        @task(2)
        def work(self): ...

    assert Person.fullname() == f"{__name__}.test_fullname_and_json_of_a_user_class.Person"
    assert Person.json() == {
        "host": "http://127.0.0.1:1",
        "weight": 3,
        "fixed_count": 0,
        "tasks": ["work", "work"],
    }
