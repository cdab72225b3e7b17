"""Hostile visitors: refused or harmless, and the page goes on answering."""

from __future__ import annotations

import json
import resource
import signal
import socket
from contextlib import ExitStack, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

HOSTILE = """
from locust import HttpUser, constant, events, task

NAME = "<img src=x onerror=alert(1)>"

@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--password", is_secret=True, default="hush-hush", env_var="HUSH")

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/", name=NAME)
        with self.client.get("/items", name=NAME, catch_response=True) as response:
            response.failure("</script><script>alert(2)</script>")
        raise ValueError(NAME)
"""

PAGES = (
    "/", "/stats/requests", "/stats/requests/csv", "/stats/failures/csv", "/exceptions", "/exceptions/csv", "/tasks",
    "/stats/report", "/logs", "/worker-count", "/api/v1/run", "/api/v1/snapshot",
)  # fmt: skip


@pytest.fixture
def site(serve, target) -> Any:
    """A page of a run with hostile names."""
    site = serve("-H", target.url, "--class-picker", head=HOSTILE)
    assert site.post("/api/v1/start", json={"users": 1, "spawn_rate": 1}).status_code == 200
    while len(site.get("/stats/requests").json()["stats"]) < 2 or not site.get("/exceptions").json()["exceptions"]:
        pass
    yield site
    # Whatever was done to it, it is there; the exit code is that of a test with failures.
    assert len(site.get("/stats/requests").json()["stats"]) == 2
    assert site.running.end(signal.SIGINT) == 1


def connect(site: Any) -> socket.socket:
    parts = urlsplit(site.url)
    return socket.create_connection((parts.hostname, parts.port), timeout=30)


def exchange(site: Any, data: bytes, is_all: bool = False) -> bytes:
    """Sends bytes, after which no more can come if that is all, and reads up to the end of the connection."""
    answer = b""
    # A server that has heard enough may hang up at any moment.
    with connect(site) as stream, suppress(OSError):
        stream.sendall(data)
        if is_all:
            stream.shutdown(socket.SHUT_WR)
        while piece := stream.recv(65536):
            answer += piece
    return answer


def test_names_and_secrets_reach_no_page_as_what_they_are_not(site):
    for path in PAGES:
        answer = site.get(path)
        assert answer.status_code == 200, path
        assert "hush-hush" not in answer.text, path
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy or "default-src 'none'" in policy, path
        assert "Access-Control-Allow-Origin" not in answer.headers, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff", path
        if answer.headers["Content-Type"].startswith("text/html"):
            for tag in ("<img src=x", "<script>alert(2)"):
                assert tag not in answer.text, path
    assert site.get("/stats/requests").json()["stats"][0]["name"] == "<img src=x onerror=alert(1)>"
    assert "hush-hush" not in site.running.log


def test_other_sites_give_no_commands(site):
    before = site.get("/api/v1/snapshot").json()["run"]["revision"]
    form = {"user_count": 9, "spawn_rate": 9}
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": site.url.replace("127.0.0.1", "127.0.0.1.evil.example")},
        {"Referer": "http://evil.example/"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
        {"Host": "evil.example:8089", "Origin": "http://evil.example:8089"},
    ):
        assert site.post("/swarm", form, headers=headers).status_code == 403, headers
        assert site.get("/stop", headers=headers).status_code == 403, headers
        assert site.post("/api/v1/stop", json={}, headers=headers).status_code == 403, headers
    for path in PAGES:
        # A name of theirs that leads to our address.
        assert site.get(path, headers={"Host": "rebound.evil.example"}).status_code == 403, path
    # What a form of another site can send without asking.
    for media in ("application/x-www-form-urlencoded", "text/plain", "multipart/form-data"):
        sent = site.post("/api/v1/stop", json.dumps({}), headers={"Content-Type": media})
        assert sent.status_code == 415, media
    preflight = site.visitor.options(
        f"{site.url}/api/v1/stop", headers={"Origin": "http://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert not [name for name in preflight.headers if name.lower().startswith("access-control")]
    assert site.get("/api/v1/snapshot").json()["run"]["revision"] == before


def test_no_path_leads_out_of_the_page(site):
    for path in (
        "/assets/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd",
        "/assets//etc/passwd",
        "/assets/..\\..\\etc\\passwd",
        "/../../etc/passwd",
        "//etc/passwd",
        "/assets/%00",
        "/stats/requests_full_history/csv/../../../etc/passwd",
        "/%ff%fe",
    ):
        answer = exchange(site, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode())
        assert answer.split(b" ")[1] in (b"400", b"404", b"403"), (path, answer[:60])
        assert b"root:" not in answer, path


def test_what_is_too_large_or_no_http_is_refused(site):
    large = b'{"text": "' + b"x" * (8 << 20) + b'"}'
    sent = site.post("/api/v1/note", large, headers={"Content-Type": "application/json"})
    assert sent.status_code == 413
    announced = b"POST /api/v1/note HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    for data in (
        b"\x00" * 100_000,
        b"GET / HTTP/1.1\r\n" + b"X-Many: y\r\n" * 5_000 + b"\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        announced + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\n",
        announced + b"Content-Length: -1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ):
        assert b" 200 " not in exchange(site, data, is_all=True)[:20]
    deep = b"[" * 100_000
    sent = site.post("/api/v1/start", b'{"users": ' + deep, headers={"Content-Type": "application/json"})
    assert sent.status_code == 400


def test_many_and_slow_visitors_keep_nobody_away(site):
    """As many idle connections as this process may open, up to ten thousand, each with half a request."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    count = min(10_000, (hard if hard != resource.RLIM_INFINITY else 10_000) - 500)
    with ExitStack() as stack:
        for number in range(count):
            slow = stack.enter_context(connect(site))
            slow.sendall(b"GET /stats/requests HTTP/1.1\r\nX-Slow: ")
            if number % 2_000 == 0:
                assert site.get("/stats/requests").json()["state"] == "running"
        assert site.get("/api/v1/snapshot").json()["run"]["users"] == 1
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
