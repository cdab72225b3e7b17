"""Running a test in the words of the 0.14 generation: its runners, their attributes, and its load in steps.

Nothing here is loaded unless a script or the command line asks for one of the old names.
"""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

import gevent

import katydid
from katydid import runners
from katydid.env import Environment
from katydid.shape import LoadTestShape
from katydid.stats import RequestStats

if TYPE_CHECKING:
    from katydid.shape import Tick
    from katydid.user.users import User

_TODAY = {
    "LocustRunner": "Runner",
    "LocalLocustRunner": "LocalRunner",
    "DistributedLocustRunner": "DistributedRunner",
    "MasterLocustRunner": "MasterRunner",
    "SlaveLocustRunner": "WorkerRunner",
    "SlaveNode": "WorkerNode",
    "STATE_HATCHING": "STATE_SPAWNING",
    "SLAVE_REPORT_INTERVAL": "WORKER_REPORT_INTERVAL",
}
"""The old names in ``locust.runners``, and those of today."""

_ATTRIBUTES = {
    "locust_classes": "user_classes",
    "locusts": "user_greenlets",
    "num_clients": "target_user_count",
    "request_stats": "stats",
    "slave_count": "worker_count",
    "hatching_greenlet": "spawning_greenlet",
}
"""The old attributes of runners, and those of today."""


class _OldRunnerMeta(type):
    """Makes ``isinstance(runners.locust_runner, LocalLocustRunner)`` mean what it meant."""

    def __instancecheck__(cls, instance: Any) -> bool:
        today = getattr(runners, _TODAY[cls.__name__], None)
        return today is not None and isinstance(instance, today)


class LocustRunner(metaclass=_OldRunnerMeta):
    """Any runner."""


class DistributedLocustRunner(LocustRunner):
    """A runner that talks to others."""


class MasterLocustRunner(DistributedLocustRunner):
    """The runner that others report to."""


class SlaveLocustRunner(DistributedLocustRunner):
    """A runner that reports to another."""


class LocalLocustRunner(LocustRunner):
    """Runs all users in this process.

    Args:
        locust_classes: The classes of the users.
        options: The parsed command line, or anything with its attributes.
    """

    def __new__(cls, locust_classes: list[type[User]], options: Any) -> Any:
        """Makes a runner of today."""
        environment = Environment(
            user_classes=list(locust_classes),
            events=katydid.events,
            host=getattr(options, "host", None),
            reset_stats=bool(getattr(options, "reset_stats", False)),
            stop_timeout=getattr(options, "stop_timeout", None),
            parsed_options=options,
        )
        return environment.create_local_runner()


def of_the_runners_module(name: str) -> Any:
    """A name that ``locust.runners`` had, or None if it had no such name."""
    if name in _TODAY:
        return globals().get(name) or getattr(runners, _TODAY[name], None)
    return None


def of_a_runner(runner: Any, name: str) -> Any:
    """An attribute that runners had.

    Args:
        runner: The runner.
        name: The attribute's old name.

    Raises:
        AttributeError: Runners had no such attribute, or this kind of runner has it not.
    """
    if name in _ATTRIBUTES:
        return getattr(runner, _ATTRIBUTES[name])
    if name == "options":
        return runner.environment.parsed_options or Namespace()
    if name == "host":
        return runner.environment.host
    if name == "hatch_rate":
        return getattr(runner, "spawn_rate", None)
    if name == "start_hatching":
        return lambda locust_count, hatch_rate, wait=False: runner.start(locust_count, hatch_rate, wait=wait)
    if name == "start_stepload":
        return lambda *steps: _start_steps(runner, *steps)
    raise AttributeError(f"{type(runner).__name__!r} object has no attribute {name!r}")


class _GlobalStats:
    """The statistics of whatever runner there is, for scripts that take hold of them before there is one."""

    def __getattr__(self, name: str) -> Any:
        runner = runners.locust_runner
        return getattr(runner.stats if runner is not None else RequestStats(), name)


_GLOBAL_STATS = _GlobalStats()


def global_stats() -> Any:
    """The statistics of this process."""
    return _GLOBAL_STATS


class StepLoad(LoadTestShape):
    """Adds users step by step, as ``--step-load`` asks for.

    Args:
        users: How many users the last step reaches.
        spawn_rate: Users to start per second, within a step.
        step_users: Users to add with each step.
        step_seconds: How long a step lasts; the last one lasts until the test ends.
        run_time: When the test ends by itself, in seconds; None for never.
    """

    abstract = True
    use_common_options = True

    def __init__(
        self, users: int, spawn_rate: float, step_users: int, step_seconds: float, run_time: float | None = None
    ) -> None:
        super().__init__()
        self.users = users
        self.spawn_rate = spawn_rate
        self.step_users = step_users
        self.step_seconds = step_seconds
        self.run_time = run_time

    @classmethod
    def from_options(cls, options: Namespace) -> StepLoad:
        """What the command line describes."""
        return cls(
            options.num_users or 1,
            options.spawn_rate or 1,
            options.step_clients,
            options.step_time,
            options.run_time,
        )

    def tick(self) -> Tick:
        """The users of the step that the test is in."""
        seconds = self.get_run_time()
        if self.run_time is not None and seconds >= self.run_time:
            return None
        steps = 1 + int(seconds / self.step_seconds)
        # Only whole steps: the last is the one after which there would be more users than asked for.
        return min(steps * self.step_users, self.users - self.users % self.step_users), self.spawn_rate


def _start_steps(runner: Any, users: int, spawn_rate: float, step_users: int, step_seconds: float) -> None:
    """Starts the test in steps, as the page of 0.14 did."""
    shape = StepLoad(users, spawn_rate, step_users, step_seconds)
    shape.runner = runner
    runner.environment.shape_class = shape
    gevent.spawn(runner.start_shape)
