"""What scripts assign to a session reaches the engine."""

from __future__ import annotations

import datetime
import ssl
import subprocess
import sys
from pathlib import Path

import certifi
import pytest
import requests
from requests.cookies import RequestsCookieJar

from katydid.clients import HttpSession
from katydid.contrib.fasthttp import FastHttpSession, ca_file_of, insecure_ssl_context_factory


@pytest.mark.parametrize("kind", ["jar", "dict"])
def test_a_jar_that_is_assigned_is_the_one_that_is_sent(http, kind):
    http.get("/cookies/set?old=1")
    if kind == "jar":
        jar = RequestsCookieJar()
        jar.set("flavour", "oat")
        http.cookies = jar
    else:
        http.cookies = {"flavour": "oat"}
    for options in ({}, {"stream": True}):
        text = http.get("/cookies", **options).text
        assert "oat" in text
        assert "old" not in text


def test_cookies_can_be_updated_and_cleared(http):
    http.cookies.update({"flavour": "oat"})
    assert "oat" in http.get("/cookies").text
    http.cookies.clear()
    assert "oat" not in http.get("/cookies").text


def test_an_agent_may_judge_by_other_codes(fast, reports):
    fast.client.valid_response_codes = frozenset({200, 404})
    assert fast.get("/status/404").error is None
    fast.get("/status/201")
    assert reports[0]["exception"] is None
    assert repr(reports[1]["exception"]) == "LocustBadStatusCode(code=201)"


def test_a_fast_response_has_what_geventhttpclients_has(fast):
    response = fast.get("/redirect/1")
    assert [hop.status_code for hop in response.history] == [302]
    assert response.info()["content-type"] == response.headers["Content-Type"]
    assert isinstance(response.elapsed, datetime.timedelta)
    assert (response.ok, response.status, response.data) == (True, "200", response.content)
    assert len(response) == len(response.content)
    assert fast.get("/status/404").ok is False
    assert fast.client.urlopen(f"{fast.base_url}/echo", method="POST", payload="a").json()["body"] == "a"
    fast.client.clientpool.close()


def test_requests_own_0_14_words_are_there(http):
    meta = http.get("/echo").locust_request_meta
    assert (meta["method"], meta["name"]) == ("GET", "/echo")
    assert HttpSession("http://127.0.0.1:1").get("/").status_code == 0


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    """A TLS target: its address and its certificate."""
    path = tmp_path_factory.mktemp("tls") / "ca.pem"
    command = [Path(sys.executable).parent / "katydid", "target", "--port", "0", "--tls", "--tls-cert-out", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield process.stdout.readline().split()[-1], path
        process.terminate()


def test_certificates_are_checked_as_the_script_says(secure, hook):
    url, path = secure
    session = HttpSession(url, hook, None)
    session.trust_env = False
    assert isinstance(session.get("/echo").error, requests.exceptions.SSLError)
    assert isinstance(session.get("/echo", verify=True).error, requests.exceptions.SSLError)
    assert session.get("/echo", verify=False).status_code == 200
    assert session.get("/echo", verify=path).status_code == 200
    session.verify = str(path)
    assert session.get("/echo").status_code == 200
    session.verify = False
    assert session.get("/echo").connection is None
    assert FastHttpSession(url, hook, None).get("/echo").status_code == 200
    assert FastHttpSession(url, hook, None, insecure=False).get("/echo").status_code == 0


def test_an_ssl_context_factory_decides_whom_to_trust(secure, hook):
    url, _ = secure
    for factory, status in ((insecure_ssl_context_factory, 200), (ssl.create_default_context, 0)):
        assert FastHttpSession(url, hook, None, ssl_context_factory=factory).get("/echo").status_code == status


def test_the_authorities_of_a_context_are_handed_on():
    everybody = ssl.create_default_context(cafile=certifi.where()).get_ca_certs(binary_form=True)
    one = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    one.load_verify_locations(cadata=everybody[0])
    path = ca_file_of(one)
    if path is not None:
        assert ssl.PEM_cert_to_DER_cert(Path(path).read_text()) == everybody[0]
    assert ca_file_of(ssl.create_default_context()) is None
