"""Pages that scripts add, in the manner of Locust's documentation."""

import json
import socket
import urllib.parse

import pytest

PAGES = """
import json, time
import gevent
from locust.html import render_template_from
from flask import Blueprint, jsonify, make_response, redirect, render_template, request, url_for

LENGTHS = {"/": 42}

@events.init.add_listener
def add_pages(environment, **kwargs):
    web_ui = environment.web_ui
    if not web_ui:
        return
    extend = Blueprint("extend", "extend")

    @web_ui.app.route("/added", methods=["GET", "POST"])
    def added():
        answer = jsonify(
            args=request.args, form=request.form, json=request.get_json(silent=True), remote=request.remote_addr,
            index=url_for("locust.index"), path=request.path, cookie=request.cookies.get("taste"),
            twice=request.headers.get("X-Twice"), url=request.url,
        )
        answer.set_cookie("taste", "sweet")
        return answer, 203, {"X-Own": "yes"}

    @web_ui.app.route("/moved")
    def moved():
        return redirect("/added?moved=1")

    @web_ui.app.route("/bytes", methods=["POST"])
    def all_bytes():
        return make_response(request.get_data()[::-1])

    @web_ui.app.route("/pieces")
    def pieces():
        def generate():
            for number in range(3):
                gevent.sleep(0.01)
                yield f"{number}\\n"
        return generate(), {"Content-Type": "text/event-stream"}

    @web_ui.app.route("/endless")
    def endless():
        def generate():
            while True:
                yield "more\\n"
                gevent.sleep(0.01)
        return generate(), {"Content-Type": "text/event-stream"}

    @web_ui.app.route("/big")
    def big():
        return b"x" * 3_000_000

    @web_ui.app.route("/broken")
    def broken():
        raise ValueError("broken by the script")

    @web_ui.app.route("/waits")
    def waits():
        print("waiting", flush=True)
        gevent.sleep(60)

    @extend.route("/extend")
    def extended():
        web_ui.update_template_args()
        web_ui.template_args = {
            **web_ui.template_args,
            "extended_tabs": [{"title": "Content Length", "key": "content-length"}],
            "extended_tables": [{"key": "content-length", "structure": [{"key": "name", "title": "Name"}]}],
            "extended_csv_files": [{"href": "/content-length/csv", "title": "Download content length CSV"}],
        }
        return render_template("index.html", template_args=web_ui.template_args)

    @extend.route("/rendered")
    def rendered():
        return render_template_from("index.html", template_args=web_ui.template_args)

    @extend.route("/content-length/csv")
    def lengths_csv():
        response = make_response("Name,Length\\n" + "\\n".join(f"{name},{size}" for name, size in LENGTHS.items()))
        response.headers["Content-type"] = "text/csv"
        response.headers["Content-disposition"] = "attachment;filename=content_length.csv"
        return response

    web_ui.app.register_blueprint(extend)
"""

AFTER = """
    @web_ui.app.after_request
    def extend_stats(response):
        if request.path == "/stats/requests":
            data = [{"name": name, "content_length": size} for name, size in LENGTHS.items()]
            extended = [{"key": "content-length", "data": data}]
            response.set_data(json.dumps({**response.json, "extended_stats": extended}))
        return response
"""


def test_a_script_adds_pages(serve):
    site = serve(script=PAGES)
    answer = site.get("/added?a=b&a=c", headers={"X-Twice": "1, 2"})
    assert (answer.status_code, answer.headers["X-Own"]) == (203, "yes")
    seen = answer.json()
    assert (seen["args"], seen["remote"], seen["index"], seen["twice"]) == ({"a": "b"}, "127.0.0.1", "/", "1, 2")
    assert seen["url"] == f"{site.url}/added?a=b&a=c"
    assert answer.cookies["taste"] == "sweet"
    assert site.post("/added", {"x": "é&"}).json()["form"] == {"x": "é&"}
    assert site.post("/added", json={"x": [1]}).json()["json"] == {"x": [1]}
    assert site.get("/added").json()["cookie"] == "sweet"
    assert site.get("/moved").json()["args"] == {"moved": "1"}
    everything = bytes(range(256)) * 100
    assert site.post("/bytes", everything).content == everything[::-1]
    assert site.get("/pieces").text == "0\n1\n2\n"
    assert site.get("/big").content == b"x" * 3_000_000
    assert site.get("/nowhere").status_code == 404
    assert site.post("/moved").status_code == 405
    assert site.get("/broken").status_code == 500
    # The server's own are answered as before.
    assert site.get("/").headers["Content-Security-Policy"]
    assert site.get("/stats/requests").json()["state"] == "ready"
    log = site.end()
    assert "ValueError: broken by the script" in log


