"""The greenlets of all running users, counted by class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import gevent
from gevent import Greenlet
from gevent.pool import Group

import katydid._patch  # noqa: F401  patches the standard library


def current_greenlet() -> Any:
    """The greenlet that runs now, be it a user's or not."""
    return gevent.getcurrent()


class UserGroup(Group):
    """A gevent group whose members run one user each, their first argument."""

    @property
    def counts(self) -> Counter[str]:
        """How many users of each class there are, by class name."""
        # gevent empties the arguments of a greenlet that has ended, before it leaves the group.
        return Counter(type(member.args[0]).__name__ for member in self.greenlets if member.args)

    def spawn(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> Greenlet[..., Any]:  # type: ignore[override]
        """Starts a greenlet in the group.

        gevent would remember for each greenlet who started it and from which line: half a kilobyte per
        user that nobody reads.
        """
        tracked = gevent.config.track_greenlet_tree
        gevent.config.track_greenlet_tree = False
        try:
            return super().spawn(func, *args, **kwargs)
        finally:
            gevent.config.track_greenlet_tree = tracked

    def choose(self, wanted: dict[str, int], last: Any = None) -> list[Any]:
        """Members to stop.

        Args:
            wanted: How many of each class.
            last: A greenlet to choose only if there are no others.
        """
        left = dict(wanted)
        members = [member for member in self.greenlets if member is not last]
        if last in self.greenlets:
            members.append(last)
        chosen: list[Any] = []
        for greenlet in members:
            if not greenlet.args:
                continue
            name = type(greenlet.args[0]).__name__
            if left.get(name, 0) > 0:
                left[name] -= 1
                chosen.append(greenlet)
        return chosen
