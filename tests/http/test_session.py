"""The session as scripts use it, in both lanes, against the demo target."""

from __future__ import annotations

import pytest

SCRIPT = """
import requests
from locust import HttpUser, FastHttpUser, task, events

class Visitor({user}):
    @task
    def visit(self):
        client = self.client
        try:
{body}
            print("PASSED")
        finally:
            self.environment.runner.quit()
"""

HTTP = {
    "a response is requests' own": """
r = client.get("/echo?a=1", headers={"X-One": "1"})
assert isinstance(r, requests.Response) and r.ok and r.status_code == 200
assert r.json()["headers"]["x-one"] == "1" and "python-requests" in r.json()["headers"]["user-agent"]
assert r.headers["content-type"].startswith("application/json") and r.elapsed.total_seconds() > 0
assert r.url.endswith("/echo?a=1") and r.history == [] and r.error is None
""",
    "bodies are encoded as requests does": """
assert client.post("/echo", data={"a": "b c"}).json()["body"] == "a=b+c"
assert client.post("/echo", json={"a": 1}).json()["body"] == '{"a": 1}'
assert client.put("/echo", data=b"raw").json()["body"] == "raw"
assert client.get("/echo", params={"q": "ä b"}).json()["query"]
""",
    "cookies are shared by both lanes": """
client.get("/cookies/set?flavour=oat")
assert client.cookies.get("flavour") == "oat"
assert "oat" in client.get("/cookies").text
assert "oat" in client.get("/cookies", auth=requests.auth.HTTPDigestAuth("a", "b")).text
client.cookies.clear()
assert "oat" not in client.get("/cookies").text
client.cookies.set("mine", "1")
assert "mine" in client.get("/cookies").text
""",
    "redirects leave a history": """
r = client.get("/redirect/2")
assert [h.status_code for h in r.history] == [302, 302] and r.status_code == 200
assert client.get("/redirect/2", allow_redirects=False).status_code == 302
""",
    "basic auth": """
assert client.get("/basic-auth/ann/secret", auth=("ann", "secret")).status_code == 200
client.auth = ("ann", "secret")
assert client.get("/basic-auth/ann/secret").status_code == 200
""",
    "the lane of requests: files, hooks, streams": """
assert "hello" in client.post("/echo", files={"f": ("name.txt", b"hello")}).json()["body"]
seen = []
client.get("/echo", hooks={"response": lambda r, *a, **k: seen.append(r.status_code)})
assert seen == [200]
assert b"".join(client.get("/bytes/5000", stream=True).iter_content(100)).__len__() == 5000
""",
    "a failed request is a response with an error": """
r = client.get("http://127.0.0.1:1/")
assert r.status_code == 0 and r.content is None
assert isinstance(r.error, requests.exceptions.ConnectionError)
try:
    r.raise_for_status()
except requests.exceptions.ConnectionError:
    pass
else:
    raise AssertionError
r = client.get("/broken/freeze", timeout=0.05)
assert isinstance(r.error, requests.exceptions.ReadTimeout), r.error
""",
    "unusable URLs raise": """
for url, error in (("http://", requests.exceptions.InvalidURL), ("ftp://x/", Exception)):
    try:
        client.get(url)
    except error:
        pass
""",
    "compressed bodies": """
for path in ("/gzip", "/deflate", "/br", "/zstd"):
    assert client.get(path).text, path
""",
    "session headers": """
client.headers["X-All"] = "yes"
assert client.get("/echo").json()["headers"]["x-all"] == "yes"
client.headers.update({"X-All": "no"})
assert client.get("/echo").json()["headers"]["x-all"] == "no"
del client.headers["X-All"]
assert "x-all" not in client.get("/echo").json()["headers"]
""",
}

FAST = {
    "a response of the fast client": """
r = client.get("/echo?a=1", headers={"X-One": "1"})
assert r.status_code == 200 and r.json()["headers"]["x-one"] == "1" and r.text
r = client.post("/echo", json={"a": 1})
assert r.json()["body"] == '{"a": 1}' and r.headers["Content-Type"]
r = client.get("http://127.0.0.1:1/")
assert r.status_code == 0 and r.content is None and r.error
with client.get("/status/500", catch_response=True) as r:
    r.success()
""",
}


def script(user: str, body: str) -> str:
    indented = "\n".join(f"            {line}" for line in body.strip().split("\n"))
    return SCRIPT.format(user=user, body=indented)


@pytest.mark.parametrize("case", HTTP)
def test_http_user(katydid, target, case):
    done = katydid("--headless", "-u", 1, "-H", target.url, script=script("HttpUser", HTTP[case]))
    assert "PASSED" in done.stdout, done.stderr


@pytest.mark.parametrize("case", FAST)
def test_fast_http_user(katydid, target, case):
    done = katydid("--headless", "-u", 1, "-H", target.url, script=script("FastHttpUser", FAST[case]))
    assert "PASSED" in done.stdout, done.stderr
