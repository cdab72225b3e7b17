"""Runs the tests in Python in several processes at once: most of them wait for other processes most of the time.

Each process takes the next folder, or file of a large one, that nobody has taken; the slowest come first. What one
prints is shown when it has ended, whole. `make test` calls this; a part is run by pytest itself.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, SimpleQueue

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 3
LONGEST_SECONDS = 900
"""After so long a part hangs; what it has printed is shown then."""
SLOWEST = ("cluster", "web", "cli", "conformance", "chaos", "durability", "differential")
"""Folders that take longest, which begin first."""
ALONE = ("accuracy",)
"""Folders that measure times, which others would disturb: they come last, one by one."""
LARGE = ("cli", "conformance", "web", "cluster", "differential")
"""Folders whose files are shared out one by one."""


def parts() -> tuple[list[Path], list[Path]]:
    """What is run by itself, in the order in which it begins: beside others, and after them."""
    folders = {path.parent.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").rglob("test_*.py")}
    alone = [ROOT / "tests" / name for name in ALONE if name in folders]
    folders -= set(ALONE)
    ordered = [name for name in SLOWEST if name in folders] + sorted(folders - set(SLOWEST))
    found = []
    for name in ordered:
        folder = ROOT / "tests" / name
        found += sorted(folder.rglob("test_*.py")) if name in LARGE else [folder]
    return found, alone


class Shards:
    """The parts that are left, and what became of the others."""

    def __init__(self, arguments: list[str]) -> None:
        self.arguments = arguments
        self.left: SimpleQueue[Path] = SimpleQueue()
        beside, self.alone = parts()
        self.count = len(beside) + len(self.alone)
        for part in beside:
            self.left.put(part)
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures: list[str] = []
        self.done = 0
        self.lock = threading.Lock()

    def work(self) -> None:
        """Runs parts until none is left."""
        while True:
            try:
                part = self.left.get_nowait()
            except Empty:
                return
            self.run(part)

    def run(self, part: Path) -> None:
        """Runs a part and tells how it went."""
        command = [sys.executable, "-m", "pytest", "-q", "--no-header", str(part), *self.arguments]
        code, output = ended(command)
        with self.lock:
            self.tell(part, code, output)

    def tell(self, part: Path, code: int, output: str) -> None:
        """Shows how a part went: in a line, or in full where something failed."""
        self.done += 1
        lines = output.strip().splitlines()
        last = lines[-1].strip("= ") if lines else ""
        for count, outcome in re.findall(r"(\d+) (passed|failed|skipped|error)", last):
            self.counts["failed" if outcome == "error" else outcome] += int(count)
        if code != 0:
            self.failures.append(str(part.relative_to(ROOT)))
            print(output)
        print(f"[{self.done}/{self.count}] {part.relative_to(ROOT)}: {last}", flush=True)


def ended(command: list[str]) -> tuple[int, str]:
    """Runs a command to its end, or for as long as any of them may take: its exit code, and what it printed."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=LONGEST_SECONDS)
    except subprocess.TimeoutExpired:
        # What it has started holds its output open, too.
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return 1, f"{output}\nIt did not end within {LONGEST_SECONDS} seconds."
    return process.returncode, output


def main() -> int:
    """Runs all of them; the exit code."""
    shards = Shards(sys.argv[1:])
    threads = [threading.Thread(target=shards.work) for _ in range(AT_ONCE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in shards.alone:
        shards.run(part)
    counts = shards.counts
    if shards.failures:
        print("Failures in " + ", ".join(shards.failures))
    skipped = f", {counts['skipped']} skipped" if counts["skipped"] else ""
    print(f"{counts['passed']} passed, {counts['failed']} failed{skipped}")
    return 1 if shards.failures or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
