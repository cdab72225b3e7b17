"""How long a user waits between two tasks.

Each function returns a callable for the class attribute ``wait_time``; it is called with the user (or task
set) after every task and returns seconds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from time import perf_counter
from typing import Any, SupportsFloat

WaitTime = Callable[[Any], float]
"""What a ``wait_time`` attribute holds."""


def between(min_wait: float, max_wait: float) -> WaitTime:
    """Waits a random time between two bounds, every value equally likely.

    Args:
        min_wait: The shortest wait, in seconds.
        max_wait: The longest wait, in seconds.

    Raises:
        TypeError: A bound is no number; so too in the functions below.

    Example:
        ```python
        class Visitor(HttpUser):
            wait_time = between(1, 3)
        ```
    """
    _check_numbers("between", min_wait, max_wait)
    spread = max_wait - min_wait
    return lambda instance: min_wait + random.random() * spread


def constant(wait_time: float) -> WaitTime:
    """Waits the same time after every task.

    Args:
        wait_time: The wait, in seconds.
    """
    _check_numbers("constant", wait_time)
    return lambda instance: wait_time


def constant_pacing(wait_time: float) -> WaitTime:
    """Waits as long as it takes for tasks to start at a fixed interval.

    A task that takes longer than the interval is followed by the next at once.

    Args:
        wait_time: The interval between the starts of two tasks, in seconds.
    """

    _check_numbers("constant_pacing", wait_time)

    def remaining(instance: Any) -> float:
        now = perf_counter()
        busy: float = now - instance._cp_last_run - instance._cp_last_wait_time
        wait = max(0.0, wait_time - busy)
        instance._cp_last_wait_time = wait
        instance._cp_last_run = now
        return wait

    return remaining


def constant_throughput(task_runs_per_second: float) -> WaitTime:
    """Waits as long as it takes for each user to run a fixed number of tasks per second, at most.

    Args:
        task_runs_per_second: Tasks per second and user.

    Raises:
        ValueError: The rate is not above zero.
    """
    _check_numbers("constant_throughput", task_runs_per_second)
    if task_runs_per_second <= 0:
        raise ValueError(f"constant_throughput() requires a positive rate, got: {task_runs_per_second}")
    return constant_pacing(1 / task_runs_per_second)


def poisson(rate: float) -> WaitTime:
    """Waits a random time, exponentially distributed, so that tasks start like independent arrivals.

    Args:
        rate: Tasks per second and user, on average.

    Raises:
        ValueError: The rate is not above zero.
    """
    _check_numbers("poisson", rate)
    if rate <= 0:
        raise ValueError(f"poisson() requires a positive rate, got: {rate}")
    return lambda instance: random.expovariate(rate)


def _check_numbers(name: str, *values: Any) -> None:
    """Says at the line of the script, and not when the first user waits, that something is no number."""
    for value in values:
        if not isinstance(value, SupportsFloat):
            raise TypeError(f"{name}() takes numbers, and {value!r} is none")
