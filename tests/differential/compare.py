"""Runs a script under Katydid and under Locust and writes down what can be compared.

Either tool gets a demo target of its own. What differs between two runs of one tool as well (times, addresses,
ports, the host's name) is masked; what is left is a transcript, line by line.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = HERE / "scripts"
SUPPORT = HERE / "support"
LOCUST = HERE.parents[1] / ".stamps/locust/bin"
KATYDID = Path(sys.executable).parent

DEFAULT = "--headless -u 1 -r 1 -H {target}"
TIMEOUT = 30
"""Seconds after which a script that should have ended by itself is a failure."""

AS_LOCUST = """
import runpy, sys
import katydid._aliases
katydid._aliases.install()
sys.argv[:] = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
"""Runs a program that says `import locust` on Katydid."""


@dataclass(frozen=True)
class Script:
    """A script and how its header says it is run.

    Attributes:
        path: The file.
        arguments: The command line, with ``{target}`` for the target's address.
        program: Whether it is a program of its own and no locustfile (``# run: python``).
        environment: Variables (``# env: NAME=value``).
        compared: Which parts of the transcript count (``# compare: code output``); all by default.
    """

    path: Path
    arguments: str
    program: bool
    environment: dict[str, str]
    compared: list[str]

    @classmethod
    def read(cls, path: Path) -> Script:
        """Reads a script's header."""
        header = dict(re.findall(r"^# (args|run|env|compare): *(.*)$", path.read_text(), re.MULTILINE))
        program = header.get("run") == "python"
        environment = dict(pair.split("=", 1) for pair in shlex.split(header.get("env", "")))
        arguments = header.get("args", "{target}" if program else DEFAULT)
        return cls(path, arguments, program, environment, header.get("compare", "code output log target").split())


def transcripts(script: Script) -> tuple[list[str], list[str]]:
    """What Locust and Katydid do with a script, run side by side."""
    program, locustfile = str(script.path), ["-f", str(script.path)]
    with ThreadPoolExecutor(2) as both:
        if script.program:
            commands = [[LOCUST / "python", program], [sys.executable, "-c", AS_LOCUST, program]]
        else:
            commands = [[LOCUST / "locust", *locustfile], [KATYDID / "katydid", *locustfile]]
        locust, katydid = both.map(lambda command: _transcript(command, script), commands)
    return locust, katydid


