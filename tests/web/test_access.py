"""Who may see the page and who may change something: passwords, roles, the token, and where the page listens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KATYDID = Path(sys.executable).parent / "katydid"
TOKEN = "a token of many bytes"
START = {"users": 1, "spawn_rate": 1}


def line(name: str, role: str, password: str) -> str:
    """What ``katydid web-user`` prints."""
    command = [KATYDID, "web-user", name, "--role", role]
    return subprocess.run(command, input=password + "\n", check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def users(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("access") / "users"
    path.write_text("# who may come in\n" + line("ann", "operator", "right") + line("bob", "viewer", "also right"))
    return path


def log_in(site: Any, name: str, password: str, **settings: Any) -> Any:
    return site.post("/login", {"username": name, "password": password}, **settings)


def test_a_password_lets_in_and_a_role_says_what_for(serve, users, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    script = """
@events.init.add_listener
def add(environment, **kwargs):
    environment.web_ui.app.add_url_rule("/added", "added", lambda: "from the script")
"""
    site = serve("--web-users", users, "--web-token", token, script=script)
    for path in ("/stats/requests", "/api/v1/run", "/api/v1/stream", "/added", "/assets/x.js", "/nowhere", "/metrics"):
        answer = site.get(path)
        assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer"), path
    for path in ("/swarm", "/stop", "/stats/reset", "/user", "/added"):
        assert site.post(path).status_code == 401, path
    assert site.post("/api/v1/start", json=START).json()["error"]["message"].startswith("Log in first")

    # A person is led to a page that asks.
    page = site.get("/", headers={"Accept": "text/html"})
    assert page.url == f"{site.url}/login"
    assert '<form method="post" action="/login">' in page.text
    for name, password in (("ann", "wrong"), ("nobody", "right"), ("", "")):
        refused = log_in(site, name, password)
        assert (refused.status_code, "The name or the password is wrong." in refused.text) == (401, True)
    assert log_in(site, "ann", "right", headers={"Origin": "http://evil.example"}).status_code == 403
    entered = log_in(site, "ann", "right", allow_redirects=False)
    assert (entered.status_code, entered.headers["Location"]) == (303, "/")
    cookie = entered.headers["Set-Cookie"]
    assert re.fullmatch(r"katydid_session=[0-9a-f]{64}; Path=/; Max-Age=43200; HttpOnly; SameSite=Strict", cookie), (
        cookie
    )

    assert site.get("/api/v1/run").json()["visitor"] == {"name": "ann", "role": "operator"}
    assert site.get("/added").text == "from the script"
    assert site.post("/api/v1/start", json=START).json()["ok"] is True
    assert site.post("/api/v1/note", json={"text": "here"}).json()["ok"] is True
    assert site.post("/api/v1/load", json={"users": 2}).json()["ok"] is True
    assert site.post("/api/v1/stop", json={"mode": "now"}).json()["ok"] is True
    marks = site.get("/api/v1/snapshot").json()["marks"]
    done = [(mark["kind"], mark["by"]) for mark in marks if mark["kind"] in ("start", "note", "load", "stop")]
    assert done == [("start", "ann"), ("note", "ann"), ("load", "ann"), ("stop", "ann")]
    assert site.post("/api/v1/start", json=START).json()["ok"] is True
    assert site.post("/logout").url == f"{site.url}/login"
    assert site.get("/stats/requests").status_code == 401
    site.visitor.headers["Cookie"] = cookie.split(";")[0]
    assert site.get("/stats/requests").status_code == 401
    del site.visitor.headers["Cookie"]

    # One who may only look.
    assert log_in(site, "bob", "also right").status_code == 200
    assert site.get("/stats/requests").json()["state"] in ("spawning", "running")
    for path, settings in (
        ("/swarm", {"data": {"user_count": 1, "spawn_rate": 1}}),
        ("/stop", {}),
        ("/stats/reset", {}),
        ("/user", {"json": {}}),
        *((f"/api/v1/{name}", {"json": START}) for name in ("start", "load", "pause", "stop", "segment", "note")),
    ):
        refused = site.post(path, **settings)
        assert (refused.status_code, "your role is viewer" in refused.text) == (403, True), path
    for path in ("/stop", "/stats/reset"):
        assert site.get(path).status_code == 403, path
    site.post("/logout")

    # A program with the token.
    for wrong in ("Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", TOKEN, "Bearer", "Bearer "):
        assert site.get("/stats/requests", headers={"Authorization": wrong}).status_code == 401, wrong
    site.visitor.headers["Authorization"] = f"Bearer {TOKEN}"
    assert site.get("/api/v1/run").json()["visitor"] == {"name": "token", "role": "operator"}
    assert site.post("/stop").json()["success"] is True
    log = site.end()
    for secret in (TOKEN, "right", "$argon2"):
        assert secret not in log


def test_who_guesses_has_to_wait(serve, users):
    site = serve("--web-users", users)
    for _ in range(5):
        assert log_in(site, "ann", "guess").status_code == 401
    refused = log_in(site, "ann", "right")
    assert (refused.status_code, 0 < int(refused.headers["Retry-After"]) <= 61) == (429, True)
    assert "Too many wrong passwords" in refused.text
    site.end()


def test_the_cookie_stays_on_its_path_and_on_tls(serve, users, certificate):
    tls = ("--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem")
    site = serve("--web-users", users, "--web-base-path", "/load", *tls)
    site.visitor.verify = str(certificate / "cert.pem")
    page = site.get("/", headers={"Accept": "text/html"})
    assert (page.url, 'action="/load/login"' in page.text) == (f"{site.url}/login", True)
    entered = log_in(site, "ann", "right", allow_redirects=False)
    assert entered.headers["Location"] == "/load/"
    assert "; Path=/load/;" in entered.headers["Set-Cookie"]
    assert entered.headers["Set-Cookie"].endswith("; Secure")
    site.end()


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("ann", [], "users: line 1: it is not name:role:hash"),
        ("\nann:boss:x", [], 'users: line 2: the role "boss" is neither viewer nor operator'),
        ("ann:viewer:right", [], "users: line 1: its hash is not one that `katydid web-user` has made"),
        ("# nobody", [], "users names nobody"),
    ],
)
def test_a_file_of_users_that_cannot_be_used_is_told(katydid, tmp_path, content, options, message):
    (tmp_path / "users").write_text(content)
    script = "from locust import User, task\nclass Idle(User):\n    @task\n    def nothing(self): pass\n"
    ended = katydid("-P", "0", "--web-users", tmp_path / "users", *options, script=script)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_login_the_page_is_for_this_machine(start, locustfile, users, monkeypatch):
    script = "from locust import User, task\nclass Idle(User):\n    @task\n    def nothing(self): pass\n"
    path = locustfile(script)

    def listens(*options: object) -> tuple[str, str]:
        running = start("-f", path, "-P", 0, *options)
        line = running.wait_for("Starting web interface at .*")[0]
        port = int(re.search(r":(\d+)", line)[1])
        sockets = Path(f"/proc/{running.process.pid}/net/tcp").read_text() + "\n"
        sockets += Path(f"/proc/{running.process.pid}/net/tcp6").read_text()
        # Address and port in hexadecimal, and the state of one that listens.
        [address] = re.findall(rf"([0-9A-F]+):{port:04X} [0-9A-F]+:0000 0A", sockets)
        return address, line

    address, line = listens()
    assert address == "0100007F"
    assert "from this machine only, --web-host 0.0.0.0 opens it to others" in line
    assert listens("--web-host", "*")[0] == "0" * 32
    assert listens("--web-users", users)[0] == "0" * 32
    monkeypatch.setenv("KATYDID_WEB_TOKEN", TOKEN)
    assert listens()[0] == "0" * 32
