"""Plays the cases and prints a table: ``python -m tests.chaos [--short] [--json] [NAME ...]``."""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

from tests.chaos.cases import LONG, SHORT, Case, Outcome, play
from tests.chaos.network import network, why_not

HEAD = f"{'case':44} {'users':>5} {'target got':>10} {'counted':>8} {'missing':>8} {'declared':>8} {'most/s':>6}  end"


def main() -> int:
    """Plays what the command line names; all of the long forms by default."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    parser.add_argument("names", nargs="*", help="parts of the names of cases; all by default")
    parser.add_argument("--short", action="store_true", help="the short forms, which `make test` plays")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each case")
    parser.add_argument("--jobs", type=int, default=4, help="cases at the same time")
    options = parser.parse_args()
    cases = SHORT if options.short else LONG
    chosen = {
        name: case for name, case in cases.items() if not options.names or any(part in name for part in options.names)
    }
    reason = why_not()
    worst = 0
    if not options.json:
        print(HEAD)
    with ThreadPoolExecutor(options.jobs) as pool:
        outcomes = list(pool.map(lambda item: _play(*item, reason), chosen.items()))
    for name, outcome in zip(chosen, outcomes, strict=True):
        if outcome is None:
            print(json.dumps({"name": name, "skipped": reason}) if options.json else f"{name:44} not played: {reason}")
            continue
        faults = outcome.faults
        worst |= bool(faults)
        if options.json:
            print(json.dumps({"name": name, **asdict(outcome), "faults": faults}), flush=True)
            continue
        end = "; ".join(faults) or "as it should"
        print(
            f"{name:44} {outcome.asked:5} {outcome.logged:10} {outcome.counted:8} {outcome.logged - outcome.counted:8} "
            f"{outcome.declared:8} {outcome.busiest:6}  {end}{f' ({outcome.note})' if outcome.note else ''}",
            flush=True,
        )
    return worst


def _play(name: str, case: Case, reason: str | None) -> Outcome | None:
    """Plays a case, on hosts of its own where it needs some; none if there can be no such hosts."""
    if not name.startswith("link"):
        return play(case, None)
    if reason is not None:
        return None
    with network() as made:
        return play(case, made)


sys.exit(main())