def _transcript(command: list[str | Path], script: Script) -> list[str]:
    with (
        tempfile.TemporaryDirectory() as directory,
        subprocess.Popen([KATYDID / "katydid", "target", "--port", "0"], stdout=subprocess.PIPE, text=True) as process,
    ):
        try:
            assert process.stdout is not None
            target = process.stdout.readline().split()[-1]
            arguments = shlex.split(script.arguments.format(target=target))
            path = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH")]))
            done = subprocess.Popen(
                [*command, *arguments],
                cwd=directory,
                env=os.environ | {"PYTHONPATH": path, "COLUMNS": "200"} | script.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            try:
                output, log = done.communicate(timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                done.kill()
                output, log = done.communicate()
                output = f"The script did not end.\n{output}"
            with urllib.request.urlopen(f"{target}/_truth") as answer:
                truth = json.load(answer)
        finally:
            process.terminate()
    mask = Mask(target, directory)
    seen = {"total": truth["total"], "by_path": dict(sorted(truth["by_path"].items()))}
    parts = {
        "code": [str(done.returncode)],
        "output": mask(output).splitlines(),
        "log": log_lines(mask(log)),
        "target": mask(json.dumps(seen, indent=1)).splitlines(),
    }
    return [line for part in script.compared for line in (f"== {part} ==", *parts[part])]


class Mask:
    """Replaces what differs between any two runs.

    Args:
        target: The address of the run's target.
        directory: Where the run took place.
    """

    def __init__(self, target: str, directory: str) -> None:
        self.plain = [(target, "TARGET"), (target.removeprefix("http://"), "TARGET"), (directory, "DIRECTORY")]
        port = target.rsplit(":", 1)[1]
        self.patterns = [
            (re.compile(rf"port=?\s*'?{port}'?"), "port PORT"),
            (re.compile(rf"\b{port}\b"), "PORT"),
            (re.compile(r"\bkatydid(?=\.[a-z_]+\.)"), "locust"),
            (re.compile(r"at \S+/locust/user/users\.py:\d+ in rest, "), "at "),
            (re.compile(r"(?<=[?&]_=)\d{13}"), "MILLISECONDS"),
            (re.compile(r"\b0x[0-9a-f.]+"), "0x"),
            (re.compile(r"\brun_user\("), "run("),
            (re.compile(r"Greenlet-\d+"), "Greenlet-N"),
            (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]*Z?"), "WHEN"),
            (re.compile(r"(?:katydid|locust)/2?\.?[\d.]+\b"), "VERSION"),
        ]

    def __call__(self, text: str) -> str:
        """The text without those parts."""
        for part, word in self.plain:
            text = text.replace(part, word)
        for pattern, word in self.patterns:
            text = pattern.sub(word, text)
        return text


LOGGED = re.compile(r"\[WHEN\] [^/\s]+/(\w+)/([\w.]+): (.*)")
ROW = re.compile(r"(\S*) +(\S.*?) +(\d+) +(\d+)\(\d+\.\d\d%\) \|")
DIFFERENT_BY_DESIGN = re.compile(
    r"INFO/locust\.main: Starting Locust"
    r"|requests? of stopped users? had no answer"
    # How the end of a user's greenlet is told: by gevent, or in a line of ours.
    r"|WHEN <Greenlet .*> failed with \w+"
    r"|^(During handling of|The above exception was)"
    r"|ERROR/locust\.user\.users: \w+ ended: "
)


def log_lines(log: str) -> list[str]:
    """The log without its times, with the last table as counts and tracebacks as the script's own part of them."""
    lines: list[str] = []
    counts: list[str] = []
    rest = iter(log.splitlines())
    for line in rest:
        if line.startswith("Type ") and "# fails" in line:
            counts = _table(rest)
        elif line == "Response time percentiles (approximated)":
            _table(rest)
        elif line == "Error report":
            lines += ["Error report", *sorted(" ".join(row.split()) for row in _rows(rest) if "---" not in row)]
        elif line.startswith("Traceback (most recent call last)"):
            traceback = _traceback(rest)
            if traceback != lines[-len(traceback) :]:
                lines += traceback
        elif line.strip():
            logged = LOGGED.fullmatch(line)
            line = f"{logged[1]}/{logged[2]}: {logged[3]}" if logged else line
            if not DIFFERENT_BY_DESIGN.search(line):
                # Which of its loggers a tool warns through is its own affair.
                lines.append(re.sub(r"^WARNING/(root|locust\.[\w.]+): ", "WARNING: ", line))
    return [*lines, "== counts ==", *counts]


def _rows(rest) -> list[str]:
    """The lines up to an empty one."""
    rows = []
    for row in rest:
        if not row.strip():
            break
        rows.append(row)
    return rows


def _table(rest) -> list[str]:
    found = (ROW.match(row) for row in _rows(rest))
    return [f"{row[1]} {row[2]}: {row[3]} requests, {row[4]} failures" for row in found if row]


def _traceback(rest) -> list[str]:
    """A traceback's frames in the scripts, and the exception; nothing of one that is not about a script."""
    frames: list[str] = []
    for line in rest:
        frame = re.match(rf' +File "{re.escape(str(SCRIPTS))}/([^"]+)", (.*)', line)
        if frame:
            frames.append(f"  in {frame[1]}, {frame[2]}")
        elif not line.startswith(" ") and line.strip():
            return [*frames, line] if frames else []
    return frames
