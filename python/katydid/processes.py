"""Workers on this machine: ``--processes N``.

Each is a process of its own, started like this one but with ``--worker``: nothing is forked, so it works with
threads about and where there is no fork.
"""

from __future__ import annotations

import atexit
import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from argparse import Namespace
from typing import Any

import gevent

logger = logging.getLogger("locust.main")

WATCH_SECONDS = 0.5
"""How often the children are looked at."""
SHORT_LIFE_SECONDS = 10
"""A child that lives less than this is not started again more than `MOST_RESTARTS` times in a row."""
MOST_RESTARTS = 3
GRACE_SECONDS = 3.0
"""How long children may take to end by themselves before they are interrupted."""

_CHILD = "KATYDID_CHILD"
"""Environment variable of a child: which of how many it is, from 0, with a slash between."""
_PARENT = "KATYDID_PARENT"
"""Environment variable of a child: the process that has started it."""
_INIT = 1
"""Whom the system gives those whose parents have ended."""


def wanted(processes: int) -> int:
    """How many processes ``--processes`` means.

    Args:
        processes: The number that was given.

    Raises:
        ValueError: It means nothing.
    """
    if processes == -1:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if processes < 1:
        raise ValueError(f"--processes must be at least 1, or -1 for one per core, and not {processes}")
    return processes


def as_child(options: Namespace) -> None:
    """Makes the options of a child, which are those of its parent, its own: it is a worker and nothing else.

    Args:
        options: The parsed command line, changed in place.
    """
    place, _, count = os.environ.get(_CHILD, "").partition("/")
    if not count or not _is_child():
        return
    options.worker = True
    # With a page, another test may follow.
    options.quits_at_limit = options.headless
    options.master = options.headless = options.autostart = options.print_stats = False
    options.processes = options.run_time = options.csv_prefix = options.html_file = None
    most = getattr(options, "iteration_limit", None)
    if most is not None:
        options.iteration_limit = most // int(count) + (int(place) < most % int(count))


class Workers:
    """The children of this process.

    Args:
        count: How many there should be.
        master: Host and port of their master.
    """

    def __init__(self, count: int, master: tuple[str, int]) -> None:
        self.command = [*_command(), "--worker", "--master-host", master[0], "--master-port", str(master[1])]
        self.count = count
        self._started = itertools.count()
        self.children = [self._start() for _ in range(count)]
        self.worst_code = 0
        self._ending = False
        self._restarts = 0
        atexit.register(self.end)
        self.watcher = gevent.spawn(self._watch)

    def _start(self) -> tuple[subprocess.Popen[bytes], float]:
        place = f"{next(self._started) % self.count}/{self.count}"
        environment = {**os.environ, _CHILD: place, _PARENT: str(os.getpid())}
        return subprocess.Popen(self.command, env=environment, stdin=subprocess.DEVNULL), time.monotonic()

    def _watch(self) -> None:
        """Starts again what dies, until all have ended as they should."""
        while self.children and not self._ending:
            gevent.sleep(WATCH_SECONDS)
            self.children = [kept for child in self.children if (kept := self._look_at(*child)) is not None]

    def _look_at(self, child: subprocess.Popen[bytes], since: float) -> tuple[subprocess.Popen[bytes], float] | None:
        code = child.poll()
        if code is None:
            return child, since
        if code == 0 or self._ending:
            return None
        self.worst_code = max(self.worst_code, abs(code))
        self._restarts = self._restarts + 1 if time.monotonic() - since < SHORT_LIFE_SECONDS else 1
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        if code > 0 or self._restarts > MOST_RESTARTS:
            logger.error("The worker process %d %s and is not started again.", child.pid, how)
            return None
        logger.warning("The worker process %d %s. Another one is started in its place.", child.pid, how)
        return self._start()

    def join(self) -> int:
        """Waits until all children have ended, and returns the highest exit code among them."""
        self.watcher.join()
        return self.worst_code

    def end(self) -> None:
        """Waits a little for the children to end, then interrupts them, then kills them."""
        self._ending = True
        for patience, signum in ((GRACE_SECONDS, signal.SIGINT), (GRACE_SECONDS, signal.SIGKILL)):
            last = time.monotonic() + patience
            for child, _ in self.children:
                try:
                    child.wait(timeout=max(0.0, last - time.monotonic()))
                except subprocess.TimeoutExpired:
                    child.send_signal(signum)


def outlive_parent() -> bool:
    """Waits until the process that has started this one as its worker has ended.

    Returns:
        True then; false at once if none has, or it cannot be told.
    """
    if not _is_child():
        return False
    while os.getppid() == _parent():
        gevent.sleep(WATCH_SECONDS)
    return True


def _parent() -> int | None:
    """The process that has started a worker, which what the worker itself starts is told of, too."""
    told = os.environ.get(_PARENT, "")
    return int(told) if told.isdecimal() else None


def _is_child() -> bool:
    """Whether such a process has started this one."""
    return _parent() is not None and os.getppid() in (_parent(), _INIT)


def _command() -> list[str]:
    """This process's own command line, less what makes it the parent."""
    arguments: list[str] = []
    given: Any = iter(sys.argv[1:])
    for argument in given:
        name, _, value = argument.partition("=")
        if name in ("--processes", "--master-host", "--master-port"):
            if not value:
                next(given, None)
        elif name not in ("--worker", "--slave"):
            arguments.append(argument)
    return [sys.executable, "-m", "katydid", *arguments]
