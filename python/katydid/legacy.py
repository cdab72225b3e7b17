"""The 0.14 generation: what its scripts import, subclass and listen to, on today's classes.

Nothing here is loaded unless a script asks for one of the old names. ``locust.core`` is this module.
"""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar, cast

from gevent import GreenletExit

import katydid
from katydid.event import EventHook, Events
from katydid.exception import InterruptTaskSet, LocustError, RescheduleTask, RescheduleTaskImmediately, ResponseError
from katydid.exception import StopUser as StopLocust
from katydid.log import format_script_exception
from katydid.user.sequential_taskset import SequentialTaskSet, SequentialTaskSetMeta
from katydid.user.task import TaskSet, TaskSetMeta, task
from katydid.user.users import HttpUser, User, UserMeta

__all__ = [
    "HttpLocust",
    "InterruptTaskSet",
    "Locust",
    "LocustError",
    "NoClientWarningRaiser",
    "RescheduleTask",
    "RescheduleTaskImmediately",
    "ResponseError",
    "StopLocust",
    "TaskSequence",
    "TaskSet",
    "TaskSetMeta",
    "seq_task",
    "task",
]

logger = logging.getLogger("locust.core")

TaskT = TypeVar("TaskT", bound=Callable[..., Any])


class NoClientWarningRaiser:
    """The client of users that have none: says so when it is used."""

    def __getattr__(self, name: str) -> Any:
        raise LocustError("No client instantiated. Did you intend to inherit from HttpLocust instead of just Locust?")


class LocustMeta(UserMeta):
    """Takes the tasks from ``task_set``; a class is runnable if it has one and no name starting with ``_``."""

    takes_task_set = True

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> LocustMeta:
        """Creates the class."""
        cls: Any = super().__new__(mcs, name, bases, class_dict)
        cls.tasks = [cls.task_set] if cls.task_set else []
        cls.abstract = not cls.task_set or name.startswith("_")
        cls._takes_environment = len(inspect.signature(cls.__init__).parameters) > 1
        return cast(LocustMeta, cls)

    def __call__(cls: Any, environment: Any = None) -> Any:  # noqa: N805  a metaclass's instances are classes
        """Makes a user; its constructor may be one of old, which takes nothing."""
        user = cls.__new__(cls)
        user.environment = environment
        if cls._takes_environment:
            user.__init__(environment)
        else:
            user.__init__()
        return user


class Locust(User, metaclass=LocustMeta):
    """A user of the 0.14 generation.

    It runs the task set in ``task_set``. Its waits are given by ``wait_time``, by ``min_wait`` and ``max_wait``
    in milliseconds, or by ``wait_function``, which returns milliseconds.
    """

    task_set: Any = None
    """What the user does."""
    wait_time: Any = None
    """Returns the seconds to wait after a task."""
    weight = 10
    """How many of the users are of this class, relative to the others."""
    client: Any = NoClientWarningRaiser()
    """Made by subclasses."""

    _catch_exceptions = True
    _setup_lock = threading.RLock()
    _setup_has_run = False

    def __init__(self, environment: Any = None) -> None:
        super().__init__(environment or self.environment)
        cls = type(self)
        if hasattr(self, "setup") or hasattr(self, "teardown"):
            with cls._setup_lock:
                if not cls.__dict__.get("_setup_has_run"):
                    cls._setup_has_run = True
                    set_up(self, self.environment.events)

    def _root(self) -> TaskSet:
        root: TaskSet = self.task_set(self)
        set_up_once(root)
        return root

    def _leaves(self, taskset: TaskSet, reason: BaseException) -> bool:
        """Only the outermost task set was told, and only when the user was killed."""
        return isinstance(reason, GreenletExit) and taskset is self._taskset_instance


class HttpLocust(Locust, HttpUser):
    """A user of the 0.14 generation with an HTTP client."""

    trust_env = False
    """Whether the client follows the proxies and passwords that the system is set up for."""

    def __init__(self, environment: Any = None) -> None:
        super().__init__(environment)
        self.client.trust_env = self.trust_env


class TaskSequenceMeta(SequentialTaskSetMeta):
    """Sorts the tasks by the number that `seq_task` gave them."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> TaskSequenceMeta:
        """Creates the class."""
        for member in class_dict.values():
            if hasattr(member, "locust_task_order") and not hasattr(member, "locust_task_weight"):
                member.locust_task_weight = 1
        cls: Any = super().__new__(mcs, name, bases, class_dict)
        cls.tasks = sorted(cls.tasks, key=lambda item: getattr(item, "locust_task_order", 1))
        return cast(TaskSequenceMeta, cls)


class TaskSequence(SequentialTaskSet, metaclass=TaskSequenceMeta):
    """A task set that runs its tasks in the order of their numbers, then starts over."""


def seq_task(order: int) -> Callable[[TaskT], TaskT]:
    """Gives a task its place in a `TaskSequence`.

    Args:
        order: The place; tasks of the same one keep the order in which they are written.
    """

    def declare(func: TaskT) -> TaskT:
        func.locust_task_order = order  # type: ignore[attr-defined]
        return func

    return declare


def set_up_once(taskset: TaskSet) -> None:
    """Calls a task set's ``setup``, if it has one, for the first instance of its class."""
    cls = type(taskset)
    if (hasattr(taskset, "setup") or hasattr(taskset, "teardown")) and "_setup_has_run" not in cls.__dict__:
        cls._setup_has_run = True  # type: ignore[attr-defined]
        set_up(taskset, taskset.user.environment.events)


