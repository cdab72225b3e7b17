"""Hooks and their listeners."""

import pytest

from katydid import log
from katydid.event import EventHook, Events
from katydid.exception import StopUser


@pytest.fixture(autouse=True)
def _forget_failures(monkeypatch):
    monkeypatch.setattr(log, "unhandled_greenlet_exception", False)


def test_listeners_are_called_in_order_or_in_reverse():
    hook, calls = EventHook(), []
    hook.add_listener(lambda **_: calls.append(1))
    hook.add_listener(lambda **_: calls.append(2))
    hook.fire()
    hook.fire(reverse=True)
    hook.fire()
    assert calls == [1, 2, 2, 1, 1, 2]


def test_a_listener_can_be_declared_with_a_decorator_and_removed():
    hook, calls = EventHook(), []

    @hook.add_listener
    def listener(x, **kwargs):
        calls.append(x)

    hook.fire(x=1)
    hook.remove_listener(listener)
    hook.fire(x=2)
    assert calls == [1]


def test_a_failing_listener_does_not_stop_the_others_but_is_remembered(caplog):
    hook, calls = EventHook(), []
    hook.add_listener(lambda: 1 / 0)
    hook.add_listener(lambda: calls.append(1))
    hook.fire()
    assert calls == [1]
    assert "Uncaught exception in event handler" in caplog.text
    assert log.unhandled_greenlet_exception


def test_steering_exceptions_reach_whoever_fires():
    hook = EventHook()

    @hook.add_listener
    def stop():
        raise StopUser

    with pytest.raises(StopUser):
        hook.fire()


def test_a_hook_is_plain_until_a_script_listens():
    hook = EventHook()
    hook.add_builtin(print)
    assert hook.plain
    hook.add_listener(repr)
    assert not hook.plain
    hook.remove_listener(repr)
    assert hook.plain


def test_listeners_of_old_are_added_and_removed_with_operators():
    events, calls = Events(), []

    def without_arguments():
        calls.append("quitting")

    events.quitting += without_arguments
    events.quitting.fire(environment=None)
    events.quitting -= without_arguments
    events.quitting.fire(environment=None)
    assert calls == ["quitting"]


def test_measure_fires_one_request_with_its_time():
    hook, fired = EventHook(), []
    hook.add_listener(lambda **kwargs: fired.append(kwargs))
    with hook.measure("SQL", "select", context={"a": 1}) as event:
        event["response_length"] = 7
    assert fired[0].pop("response_time") >= 0
    assert fired[0].pop("start_time") > 0
    assert fired == [
        {"request_type": "SQL", "name": "select", "response_length": 7, "context": {"a": 1}, "exception": None}
    ]


def test_measure_makes_an_exception_a_failure_and_keeps_it():
    hook, fired = EventHook(), []
    hook.add_listener(lambda exception, **_: fired.append(exception))
    with hook.measure("SQL", "select"):
        raise ValueError("bad")
    assert str(fired[0]) == "bad"


def test_a_subclass_adds_hooks_by_annotation():
    class More(Events):
        mine: EventHook
        quoted: "EventHook"

    events = More()
    assert isinstance(events.mine, EventHook)
    assert isinstance(events.quoted, EventHook)
    assert isinstance(events.request, EventHook)


def test_two_environments_do_not_share_hooks():
    assert Events().request is not Events().request


def test_an_unknown_hook_is_an_attribute_error():
    with pytest.raises(AttributeError):
        _ = Events().no_such_thing
