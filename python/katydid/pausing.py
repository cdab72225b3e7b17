"""Pausing a test: its users start no new tasks until they are told to go on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from gevent.event import Event

from katydid.exception import StopUser
from katydid.user.task import (
    LOCUST_STATE_PAUSED,
    LOCUST_STATE_PAUSING,
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
)

if TYPE_CHECKING:
    from katydid.user.users import User

_CLOSING = {LOCUST_STATE_RUNNING: LOCUST_STATE_PAUSING, LOCUST_STATE_WAITING: LOCUST_STATE_PAUSED}
_OPENING = {LOCUST_STATE_PAUSING: LOCUST_STATE_RUNNING, LOCUST_STATE_PAUSED: LOCUST_STATE_WAITING}


class Gate:
    """Where the users of a runner are held between two tasks.

    While it is open, no user looks at it: those that are to come here are given another state.
    """

    def __init__(self) -> None:
        self._opened = Event()
        self._opened.set()

    @property
    def is_closed(self) -> bool:
        """Whether users are held."""
        return not self._opened.is_set()

    def close(self, users: Iterable[User]) -> None:
        """Holds users as soon as they have finished the task they are in.

        Args:
            users: Those there are; others are held before their first task.
        """
        self._opened.clear()
        for user in users:
            user._state = _CLOSING.get(user._state or "", user._state)

    def open(self, users: Iterable[User]) -> None:
        """Lets the users go on.

        Args:
            users: Those there are.
        """
        for user in users:
            user._state = _OPENING.get(user._state or "", user._state)
        self._opened.set()

    def hold(self, user: User) -> None:
        """Keeps a user, in its own greenlet, until the gate is open.

        Raises:
            StopUser: The user is to stop.
        """
        while self.is_closed:
            # As one that waits: it can be stopped at once.
            user._state = LOCUST_STATE_WAITING
            self._opened.wait()
            if user._state == LOCUST_STATE_STOPPING:
                raise StopUser
        user._state = LOCUST_STATE_RUNNING