def set_up(holder: Any, events: Events) -> None:
    """Calls ``setup`` now and ``teardown`` at the end; a failure is reported and ends nothing."""
    if hasattr(holder, "teardown"):
        events.quitting.add_listener(lambda **kwargs: holder.teardown())
    if hasattr(holder, "setup"):
        try:
            holder.setup()
        except Exception as error:
            events.user_error.fire(user_instance=holder, exception=error, tb=error.__traceback__)
            logger.error("%s\n%s", error, format_script_exception(error))


def with_arguments(item: Any, args: Any, kwargs: dict[str, Any]) -> Callable[[TaskSet], Any]:
    """A scheduled task together with the arguments it is to get.

    Args:
        item: A function or task set.
        args: Its positional arguments, after the task set.
        kwargs: Its named arguments.
    """

    def enter(parent: TaskSet) -> None:
        nested = item(parent)
        nested.args, nested.kwargs = args, kwargs
        nested.run()

    def call(taskset: TaskSet) -> None:
        if getattr(item, "__self__", None) is taskset:
            item(*args, **kwargs)
        else:
            item(taskset, *args, **kwargs)

    return enter if isinstance(item, TaskSetMeta) else call


class _Forwarder(EventHook):
    """An old hook that gets what a hook of today is fired with, in the old words.

    Args:
        source: The hook of today.
        translate: Turns its arguments into the old ones; None for a moment that the old hook did not know.
    """

    def __init__(self, source: EventHook, translate: Callable[..., dict[str, Any] | None]) -> None:
        super().__init__()
        self.source = source
        self._translate = translate
        self._attached = False

    def add_listener(self, handler: Any) -> Any:
        """Attaches a listener; the first one attaches this hook to that of today."""
        if not self._attached:
            self._attached = True
            self.source.add_listener(self._forward)
        return super().add_listener(handler)

    def _forward(self, **kwargs: Any) -> None:
        old = self._translate(**kwargs)
        if old is not None:
            super().fire(**old)


class _OldRequestHook(_Forwarder):
    """``request_success`` or ``request_failure``: to fire it by hand is to report a request."""

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """Reports a request."""
        self.source.fire(reverse=reverse, **{"response_length": 0, "exception": None, **kwargs})


_REQUEST_WORDS = ("request_type", "name", "response_time", "response_length")


def _succeeded(exception: Any = None, **kwargs: Any) -> dict[str, Any] | None:
    return None if exception else {word: kwargs.get(word) for word in _REQUEST_WORDS}


def _failed(exception: Any = None, **kwargs: Any) -> dict[str, Any] | None:
    if not exception:
        return None
    return {**{word: kwargs.get(word) for word in _REQUEST_WORDS}, "exception": exception}


def _error(user_instance: Any, exception: Exception, tb: Any, **kwargs: Any) -> dict[str, Any]:
    user = user_instance.user if isinstance(user_instance, TaskSet) else user_instance
    return {"locust_instance": user, "exception": exception, "tb": tb}


def _same(**kwargs: Any) -> dict[str, Any]:
    return kwargs


def _nothing(**kwargs: Any) -> dict[str, Any]:
    return {}


def old_hook(events: Events, name: str) -> Any:
    """A hook by its 0.14 name, or None if there was none of that name.

    Args:
        events: The hooks of today that it is to follow.
        name: The old name.
    """
    makers: dict[str, Callable[[], Any]] = {
        "request_success": partial(_OldRequestHook, events.request, _succeeded),
        "request_failure": partial(_OldRequestHook, events.request, _failed),
        "hatch_complete": partial(_Forwarder, events.spawning_complete, _same),
        "locust_error": partial(_Forwarder, events.user_error, _error),
        "slave_report": partial(_Forwarder, events.worker_report, _same),
        "locust_start_hatching": partial(_Forwarder, events.test_start, _nothing),
        "locust_stop_hatching": partial(_Forwarder, events.test_stop, _nothing),
        "master_start_hatching": EventHook,
        "master_stop_hatching": EventHook,
        "EventHook": lambda: EventHook,
    }
    maker = makers.get(name)
    return maker() if maker else None


def __getattr__(name: str) -> Any:
    """Names that ``locust.core`` had and that cost something to import."""
    if name == "FastHttpLocust":
        from katydid.contrib.fasthttp import FastHttpUser

        class FastHttpLocust(Locust, FastHttpUser):
            """A user of the 0.14 generation with the fast HTTP client."""

            max_retries = 1

        globals()[name] = FastHttpLocust
        return FastHttpLocust
    if name == "events":
        return katydid.events
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
