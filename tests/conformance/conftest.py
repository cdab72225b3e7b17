"""What the conformance tests share.

These tests say ``import locust`` and hold for Locust 2.47 as they do for Katydid: run by an interpreter that has
Locust instead of Katydid, they test Locust.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

try:
    from katydid import _aliases, hub
except ImportError:
    hub = None
else:
    _aliases.install()

import gevent
from locust import User
from locust.env import Environment
from locust.exception import StopUser

DEADLINE = 20
"""Seconds after which something that should have happened is a failure."""


@pytest.fixture
def environment() -> Environment:
    """An environment of its own, without users or runner."""
    return Environment()


@pytest.fixture
def run_with() -> Iterator[Callable[..., Any]]:
    """Makes a local runner for user classes; it and its engine end with the test."""
    runners = []

    def run_with(*user_classes: type[User], **settings: Any) -> Any:
        runner = Environment(user_classes=list(user_classes), **settings).create_local_runner()
        runners.append(runner)
        return runner

    yield run_with
    for runner in runners:
        runner.quit()
    if hub is not None:
        hub.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Lets the other greenlets run until something has come true."""

    def until(condition: Callable[[], Any]) -> None:
        end = time.monotonic() + DEADLINE
        while not condition():
            assert time.monotonic() < end, "it never came true"
            gevent.sleep(0.01)

    return until


class Diary(User):
    """A user that writes down what happens to it, and stops after so many entries."""

    abstract = True
    length = 6

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.entries: list[Any] = []

    def note(self, entry: Any) -> None:
        if len(self.entries) >= self.length:
            raise StopUser
        self.entries.append(entry)


@pytest.fixture
def diary() -> type[Diary]:
    """The class `Diary`."""
    return Diary


@pytest.fixture
def live(environment: Environment) -> Callable[[type[User]], Any]:
    """Runs one user of a class in the test's own greenlet, until it stops itself, and returns it."""

    def live(user_class: type[User]) -> Any:
        user = user_class(environment)
        user.run()
        return user

    return live
