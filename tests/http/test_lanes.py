"""Which lane a call takes: a response's ``connection`` is the adapter, or ``None`` in the engine's own lane."""

from __future__ import annotations

import io

import pytest
import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, HTTPDigestAuth

from katydid.clients import HttpSession, LocustHttpAdapter, ResponseContextManager
from katydid.contrib.fasthttp import FastHttpSession

ORDINARY = {
    "nothing": {},
    "params": {"params": {"q": "a"}},
    "headers": {"headers": {"X-One": "1"}},
    "a form": {"data": {"a": "1"}},
    "bytes": {"data": b"a"},
    "json": {"json": {"a": 1}},
    "basic auth": {"auth": ("ann", "secret")},
    "a basic auth object": {"auth": HTTPBasicAuth("ann", "secret")},
    "timeouts": {"timeout": (1, 2)},
    "no redirects": {"allow_redirects": False},
    "a name": {"name": "named"},
}
UNUSUAL = {
    "digest auth": {"auth": HTTPDigestAuth("ann", "secret")},
    "files": {"files": {"f": b"x"}},
    "hooks": {"hooks": {"response": lambda response, *args, **kwargs: None}},
    "cookies": {"cookies": {"a": "1"}},
    "a stream": {"stream": True},
    "verify": {"verify": True},
    "a generator": {"data": iter([b"a"])},
    "a file": {"data": io.BytesIO(b"a")},
}


@pytest.mark.parametrize("options", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_calls_are_the_engines(http, options):
    assert http.post("/echo", **options).connection is None
    with http.post("/echo", catch_response=True, **options) as response:
        assert response.connection is None


@pytest.mark.parametrize("options", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_calls_are_requests_own_and_the_next_call_is_the_engines_again(http, reports, options):
    response = http.post("/echo", **options)
    assert isinstance(response.connection, LocustHttpAdapter)
    assert isinstance(response, ResponseContextManager)
    assert response.status_code == 200
    assert http.get("/echo").connection is None
    assert len(reports) == 2


def test_looking_at_a_session_does_not_change_the_lane(http):
    for attribute in ("hooks", "proxies", "params", "adapters", "cookies", "auth", "verify", "trust_env"):
        getattr(http, attribute)
    http.get_adapter("http://x")
    http.headers["X-One"] = "1"
    http.auth = ("ann", "secret")
    http.verify = False
    assert http.get("/echo").connection is None


def test_what_a_script_sets_on_the_session_is_honoured(http, url):
    http.params["page"] = "2"
    assert "page=2" in http.get("/echo").url
    http.params.clear()
    assert HttpSession(url, http.request_event, None).params == {}
    seen = []
    http.hooks["response"].append(lambda response, *args, **kwargs: seen.append(response.status_code))
    http.get("/echo")
    assert seen == [200]
    http.hooks["response"].clear()
    http.max_redirects = 1
    assert isinstance(http.get("/redirect/2").error, requests.exceptions.TooManyRedirects)
    assert isinstance(http.get("/redirect/2", stream=True).error, requests.exceptions.TooManyRedirects)
    http.stream = True
    assert http.get("/echo").json()["method"] == "GET"
    http.stream = False
    assert http.get("/echo").connection is None


def test_both_lanes_share_cookies_and_connections(http):
    http.get("/cookies/set?flavour=oat")
    assert "oat" in http.get("/cookies", stream=True).text
    http.get("/cookies/set?kind=two", stream=True).close()
    assert "two" in http.get("/cookies").text
    assert http.cookies.get_dict() == {"flavour": "oat", "kind": "two"}


def test_a_prepared_request_is_sent_and_not_counted(http, reports, url):
    prepared = http.prepare_request(requests.Request("POST", f"{url}/echo", json={"a": 1}))
    assert http.send(prepared).json()["body"] == '{"a": 1}'
    assert reports == []


def test_an_adapter_of_requests_itself_sends_by_urllib3_and_is_counted(http, reports):
    adapter = HTTPAdapter(max_retries=urllib3.Retry(2, status_forcelist=[503], backoff_factor=0))
    http.mount("http://", adapter)
    response = http.get("/echo")
    assert response.connection is adapter
    assert response.json()["method"] == "GET"
    with http.get("/status/500", catch_response=True) as response:
        response.success()
    failed = http.get("/status/503")
    assert (failed.status_code, failed.content) == (0, None)
    assert isinstance(failed.error, requests.exceptions.RetryError)
    refused = http.get("http://127.0.0.1:1/")
    assert isinstance(refused.error, requests.exceptions.ConnectionError)
    assert [report["name"] for report in reports] == ["/echo", "/status/500", "/status/503", "/"]
    assert isinstance(reports[-1]["exception"], ConnectionRefusedError)
    assert all(report["response_time"] > 0 for report in reports)
    assert reports[0]["response_length"] == len(http.get("/echo").content)


def test_an_adapter_of_the_scripts_own_may_change_the_request(http):
    class Signing(HTTPAdapter):
        def send(self, request, **options):
            request.headers["X-Signed"] = "yes"
            return super().send(request, **options)

    http.mount("http://", Signing())
    assert http.get("/echo").json()["headers"]["x-signed"] == "yes"


def test_a_pool_manager_with_settings_of_its_own_is_urllib3s_to_honour(url, hook, reports):
    pool = urllib3.PoolManager(maxsize=2, retries=urllib3.Retry(0))
    session = HttpSession(url, hook, None, pool_manager=pool)
    assert session.get("/echo").status_code == 200
    assert len(pool.pools) == 1
    assert [report["name"] for report in reports] == ["/echo"]


def test_a_response_tells_what_was_asked(http):
    response = http.post("/echo", json={"a": 1}, headers={"X-One": "1"})
    assert (response.request.method, response.request.body) == ("POST", b'{"a": 1}')
    assert response.request.headers["x-one"] == "1"
    assert response.request.headers["user-agent"].startswith("python-requests/")
    assert response.request.path_url == "/echo"
    response = http.get("http://127.0.0.1:1/path")
    assert response.request.url == "http://127.0.0.1:1/path"


def test_a_response_of_a_plain_call_has_what_was_reported(url, hook, reports):
    session = HttpSession(url, hook, None)
    session.trust_env = False
    hook.counted = hook.plain = True
    meta = session.get("/status/404", name="named").request_meta
    assert (meta["name"], meta["request_type"], meta["response_length"]) == ("named", "GET", 14)
    assert str(meta["exception"]) == "404 Client Error: Not Found for url: named"
    assert reports == []


@pytest.mark.parametrize("session_class", [HttpSession, FastHttpSession])
def test_a_users_context_is_asked_for_with_every_request(url, hook, reports, session_class):
    class Shopper:
        asked = 0

        def context(self):
            self.asked += 1
            return {"asked": self.asked, "who": "shopper"}

    user = Shopper()
    session = session_class(url, hook, user)
    session.get("/bytes/10", context={"who": "me"})
    assert reports[0]["context"] == {"asked": 1, "who": "me"}
    hook.counted = hook.plain = True
    session.get("/bytes/10")
    assert user.asked == 2, "also where nobody listens"


def test_wrap_response_and_the_constructor_work_as_scripts_call_them(hook, reports):
    error = requests.exceptions.ConnectionError("gone")
    assert ResponseContextManager(error).status_code == 0
    plain = requests.Response()
    plain.status_code = 200
    wrapped = ResponseContextManager.wrap_response(plain, hook, {"exception": None, "name": "mine"}, True)
    with wrapped as response:
        response.failure("no")
    assert str(reports[0]["exception"]) == "no"
