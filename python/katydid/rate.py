"""Load as a rate: what is asked for."""

from __future__ import annotations

import resource
import time
from typing import TYPE_CHECKING

from katydid._core import schedule as read_schedule

if TYPE_CHECKING:
    from argparse import Namespace

MOST_USERS = 10_000
"""Users there may be in one process where nobody says how many."""


class Rate:
    """So many iterations a second, on as many users as that takes.

    A load shape may return one from `tick`, in place of the users and the spawn rate.

    Args:
        rate: Iterations a second, or text as ``--rate`` takes it: ``"200/s"``, ``"0-500/s over 1m, 500/s"``.
        users: How many users there may be; as many as the process can have connections, if left out.
        poisson: Whether iterations begin independently of each other, as those of many people do.

    Raises:
        ValueError: The rate is not written that way.

    Example:
        ```python
        class Growing(LoadTestShape):
            def tick(self):
                return Rate(100 + 10 * self.get_run_time())
        ```
    """

    __slots__ = ("first", "length", "text", "users")

    def __init__(self, rate: float | str, users: int | None = None, poisson: bool = False) -> None:
        text = rate if isinstance(rate, str) else f"{float(rate):.9f}/s"
        if poisson and not text.rstrip().endswith("poisson"):
            text += " poisson"
        if users is not None and users < 1:
            raise ValueError(f"a rate needs users: at least 1 may run, and not {users}")
        self.text, self.length, self.first = read_schedule(text)
        self.users = users

    def __repr__(self) -> str:
        return f"Rate({self.text!r}, users={self.users!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rate) and (self.text, self.users) == (other.text, other.users)

    def __hash__(self) -> int:
        return hash((self.text, self.users))

    @classmethod
    def of_options(cls, options: Namespace | None) -> Rate | None:
        """The rate that the command line asks for, if it does."""
        # Not by the names of the flags, which a script may have for something else.
        text = getattr(options, "iteration_rate", None)
        if not text:
            return None
        poisson = getattr(options, "iteration_arrivals", None) == "POISSON"
        return cls(text, getattr(options, "iteration_rate_users", None), poisson)


class Course:
    """How much of a schedule is over, without the time that the test was paused."""

    def __init__(self) -> None:
        self._began: float | None = None
        self._paused: float | None = None

    @property
    def passed(self) -> float | None:
        """Seconds that are over; none while there is no schedule."""
        if self._began is None:
            return None
        return (self._paused or time.monotonic()) - self._began

    def begin(self, passed: float = 0.0) -> None:
        """A schedule begins, or goes on after so many seconds."""
        now = time.monotonic()
        self._began = now - passed
        if self._paused is not None:
            self._paused = now

    def pause(self) -> None:
        """The test is paused."""
        self._paused = self._paused or time.monotonic()

    def resume(self) -> None:
        """The test goes on."""
        if self._paused is not None and self._began is not None:
            # As if it had begun so much later.
            self._began += time.monotonic() - self._paused
        self._paused = None

    def end(self) -> None:
        """There is no schedule any more."""
        self._began = self._paused = None


def most_users(rate: Rate, workers: int = 1) -> int:
    """How many users one of so many processes may have: what was asked for, or what its files allow."""
    if rate.users is not None:
        return max(1, rate.users // workers)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # Each user has a connection, and the process needs some files for itself.
    return max(1, min(MOST_USERS, files - 100 if files > 200 else files // 2))
