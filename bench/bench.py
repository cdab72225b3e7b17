"""What a request costs: Katydid beside wrk and Locust, on one core, against nginx on the other.

CPU is user + system of the generator's whole process tree, start-up included, divided by the
requests it made. `make bench` runs everything and prints a table; `make bench ARGS="--seconds 5
--only cpu"` a part of it.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
KATYDID = ROOT / ".venv/bin/katydid"
RUST = ROOT / "target/release/katydid"
RUST_USERS = ROOT / "target/release/examples/bench_users"
OTHERS = ROOT / ".stamps/others/bin"
GOOSE = OTHERS / "bench-goose"
LOCUST_VENV = ROOT / ".stamps/locust"
URL = "http://127.0.0.1:8099"
USERS = 50
GENERATOR, TARGET = "0", "1"
# As the engine and as the target name them.
PERCENTILES = {"0.5": "p50", "0.9": "p90", "0.95": "p95", "0.99": "p99", "0.999": "p999"}


def locust() -> Path:
    """The real Locust, in a venv of its own."""
    command = LOCUST_VENV / "bin/locust"
    if not command.exists():
        print("Installing Locust 2.47.0 to compare with", file=sys.stderr)
        venv.create(LOCUST_VENV, with_pip=True)
        pip = LOCUST_VENV / "bin/pip"
        subprocess.run([pip, "install", "--quiet", "--disable-pip-version-check", "locust==2.47.0"], check=True)
    return command


@contextmanager
def nginx() -> Iterator[None]:
    """The target, pinned to its core."""
    binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    if binary is None:
        sys.exit("nginx is needed for the benchmark: apt-get install nginx-light wrk")
    with tempfile.TemporaryDirectory() as home:
        process = subprocess.Popen(
            ["taskset", "-c", TARGET, binary, "-p", home, "-c", HERE / "nginx.conf"], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(URL)
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def demo_target() -> Iterator[str]:
    """Katydid's own target, which keeps the truth."""
    process = subprocess.Popen(
        ["taskset", "-c", TARGET, KATYDID, "target", "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        yield line.split()[-1]
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str) -> None:
    """Returns when the URL answers."""
    for _ in range(200):
        try:
            urllib.request.urlopen(url).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    sys.exit(f"{url} does not answer")


def measured(command: list[str | Path]) -> tuple[str, float, float]:
    """Runs a command on the generator's core: its output, its CPU seconds, its wall seconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run(
        ["taskset", "-c", GENERATOR, *command], capture_output=True, text=True, stdin=subprocess.DEVNULL, cwd=HERE
    )
    wall = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout + done.stderr, cpu, wall


def requests_in(output: str) -> int:
    """The count in the Aggregated row of the final table."""
    rows = re.findall(r"^ +Aggregated +(\d+) ", output, re.MULTILINE)
    if not rows:
        sys.exit(f"no table in the output:\n{output[-2000:]}")
    return int(rows[0])


def cpu_table(seconds: int) -> None:
    """CPU per request of every generator."""
    print(f"\n{'generator':<24}{'requests/s':>12}{'CPU us/request':>16}{'x wrk':>8}")
    rows = [("wrk", ["wrk", "-t1", f"-c{USERS}", f"-d{seconds}s", URL])]
    for name, command in (("Katydid", KATYDID), ("Locust 2.47", locust())):
        for user, file in (
            ("HttpUser", "http_user.py"),
            ("  catch_response", "caught_user.py"),
            ("  with a listener", "listened_user.py"),
            ("FastHttpUser", "fast_http_user.py"),
        ):
            options = ["--headless", "-u", str(USERS), "-r", str(USERS), "-t", f"{seconds}s", "-H", URL]
            rows.append((f"{name} {user}", [command, "-f", file, *options, "--only-summary"]))
    load = ["-u", str(USERS), "-r", str(USERS), "-t", f"{seconds}s", "--only-summary"]
    rows[1:1] = [
        ("Katydid URL", [RUST, URL, *load]),
        ("Katydid Rust user", [RUST_USERS, "Asking", "--headless", "-H", URL, *load]),
    ]
    rows += [(name, command) for name, command in others(seconds) if shutil.which(str(command[0]))]
    base = 0.0
    with nginx():
        for name, command in rows:
            output, cpu, wall = measured(command)
            requests = counted(name, output)
            each = cpu / requests * 1e6
            base = base or each
            print(f"{name:<24}{requests / wall:>12,.0f}{each:>16.1f}{each / base:>8.2f}", flush=True)


def others(seconds: int) -> list[tuple[str, list[str | Path]]]:
    """Other generators, which are measured where they are installed: `make bench-others`."""
    os.environ["PATH"] += f":{OTHERS}"
    goose = [GOOSE, "--host", URL, "-u", str(USERS), "-r", str(USERS), "-t", f"{seconds}s", "--no-status-codes"]
    return [
        ("goose", [*goose, "--no-reset-metrics"]),
        ("k6", ["k6", "run", "--vus", str(USERS), "--duration", f"{seconds}s", "--env", f"URL={URL}", HERE / "k6.js"]),
        ("oha", ["oha", "--no-tui", "-c", str(USERS), "-z", f"{seconds}s", URL]),
        ("hey", ["hey", "-c", str(USERS), "-z", f"{seconds}s", URL]),
        ("ab", ["ab", "-k", "-q", "-c", str(USERS), "-t", str(seconds), "-n", "100000000", f"{URL}/"]),
    ]


def counted(name: str, output: str) -> int:
    """How many requests a generator says that it made."""
    if name == "goose":
        # Thousands have commas between.
        rows = re.findall(r"^ GET / +\| +([\d,]+) \|", output, re.MULTILINE)
        return int(rows[0].replace(",", "")) if rows else sys.exit(f"no table of Goose's:\n{output[-2000:]}")
    if name in ("oha", "hey"):
        return sum(int(count) for count in re.findall(r"^ *\[\d+\]\s+(\d+) responses", output, re.MULTILINE))
    found = re.search(
        {
            "wrk": r"(\d+) requests in",
            "ab": r"Complete requests: +(\d+)",
            "k6": r"http_reqs\.*: (\d+)",
        }.get(name, r"$^"),
        output,
    )
    return int(found[1]) if found else requests_in(output)


def store_cost(seconds: int) -> None:
    """What it costs that runs are kept, by turns; the store is one of the benchmark's own."""
    load = ["-u", str(USERS), "-r", str(USERS), "-t", f"{seconds}s", "--only-summary"]
    commands = {"HttpUser": [KATYDID, "-f", "http_user.py", "--headless", "-H", URL, *load], "URL": [RUST, URL, *load]}
    print(f"\n{'keeping runs':<24}{'requests/s':>12}{'CPU us/request':>16}")
    with nginx(), tempfile.TemporaryDirectory() as home:
        kept = {"kept": ["--store", Path(home, "runs.db")], "not kept": ["--no-store"]}
        for (name, command), (how, option) in itertools.product(commands.items(), kept.items()):
            output, cpu, wall = measured([*command, *option])
            requests = requests_in(output)
            print(f"{name + ', ' + how:<24}{requests / wall:>12,.0f}{cpu / requests * 1e6:>16.2f}", flush=True)


def rust_memory() -> None:
    """Memory of a million users in Rust that sleep, and of 20,000 with an open connection each."""
    with nginx():
        for users, kind in ((1_000_000, "Sleeping"), (19_000, "Connected")):
            held = []
            for count in (1, users):
                rate = str(max(1, count // 4))
                command = [RUST_USERS, kind, "Meter", "--headless", "-H", URL, "-u", str(count + 1), "-r", rate]
                output, _, _ = measured([*command, "-t", "12s", "--only-summary", "--no-store"])
                found = re.search(r"MEMORY (\d+)", output)
                if not found:
                    sys.exit(f"no memory in the output:\n{output[-2000:]}")
                held.append(int(found[1]))
            each = (held[1] - held[0]) / users
            print(f"{users:,} Rust users, {kind.lower()}: {held[1] / 1e6:,.0f} MB, {each:,.0f} bytes each")


def cores() -> None:
    """What a second core adds: samples counted by users in Rust that ask nobody, and requests beside the target."""
    rates = []
    for core in (GENERATOR, f"{GENERATOR},{TARGET}"):
        load = ["Counting", "--headless", "-u", "20", "-r", "20", "-t", "5s", "--only-summary", "--no-store"]
        output = subprocess.run(["taskset", "-c", core, RUST_USERS, *load], capture_output=True, text=True, cwd=HERE)
        rates.append(requests_in(output.stdout + output.stderr) / 5)
    print(f"\nsamples a second, users that ask nobody: {rates[0]:,.0f} on one core, {rates[1]:,.0f} on two")


def memory(users: int) -> None:
    """Memory of users that made a request and wait, and the median while they start."""
    options = ["--headless", "-u", str(users), "-r", "1000", "-t", f"{users // 1000 + 6}s", "-H", URL]
    with nginx():
        output, _, _ = measured([KATYDID, "-f", "waiting_user.py", *options, "--only-summary"])
    found = re.search(r"MEMORY (.*)", output)
    print(f"\nidle users: {found[1] if found else output[-2000:]}")
    row = re.search(r"^ +Aggregated .*$", output, re.MULTILINE)
    print(f"while they started, 1000/s (avg min max median): {row[0].split('|')[1].strip() if row else '?'}")


def startup() -> None:
    """How long a user waits before anything happens."""
    times = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([KATYDID, "--version"], capture_output=True, check=True)
        times.append(time.perf_counter() - start)
    print(f"\nkatydid --version: {min(times):.3f} s (best of 5), {max(times):.3f} s (worst)")
    with demo_target() as url:
        began = time.time()
        options = ["--headless", "-u", "1", "-t", "1s", "-H", url, "--only-summary"]
        output, _, _ = measured([KATYDID, "-f", "first_request.py", *options])
        found = re.search(r"FIRST (\d+\.\d+)", output)
        print(f"first request after: {float(found[1]) - began:.3f} s" if found else output[-2000:])


def truth() -> bool:
    """Latencies as reported and as the target logged them, and a burning user beside others; whether all agree."""
    with demo_target() as url:
        options = ["--headless", "-H", url, "--only-summary"]
        users = ["-u", "350", "-r", "350", "-t", "120s"]
        output, _, _ = measured([KATYDID, "-f", "latency_user.py,true_times.py", *users, *options])
        with urllib.request.urlopen(f"{url}/_truth") as answer:
            logged = json.load(answer)
        agreed = print_truth(true_times(output), logged)
        if not agreed:
            print(output[-2000:] if not true_times(output) else "")
        users = ["-u", "40", "-r", "40", "-t", "20s"]
        output, _, _ = measured([KATYDID, "-f", "burning_user.py,true_times.py", *users, *options])
        for entry in true_times(output):
            service, late = entry["service"], entry["lateness"]
            print(
                f"beside a user that burns 300 ms: service p50 {service['0.5']:.2f} p99 {service['0.99']:.2f} ms, "
                f"lateness p50 {late['0.5']:.2f} p99 {late['0.99']:.2f} ms"
            )
    return agreed


def true_times(output: str) -> list[dict]:
    """What true_times.py printed."""
    found = re.search(r"^TRUE (.*)$", output, re.MULTILINE)
    return json.loads(found[1]) if found else []


def print_truth(reported: list[dict], logged: dict) -> bool:
    """Reported against logged, path by path; whether every cell is within 1 % and 0.2 ms."""
    print(f"\n{'truth (ms), reported/logged':<28}{'n':>8}" + "".join(f"{name:>18}" for name in PERCENTILES.values()))
    outside = []
    for entry in (entry for entry in reported if entry["count"]):
        theirs = logged["durations_us"].get(f"GET {entry['name']}", {})
        if theirs.get("count") != entry["count"]:
            outside.append(f"{entry['name']}: {entry['count']} reported, {theirs.get('count', 0)} logged")
        cells = []
        for part, name in PERCENTILES.items():
            ours, truth_ms = entry["service"][part], theirs.get(name, float("nan")) / 1000
            cells.append(f"{ours:>9.2f}/{truth_ms:<8.2f}")
            # Written so that a number that is missing is outside, too.
            if not abs(ours - truth_ms) <= truth_ms * 0.01 + 0.2:
                outside.append(f"{entry['name']} {name}: {ours:.2f} reported, {truth_ms:.2f} logged")
        print(f"{entry['name']:<28}{entry['count']:>8}" + "".join(cells))
    for line in outside:
        print(f"outside of 1 % + 0.2 ms: {line}")
    if not reported:
        print("nothing was reported")
    return bool(reported) and not outside


def main() -> None:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=int, default=10, help="length of each CPU measurement")
    parser.add_argument("--users", type=int, default=10_000, help="idle users of the memory measurement")
    parser.add_argument("--only", choices=("cpu", "store", "memory", "cores", "startup", "truth"))
    options = parser.parse_args()
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, cwd=ROOT).stdout
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "?")
    print(f"{time.strftime('%Y-%m-%d')}, commit {commit.strip()}, {cpu}, {os.cpu_count()} cores, {platform.release()}")
    if options.only in (None, "cpu"):
        cpu_table(options.seconds)
    if options.only in (None, "store"):
        store_cost(options.seconds)
    if options.only in (None, "memory"):
        memory(options.users)
        rust_memory()
    if options.only in (None, "cores"):
        cores()
    if options.only in (None, "startup"):
        startup()
    if options.only in (None, "truth") and not truth():
        sys.exit(1)


if __name__ == "__main__":
    main()
