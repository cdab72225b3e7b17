"""A worker whose clock is off, played by a peer that says what it is told."""

import json
import re
import subprocess
import time
import urllib.request
from pathlib import Path

PEER = Path(__file__).parents[1] / "conformance/support/peer.py"
PYTHON = Path(__file__).parents[2] / ".stamps/locust/bin/python"
AHEAD = 90


def test_a_clock_that_is_off_is_told_of_and_corrected(fleet):
    master = fleet.master("--web-host", "127.0.0.1", "--web-port", 0)
    url = master.wait_for(r"http://\S+")[0].rstrip(".,")
    peer = subprocess.Popen(
        [PYTHON, PEER, "worker", str(fleet.port), "far_1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={},
    )  # fmt: skip

    def say(kind, data=None):
        peer.stdin.write(json.dumps([kind, data]) + "\n")
        peer.stdin.flush()

    def hear(kind):
        for line in peer.stdout:
            heard, data = json.loads(line)
            if heard == kind:
                return data
        raise AssertionError(f"the master never said {kind}")

    def report(number, at, stamps=None):
        row = {
            "name": "/", "method": "GET", "last_request_timestamp": at, "start_time": at, "num_requests": 3,
            "num_none_requests": 0, "num_failures": 0, "total_response_time": 30, "max_response_time": 10,
            "min_response_time": 10, "total_content_length": 0, "response_times": {"10": 3},
            "num_reqs_per_sec": {str(int(at)): 3}, "num_fail_per_sec": {},
        }  # fmt: skip
        ours = {"number": number} | ({"stamps": stamps} if stamps else {})
        say("stats", {
            "stats": [row] if stamps else [], "stats_total": row, "errors": {}, "katydid": ours,
            "user_classes_count": {"Reader": 1}, "user_count": 1,
        })  # fmt: skip

    try:
        say("client_ready", "2.47.0")
        hear("ack")
        form = b"user_count=1&spawn_rate=1&host=http://127.0.0.1:9"
        urllib.request.urlopen(f"{url}/swarm", form).close()
        hear("spawn")
        say("spawning_complete", {"user_classes_count": {"Reader": 1}, "user_count": 1})
        report(1, time.time() + AHEAD)
        number = hear("katydid_receipt")
        heard = time.time_ns() + AHEAD * 10**9
        counted = time.time()
        report(2, counted + AHEAD, [number, heard, time.time_ns() + AHEAD * 10**9])
        hear("katydid_receipt")
        told = master.wait_for("The clock of worker far_1 is")
        assert 89.5 < float(re.search(r"([\d.]+) s ahead of", told.string)[1]) < 90.5
        until = time.monotonic() + 30
        points = []
        while not points and time.monotonic() < until:
            # A second is shown when the reports of it can be here.
            time.sleep(0.1)
            with urllib.request.urlopen(f"{url}/api/v1/endpoints/-1") as answer:
                series = json.load(answer)["series"]
            points = [point for point in series["points"] if point[1]] if series else []
        assert [(point[0], point[1]) for point in points] == [(int(counted), 3)]
        with urllib.request.urlopen(f"{url}/api/v1/workers") as answer:
            clocks = {row["id"]: row["clock_offset_ms"] for row in json.load(answer)["workers"]}
        assert abs(clocks["far_1"] - AHEAD * 1000) < 500
    finally:
        peer.kill()
        peer.wait()
