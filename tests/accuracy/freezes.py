"""A target that stands still, and what each tool says of it: a table as wrk2's author made it.

A target that answers in 2 ms is asked at a rate, and stopped once. Whoever counts from when a request was due has
waited for it: with `length` seconds in all, of which `stop` were stopped, the 99th percentile is `stop` less a
hundredth of `length`. Whoever waits for an answer before he asks again, and counts from when he asked, hardly sees it.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.accuracy.cases import KATYDID, LOAD, ROOT, Target, target

RATE = 500
USERS = 40
"""Few enough that their slow answers are less than a hundredth of all."""
LENGTH = 20
"""Seconds."""
BEFORE = 5
"""Seconds that pass before the target is stopped."""
STOPS = (1.4, 6.0)
"""Seconds: what wrk2's and Gatling's cases stop it for."""
PATH = "/latency?ms=2"


@dataclass
class Told:
    """What a tool said, in milliseconds."""

    requests: int
    response_p99: float | None
    """From when a request was due."""
    service_p99: float | None
    """From when it was sent."""


def output(command: list[object], **environment: str) -> str:
    """All that a command prints."""
    given = {**os.environ, **environment}
    if environment.get("PYTHONPATH") == "":
        del given["PYTHONPATH"]
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=given
    )
    return done.stdout + done.stderr


def katydid(command: list[object], **environment: str) -> Told:
    """Ours, by what is kept of the run."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder, "runs.db")
        rate = ["--rate", f"{RATE}/s", "--rate-users", USERS, "-t", f"{LENGTH}s", "--store", store, "--only-summary"]
        output([*command, *rate], **environment)
        shown = subprocess.run(
            [KATYDID, "show", "--store", store, "--format", "json"], capture_output=True, text=True, check=True
        )
    total = json.loads(shown.stdout)["total"]
    return Told(total["requests"], total["response_p99"], total["p99"])


def url(host: str) -> Told:
    """A URL without a test."""
    return katydid([KATYDID, host + PATH])


def script(host: str) -> Told:
    """A script in Python."""
    return katydid([KATYDID, "-f", LOAD, "--headless", "-H", host, "Arriving"], CLIENT="FastHttpUser")


def locust(host: str) -> Told:
    """Locust, whose users keep a rate as long as answers come."""
    command = [ROOT / ".stamps/locust/bin/locust", "-f", LOAD, "--headless", "-H", host, "Pacing", "--json"]
    load = ["-u", USERS, "-r", USERS, "-t", f"{LENGTH}s", "--skip-log"]
    printed = output([*command, *load], CLIENT="FastHttpUser", PACE=str(RATE / USERS), PYTHONPATH="")
    [entry] = json.loads(printed[printed.index("[\n") : printed.rindex("]") + 1])
    left = entry["num_requests"] * 0.01
    for ms, count in sorted(((float(ms), count) for ms, count in entry["response_times"].items()), reverse=True):
        left -= count
        if left <= 0:
            return Told(entry["num_requests"], None, ms)
    raise AssertionError(printed)


def oha(host: str, *more: str) -> Told:
    """The tool oha; with --latency-correction it counts from when a request was due."""
    rate = ["-q", RATE, "-c", USERS, "-z", f"{LENGTH}s", "--no-tui", "--output-format", "json", *more]
    told = json.loads(output(["oha", *rate, host + PATH]))
    p99 = told["latencyPercentiles"]["p99"] * 1000
    count = sum(told["statusCodeDistribution"].values())
    return Told(count, p99, None) if more else Told(count, None, p99)


def k6(host: str) -> Told:
    """The tool k6 at a constant arrival rate."""
    text = (
        'import http from "k6/http";\n'
        'export const options = { summaryTrendStats: ["p(99)"], scenarios: { load: {'
        f' executor: "constant-arrival-rate", rate: {RATE}, timeUnit: "1s", duration: "{LENGTH}s",'
        f" preAllocatedVUs: {USERS}, maxVUs: {USERS} }} }} }};\n"
        f'export default function () {{ http.get("{host + PATH}"); }}\n'
    )
    with tempfile.NamedTemporaryFile("w", suffix=".js") as file:
        file.write(text)
        file.flush()
        printed = output(["k6", "run", file.name])
    [value, unit] = re.findall(r"http_req_duration\.+: p\(99\)=([\d.]+)(µs|ms|s)", printed)[0]
    p99 = float(value) * {"µs": 0.001, "ms": 1, "s": 1000}[unit]
    return Told(int(re.findall(r"http_reqs\.+: (\d+)", printed)[0]), None, p99)


TOOLS: dict[str, Callable[[str], Told]] = {
    "Katydid, a URL": url,
    "Katydid, a script": script,
    "Locust 2.47": locust,
    "oha": oha,
    "oha --latency-correction": lambda host: oha(host, "--latency-correction"),
    "k6": k6,
}
"""By what they are called in the table."""


def frozen(there: Target, stop: float) -> threading.Thread:
    """Stops the target once, a while after its first request."""

    def work() -> None:
        while there.truth()["total"] < USERS:
            time.sleep(0.01)
        time.sleep(BEFORE)
        there.freeze(stop)

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def table() -> None:
    """Asks each tool that is installed, and prints what it said."""
    os.environ["PATH"] += f":{ROOT / '.stamps/others/bin'}"
    print(
        f"{RATE} requests a second asked for, {LENGTH} s, at most {USERS} users or connections; the target stops once"
    )
    print(f"{'stop':>6} {'tool':<26}{'asked':>8}{'made':>8}{'response p99':>14}{'analytic':>10}{'service p99':>13}")
    for stop in STOPS:
        for name, ask in TOOLS.items():
            if name.split()[0] in ("oha", "k6") and shutil.which(name.split()[0]) is None:
                print(f"{stop:>5}s {name:<26} is not installed (make bench-others)")
                continue
            with target() as there:
                freezing = frozen(there, stop)
                told = ask(there.url)
                freezing.join()
            analytic = (stop - LENGTH * 0.01) * 1000
            shown = [f"{time:,.1f}" if time is not None else "-" for time in (told.response_p99, told.service_p99)]
            line = f"{RATE * LENGTH:>8,}{told.requests:>8,}{shown[0]:>14}{analytic:>10,.0f}{shown[1]:>13}"
            print(f"{stop:>5}s {name:<26}{line}", flush=True)


if __name__ == "__main__":
    table()
