"""Kills runs at random moments and prints a table: ``python -m tests.durability [COUNT]``."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.durability.kills import ALLOWED, play


def main() -> int:
    """Plays as many kills as the command line says, 50 by default."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as directory:
        kills = play(count, Path(directory), seed=2, longest=6.0)
    print(f"kill -9 after so many seconds under load; up to {ALLOWED:.0f} s of it may be lost\n")
    print(f"{'after':>7} {'target got':>10} {'2 s before':>10} {'kept':>8} {'lost':>7} {'listed in':>10}  listed as")
    for kill in kills:
        faults = f" ({'; '.join(kill.faults)})" if kill.faults else ""
        print(
            f"{kill.after:5.2f} s {kill.all:10} {kill.safe:10} {kill.kept:8} {kill.lost_seconds:5.2f} s "
            f"{kill.opened_ms:7.0f} ms  {kill.state}{faults}"
        )
    worst = max(kill.lost_seconds for kill in kills)
    faults = sum(bool(kill.faults) for kill in kills)
    print(f"\n{count} kills, {faults} with something wrong; the most that was lost is {worst:.2f} s of load")
    return int(faults > 0)


if __name__ == "__main__":
    sys.exit(main())
