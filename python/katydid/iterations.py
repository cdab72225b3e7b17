"""``--iterations``: a test that ends when its tasks have run so many times, over all users."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import gevent

from katydid.exception import StopUser
from katydid.runners import STATE_SPAWNING, Runner
from katydid.user.task import DefaultTaskSet, TaskSet

logger = logging.getLogger("locust.main")

CHECK_SECONDS = 0.02

Execute = Callable[..., None]


class IterationLimit:
    """Lets tasks start so many times, stops each user that would start one more, and then ends the test.

    Args:
        most: How many times.
        runner: Whose users.
        end: Called when the last user has stopped.
    """

    def __init__(self, most: int, runner: Runner, end: Callable[[], Any]) -> None:
        self.most = most
        self.started = 0
        self._runner = runner
        self._end = end
        runner.environment.events.test_start.add_listener(self._begin)
        for task_set in (TaskSet, DefaultTaskSet):
            if "execute_task" in vars(task_set):
                # Only with the option set does running a task cost this.
                task_set.execute_task = self._limited(task_set.execute_task)  # type: ignore[method-assign]

    def _begin(self, **kwargs: Any) -> None:
        """Each test has as many."""
        self.started = 0

    def _limited(self, execute: Execute) -> Execute:
        @functools.wraps(execute)
        def limited(task_set: Any, task: Any, *args: Any, **kwargs: Any) -> None:
            if self.started >= self.most:
                raise StopUser
            # A nested task set is not a task, but has some.
            if not hasattr(task, "tasks"):
                self.started += 1
                if self.started == self.most:
                    if self._runner.arrivals is not None:
                        # Nothing more is to fall due.
                        self._runner.arrivals.end()
                    gevent.spawn(self._finish)
            execute(task_set, task, *args, **kwargs)

        return limited

    def _finish(self) -> None:
        """Lets users finish what they do, and ends the test."""
        logger.info("All %d iterations have started, users stop as they finish theirs", self.most)
        while self._runner.user_count or self._runner.state == STATE_SPAWNING:
            for greenlet in list(self._runner.user_greenlets):
                if greenlet.args:
                    greenlet.args[0].stop()
            gevent.sleep(CHECK_SECONDS)
        logger.info("--iterations limit reached")
        self._end()
