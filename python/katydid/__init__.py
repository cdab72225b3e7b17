"""Katydid: load tests written for Locust, on a Rust engine.

Names are looked up on first use, so that ``import katydid`` and ``katydid --version`` stay instant.

Example:
    ```python
    from katydid import HttpUser, between, task

    class Visitor(HttpUser):
        wait_time = between(1, 3)

        @task
        def front_page(self):
            self.client.get("/")
    ```
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katydid.contrib.fasthttp import FastHttpUser as FastHttpUser
    from katydid.event import Events as Events
    from katydid.exception import InterruptTaskSet as InterruptTaskSet
    from katydid.exception import RescheduleTaskImmediately as RescheduleTaskImmediately
    from katydid.exception import ResponseError as ResponseError
    from katydid.legacy import HttpLocust as HttpLocust
    from katydid.legacy import Locust as Locust
    from katydid.legacy import TaskSequence as TaskSequence
    from katydid.legacy import seq_task as seq_task
    from katydid.rate import Rate as Rate
    from katydid.shape import LoadTestShape as LoadTestShape
    from katydid.user import wait_time as wait_time
    from katydid.user.markov_taskset import MarkovTaskSet as MarkovTaskSet
    from katydid.user.markov_taskset import transition as transition
    from katydid.user.markov_taskset import transitions as transitions
    from katydid.user.sequential_taskset import SequentialTaskSet as SequentialTaskSet
    from katydid.user.task import TaskSet as TaskSet
    from katydid.user.task import tag as tag
    from katydid.user.task import task as task
    from katydid.user.users import HttpUser as HttpUser
    from katydid.user.users import User as User
    from katydid.user.wait_time import between as between
    from katydid.user.wait_time import constant as constant
    from katydid.user.wait_time import constant_pacing as constant_pacing
    from katydid.user.wait_time import constant_throughput as constant_throughput
    from katydid.user.wait_time import poisson as poisson

    events: Events
    __version__: str

LOCUST_VERSION = "2.47.0"
"""The version of Locust whose scripts run here."""

_HOMES = {
    "between": "katydid.user.wait_time",
    "constant": "katydid.user.wait_time",
    "constant_pacing": "katydid.user.wait_time",
    "constant_throughput": "katydid.user.wait_time",
    "poisson": "katydid.user.wait_time",
    "Events": "katydid.event",
    "FastHttpUser": "katydid.contrib.fasthttp",
    "HttpLocust": "katydid.legacy",
    "HttpUser": "katydid.user.users",
    "InterruptTaskSet": "katydid.exception",
    "LoadTestShape": "katydid.shape",
    "Locust": "katydid.legacy",
    "MarkovTaskSet": "katydid.user.markov_taskset",
    "Rate": "katydid.rate",
    "RescheduleTaskImmediately": "katydid.exception",
    "ResponseError": "katydid.exception",
    "SequentialTaskSet": "katydid.user.sequential_taskset",
    "TaskSequence": "katydid.legacy",
    "TaskSet": "katydid.user.task",
    "User": "katydid.user.users",
    "run_single_user": "katydid.debug",
    "seq_task": "katydid.legacy",
    "tag": "katydid.user.task",
    "task": "katydid.user.task",
    "transition": "katydid.user.markov_taskset",
    "transitions": "katydid.user.markov_taskset",
}

# Submodules that `import locust` makes attributes of the package.
_SUBMODULES = frozenset(
    {
        "argument_parser",
        "clients",
        "contrib",
        "debug",
        "dispatch",
        "env",
        "event",
        "exception",
        "html",
        "log",
        "runners",
        "shape",
        "stats",
        "user",
        "util",
        "web",
    }
)

__all__ = [*_HOMES, "events", "wait_time"]


def __getattr__(name: str) -> Any:
    """Imports what is asked for the first time."""
    value: Any
    if name in _HOMES:
        value = getattr(importlib.import_module(_HOMES[name]), name)
    elif name == "events":
        value = importlib.import_module("katydid.event").Events()
    elif name == "wait_time":
        value = importlib.import_module("katydid.user.wait_time")
    elif name == "__version__":
        value = importlib.import_module("katydid._core").__version__
    elif name in _SUBMODULES:
        return importlib.import_module(f"katydid.{name}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_SUBMODULES})
