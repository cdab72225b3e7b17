"""Keys that change the load of a run, pressed at its terminal."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from katydid.runners import Runner

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.2


KEY_SPAWN_RATE = 100
"""Users per second that keys start or stop."""


class InitError(Exception):
    """There is no terminal to read keys from."""


class UnixKeyPoller:
    """Reads keys from a terminal as they are pressed.

    Raises:
        InitError: Standard input is no terminal.
    """

    def __init__(self) -> None:
        if not sys.stdin.isatty():
            raise InitError("Terminal was not a tty. Keyboard input disabled")
        import termios
        import tty

        self._stdin = sys.stdin.fileno()
        if _in_background(self._stdin):
            # The system stops a job in the background that touches its terminal.
            raise InitError("Terminal belongs to another job. Keyboard input disabled")
        self._before = termios.tcgetattr(self._stdin)
        tty.setcbreak(self._stdin)
        # Also when the process ends in a way that no greenlet notices.
        atexit.register(self.cleanup)

    def cleanup(self) -> None:
        """Gives the terminal back as it was."""
        import termios

        atexit.unregister(self.cleanup)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(self._stdin, termios.TCSADRAIN, self._before)

    def poll(self) -> str | None:
        """The next key that was pressed, ``None`` if there is none."""
        import select

        if not select.select([self._stdin], [], [], 0)[0]:
            return None
        # Nothing at all comes when the terminal is gone.
        return os.read(self._stdin, 1).decode(errors="replace") or None


def _in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:
        # It controls no jobs.
        return False


class WindowsKeyPoller:
    """Reads keys from a Windows console as they are pressed.

    Raises:
        InitError: Standard input is no console.
    """

    def __init__(self) -> None:
        if not sys.stdin.isatty():
            raise InitError("Terminal was not a tty. Keyboard input disabled")
        import msvcrt

        self._console: Any = msvcrt

    def cleanup(self) -> None:
        """There is nothing to give back."""

    def poll(self) -> str | None:
        """The next key that was pressed, ``None`` if there is none."""
        return str(self._console.getwch()) if self._console.kbhit() else None


def get_poller() -> UnixKeyPoller | WindowsKeyPoller:
    """What reads keys on this system.

    Raises:
        InitError: There is no terminal.
    """
    return WindowsKeyPoller() if os.name == "nt" else UnixKeyPoller()


def input_listener(key_to_func_map: dict[str, Callable[[], Any]]) -> Callable[[], None]:
    """A function to spawn that calls others when their keys are pressed.

    Args:
        key_to_func_map: What to call, by key.
    """

    def listen() -> None:
        try:
            poller = get_poller()
        except InitError as error:
            logger.debug(error)
            return
        try:
            while True:
                key = poller.poll()
                if key is None:
                    gevent.sleep(POLL_SECONDS)
                elif key in key_to_func_map:
                    key_to_func_map[key]()
        finally:
            poller.cleanup()

    return listen


def load_keys(runner: Runner, url: str | None) -> dict[str, Callable[[], Any]]:
    """What keys do: ``w`` and ``s`` add and remove a user, ``W`` and ``S`` ten, Enter opens the page in a browser.

    Args:
        runner: Whose users.
        url: Where the page is, if there is one.
    """

    def change(by: int, refusal: str) -> None:
        if runner.state == "spawning":
            logging.getLogger().warning(refusal)
        else:
            runner.start(max(0, runner.user_count + by), KEY_SPAWN_RATE)

    def browse() -> None:
        if url:
            import webbrowser

            webbrowser.open_new_tab(url)

    more, fewer = "Already spawning users, can't spawn more right now", "Spawning users, can't stop right now"
    return {
        "w": lambda: change(1, more),
        "W": lambda: change(10, more),
        "s": lambda: change(-1, fewer),
        "S": lambda: change(-10, fewer),
        "\r": browse,
        "\n": browse,
    }
