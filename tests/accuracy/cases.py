"""Cases that hold what a run reports against what the target saw: section by section, client by client.

Each is a run of the command with ``load.py`` against a demo target of its own, and yields what was found as lines:
what is measured, ours, what it should be, and how far apart the two may be.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.accuracy.samples import samples

KATYDID = Path(sys.executable).parent / "katydid"
LOAD = Path(__file__).with_name("load.py")
ROOT = LOAD.parents[2]
RUST = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/examples/accuracy_load"
"""The same cases as a test in Rust; `build` sees to it that it is there."""
COMMAND = [KATYDID]
"""What makes the load: Katydid, or Locust to be seen beside it."""

CLIENTS = ("HttpUser", "FastHttpUser", "Rust")

UNKNOWN = {"0.5": float("nan")}
"""Of what Locust does not tell."""

QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p999": "0.999"}


@dataclass
class Line:
    """One number of ours beside what it should be; milliseconds, or a count."""

    what: str
    ours: float
    truth: float
    apart: float
    """How far apart they may be."""

    @property
    def agrees(self) -> bool:
        """Whether they are as close as they have to be; a number that is missing is not."""
        return abs(self.ours - self.truth) <= self.apart


class Target:
    """A demo target."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process = process
        self.url = process.stdout.readline().split()[-1]

    def log(self) -> list[int]:
        """Ends it, and tells when each request arrived, in nanoseconds; it must have been told to write a log."""
        self.process.send_signal(signal.SIGINT)
        printed, _ = self.process.communicate(timeout=30)
        rows = [line.split(",") for line in printed.splitlines()]
        return [int(row[0]) for row in rows if row[0].isdecimal() and row[6] == "/latency"]

    def truth(self) -> dict[str, Any]:
        """What it saw."""
        with urllib.request.urlopen(f"{self.url}/_truth") as answer:
            return json.load(answer)

    def freeze(self, seconds: float) -> float:
        """Stops it for so long and tells how long that was, in milliseconds."""
        begun = time.monotonic()
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)
        return (time.monotonic() - begun) * 1000


