"""Plays the cases and prints a table: ``python -m tests.accuracy [--json] [NAME ...]``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from tests.accuracy.cases import CASES, COMMAND, KATYDID, LONG, Line, lines


def main() -> int:
    """Plays what the command line names; all by default. One after the other: they measure."""
    parser = argparse.ArgumentParser(prog="tests.accuracy", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of cases; all by default")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each number")
    parser.add_argument("--beside", metavar="COMMAND", help="a Locust, whose numbers are printed beside ours")
    parser.add_argument("--long", action="store_true", help="also the long forms, minutes each")
    options = parser.parse_args()
    known = [*CASES, *LONG] if options.names or options.long else [*CASES]
    chosen = [name for name in known if not options.names or any(part in name for part in options.names)]
    if not options.json:
        commit = subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], text=True).strip()
        print(f"{time.strftime('%Y-%m-%d')}, commit {commit}, {_machine()}")
        print(f"load average at the start {os.getloadavg()[0]:.1f}; milliseconds, or counts\n")
        print(f"{'case':26} {'what':54} {'reported':>10} {'truth':>10} {'may differ':>10}", end="")
        print(f" {'Locust':>10} {'truth':>10}" if options.beside else "")
    worst = 0
    for name in chosen:
        ours = lines(name)
        beside = _beside(options.beside, name)
        for line in ours:
            worst |= not line.agrees
            if options.json:
                print(json.dumps({**asdict(line), "agrees": line.agrees}), flush=True)
                continue
            theirs = beside.get(line.what)
            end = f" {theirs.ours:10.2f} {theirs.truth:10.2f}" if theirs else ""
            end += "" if line.agrees else "  OUTSIDE"
            print(f"{name:26} {line.what:54} {line.ours:10.2f} {line.truth:10.2f} {line.apart:10.2f}{end}", flush=True)
    return worst


def _beside(command: str | None, name: str) -> dict[str, Line]:
    """The same case with another command's numbers; none if there is none, or if it cannot play the case."""
    if command is None or name.startswith(("merge", "freeze_open", "arrivals")) or name.endswith("Rust"):
        return {}
    COMMAND[0] = Path(command)
    try:
        return {line.what: line for line in lines(name)}
    finally:
        COMMAND[0] = KATYDID


def _machine() -> str:
    """Its processor, how many cores, and its kernel."""
    processor = platform.machine()
    with contextlib.suppress(OSError), open("/proc/cpuinfo") as information:
        processor = next((line.split(":")[1].strip() for line in information if "model name" in line), processor)
    return f"{processor}, {os.cpu_count()} cores, {platform.release()}"


if __name__ == "__main__":
    sys.exit(main())
