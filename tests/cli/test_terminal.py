"""What a person at a terminal sees and can press, and that nobody else gets any of it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Sequence
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

    def __init__(self, command: list[str], **environment: str) -> None:
        self.fd, inside = pty.openpty()
        self.before = termios.tcgetattr(self.fd)
        base = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}

        def control() -> None:
            # It becomes the terminal that controls the session, as a real one does.
            os.setsid()
            fcntl.ioctl(inside, termios.TIOCSCTTY, 0)

        # Where gevent has patched os.close, that would wait for a hub that nothing here runs.
        with open(inside, "rb", buffering=0) as stream:
            self.process = subprocess.Popen(
                command, stdin=stream, stdout=stream, stderr=stream,
                env={**base, "TERM": "xterm", **environment}, preexec_fn=control,
            )  # fmt: skip
        self.seen = ""

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Reads until something is there."""
        while (found := re.search(pattern, self.seen)) is None:
            self._read()
        return found

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def resize(self, columns: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))

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

    def terminal(*arguments: object, command: Sequence[str] = (str(KATYDID),), **environment: str) -> Terminal:
        started.append(Terminal([*command, *map(str, arguments)], **environment))
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
    assert "\nAsked for: 3 users, 3 more per second, for 3 s.\r\n" in seen
    assert seen.rstrip().splitlines()[-1].startswith(("Nothing on this machine limited", "Requests were up to"))


def test_a_master_shows_the_rate_of_all_its_workers(terminal, target, locustfile):
    shown = terminal(
        "-f", locustfile(SCRIPT), "--headless", "-H", target.url, "-u", 4, "-r", 4, "--only-summary", "--processes", 2
    )
    shown.wait_for(r"   4 users   [1-9][\d,]* requests/s   p95 [\d.]+ ms   none failed\x1b\[0m")
    shown.process.send_signal(signal.SIGINT)
    assert "4 users ran for " in shown.end()


def test_no_colour_where_none_is_wanted(terminal, target, locustfile):
    path = locustfile(SCRIPT)
    shown = terminal("-f", path, "--headless", "-H", target.url, "-t", "2s", "--only-summary", NO_COLOR="1")
    seen = shown.end()
    assert "1 user ran for 2 s" in seen
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


def test_the_line_fits_a_terminal_that_has_become_narrower(terminal, target, locustfile):
    shown = terminal("-f", locustfile(SCRIPT), "--headless", "-H", target.url, "--only-summary")
    shown.resize(100)
    shown.wait_for(r"\x1b\[2m[^\x1b]+ requests/s   p95 [^\x1b]+ failed\x1b\[0m")
    shown.resize(30)
    # What was on one row is on several now, and all are cleared.
    shown.wait_for(r"\r\x1b\[2K(\x1b\[A\r\x1b\[2K)+\x1b\[2m[^\x1b]{29}\x1b\[0m")


def test_what_a_script_has_begun_to_print_is_not_drawn_over(terminal, target, locustfile):
    script = SCRIPT.replace('print("hello")', 'print("half", end="", flush=True)')
    shown = terminal("-f", locustfile(script), "--headless", "-H", target.url, "-t", "3s", "--only-summary")
    seen = shown.end()
    assert re.search("half[^\x1b]*\r\n", seen), seen


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_gives_the_terminal_back(terminal, target, locustfile, number):
    shown = terminal("-f", locustfile(SCRIPT), "--headless", "-H", target.url, "--only-summary")
    shown.wait_for("All users spawned")
    shown.press("w")
    shown.wait_for(r'"Visitor": 2')
    assert not termios.tcgetattr(shown.fd)[3] & termios.ECHO
    shown.process.send_signal(number)
    seen = shown.end()
    assert "Shutting down (exit code 0)" in seen
    assert shown.process.returncode == 0
    assert "\x1b[1m" in seen[seen.index("Shutting down") :], "the line is gone before the end is told"


def test_a_job_in_the_background_leaves_the_terminal_alone(terminal, target, locustfile):
    shell = terminal(command=["bash", "--norc", "-i"], PS1="ready> ")
    shell.wait_for("ready> ")
    shell.press(f"{KATYDID} -f {locustfile(SCRIPT)} --headless -H {target.url} -t 1s --only-summary &\n")
    shell.wait_for(r"Shutting down \(exit code 0\)")
    assert "Stopped" not in shell.seen


def test_nobody_else_gets_any_of_it(katydid, target, locustfile):
    done = katydid("-f", locustfile(SCRIPT), "--headless", "-H", target.url, "-t", "1s", "--only-summary")
    assert "\x1b" not in done.stdout + done.stderr
    assert "users ran for" not in done.stdout + done.stderr
