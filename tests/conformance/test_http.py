"""HTTP, rows 32 to 49 of the conformance notes: one test a row, against the demo target, in this process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import gevent
import pytest
import requests
import urllib3
from gevent.server import StreamServer
from locust import HttpUser
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession, FastHttpUser
from locust.env import Environment
from locust.event import EventHook
from locust.exception import CatchResponseError, InterruptTaskSet, LocustError, RescheduleTask, ResponseError
from locust.user.users import RestMixin
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema

REFUSED = "http://127.0.0.1:1/"


@pytest.fixture(scope="module")
def url():
    found = shutil.which("katydid", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert found is not None
    command = [found, "target", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[-1]
        process.terminate()


class Reports(list):
    """A request hook and the reports it was fired with."""

    def __init__(self) -> None:
        self.hook = EventHook()
        self.hook.add_listener(lambda **report: self.append(report))

    @property
    def last(self) -> dict:
        return self[-1]


@pytest.fixture
def reports():
    return Reports()


class Person:
    """A user, as far as a session knows one."""

    def context(self):
        return {"who": "user", "where": "user"}


@pytest.fixture
def http(url, reports):
    session = HttpSession(url, reports.hook, Person())
    session.trust_env = False
    return session


@pytest.fixture
def fast(url, reports):
    return FastHttpSession(url, reports.hook, Person())


@pytest.fixture(params=["http", "fast"])
def client(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(params=["the engine's lane", "requests' lane"])
def lane(request, http):
    """The session, in each of its lanes."""
    if request.param == "requests' lane":
        http.hooks["response"].append(lambda response, *args, **kwargs: None)
    return http


def test_32_name_defaults_to_the_path_of_the_first_request(lane, reports):
    response = lane.get("/redirect/2")
    assert (len(reports), reports.last["name"], reports.last["request_type"]) == (1, "/redirect/2", "GET")
    assert [hop.status_code for hop in response.history] == [302, 302]
    lane.post("/redirect-to?url=/echo&code=303", data={"a": "1"})
    assert (len(reports), reports.last["name"], reports.last["request_type"]) == (
        2,
        "/redirect-to?url=/echo&code=303",
        "POST",
    )


def test_33_the_fast_client_names_by_the_url_as_given_and_http_session_by_the_path(lane, fast, url, reports):
    lane.get(f"{url}/echo", params={"q": "a b"})
    assert (reports.last["name"], reports.last["url"]) == ("/echo?q=a+b", f"{url}/echo?q=a+b")
    fast.get(f"{url}/echo", params={"q": "a b"})
    assert (reports.last["name"], reports.last["url"]) == (f"{url}/echo", f"{url}/echo")
    fast.get("/echo?x=1")
    assert reports.last["name"] == "/echo?x=1"


def test_34_the_request_type_keeps_the_case_it_was_given(client, reports):
    assert client.request("get", "/echo").json()["method"] == "GET"
    assert reports.last["request_type"] == "get"


def test_35_a_connection_error_is_status_0_without_content_and_reports_the_innermost_exception(lane, fast, reports):
    for client in (lane, fast):
        response = client.get(REFUSED)
        assert (response.status_code, response.content) == (0, None)
        assert isinstance(reports.last["exception"], ConnectionRefusedError)
        assert reports.last["response_length"] == 0
    assert isinstance(lane.get(REFUSED).error, requests.exceptions.ConnectionError)
    assert (response.text, response.headers) == (None, None)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [("http://", InvalidURL), ("ftp://127.0.0.1/", InvalidSchema), ("http://[::1/", InvalidURL)],
)
def test_36_a_wrong_url_raises_and_is_not_reported(http, reports, wrong, error):
    http.base_url = ""
    for options in ({}, {"stream": True}):
        with pytest.raises(error):
            http.get(wrong, **options)
    with pytest.raises(MissingSchema):
        http.get("/no-host")
    assert reports == []


def test_37_the_last_of_success_and_failure_wins(client, reports):
    with client.get("/echo", catch_response=True) as response:
        response.success()
        response.failure("no")
        response.failure("still no")
    assert isinstance(reports.last["exception"], CatchResponseError)
    assert str(reports.last["exception"]) == "still no"
    with client.get("/status/500", catch_response=True) as response:
        response.failure("no")
        response.success()
        response.raise_for_status()
    assert reports.last["exception"] is None
    assert len(reports) == 2
    error = ValueError("mine")
    with client.get("/echo", catch_response=True) as response:
        response.failure(error)
        with pytest.raises(ValueError, match="mine"):
            response.raise_for_status()
    assert reports.last["exception"] is error


@pytest.mark.parametrize("raised", [RescheduleTask(), InterruptTaskSet(), AssertionError("a"), ResponseError("r")])
def test_38_a_marked_block_that_raises_is_reported_once_and_the_exception_goes_on(client, reports, raised):
    def block(mark):
        with client.get("/echo", catch_response=True) as response:
            if mark:
                response.failure("marked")
            raise raised

    with pytest.raises(type(raised)):
        block(mark=True)
    assert [str(report["exception"]) for report in reports] == ["marked"]
    if isinstance(raised, ResponseError):
        block(mark=False)
        assert reports.last["exception"] is raised
        assert len(reports) == 2
    else:
        with pytest.raises(type(raised)):
            block(mark=False)
        assert len(reports) == 1


def test_39_success_and_failure_need_a_with_block_and_catch_response(lane, fast, reports):
    for client in (lane, fast):
        del reports[:]
        plain, caught = client.get("/echo"), client.get("/echo", catch_response=True)
        for response in (plain, caught):
            with pytest.raises(LocustError):
                response.success()
            with pytest.raises(LocustError):
                response.failure("no")
        # A response that was caught and never entered is never reported.
        assert len(reports) == 1
    with pytest.raises(LocustError, match="catch_response=True"), lane.get("/echo"):
        raise AssertionError
    assert len(reports) == 2


def test_40_error_texts_hold_the_name_and_not_the_url(lane, reports):
    lane.get("/status/404?id=7", name="/status")
    assert str(reports.last["exception"]) == "404 Client Error: Not Found for url: /status"
    with lane.get("/status/500", catch_response=True) as response:
        response.request_meta["name"] = "renamed"
    assert str(reports.last["exception"]) == "500 Server Error: Internal Server Error for url: renamed"
    assert response.url.endswith("/status/500")
    with lane.rename_request("group"):
        lane.get("/status/404")
        lane.get("/status/404", name="mine")
    assert [report["name"] for report in reports[-2:]] == ["group", "mine"]
    assert lane.request_name is None


def test_41_the_url_of_a_report_is_the_whole_one_whatever_the_name(lane, fast, url, reports):
    for client in (lane, fast):
        client.get("/redirect/1", name="named")
        assert (reports.last["url"], reports.last["name"]) == (f"{url}/redirect/1", "named")


def test_42_a_streamed_body_is_not_in_the_time_and_any_other_is(client, reports):
    path = "/slow-body?chunks=3&ms=60"
    response = client.get(path, stream=True)
    assert reports.last["response_time"] < 60
    assert reports.last["response_length"] == 0
    assert len(b"".join(response.iter_content(64, decode_content=False) if isinstance(client, FastHttpSession)
                        else response.iter_content(64))) == 300  # fmt: skip
    client.get(path)
    assert reports.last["response_time"] >= 120
    assert reports.last["response_length"] == 300
    client.get("/bytes/5000", stream=True).close() if isinstance(client, HttpSession) else client.get(
        "/bytes/5000", stream=True
    ).release()
    assert reports.last["response_length"] == 5000


def test_43_the_context_of_a_call_overrides_that_of_the_user(client, reports):
    client.get("/echo", context={"where": "call", "more": 1})
    assert reports.last["context"] == {"who": "user", "where": "call", "more": 1}
    client.get("/echo")
    assert reports.last["context"] == {"who": "user", "where": "user"}


def test_44_measure_swallows_the_exception_and_fires(reports):
    with reports.hook.measure("SQL", "select") as event:
        event["response_length"] = 7
        raise ValueError("inside")
    assert str(reports.last["exception"]) == "inside"
    assert (reports.last["response_length"], "response" in reports.last) == (7, False)


@pytest.mark.parametrize("kind", [HttpSession, FastHttpSession])
def test_45_credentials_in_the_host_become_basic_auth_and_leave_the_base_url(kind, url, reports):
    session = kind(url.replace("://", "://ann:p%40ss@"), reports.hook, None)
    session.trust_env = False
    assert session.base_url == url
    assert session.get("/basic-auth/ann/p%40ss").status_code in (200, 401)
    sent = session.get("/echo").json()["headers"]["authorization"]
    assert sent == requests.auth._basic_auth_str("ann", "p@ss")
    assert "ann" not in reports.last["url"]


@pytest.fixture
def counting():
    """A server that counts its connections: its address, and the list of those it accepted."""
    accepted = []

    def serve(connection, address):
        accepted.append(address)
        while connection.recv(65536):
            gevent.sleep(0.01)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}", accepted
    server.stop(timeout=0)


def test_46_a_shared_pool_limits_the_connections(counting):
    url, accepted = counting

    class Shared(HttpUser):
        host = url
        pool_manager = urllib3.PoolManager(maxsize=1, block=True)

    class FastShared(FastHttpUser):
        host = url
        client_pool = client_pool(concurrency=1)

    class Narrow(FastHttpUser):
        host = url
        concurrency = 1

    class Alone(HttpUser):
        host = url

    environment = Environment()
    for users, connections in (
        ([Shared(environment) for _ in range(3)], 1),
        ([FastShared(environment) for _ in range(3)], 1),
        ([Narrow(environment)] * 3, 1),
        ([Alone(environment) for _ in range(3)], 3),
    ):
        del accepted[:]
        calls = [gevent.spawn(user.client.get, "/") for user in users]
        assert [call.get().status_code for call in calls] == [200] * 3
        assert len(accepted) == connections
        # They are kept, and the next round needs no others.
        for user in users:
            assert user.client.get("/").text == "ok"
        assert len(accepted) == connections


def client_pool(concurrency):
    """geventhttpclient's pool where it is installed, else what looks like one."""
    try:
        from geventhttpclient.client import HTTPClientPool
    except ImportError:
        return PoolLike(concurrency)
    return HTTPClientPool(concurrency=concurrency)


