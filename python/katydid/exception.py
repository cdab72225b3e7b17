"""The exceptions that steer users and tell scripts what went wrong."""

# ruff: noqa: N818  the names are Locust's
from __future__ import annotations


class LocustError(Exception):
    """A script used the API in a way that cannot work."""


class MissingWaitTimeError(LocustError):
    """Neither the task set nor its user says how long to wait between tasks."""


class ResponseError(Exception):
    """A response is to be counted as a failure."""


class CatchResponseError(Exception):
    """A ``catch_response`` block called ``failure()`` with a text."""


class InterruptTaskSet(Exception):
    """Leaves the running task set and hands control back to the one around it.

    Args:
        reschedule: Whether the parent picks its next task at once, without waiting first.
    """

    def __init__(self, reschedule: bool = True) -> None:
        self.reschedule = reschedule


class StopUser(Exception):
    """Ends the user that raises it."""


StopLocust = StopUser
"""By its 0.14 name."""


class StopTest(Exception):
    """Ends the whole test when it leaves a user's constructor, a listener or a load shape."""


class RescheduleTask(Exception):
    """Skips the rest of the task: wait, then pick the next one."""


class RescheduleTaskImmediately(Exception):
    """Skips the rest of the task and the wait: pick the next one now."""


class RPCError(Exception):
    """Talking to another node failed."""


class RPCSendError(Exception):
    """A message could not be sent to another node."""


class RPCReceiveError(Exception):
    """A message from another node could not be read.

    Args:
        *args: What went wrong.
        addr: The node it came from, where that is known.
    """

    def __init__(self, *args: object, addr: str | None = None) -> None:
        super().__init__(*args)
        self.addr = addr


class RunnerAlreadyExistsError(Exception):
    """An environment was asked for a second runner."""
