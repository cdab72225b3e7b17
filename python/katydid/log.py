"""Log lines in Locust's format, and the last of them for whoever asks.

Loggers keep Locust's names (``locust.runners`` ...), so that scripts and log filters written for it go on
working.
"""

from __future__ import annotations

import logging
import logging.config
import re
import socket
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

HOSTNAME = re.sub(r"\..*", "", socket.gethostname())
"""This machine's name without its domain, as every line shows it."""

LOG_LINES_KEPT = 500
"""How many lines `get_logs` remembers."""

unhandled_greenlet_exception = False
"""True once a greenlet or listener has failed with nobody to catch it; the process then ends with code 2."""


class LogReader(logging.Handler):
    """Remembers the last lines, formatted, for the page's log view."""

    def __init__(self) -> None:
        super().__init__()
        self.logs: deque[str] = deque(maxlen=LOG_LINES_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        """Keeps one line."""
        self.logs.append(self.format(record))


def setup_logging(loglevel: str, logfile: str | None = None) -> None:
    """Sends log lines to standard error, or to a file, and the tables to standard error.

    Args:
        loglevel: The least level to show, such as ``INFO``.
        logfile: Where the lines go instead of standard error. The tables stay on standard error.
    """
    loglevel = loglevel.upper()
    lines = ["file" if logfile else "console", "log_reader"]
    handlers: dict[str, dict[str, Any]] = {
        "console": {"class": "logging.StreamHandler", "formatter": "default"},
        "console_plain": {"class": "logging.StreamHandler", "formatter": "plain"},
        "log_reader": {"class": "katydid.log.LogReader", "formatter": "default"},
    }
    if logfile:
        handlers["file"] = {"class": "logging.FileHandler", "filename": logfile, "formatter": "default"}
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "default": {"format": f"[%(asctime)s] {HOSTNAME}/%(levelname)s/%(name)s: %(message)s"},
                "plain": {"format": "%(message)s"},
            },
            "handlers": handlers,
            "loggers": {
                "locust": {"handlers": lines, "level": loglevel, "propagate": False},
                "locust.stats_logger": {
                    "handlers": ["console_plain", "log_reader"],
                    "level": "INFO",
                    "propagate": False,
                },
            },
            "root": {"handlers": lines, "level": loglevel},
        }
    )
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogReader):
            handler.name = "log_reader"


def get_logs() -> list[str]:
    """The last lines logged, oldest first; empty before `setup_logging`."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LogReader):
            return list(handler.logs)
    return []


_PACKAGE = str(Path(__file__).parent)


def script_frames(trace: TracebackType | None) -> TracebackType | None:
    """A traceback from the first line of the script on, without the frames that led there."""
    inner = trace
    while inner is not None and _is_ours(inner):
        inner = inner.tb_next
    return inner or trace


def format_script_exception(error: BaseException) -> str:
    """The exception as Python prints it, starting at the first line of the script."""
    return "".join(traceback.format_exception(type(error), error, script_frames(error.__traceback__)))


def _is_ours(trace: TracebackType) -> bool:
    filename = trace.tb_frame.f_code.co_filename
    return filename.startswith((_PACKAGE, "<frozen importlib")) or "gevent/greenlet.py" in filename


def greenlet_exception_logger(logger: logging.Logger, level: int = logging.CRITICAL) -> Callable[[Any], None]:
    """A callback for ``greenlet.link_exception`` that logs the failure and remembers that there was one.

    Args:
        logger: Where to log.
        level: At which level.
    """

    def on_exception(greenlet: Any) -> None:
        global unhandled_greenlet_exception
        unhandled_greenlet_exception = True
        error = greenlet.exception
        if isinstance(error, SystemExit):
            logger.log(
                min(logging.INFO, level),
                "sys.exit(%s) called (use log level DEBUG for callstack)",
                error.code,
            )
            logger.log(logging.DEBUG, "Unhandled exception in greenlet: %s", greenlet, exc_info=greenlet.exc_info)
        else:
            logger.log(level, "Unhandled exception in greenlet: %s", greenlet, exc_info=greenlet.exc_info)

    return on_exception
