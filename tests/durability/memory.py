"""How a run's memory grows with many names and many errors: ``python -m tests.durability.memory [MINUTES]``.

One process at full rate, 1,000 names, 10,000 different texts of errors, recorded to a store as every run is.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.durability.kills import KATYDID

SCRIPT = """
import itertools

from locust import HttpUser, constant, task

numbers = itertools.count()

class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def read(self):
        number = next(numbers)
        name = f"/item/{number % 1000}"
        if number % 5:
            self.client.get("/", name=name)
            return
        with self.client.get("/", name=name, catch_response=True) as response:
            response.failure(f"item {number // 5 % 10_000} is {'abcdefghij'[number // 5 % 10]} and not as it should be")
"""


def main() -> int:
    """Runs as many minutes as the command line says, 30 by default."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 30.0
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        script, store = directory / "locustfile.py", directory / "runs.db"
        script.write_text(SCRIPT)
        target = subprocess.Popen([KATYDID, "target", "--port", "0"], stdout=subprocess.PIPE, text=True)
        assert target.stdout is not None
        url = target.stdout.readline().split()[-1]
        command = [
            KATYDID,
            "-f",
            script,
            "-H",
            url,
            "--headless",
            "-u",
            "20",
            "-r",
            "20",
            "-t",
            f"{int(minutes * 60)}s",
        ]
        log = directory / "run.log"
        with log.open("w") as output:
            run = subprocess.Popen(
                [*command, "--only-summary", "--store", store], stdout=subprocess.DEVNULL, stderr=output, text=True
            )
        samples = _watch(run)
        target.terminate()
        target.wait()
        listed = subprocess.run([KATYDID, "runs", "--store", store], capture_output=True, text=True, check=False)
        print(listed.stdout)
        print(f"store: {store.stat().st_size / 1e6:.1f} MB")
    # What is met for the first time takes room; from a third on everything was met.
    later = samples[len(samples) // 3 :]
    for second, megabytes in samples[:: max(1, len(samples) // 15)]:
        print(f"{second:6.0f} s {megabytes:8.1f} MB")
    slope = _slope(later) * 3600
    print(f"\n{minutes:g} minutes; after the first third {slope:+.1f} MB an hour, {later[-1][1]:.0f} MB at the end")
    return 0


def _watch(run: subprocess.Popen[str]) -> list[tuple[float, float]]:
    """Seconds since the start, and the memory the process held then, in MB."""
    began = time.monotonic()
    samples = []
    while run.poll() is None:
        status = Path(f"/proc/{run.pid}/status").read_text()
        found = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
        if found:
            samples.append((time.monotonic() - began, int(found[0]) / 1e3))
        time.sleep(2)
    return samples[2:-1]


def _slope(samples: list[tuple[float, float]]) -> float:
    """MB a second, by least squares."""
    mean_x = sum(x for x, _ in samples) / len(samples)
    mean_y = sum(y for _, y in samples) / len(samples)
    above = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return above / (sum((x - mean_x) ** 2 for x, _ in samples) or 1.0)


if __name__ == "__main__":
    sys.exit(main())
