"""Load as a rate: iterations begin when a schedule says so, and not when a user is done with the one before.

The engine keeps the schedule and wakes users that are free; here users are made as they are needed.
"""

from __future__ import annotations

import logging
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import gevent
from gevent import getcurrent
from gevent.hub import get_hub

from katydid import hub, log
from katydid.exception import StopTest
from katydid.rate import Rate, most_users
from katydid.user.task import LOCUST_STATE_RUNNING, LOCUST_STATE_WAITING, halt

if TYPE_CHECKING:
    from katydid.runners import Runner
    from katydid.user.users import User

logger = logging.getLogger("locust.runners")

PATIENCE_SECONDS = 10.0
"""How long an iteration waits for a user before it is dropped."""
REPORT_SECONDS = 0.25
"""How long after new users were made the engine is told of them."""
CHECK_SECONDS = 0.02

_READ = 1  # libev's EV_READ


class Arrivals:
    """Has the users of a runner begin iterations when they are due.

    Args:
        runner: Whose users.
        rate: What is asked for.
        share: The place of this process among so many that share the rate.
        passed: Seconds of the schedule that are over.
    """

    def __init__(self, runner: Runner, rate: Rate, share: tuple[int, int] = (0, 1), passed: float = 0.0) -> None:
        self.rate = rate
        self.share = share
        self.passed = passed
        self.has_begun = False
        self._runner = runner
        self._seed = int.from_bytes(os.urandom(7), "little")
        self._engine = hub.engine(runner.environment)
        self.most = most_users(rate, share[1])
        # Classes of a fixed number of users run beside the rate, as often as they like.
        classes = [cls for cls in runner.chosen_classes() if not cls.fixed_count]
        self._names = [cls.__name__ for cls in classes]
        self._weights = [float(cls.weight) for cls in classes]
        self._places = {name: place for place, name in enumerate(self._names)}
        self._core = self._engine.arrivals(len(classes))
        self._more: Counter[str] = Counter()
        self._is_making = self._is_reporting = self._is_over = False
        self._watcher: Any = get_hub().loop.io(self._core.fileno(), _READ)
        self._watcher.start(self._due)

    def takes(self, user: User) -> bool:
        """Whether a user's iterations are of the rate."""
        return type(user).__name__ in self._places

    def begin(self) -> None:
        """Starts the schedule; it goes on if it has begun."""
        if self.has_begun:
            return
        if not self._names:
            logger.error("A rate needs users: every class has a fixed_count, and those run beside it")
            return
        self.has_begun = True
        self._begin(self.passed)

    def change(self, rate: Rate, share: tuple[int, int] | None = None, passed: float = 0.0) -> None:
        """Goes on with another rate, or another part of it, from now on.

        Args:
            rate: What is asked for.
            share: The place of this process among so many; as before by default.
            passed: Seconds of the schedule that are over.
        """
        self.rate, self.share = rate, share or self.share
        self.most = most_users(rate, self.share[1])
        self._is_over = False
        self.passed = passed
        if self.has_begun:
            self._begin(passed)

    def _begin(self, passed: float) -> None:
        self._core.begin(self.rate.text, self._weights, self.share, self._seed, PATIENCE_SECONDS, passed)

    def pause(self) -> None:
        """Nothing is due until `resume`."""
        self._core.pause()

    def resume(self) -> None:
        """The schedule goes on where it was paused."""
        self._core.resume()

    def end(self) -> None:
        """Nothing is due any more; what waits for a user is dropped."""
        if self._watcher is not None:
            self._core.end()
            self._watcher.stop()
            self._watcher.close()
            self._watcher = None

    # -- on the users' greenlets ---------------------------------------------------------

    def wait(self, user: User) -> None:
        """Waits until an iteration is due that this user is to run.

        Raises:
            StopUser: The user is to stop.
        """
        if user._state != LOCUST_STATE_RUNNING:
            halt(user)
        user._state = LOCUST_STATE_WAITING
        place = self._places[type(user).__name__]
        ticket = self._core.free(getcurrent(), place, not user._has_been_free)
        user._has_been_free = True
        if ticket >= 0:
            try:
                get_hub().switch()
            except BaseException:
                self._core.leave(ticket)
                raise
        if user._state != LOCUST_STATE_WAITING:
            halt(user)
        user._state = LOCUST_STATE_RUNNING

    def ended(self) -> None:
        """An iteration has ended."""
        self._core.ended()

    def gone(self, user: User) -> None:
        """A user has ended."""
        self._core.gone(getcurrent(), self._places[type(user).__name__], not user._has_been_free)

    # -- on the hub ----------------------------------------------------------------------

    def _due(self) -> None:
        """Has users begin what is due. Called on the hub, which must not wait."""
        # Those whose answers are here are free first.
        self._engine.drain()
        running = len(self._runner.user_greenlets) + self._more.total()
        more, is_over = self._core.due(max(0, self.most - running))
        for place, count in more:
            self._more[self._names[place]] += count
        if self._more and not self._is_making:
            self._is_making = True
            making = self._runner.greenlet.spawn(self._make)
            making.link_exception(log.greenlet_exception_logger(logger))
        if is_over and not self._is_over:
            self._is_over = True
            gevent.spawn(self._finish).link_exception(log.greenlet_exception_logger(logger))

    def _make(self) -> None:
        """Makes users as they are wanted."""
        try:
            while self._more:
                counts, self._more = self._more, Counter()
                self._runner.spawn_users(counts)
        except StopTest as stop:
            self._runner._end_test(stop)
        except Exception as error:
            self._more.clear()
            self._runner._cannot_spawn(error)
        finally:
            self._is_making = False
        if not self._is_reporting:
            self._is_reporting = True
            gevent.spawn_later(REPORT_SECONDS, self._report)

    def _report(self) -> None:
        self._is_reporting = False
        if self._watcher is not None:
            self._engine.spawned(self._runner.user_classes_count)

    def _finish(self) -> None:
        """The schedule is over: ends the test when the last iteration has ended."""
        users = self._runner.user_greenlets
        while self._is_over and self._watcher is not None:
            busy = [
                it for it in users if it.args and self.takes(it.args[0]) and it.args[0]._state != LOCUST_STATE_WAITING
            ]
            if not busy:
                self._runner._schedule_is_over()
                return
            gevent.sleep(CHECK_SECONDS)
