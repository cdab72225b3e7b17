"""Conditions under which a run has failed: ``--fail-if``, or ``thresholds = [...]`` in a locustfile."""

from __future__ import annotations

import errno
import logging
import os
from typing import Any, NoReturn

import gevent

from katydid import _core, hub, stats
from katydid.log import greenlet_exception_logger

logger = logging.getLogger("katydid.thresholds")

EXIT_CODE = 3
"""Of a run that has failed by a threshold."""
JUDGING_SECONDS = 1.0
"""How often a running test is judged."""


class Thresholds:
    """The thresholds of a run.

    Args:
        conditions: As they are written: ``p95>300ms``, ``GET /item fail>1%``. The page can change them.
        junit: Where JUnit's XML goes, if anywhere.
        suite: What the test suite is called there.

    Attributes:
        failed: Whether the run has failed by any.
        replaces_failures: Whether a threshold, and no longer every failure, decides about the exit code.

    Raises:
        ValueError: One of the conditions is none; the message points at what is wrong.
        OSError: The file of XML cannot be written.
    """

    def __init__(self, conditions: list[str], junit: str | None, suite: str) -> None:
        self.conditions = conditions
        self.junit = junit
        self.suite = suite
        self.failed = False
        self._known: dict[str, bool] = {}
        self._table = self._xml = ""
        self.replaces_failures = False
        _core.check_thresholds(conditions)
        if junit:
            check_writable(junit)

    def watch(self) -> None:
        """Has runs judged, and says in the log when the running one begins to fail by a threshold or no longer does."""
        hub.engine().set_thresholds(self.conditions)
        gevent.spawn(self._watch).link_exception(greenlet_exception_logger(logger))

    def _watch(self) -> NoReturn:
        while True:
            gevent.sleep(JUDGING_SECONDS)
            for condition, failed, shown in hub.engine().standing():
                if failed == self._known.get(condition, False):
                    continue
                self._known[condition] = failed
                if failed:
                    logger.warning("Threshold crossed: %s (%s)", condition, shown)
                else:
                    logger.info("Threshold met again: %s (%s)", condition, shown)

    def judge(self) -> None:
        """Judges the whole run. Before anything is printed: some of what is begins the statistics again from zero."""
        self.failed, self.replaces_failures, self._table, self._xml = hub.engine().verdict(self.suite)

    def print(self) -> None:
        """Prints what became of each threshold, and writes the file of XML."""
        if self._table:
            for line in self._table.splitlines():
                stats.console_logger.info(line)
        if self.junit:
            self._write(self.junit, self._xml)

    def _write(self, path: str, xml: str) -> None:
        try:
            with open(_beside(path), "w", encoding="utf-8") as file:
                file.write(xml)
            # Whole or not at all: whoever reads it may come at any time.
            os.replace(_beside(path), path)
        except OSError as error:
            logger.error("Could not write %s: %s", path, error.strerror)


def check_writable(path: str) -> None:
    """Finds out before the run what would keep a file from being written after it.

    Args:
        path: The file; what is no file, such as a pipe, is left alone.

    Raises:
        OSError: It cannot be written.
    """
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        return
    try:
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    except FileExistsError as error:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path) from error
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    with open(_beside(path), "w"):
        pass
    os.unlink(_beside(path))


def _beside(path: str) -> str:
    return f"{path}.part"


def of_locustfile(module: Any) -> list[str]:
    """The thresholds that a script sets.

    Args:
        module: The script.

    Raises:
        ValueError: They are no texts.
    """
    found = getattr(module, "thresholds", None)
    if found is None or callable(found):
        return []
    texts = [found] if isinstance(found, str) else list(found) if isinstance(found, list | tuple) else [found]
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if wrong is not None:
        raise ValueError(f"thresholds in {module.__name__} has {wrong!r}, which is no text like 'p95>300ms'")
    return texts
