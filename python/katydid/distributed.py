"""Tests on many machines: the runners of masters and workers.

The engine keeps in touch with the other nodes, places users and adds up what they count, on threads that no
script can stop. What is here tells the script, and does what only the script's process can: start users, fire
events, carry messages between scripts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import gevent
from gevent.queue import Queue

from katydid import hub, log, runners
from katydid.exception import StopTest
from katydid.log import greenlet_exception_logger
from katydid.runners import Message, Runner

if TYPE_CHECKING:
    from katydid.env import Environment

logger = logging.getLogger("locust.runners")

PAUSE = "katydid_pause"
"""Tells workers whether users are to start no new tasks."""
RATE = "katydid_rate"
"""Tells workers which part of a rate of iterations is theirs, and how much of it is over."""
RATE_CLASSES = "katydid_rate_classes"
"""Tells workers the names of the classes whose users run in a test of a rate."""
STOP_TIMEOUT = "katydid_stop_timeout"
"""Tells workers how many seconds users get at the end of this test."""
FAREWELL_SECONDS = 10.0
"""How long the end of a test waits for the last reports, besides the users' own time to stop."""
LOCUST_VERSION = "2.47.0"


class WorkerNode:
    """A worker as its master knows it.

    Args:
        id: Its id: host name, ``_``, and something unique.
        state: What it is doing.
        heartbeat_liveness: Intervals of silence that are forgiven.
    """

    def __init__(
        self, id: str, state: str = runners.STATE_INIT, heartbeat_liveness: int = runners.HEARTBEAT_LIVENESS
    ) -> None:
        self.id = id
        self.state = state
        self.heartbeat = heartbeat_liveness
        self.cpu_usage: float = 0
        self.cpu_warning_emitted = False
        self.memory_usage: int = 0
        self.user_classes_count: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<WorkerNode {self.id}: {self.state}, {self.user_count} users>"

    @property
    def user_count(self) -> int:
        """How many users it runs."""
        return sum(self.user_classes_count.values())


class WorkerNodes(Mapping[str, WorkerNode]):
    """The workers of a master by id, as they are at this moment.

    Args:
        rows: What the engine knows of them.
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self._nodes: dict[str, WorkerNode] = {}
        for row in rows or ():
            node = WorkerNode(row["id"], row["state"])
            node.cpu_usage, node.memory_usage = row["cpu_usage"], row["memory_usage"]
            node.user_classes_count = row["user_classes_count"]
            self._nodes[node.id] = node

    def __getitem__(self, key: str) -> WorkerNode:
        return self._nodes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def get_by_state(self, state: str) -> list[WorkerNode]:
        """Those in a state."""
        return [node for node in self._nodes.values() if node.state == state]

    @property
    def all(self) -> list[WorkerNode]:
        """All of them."""
        return list(self._nodes.values())

    @property
    def ready(self) -> list[WorkerNode]:
        """Those that wait for a test."""
        return self.get_by_state(runners.STATE_INIT)

    @property
    def spawning(self) -> list[WorkerNode]:
        """Those that start users."""
        return self.get_by_state(runners.STATE_SPAWNING)

    @property
    def running(self) -> list[WorkerNode]:
        """Those that have all their users."""
        return self.get_by_state(runners.STATE_RUNNING)

    @property
    def missing(self) -> list[WorkerNode]:
        """Those that were not heard of for too long."""
        return self.get_by_state(runners.STATE_MISSING)


class DistributedRunner(Runner):
    """What masters and workers have in common.

    Args:
        environment: What is to be run.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._fleet = self._engine.fleet()
        self._inbox: Queue[Callable[[], None]] = Queue()
        self.greenlet.spawn(self._work_off).link_exception(greenlet_exception_logger(logger))
        hub.on_message("custom_message", self._hear, self.environment)

    def _needs_engine(self) -> bool:
        """Always: an engine is one node of one fleet, and keeps its connections until it ends."""
        return True

    def _later(self, handler: Callable[..., None]) -> Callable[..., None]:
        """A handler that the hub may call: what it does is done in turn, in a greenlet."""
        return lambda *args: self._inbox.put(lambda: handler(*args))

    def _work_off(self) -> None:
        while True:
            work = self._inbox.get()
            try:
                work()
            except StopTest as stop:
                self._end_test(stop)
            except Exception as error:
                log.unhandled_greenlet_exception = True
                logger.error("%s\n%s", error, log.format_script_exception(error))

    def _hear(self, sender: str, kind: str, data: Any) -> None:
        """Takes a message that is not Locust's. Called on the hub, which must not wait."""
        if not self._own_message(kind, data):
            self._inbox.put(lambda: self._custom_message(sender, kind, data))

    def _own_message(self, kind: str, data: Any) -> bool:
        """Carries out a message of Katydid's own at once; false if it is the script's."""
        return False

    def _custom_message(self, sender: str, kind: str, data: Any) -> None:
        known = self.custom_messages.get(kind)
        if known is None:
            logger.warning("Unknown message type received from %s: %s", sender, kind)
            return
        logger.debug("Received %s message from %s", kind, sender)
        listener, concurrent = known
        message = Message(kind, data, sender)
        if concurrent:
            called = gevent.spawn(listener, environment=self.environment, msg=message)
            called.link_exception(greenlet_exception_logger(logger))
        else:
            listener(environment=self.environment, msg=message)
