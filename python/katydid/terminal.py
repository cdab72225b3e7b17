"""What a person at a terminal sees besides the log: a line that is always current, and some sentences at the end.

Nothing of this is written anywhere but to a terminal.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any, NoReturn, TextIO

import gevent

from katydid import hub
from katydid.log import greenlet_exception_logger

logger = logging.getLogger("locust.main")

REFRESH_SECONDS = 0.5

_CLEAR = "\r\x1b[2K"
_UP = "\x1b[A"
_DIM, _BOLD, _PLAIN = "\x1b[2m", "\x1b[1m", "\x1b[0m"


class Above:
    """A stream whose text goes above the line.

    Args:
        stream: Where it goes.
        line: The line.
    """

    def __init__(self, stream: TextIO, line: Line) -> None:
        self._stream = stream
        self._line = line

    def write(self, text: str) -> int:
        """Writes above the line, which is drawn again once the text ends its own."""
        self._line.erase()
        written = self._stream.write(text)
        if text:
            # A line that a script has begun is not drawn over.
            self._line.waits = not text.endswith("\n")
        self._line.draw()
        return written

    def writelines(self, lines: Iterable[str]) -> None:
        """Writes some texts above the line."""
        self.write("".join(lines))

    def __getattr__(self, name: str) -> Any:
        """Everything else is the stream's."""
        return getattr(self._stream, name)


class Line:
    """The run on the terminal's last line, drawn anew twice a second.

    Attributes:
        peak_cpu: The most processor time that was seen of one process, in percent of one core.
        waits: Whether it is not drawn, because something else stands on the terminal's last line.
    """

    def __init__(self) -> None:
        self.peak_cpu = 0.0
        self.waits = False
        self._out = sys.stderr
        self._text = self._summary = ""
        self._shown = 0
        """How many characters of it are on the terminal."""
        self._streams = sys.stdout, sys.stderr
        self._handlers: list[Any] = []
        self._greenlet: Any = None

    @staticmethod
    def fits() -> bool:
        """Whether there is a terminal for it."""
        return sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def begin(self) -> None:
        """Draws the line from now on; what else is written goes above it."""
        above = Above(self._out, self)
        sys.stderr = above
        if sys.stdout.isatty():
            sys.stdout = Above(sys.stdout, self)
        # Logging has taken its streams before.
        for name in (None, "locust", "locust.stats_logger"):
            for handler in logging.getLogger(name).handlers:
                if isinstance(handler, logging.StreamHandler) and handler.stream is self._out:
                    handler.stream = above
                    self._handlers.append(handler)
        self._greenlet = gevent.spawn(self._refresh)
        self._greenlet.link_exception(greenlet_exception_logger(logger))

    def end(self) -> None:
        """Removes the line, and notes what became of the run."""
        if self._greenlet is None:
            return
        self._summary = hub.engine().summary(self.peak_cpu).rstrip()
        self._greenlet.kill()
        self.erase()
        self._text = ""
        sys.stdout, sys.stderr = self._streams
        for handler in self._handlers:
            handler.stream = self._out

    def conclude(self) -> None:
        """Says in some sentences what became of the run."""
        first, *rest = self._summary.splitlines()
        bold, plain = (_BOLD, _PLAIN) if _has_colour() else ("", "")
        self._out.write("\n".join([f"{bold}{first}{plain}", *rest, ""]))

    def erase(self) -> None:
        """Takes the line off the terminal."""
        if self._shown:
            # A terminal that has become narrower shows what was one line on several.
            wrapped = (self._shown - 1) // self._columns()
            self._out.write(_CLEAR + (_UP + _CLEAR) * wrapped)
            self._shown = 0

    def draw(self) -> None:
        """Puts the line onto the terminal."""
        if self._text and not self._shown and not self.waits:
            text = self._text[: self._columns() - 1]
            dim, plain = (_DIM, _PLAIN) if _has_colour() else ("", "")
            self._out.write(f"{dim}{text}{plain}")
            self._out.flush()
            self._shown = len(text)

    def _columns(self) -> int:
        """How wide the terminal is now; standard output may be something else."""
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except OSError:
            return 80

    def _refresh(self) -> NoReturn:
        while True:
            self._text, cpu = hub.engine().line()
            self.peak_cpu = max(self.peak_cpu, cpu)
            self.erase()
            self.draw()
            gevent.sleep(REFRESH_SECONDS)


def _has_colour() -> bool:
    return not os.environ.get("NO_COLOR")
