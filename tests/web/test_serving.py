"""Where and how the page is served."""

import csv
import io
import json
import ssl
import subprocess
import sys
import urllib.request

import pytest

PICKED = """
from locust import LoadTestShape, User

class Reader(User):
    wait_time = constant(1)

    @task
    def read(self):
        pass

class Peak(LoadTestShape):
    def tick(self):
        return (1, 1) if self.get_run_time() < 60 else None
"""

BUSY = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/")
"""

LIBRARY = """
import gevent
import requests
from katydid import User, constant, events, task
from katydid.env import Environment

class Idle(User):
    wait_time = constant(1)

    @task
    def nothing(self):
        pass

environment = Environment(user_classes=[Idle], events=events)
environment.create_local_runner()
web_ui = environment.create_web_ui("127.0.0.1", 0)
port = web_ui.server.server_port
url = f"http://127.0.0.1:{port}/stats/requests"
assert requests.get(url, timeout=20).json()["state"] == "ready"
web_ui.stop()
web_ui.greenlet.join()
try:
    requests.get(url, timeout=20)
except requests.ConnectionError:
    print("closed")
again = environment.create_web_ui("127.0.0.1", port, delayed_start=True)
assert again.server is None
gevent.spawn(again.start_server)
gevent.sleep(0)
assert again.server.server_port == port
print(requests.get(url, timeout=20).json()["state"])
environment.runner.quit()
again.stop()
"""


def test_a_base_path_stands_before_everything(serve):
    site = serve("--web-base-path", "/load/test/")
    assert site.url.endswith("/load/test")
    assert site.get("", allow_redirects=False).headers["Location"] == "/load/test/"
    assert "<title>Katydid</title>" in site.get("/").text
    assert site.get("/stats/requests").json()["state"] == "ready"
    assert site.get("/api/v1/run").status_code == 200
    root = site.url.removesuffix("/load/test")
    for path in ("/", "/stats/requests", "/api/v1/run"):
        assert site.visitor.get(root + path, timeout=30).status_code == 404
    site.end()


def test_the_page_goes_by_the_name_that_is_shown_for_it(serve):
    site = serve("--web-host-display-name", "load.shop.example")
    for name, status in (("load.shop.example", 200), ("other.shop.example", 403)):
        assert site.get("/stats/requests", headers={"Host": name}).status_code == status
    site.end()


def test_the_page_is_served_over_https(serve, certificate):
    script = """
@events.init.add_listener
def add(environment, **kwargs):
    from flask import request
    environment.web_ui.app.add_url_rule("/scheme", "scheme", lambda: request.url)
"""
    site = serve("--tls-cert", certificate / "cert.pem", "--tls-key", certificate / "key.pem", script=script)
    trusted = ssl.create_default_context(cafile=certificate / "cert.pem")

    def get(path: str) -> str:
        with urllib.request.urlopen(site.url + path, context=trusted, timeout=30) as answer:
            return answer.read().decode()

    assert site.url.startswith("https://")
    assert json.loads(get("/stats/requests"))["state"] == "ready"
    assert get("/scheme") == f"{site.url}/scheme"
    site.end()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--web-base-path", "load"], "--web-base-path must start with a slash"),
        (["--tls-cert", "a.pem"], "--tls-cert and --tls-key are only meaningful together"),
        (["--tls-cert", "a.pem", "--tls-key", "b.pem"], "a.pem"),
    ],
)
def test_what_cannot_be_served_is_told(katydid, options, message):
    script = "from locust import User, task\nclass Idle(User):\n    @task\n    def nothing(self): pass\n"
    ended = katydid("-P", "0", *options, script=script)
    assert ended.returncode == 1
    assert message in ended.stderr
    assert "Traceback" not in ended.stderr


def test_classes_and_shapes_are_picked(serve):
    site = serve("--class-picker", script=PICKED)
    names = [user_class["name"] for user_class in site.get("/api/v1/run").json()["user_classes"]]
    assert sorted(names) == ["Reader", "Visitor"]
    answer = site.post("/swarm", {"user_count": 1, "spawn_rate": 1, "user_classes": ["Reader"]}).json()
    assert (answer["success"], answer["user_classes"]) == (True, ["Reader"])
    site.running.wait_for(r'All users spawned: \{"Reader": 1\}')
    # A choice is kept while the test runs.
    assert site.post("/swarm", {"user_count": 2, "spawn_rate": 2}).json()["user_classes"] == ["Reader"]
    site.post("/stop")
    answer = site.post("/swarm", {"shape_class": "Peak", "user_classes": ["Reader"]}).json()
    assert answer["message"] == "Swarming started using shape class 'Peak'"
    site.post("/stop")
    site.end()


def test_a_user_class_is_changed_from_outside(serve):
    script = """
    @task(3)
    def other(self):
        pass
