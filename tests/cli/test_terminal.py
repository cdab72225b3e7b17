"""What a person at a terminal sees and can press, and that nobody else gets any of it."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

KATYDID = Path(sys.executable).parent / "katydid"

SCRIPT = """
from locust import HttpUser, constant, task

class Visitor(HttpUser):
    wait_time = constant(0.1)

    def on_start(self):
        print("hello")

    @task
    def look(self):
        self.client.get("/bytes/10")
"""


class Terminal:
    """The command at a terminal of its own."""

    def __init__(self, arguments: tuple[object, ...], **environment: str) -> None:
        self.fd, inside = pty.openpty()
        self.before = termios.tcgetattr(self.fd)
        base = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
        # Where gevent has patched os.close, that would wait for a hub that nothing here runs.
        with open(inside, "rb", buffering=0) as stream:
            self.process = subprocess.Popen(
                [KATYDID, *map(str, arguments)], stdin=stream, stdout=stream, stderr=stream,
                env={**base, "TERM": "xterm", **environment}, start_new_session=True,
            )  # fmt: skip
        self.seen = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads until something is there."""
        while (found := re.search(pattern, self.seen)) is None:
            self._read()
        return found

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def end(self) -> str:
        """Reads to the end."""
        try:
            while True:
                self._read()
        except OSError:
            self.process.wait()
            return self.seen

    def _read(self) -> None:
        part = os.read(self.fd, 65536).decode()
        assert part, f"it ended before:\n{self.seen}"
        self.seen += part


@pytest.fixture
def terminal() -> Iterator[Callable[..., Terminal]]:
    started: list[Terminal] = []

    def terminal(*arguments: object, **environment: str) -> Terminal:
        started.append(Terminal(arguments, **environment))
        return started[-1]

    yield terminal
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()
        os.close(one.fd)


def test_a_line_is_kept_current_and_the_end_is_told_in_words(terminal, target, locustfile):
    path = locustfile(SCRIPT)
    shown = terminal("-f", path, "--headless", "-H", target.url, "-u", 3, "-r", 3, "-t", "3s", "--only-summary")
    shown.wait_for(r"\x1b\[2m\d s left   3 users   [\d,]+ requests/s   p95 [\d.]+ ms   none failed\x1b\[0m")
    seen = shown.end()
    assert re.search(r"\r\x1b\[2Khello\r\n", seen) or "\nhello" in seen
    assert "\x1b[1m3 users ran for 3 s and made " in seen
    assert seen.rstrip().splitlines()[-1].startswith(("Nothing on this machine limited", "Requests were up to"))


def test_no_colour_where_none_is_wanted(terminal, target, locustfile):
    path = locustfile(SCRIPT)
    shown = terminal("-f", path, "--headless", "-H", target.url, "-t", "2s", "--only-summary", NO_COLOR="1")
    seen = shown.end()
    assert "1 users ran for 2 s" in seen
    assert not re.search(r"\x1b\[[\d;]*m", seen)


def test_keys_change_the_load_and_the_terminal_is_given_back(terminal, target, locustfile):
    path = locustfile(SCRIPT)
    shown = terminal("-f", path, "--headless", "-H", target.url, "-u", 2, "-r", 2, "--only-summary")
    shown.wait_for(r'All users spawned: \{"Visitor": 2\}')
    shown.press("w")
    shown.wait_for(r'All users spawned: \{"Visitor": 3\}')
    shown.press("W")
    shown.wait_for(r'All users spawned: \{"Visitor": 13\}')
    shown.press("s")
    shown.wait_for(r'All users spawned: \{"Visitor": 12\}')
    shown.press("S")
    shown.wait_for(r'All users spawned: \{"Visitor": 2\}.*\n(?s:.*)\n.*\{"Visitor": 2\}')
    shown.process.send_signal(signal.SIGINT)
    shown.wait_for("Shutting down")
    # Local modes: echo, and lines rather than keys.
    assert termios.tcgetattr(shown.fd)[3] == shown.before[3]


def test_nobody_else_gets_any_of_it(katydid, target, locustfile):
    done = katydid("-f", locustfile(SCRIPT), "--headless", "-H", target.url, "-t", "1s", "--only-summary")
    assert "\x1b" not in done.stdout + done.stderr
    assert "users ran for" not in done.stdout + done.stderr
