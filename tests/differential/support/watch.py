"""Prints events as lines of JSON, so that two runs can be compared; imported by the scripts of either tool."""

import json
import os

import gevent
from locust import events

TIMES = {"response_time", "start_time", "cpu_usage", "memory_usage"}
"""Arguments whose values differ from run to run; only their types are shown."""


def say(**facts):
    """Prints facts as one line of JSON, whatever they are."""
    print(json.dumps(plain(facts), default=shown), flush=True)


def plain(value):
    """The value with 20.0 as 20: either may be meant by a number of milliseconds."""
    if isinstance(value, dict):
        return {key: plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def shown(value):
    """What stays the same between runs of a value that JSON does not know."""
    if isinstance(value, BaseException):
        return repr(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if hasattr(value, "status_code"):
        return {"status": value.status_code}
    if isinstance(value, bytes):
        return f"{len(value)} bytes: {value[:40]!r}"
    return type(value).__name__


@events.user_error.add_listener
def give_up(exception, **kwargs):
    """Ends a script whose task fails over and over: it would never come to its end."""
    errors.append(exception)
    if len(errors) > 5:
        say(gave_up=exception)
        os._exit(70)


errors = []


def watch(*names, hooks=events):
    """Prints each firing of the named hooks with its arguments."""
    for name in names:
        getattr(hooks, name).add_listener(listener(name))


def listener(event):
    """One that prints an event's arguments."""

    def on_event(**arguments):
        facts = {key: type(value).__name__ if key in TIMES else value for key, value in sorted(arguments.items())}
        say(event=event, **facts)

    return on_event


RUN = ("init", "test_start", "spawning_complete", "test_stopping", "test_stop", "quitting", "quit")
"""The events of a run's course."""


def finish(user):
    """Ends the run from a task. The user is stopped as any other, where it waits."""
    gevent.spawn(user.environment.runner.quit)
    gevent.sleep(30)