def test_an_extended_page_shows_what_the_script_collects(serve):
    site = serve(script=PAGES + AFTER)
    page = site.get("/extend").text
    args = json.loads(page.split("window.templateArgs = ")[1].split("\n")[0])
    assert args["extended_tabs"] == [{"title": "Content Length", "key": "content-length"}]
    assert args["locustfile"] == "locustfile.py"
    assert 'href="/content-length/csv"' in page
    assert site.get("/rendered").text == page
    download = site.get("/content-length/csv")
    assert download.text == "Name,Length\n/,42"
    assert download.headers["Content-Disposition"] == "attachment;filename=content_length.csv"
    stats = site.get("/stats/requests").json()
    assert stats["extended_stats"] == [{"key": "content-length", "data": [{"name": "/", "content_length": 42}]}]
    assert stats["stats"][-1]["name"] == "Aggregated"
    # All of Locust's routes pass by the script now.
    assert site.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"] is True
    assert site.post("/stop").json() == {"success": True, "message": "Test stopped"}
    assert site.get("/api/v1/run").json()["locustfile"] == "locustfile.py"
    for path in ("/", "/tasks", "/exceptions", "/logs", "/stats/failures/csv", "/stats/report", "/worker-count"):
        assert site.get(path).status_code == 200
    site.end()


def test_pages_are_found_by_their_old_name(serve):
    script = """
from locust import web
from flask import request

@web.app.route("/old")
def old():
    return "at your " + request.args["x"]
"""
    site = serve(script=script)
    assert site.get("/old?x=service").text == "at your service"
    site.end()


def test_clients_of_an_old_script_find_their_keys(serve):
    head = """
from locust import HttpLocust, TaskSet, task

class Steps(TaskSet):
    @task
    def nothing(self):
        pass

class Visitor(HttpLocust):
    task_set = Steps
    min_wait = max_wait = 1000
"""
    site = serve(head=head)
    stats = site.get("/stats/requests").json()
    assert {"current_response_time_percentile_50", "current_response_time_percentile_95"} <= set(stats)
    assert stats["stats"][0]["safe_name"] == "Aggregated"
    site.end()
    assert "safe_name" not in serve().get("/stats/requests").text


def test_a_view_of_locusts_can_be_replaced_while_the_test_runs(serve):
    script = """
@events.test_start.add_listener
def replace(environment, **kwargs):
    environment.web_ui.app.view_functions["locust.get_worker_count"] = lambda: {"worker_count": 99}
"""
    site = serve(script=script)
    assert site.get("/worker-count").json() == {"worker_count": 0}
    assert site.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"] is True
    site.running.wait_for("All users spawned")
    assert site.get("/worker-count").json() == {"worker_count": 99}
    site.end()


def test_a_script_without_pages_does_not_import_flask(serve):
    script = """
import sys

@events.quitting.add_listener
def tell(**kwargs):
    print(sorted({"flask", "flask_login", "werkzeug", "jinja2"} & set(sys.modules)), flush=True)
"""
    site = serve(script=script)
    assert site.get("/stats/requests").status_code == 200
    assert site.get("/stats/report").status_code == 200
    site.end()
    assert site.running.printed == "[]\n"


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Referer": "http://evil.example/"}, {"Sec-Fetch-Site": "cross-site"}],
)
def test_another_site_cannot_post_to_a_script(serve, headers):
    site = serve(script=PAGES)
    assert site.post("/added", {"x": 1}, headers=headers).status_code == 403
    assert site.get("/added", headers={"Host": "evil.example"}).status_code == 403
    assert site.post("/added", {"x": 1}, headers={"Origin": site.url}).status_code == 203
    site.end()


def test_the_end_does_not_wait_for_a_page_that_has_none(serve):
    site = serve(script=PAGES)
    with site.get("/endless", stream=True) as answer:
        lines = answer.iter_lines()
        assert [next(lines), next(lines)] == [b"more", b"more"]
        site.end()
        assert set(lines) <= {b"more"}


def test_a_reader_that_goes_ends_the_page(serve):
    script = """
@events.init.add_listener
def add(environment, **kwargs):
    import gevent

    def generate():
        try:
            while True:
                yield "more\\n"
                gevent.sleep(0.01)
        finally:
            print("closed", flush=True)

    environment.web_ui.app.add_url_rule("/endless", "endless", generate)
"""
    site = serve(script=script)
    with site.get("/endless", stream=True) as answer:
        assert next(answer.iter_lines()) == b"more"
    assert site.running.process.stdout.readline() == "closed\n"
    site.end()


def test_a_head_has_no_body_and_an_upload_any_size(serve):
    site = serve(script=PAGES)
    answer = site.visitor.head(site.url + "/big", timeout=30)
    assert (answer.status_code, answer.headers["Content-Length"], answer.content) == (200, "3000000", b"")
    pieces = [b"a" * 100_000, b"b" * 100_000]
    assert site.post("/bytes", iter(pieces)).content == b"".join(pieces)[::-1]
    site.end()


def test_the_end_does_not_wait_for_a_page(serve):
    site = serve(script=PAGES)
    with socket.create_connection(("127.0.0.1", urllib.parse.urlsplit(site.url).port)) as visitor:
        visitor.sendall(b"GET /waits HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert site.running.process.stdout.readline() == "waiting\n"
        site.end()
        assert visitor.recv(100).startswith(b"HTTP/1.1 503 ")