class PoolLike:
    def __init__(self, concurrency):
        self.concurrency = concurrency


def test_47_allow_redirects_false_is_for_one_request(client):
    assert client.get("/redirect/1", allow_redirects=False).status_code == 302
    assert client.get("/redirect/1").status_code == 200
    if isinstance(client, HttpSession):
        assert client.head("/redirect/1").status_code == 302


class RestUser(RestMixin):
    def __init__(self, client):
        self.client = client


def test_48_rest_turns_what_goes_wrong_in_its_block_into_failures(client, reports):
    user = RestUser(client)
    with user.rest("POST", "/echo", json={"a": 1}) as response:
        assert response.js["headers"]["accept"] == "application/json"
    assert reports.last["exception"] is None
    with user.rest("GET", "/echo"):
        raise AssertionError("wrong")
    assert str(reports.last["exception"]) == "wrong"
    with user.rest("GET", "/status/200") as response:
        assert response.js is None
    with user.rest("GET", "/echo"):
        raise AssertionError("wrong,")
    assert str(reports.last["exception"]).startswith("wrong, response was {")
    with user.rest("GET", "/echo"):
        raise KeyError("x")
    assert str(reports.last["exception"]).startswith("KeyError: 'x' at ")
    with user.rest("GET", "/chunked") as response:
        pass
    assert str(reports.last["exception"]).startswith("Could not parse response as JSON. chunk 00001")
    with user.rest("GET", REFUSED):
        pass
    assert "refused" in str(reports.last["exception"])
    with user.rest_("GET", "/echo?a=1"):
        pass
    assert reports.last["name"] == "/echo?a=1&_=..."


def test_49_a_response_of_requests_itself_cannot_be_judged():
    for judge in ("success", "failure"):
        with pytest.raises(LocustError, match="catch_response=True"):
            getattr(requests.Response(), judge)("x") if judge == "failure" else requests.Response().success()