@contextlib.contextmanager
def target(*arguments: str) -> Iterator[Target]:
    """A demo target as long as the block runs."""
    command = [KATYDID, "target", "--port", "0", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield Target(process)
    finally:
        process.kill()
        process.wait()


def build() -> None:
    """Builds the test in Rust, if that has not been done."""
    command = ["cargo", "build", "--quiet", "--package", "katydid", "--example", "accuracy_load"]
    subprocess.run(command, cwd=ROOT, check=True)


def entries(printed: str) -> dict[str, dict[str, Any]]:
    """What the script printed of each name, or what is kept of the run of a test in Rust."""
    store = re.search(r"^STORE (.*)$", printed, re.MULTILINE)
    if store is not None:
        return {entry["name"]: _as_printed(entry) for entry in kept(store[1])["entries"]}
    found = (json.loads(line[5:]) for line in printed.splitlines() if line.startswith("TRUE "))
    return {entry["name"]: entry for entry in found}


def kept(store: str, form: str = "json") -> Any:
    """What is known of the only run in a store."""
    command = [KATYDID, "show", "--store", store, "--format", form]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def _as_printed(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of a kept run in the shape in which the script prints its own."""
    parts = ("p50", "p90", "p95", "p99", "p999", "max")
    wait = entry["phases"].get("wait", {}).get("mean", float("nan"))
    true = {
        "service": {part: entry[name] for part, name in zip((*QUANTILES.values(), "1.0"), parts, strict=True)},
        "service_ok": {"0.5": entry["success_p50"]},
        "response": {"0.99": entry["response_p99"], "1.0": entry["response_max"]},
        # Of phases a kept run has the mean.
        "first_byte": {"0.5": wait},
    }
    return {"num_requests": entry["requests"], "num_failures": entry["failures"], "true": true, "response_times": {}}


@contextlib.contextmanager
def run(host: str, *arguments: object, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command with the script of the cases; its log is its output, too."""
    is_rust = environment.get("CLIENT") == "Rust"
    script = [RUST] if is_rust else [COMMAND[0], "-f", LOAD]
    command = [*script, "--headless", "-H", host, "--only-summary", *arguments]
    environment = {**os.environ, **environment}
    store = Path(tempfile.mkdtemp(), "runs.db")
    if is_rust:
        command += ["--store", store]
    elif COMMAND[0] == KATYDID:
        command.append("--no-store")
    else:
        environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    process.store = store if is_rust else None  # type: ignore[attr-defined]
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(store.parent)


def rest(process: subprocess.Popen[str], timeout: float = 60) -> str:
    """What a run that ends by itself has still to print, and where it is kept if it is one of Rust."""
    printed, _ = process.communicate(timeout=timeout)
    return f"{printed}STORE {process.store}\n" if process.store else printed  # type: ignore[attr-defined]


def played(host: str, *arguments: object, **environment: str) -> tuple[dict[str, dict[str, Any]], str]:
    """What a run that ends by itself told of each name, and all it printed."""
    with run(host, *arguments, **environment) as process:
        printed = rest(process, timeout=90)
        found = entries(printed)
        if process.store:  # type: ignore[attr-defined]
            printed += "ITERATIONS " + json.dumps(kept(process.store)["iterations"])  # type: ignore[attr-defined]
    assert found, printed
    return found, printed


def latencies(client: str) -> Iterator[Line]:
    """T1, T2 and T6: a mix, three constants and a slow body, each count exact and each time as the target has it."""
    users = {"Constant1": 2, "Constant137": 4, "Constant1050": 8, "Mix": 10, "SlowBody": 4}
    count = sum(users.values())
    with target() as there:
        load = (*users, "-u", count, "-r", count, "-t", "30s")
        found, printed = played(there.url, *load, CLIENT=client, USERS=str(count))
        truth = there.truth()
    for name, logged in truth["durations_us"].items():
        path = name.removeprefix("GET ")
        if path == "/":
            # A connection's first request, which the script in Python has forgotten.
            continue
        assert path in found, printed
        ours = found[path]
        yield Line(f"{path} requests", ours["num_requests"], logged["count"], 0)
        for quantile, part in QUANTILES.items():
            asked = logged[quantile] / 1000
            # The target does not see what a request waits before it is read: on a machine that others use, too.
            slack = 0.5 if quantile == "p50" else 15
            yield Line(f"{path} {quantile}", ours["true"]["service"][part], asked, asked * 0.01 + slack)
    body = found["/slow-body?bytes=100&chunks=5&ms=100"]["true"]
    yield Line("slow body: first byte p50", body.get("first_byte", UNKNOWN)["0.5"], 0.5, 5)


def failures(client: str) -> Iterator[Line]:
    """T12: every fifth request fails at once, and the times of the others are as if there were none."""
    with target() as there:
        found, _ = played(there.url, "Mixed503", "-u", 5, "-r", 5, "-t", "30s", CLIENT=client, USERS="5")
        truth = there.truth()
    ours, logged = found["mixed"], truth["durations_us"]["GET /latency?ms=50"]
    asked = truth["total"] - truth["by_path"].get("GET /", 0)
    yield Line("requests", ours["num_requests"], asked, 0)
    yield Line("failures", ours["num_failures"], truth["by_path"]["GET /status/503"], 0)
    yield Line("successes p50", ours["true"].get("service_ok", UNKNOWN)["0.5"], logged["p50"] / 1000, 1)
    yield Line("all p50", ours["true"]["service"]["0.5"], logged["p50"] / 1000, 1)


def freeze(client: str, seconds: float = 1.4, users: int = 10) -> Iterator[Line]:
    """T4: the target is stopped. Each user has one request under way, and that one takes as long as the stop."""
    with (
        target() as there,
        run(
            there.url, "Freezing", "-u", users, "-r", users, "-t", f"{math.ceil(seconds + 2)}s", CLIENT=client
        ) as process,
    ):
        assert process.stdout is not None
        log = ""
        while "All users spawned" not in log:
            line = process.stdout.readline()
            assert line, log
            log += line
        time.sleep(0.5)
        stopped = there.freeze(seconds)
        log += rest(process)
        truth = there.truth()
        ours = entries(log)["frozen"]
    slow = sum(count for ms, count in ours["response_times"].items() if int(ms) > stopped / 2)
    yield Line("requests", ours["num_requests"], truth["total"], users)
    yield Line("longest", ours["true"]["service"]["1.0"], stopped, stopped * 0.05)
    if client != "Rust":
        # One that was asleep when the stop began asks during it.
        yield Line("requests longer than half of the stop", slow, users, 0)


def starvation(client: str) -> Iterator[Line]:
    """T5: a user burns 300 ms of Python at a time; the times of others stay what the target has them to be."""
    with target() as there:
        found, _ = played(there.url, "Burning", "Beside", "-u", 6, "-r", 6, "-t", "3s", CLIENT=client)
        truth = there.truth()
    ours, logged = found["beside"], truth["durations_us"]["GET /latency?ms=20"]
    # What is under way when the run ends is not counted.
    yield Line("requests", ours["num_requests"], logged["count"], 5)
    for quantile, slack in (("p50", 1), ("p90", 15), ("p99", 40)):
        asked = logged[quantile] / 1000
        yield Line(f"service {quantile}", ours["true"]["service"][QUANTILES[quantile]], asked, asked * 0.01 + slack)


def merge(client: str) -> Iterator[Line]:
    """T9: the same samples through one process, two workers and four: the same bins, and the samples' own quantiles."""
    exact = sorted(samples())
    alone: dict[str, Any] = {}
    for workers in (1, 2, 4):
        many = ["--processes", workers] if workers > 1 else []
        with target() as there, tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
            file.writelines(f"{sample!r}\n" for sample in samples())
            file.flush()
            arguments = ("Replayed", "-u", workers, "-r", workers, "-t", "2s", *many)
            found, _ = played(there.url, *arguments, SHARES=str(workers), CLIENT=client, SAMPLES=file.name)
        ours = found["replayed"]
        alone = alone or ours
        which = f"{workers} workers" if many else "1 process"
        yield Line(f"{which}: samples", ours["num_requests"], len(exact), 0)
        if client != "Rust":
            differing = alone["response_times"].items() ^ ours["response_times"].items()
            yield Line(f"{which}: buckets that differ", len(differing), 0, 0)
        for part, value in ours["true"]["service"].items():
            rank = exact[math.ceil(len(exact) * float(part)) - 1]
            yield Line(f"{which}: quantile {part}", value, rank, rank * 0.001)
            yield Line(f"{which}: quantile {part} of 1 process", value, alone["true"]["service"][part], 0)


def _iterations(printed: str) -> dict[str, Any]:
    """What the script printed of its iterations, or what is kept of those of a test in Rust."""
    store = re.search(r"^STORE (.*)$", printed, re.MULTILINE)
    if store is not None and Path(store[1]).exists():
        return _of_kept(kept(store[1])["iterations"])
    found = [json.loads(line[11:]) for line in printed.splitlines() if line.startswith("ITERATIONS ")]
    assert found, printed
    return _of_kept(found[0]) if "lateness_p99" in found[0] else found[0]


def _of_kept(iterations: dict[str, Any]) -> dict[str, Any]:
    """Iterations of a kept run in the shape in which the script prints its own."""
    return {**iterations, "lateness": {"0.5": iterations["lateness_p50"], "0.99": iterations["lateness_p99"]}}


def freeze_open(client: str, rate: int = 250, length: int = 6, seconds: float = 1.4, users: int = 10) -> Iterator[Line]:
    """T3: the target is stopped, and asked all the same. What was due meanwhile has waited, whoever sent it when.

    Of so few users each has one slow request, so the service times hide the stop from their 99th percentile on, if
    the run is long enough; from when they were due, all answers due in the last `seconds` less x took x.
    """
    with (
        target() as there,
        run(
            there.url, "Arriving", "--rate", f"{rate}/s for {length}s", "--rate-users", users, CLIENT=client
        ) as process,
    ):
        assert process.stdout is not None
        log = ""
        while "All users spawned" not in log:
            line = process.stdout.readline()
            assert line, log
            log += line
        time.sleep(1)
        stopped = there.freeze(seconds)
        log += rest(process, timeout=length + 60)
        truth = there.truth()
        ours, iterations = entries(log)["arriving"], _iterations(log)
    asked = rate * length
    yield Line("asked: iterations due", iterations["due"], asked, 0)
    yield Line("begun and dropped", iterations["started"] + iterations["dropped"], asked, 0)
    yield Line("dropped", iterations["dropped"], 0, 0)
    yield Line("requests", ours["num_requests"], truth["total"], 0)
    # On a machine that others use, too, what waited takes its time after the stop.
    slack = stopped * 0.05
    analytic = stopped - 10 * length
    yield Line("response p99", ours["true"]["response"]["0.99"], analytic, slack + 150)
    yield Line("response longest", ours["true"]["response"]["1.0"], stopped, slack + 50)
    yield Line("service longest", ours["true"]["service"]["1.0"], stopped, slack)
    yield Line("service p99", ours["true"]["service"]["0.99"], 2, math.inf)
    yield Line("lateness p99", iterations["lateness"]["0.99"], analytic, math.inf)
    yield Line("late iterations", iterations["late"], stopped / 1000 * rate - users, math.inf)


def arrivals(client: str, rate: int = 200, length: int = 3) -> Iterator[Line]:
    """T10: as many iterations as were asked for, evenly and as independent ones; how they lay is printed."""
    for spacing in ("", " poisson"):
        which = spacing.strip() or "even"
        with target("--truth-log", "/dev/stdout") as there:
            _, printed = played(there.url, "Arriving", "--rate", f"{rate}/s for {length}s{spacing}", CLIENT=client)
            truth, arrived = there.truth(), there.log()
        iterations = _iterations(printed)
        count = rate * length
        yield Line(f"{which}: due", iterations["due"], count, 0 if which == "even" else 10 * math.sqrt(count))
        yield Line(f"{which}: begun and dropped", iterations["started"] + iterations["dropped"], iterations["due"], 0)
        yield Line(f"{which}: requests", truth["total"], iterations["started"], 0)
        gaps = [(after - before) / 1e9 for before, after in itertools.pairwise(arrived)]
        seen = len(gaps) / sum(gaps)
        # One and a half are the most that the ends of the stretch can make up.
        off = 1.5 / length if which == "even" else 10 * math.sqrt(count) / length
        yield Line(f"{which}: a second, at the target", seen, rate, max(off, rate * 0.1))
        yield Line(f"{which}: start jitter p50", iterations["lateness"]["0.5"], 0, math.inf)
        yield Line(f"{which}: start jitter p99", iterations["lateness"]["0.99"], 0, math.inf)
        if which == "poisson":
            # Of single gaps the shortest are made longer by what an arrival costs; ten together show whether they are
            # independent of each other.
            tens = [(after - before) / 1e9 for before, after in itertools.pairwise(arrived[::10])]
            yield Line("poisson: Kolmogorov-Smirnov p of single gaps", gamma(gaps, rate, 1), 1, math.inf)
            yield Line("poisson: Kolmogorov-Smirnov p of ten gaps each", gamma(tens, rate, 10), 1, 0.9999)


def gamma(times: list[float], rate: float, gaps: int) -> float:
    """How likely it is that times of so many gaps of a Poisson process differ as much from it (Kolmogorov-Smirnov)."""
    ordered = sorted(times)
    count = len(ordered)
    parts = [
        1 - math.exp(-rate * time) * sum((rate * time) ** n / math.factorial(n) for n in range(gaps))
        for time in ordered
    ]
    most = max(max((n + 1) / count - part, part - n / count) for n, part in enumerate(parts))
    # Kolmogorov's series, with Stephens' correction for a finite number.
    scaled = (math.sqrt(count) + 0.12 + 0.11 / math.sqrt(count)) * most
    terms = ((-1) ** (n - 1) * math.exp(-2 * (n * scaled) ** 2) for n in range(1, 101))
    return min(1.0, max(0.0, 2 * sum(terms)))


CASES: dict[str, Callable[[str], Iterator[Line]]] = {
    f"{case.__name__}-{client}": lambda client, case=case: case(client)
    for case in (latencies, failures, freeze, starvation)
    for client in CLIENTS
} | {
    "merge-User": merge,
    "merge-Rust": merge,
    "freeze_open-FastHttpUser": freeze_open,
    "freeze_open-Rust": freeze_open,
    "arrivals-HttpUser": arrivals,
    "arrivals-Rust": arrivals,
}

LONG: dict[str, Callable[[str], Iterator[Line]]] = {
    "freeze_open-long-FastHttpUser": lambda client: freeze_open(client, rate=500, length=30, users=100),
    "freeze_open-6s-FastHttpUser": lambda client: freeze_open(client, rate=500, length=30, seconds=6, users=100),
    "freeze_open-long-Rust": lambda client: freeze_open(client, rate=1000, length=30, users=100),
    "freeze_open-6s-Rust": lambda client: freeze_open(client, rate=1000, length=30, seconds=6, users=100),
    "arrivals-long-FastHttpUser": lambda client: arrivals(client, rate=1000, length=60),
    "arrivals-long-Rust": lambda client: arrivals(client, rate=1000, length=60),
}
"""Long forms, for a machine that does nothing else; only where they are named."""


def lines(name: str) -> list[Line]:
    """Plays a case by its name."""
    if name.endswith("Rust"):
        build()
    return list((CASES | LONG)[name](name.rpartition("-")[2]))
