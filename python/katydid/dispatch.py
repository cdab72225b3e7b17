"""Which worker starts users of which class, when."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gevent

import katydid._patch  # noqa: F401  patches the standard library
from katydid._core import Dispatcher

if TYPE_CHECKING:
    from katydid.user.users import User


class UsersDispatcher(Iterator[dict[str, dict[str, int]]]):
    """Steps on the way to a number of users; each is all users that every worker is to have.

    Example:
        ```python
        dispatcher = UsersDispatcher(worker_nodes=[WorkerNode("one")], user_classes=[Shopper])
        dispatcher.new_dispatch(target_user_count=10, spawn_rate=2)
        for users_on_workers in dispatcher:  # waits between the steps
            ...
        ```

    Args:
        worker_nodes: The workers; each has an ``id``, and those of one host begin alike up to the first ``_``.
        user_classes: The classes of the users.
    """

    def __init__(self, worker_nodes: Sequence[Any], user_classes: Sequence[type[User]]) -> None:
        self._worker_nodes = list(worker_nodes)
        self._user_classes = sorted(user_classes, key=lambda cls: cls.__name__)
        self._dispatcher = Dispatcher([node.id for node in self._worker_nodes], _specs(self._user_classes))
        self._due: float | None = None
        self._wait_between_dispatch = 0.0
        self.dispatch_iteration_durations: list[float] = []

    @property
    def dispatch_in_progress(self) -> bool:
        """Whether there are steps to come."""
        return self._dispatcher.in_progress

    def get_current_user_count(self) -> int:
        """How many users there are by now."""
        return self._dispatcher.user_count

    def new_dispatch(
        self, target_user_count: int, spawn_rate: float, user_classes: Sequence[type[User]] | None = None
    ) -> None:
        """Sets out for a number of users, from where it is now.

        Args:
            target_user_count: How many users there should be.
            spawn_rate: How many to start, or stop, per second.
            user_classes: Users are from now on of these only.

        Raises:
            ValueError: The number is below zero, or the rate not above it.
        """
        if target_user_count < 0:
            raise ValueError(f"target_user_count must not be negative, it is {target_user_count}")
        if not (math.isfinite(spawn_rate) and spawn_rate > 0):
            raise ValueError(f"spawn_rate must be a finite number above zero, it is {spawn_rate}")
        if user_classes is not None:
            self._user_classes = sorted(user_classes, key=lambda cls: cls.__name__)
        self._dispatcher.start(target_user_count, spawn_rate, _specs(self._user_classes))
        self._wait_between_dispatch = max(1, math.floor(spawn_rate)) / spawn_rate
        self._due = None
        self.dispatch_iteration_durations.clear()

    def add_worker(self, worker_node: Any) -> None:
        """Takes in a worker, which gets its share of all users with the next step."""
        self._worker_nodes.append(worker_node)
        self._dispatcher.add_worker(worker_node.id)

    def remove_worker(self, worker_node: Any) -> None:
        """Takes out a worker, whose users the others get with the next step."""
        self._worker_nodes = [node for node in self._worker_nodes if node.id != worker_node.id]
        self._dispatcher.remove_worker(worker_node.id)

    def __next__(self) -> dict[str, dict[str, int]]:
        if not self._dispatcher.in_progress:
            raise StopIteration
        if self._due is not None:
            gevent.sleep(max(0.0, self._due - time.perf_counter()))
        started = time.perf_counter()
        step = self._dispatcher.step()
        if step is None:
            raise StopIteration
        users, pause = step
        # A pause of zero belongs to a step that only moved users to other workers.
        self._due = started + (self._wait_between_dispatch if pause else 0.0)
        self.dispatch_iteration_durations.append(time.perf_counter() - started)
        return users


def _specs(user_classes: Sequence[type[User]]) -> list[tuple[str, float, int]]:
    return [(cls.__name__, float(cls.weight), cls.fixed_count) for cls in user_classes]