"""
    site = serve(script=script)
    assert site.post("/user", json={"user_class_name": "Visitor", "tasks": ["other"], "weight": 5}).status_code == 201
    seen = site.get("/api/v1/run").json()["user_classes"][0]
    assert (seen["weight"], seen["tasks"]) == (5, [{"name": "other", "weight": 3}])
    answer = site.post("/user", {"user_class_name": "Visitor"})
    assert (answer.status_code, answer.text) == (500, "Expecting value: line 1 column 1 (char 0)")
    site.end()


def test_options_of_the_script_come_from_the_form_and_keep_their_kind(serve):
    script = """
@events.init_command_line_parser.add_listener
def add(parser):
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--loud", action="store_true")
    parser.add_argument("--names", nargs="*", default=["a"])
    parser.add_argument("--none", type=int)
    parser.add_argument("--token", is_secret=True, default="hush")

@events.init.add_listener
def add_page(environment, **kwargs):
    from flask import jsonify
    ui, options = environment.web_ui, environment.parsed_options
    names = ("count", "loud", "names", "token")
    ui.app.add_url_rule("/options", "options", lambda: jsonify({name: getattr(options, name) for name in names}))

    @ui.app.route("/args")
    def args():
        ui.update_template_args()
        return jsonify(ui.template_args)
"""
    site = serve(script=script)
    offered = site.get("/args").json()["extra_options"]
    assert sorted(offered) == ["count", "loud", "names", "none", "token"]
    assert (offered["count"]["default_value"], offered["token"]["is_secret"]) == (1, True)
    assert "hush" not in json.dumps(offered)
    form = {"user_count": 1, "spawn_rate": 1, "count": "7", "loud": "true", "names": ["b", "c"], "token": ""}
    assert site.post("/swarm", form).json()["success"] is True
    assert site.get("/options").json() == {"count": 7, "loud": True, "names": ["b", "c"], "token": "hush"}
    site.post("/stop")

    # The same from our own page.
    about = {option["name"]: option for option in site.get("/api/v1/run").json()["options"]}
    assert (about["count"]["value"], about["loud"]["value"], about["token"]["is_secret"]) == (7, True, True)
    assert "hush" not in json.dumps(about)
    start = {"users": 1, "spawn_rate": 1, "options": {"count": "8", "loud": "false", "names": "d,e", "none": ""}}
    assert site.post("/api/v1/start", json=start).json()["ok"] is True
    assert site.get("/options").json() == {"count": 8, "loud": False, "names": ["d", "e"], "token": "hush"}
    refused = site.post("/api/v1/start", json={**start, "options": {"count": "many"}}).json()["error"]
    assert (refused["field"], refused["message"][:29]) == ("options", "Invalid count value: 'many' (")
    refused = site.post("/api/v1/start", json={**start, "options": {"host": "x"}}).json()["error"]
    assert refused == {"field": "options", "message": "the script has no option host"}
    site.end()


def test_downloads_and_the_report(serve, target):
    script = """
@events.init.add_listener
def write_history(environment, **kwargs):
    class Writer:
        def stats_history_file_name(self):
            return __file__
    environment.web_ui.stats_csv_writer = Writer()
"""
    site = serve("--host", target.url, script=script, head=BUSY)
    assert site.post("/swarm", {"user_count": 1, "spawn_rate": 1}).json()["success"] is True
    site.running.wait_for("All users spawned")
    site.post("/stop")
    rows = list(csv.DictReader(io.StringIO(site.get("/stats/requests/csv").text)))
    assert [row["Name"] for row in rows] == ["/", "Aggregated"]
    report = site.get("/stats/report?theme=dark")
    assert 'data-theme="dark"' in report.text
    args = json.loads(report.text.split("window.templateArgs = ")[1].split("; window.theme")[0])
    assert args["requests_statistics"][0]["name"] == "/"
    assert args["requests_statistics"][0]["num_requests"] == target.truth()["by_path"]["GET /"]
    assert (args["host"], args["locustfile"], args["show_download_link"]) == (target.url, "locustfile.py", True)
    assert args["tasks"]["total"]["Visitor"]["tasks"]["front_page"]["ratio"] == 1.0
    kept = site.get("/stats/report?download=1")
    assert kept.headers["Content-Disposition"].startswith("attachment;filename=Locust_")
    assert kept.headers["Content-Disposition"].endswith(".html")
    missing = site.get("/stats/requests_full_history/csv")
    assert (missing.status_code, missing.text) == (
        404,
        "Error: Server was not started with option to generate full history.",
    )
    old = site.get("/stats/stats_history/csv").text.splitlines()
    assert old[0].startswith('"Type","Name","Timestamp"')
    assert old[1].startswith('"None","Aggregated",')
    site.end()


def test_a_library_serves_and_closes_the_page():
    ended = subprocess.run([sys.executable, "-c", LIBRARY], capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (0, "closed\nready\n"), ended.stderr
