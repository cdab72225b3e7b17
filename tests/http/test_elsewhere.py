"""Requests from other threads than the hub's, and from forked processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

import gevent
import pytest


def test_gevents_thread_pool_may_use_a_session(client, reports):
    pool = gevent.get_hub().threadpool
    work = [pool.spawn(lambda: client.get("/echo").status_code) for _ in range(20)]
    assert [item.get() for item in work] == [200] * 20
    assert pool.apply(lambda: client.get("/chunked", stream=True).content).startswith(b"chunk 00001")
    assert pool.apply(lambda: client.post("/echo", data=iter([b"a", b"b"])).json()["body"]) == "ab"
    assert len(reports) == 22


def test_a_thread_with_a_hub_of_its_own_lets_its_greenlets_run(client):
    def work():
        calls = [gevent.spawn(client.get, "/latency?ms=30") for _ in range(10)]
        gevent.joinall(calls)
        killed = gevent.spawn(client.get, "/broken/freeze")
        gevent.sleep(0.01)
        killed.kill()
        return [call.value.status_code for call in calls]

    assert gevent.get_hub().threadpool.apply(work) == [200] * 10


RUN = """
import os, sys
from katydid.clients import HttpSession
from katydid.contrib.fasthttp import FastHttpSession
from katydid.event import EventHook
url = sys.argv[1]
http, fast = HttpSession(url, EventHook(), None), FastHttpSession(url, EventHook(), None)
http.trust_env = False
http.headers["X-Mine"] = "kept"
http.get("/cookies/set?flavour=oat")
fast.get("/echo")
left_open = http.get("/bytes/1000000", stream=True)

def check():
    assert http.get("/echo").json()["headers"]["x-mine"] == "kept"
    assert "oat" in http.get("/cookies").text
    assert http.get("/chunked", stream=True).text
    assert fast.get("/echo").status_code == 200
    assert http.get("/echo").connection is None

"""
FORKS = {
    "os.fork": """
        for turn in range(3):
            pid = os.fork()
            if not pid:
                try:
                    check()
                except BaseException:
                    import traceback; traceback.print_exc()
                    os._exit(1)
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0
            check()
    """,
    "multiprocessing": """
        import multiprocessing
        process = multiprocessing.get_context("fork").Process(target=check)
        process.start()
        process.join()
        assert process.exitcode == 0
        check()
    """,
    "subprocess": """
        import subprocess
        for _ in range(3):
            assert subprocess.run(["echo", "hello"], capture_output=True, text=True).stdout == "hello\\n"
            check()
    """,
    "threads": """
        import threading
        threads = [threading.Thread(target=check) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        check()
    """,
    "a child that drops what it inherited": """
        import gc
        pid = os.fork()
        if not pid:
            del http, fast, left_open
            gc.collect()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        assert len(left_open.content) == 1_000_000
        check()
    """,
}


@pytest.mark.parametrize("patched", [True, False], ids=["patched", "unpatched"])
@pytest.mark.parametrize("case", FORKS)
def test_a_script_may_fork_and_use_threads(url, case, patched):
    environment = {} if patched else {"LOCUST_SKIP_MONKEY_PATCH": "1"}
    done = subprocess.run(
        [sys.executable, "-c", RUN + textwrap.dedent(FORKS[case]) + "\nprint('PASSED')", url],
        capture_output=True, text=True, timeout=60, env={**os.environ, **environment},
    )  # fmt: skip
    assert done.stdout.endswith("PASSED\n"), done.stdout + done.stderr
