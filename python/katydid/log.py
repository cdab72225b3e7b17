"""Log lines in Locust's format, and the last of them for whoever asks.

Loggers keep Locust's names (``locust.runners`` ...), so that scripts and log filters written for it go on
working.
"""

from __future__ import annotations

import logging
import logging.config
import os
import re
import socket
import sysconfig
import traceback
from collections import deque
from collections.abc import Callable
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any

from katydid import _core
from katydid.exception import LocustError

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
        line = self.format(record)
        self.logs.append(line)
        # The page shows time, level and logger beside the text.
        _, found, text = line.partition(f"/{record.levelname}/{record.name}: ")
        _core.log(record.created, record.levelname, record.name, text if found else line)


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


_PACKAGE = str(Path(__file__).parent) + os.sep
_LIBRARIES = tuple({sysconfig.get_path(kind) + os.sep for kind in ("stdlib", "platstdlib", "purelib", "platlib")})


def format_script_exception(error: BaseException, of_script: bool = False, called: Any = None) -> str:
    """An exception as Python prints it, with the script's lines but without Katydid's.

    At the log level ``DEBUG`` nothing is left out.

    Args:
        error: The exception.
        of_script: Whether the script is to blame even where none of its lines is in the traceback.
        called: What was called of the script. It stands in for a traceback without a line of the script: then its
            first line was never reached, since it takes other arguments.
    """
    report = traceback.TracebackException.from_exception(error)
    if not logging.getLogger("locust").isEnabledFor(logging.DEBUG):
        code = _code(called)
        _leave_out_ours(report, keep_all=not of_script and not isinstance(error, LocustError) and code is None)
        if report.stack is None and code is not None:
            declared = traceback.FrameSummary(code.co_filename, code.co_firstlineno, code.co_name)
            report.stack = traceback.StackSummary.from_list([declared])
    return "".join(report.format())


def where(function: Any) -> str:
    """Where a function of the script is, to be put behind a message; empty for what is no Python function."""
    code = _code(function)
    return f' (File "{code.co_filename}", line {code.co_firstlineno})' if code else ""


def where_called() -> str:
    """The line of the script that led here, to be put behind a message; empty where the script did not lead here."""
    for frame in reversed(traceback.extract_stack()):
        if not _is_ours(frame.filename) and not frame.filename.startswith(_LIBRARIES):
            return f' (File "{frame.filename}", line {frame.lineno})'
    return ""


def refused(error: BaseException, variable: str) -> Any:
    """What of the script was called but never entered, since it takes other arguments; None for other exceptions.

    Args:
        error: The exception.
        variable: Where the function that called it keeps it.
    """
    trace = error.__traceback__ if isinstance(error, TypeError) else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else trace.tb_frame.f_locals.get(variable)


def _code(called: Any) -> CodeType | None:
    """The code of a function or method of a script, or of a class's constructor."""
    function = getattr(called, "__init__", None) if isinstance(called, type) else called
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) and not _is_ours(code.co_filename) else None


def format_script_stack(trace: TracebackType | None) -> str:
    """The script's lines of a traceback, for those who group exceptions by where they were raised."""
    frames = traceback.extract_tb(trace)
    return "".join((_scripts(frames) or frames).format())


def _leave_out_ours(report: traceback.TracebackException, keep_all: bool) -> None:
    """Shortens the stacks of an exception, of what caused it, and of those in its group.

    Args:
        report: The exception.
        keep_all: Whether a stack with nothing of a script stays as it is; it would lead to a mistake of ours.
    """
    for cause in (report.__cause__, report.__context__, *(report.exceptions or ())):
        if cause is not None:
            _leave_out_ours(cause, keep_all=False)
    shown = _scripts(report.stack)
    if shown:
        report.stack = shown
    elif not keep_all:
        report.stack = None  # type: ignore[assignment]  # format() then leaves out the headline too


def _scripts(frames: traceback.StackSummary) -> traceback.StackSummary:
    """The frames of the script and of the libraries it calls; those of ours, and what they call, are left out."""
    shown: list[traceback.FrameSummary] = []
    of_the_script = False
    for frame in frames:
        if _is_ours(frame.filename):
            of_the_script = False
        elif not frame.filename.startswith(_LIBRARIES):
            of_the_script = True
        if of_the_script:
            shown.append(frame)
    if not shown:
        # No script at all, but perhaps a package of user classes.
        shown = [frame for frame in frames if not _is_ours(frame.filename)]
    return traceback.StackSummary.from_list(shown)


def _is_ours(filename: str) -> bool:
    """Whether a frame is Katydid's, or of the machinery that runs its greenlets and imports its scripts."""
    return filename.startswith((_PACKAGE, "<frozen ", "src/gevent/")) or f"{os.sep}gevent{os.sep}" in filename


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
            logger.log(level, "Unhandled exception in greenlet: %s\n%s", greenlet, format_script_exception(error))

    return on_exception
