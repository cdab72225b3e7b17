"""Locust's web API, row by row of what it is known for (111 to 119).

These tests say ``import locust`` and hold for Locust 2.47 as they do for Katydid.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from typing import Any

import pytest

try:
    from katydid import _aliases, hub
except ImportError:
    hub = None
else:
    _aliases.install()

import gevent
import requests
from locust import HttpUser, LoadTestShape, User, constant, task, web
from locust.env import Environment
from locust.util.timespan import parse_timespan


class Visitor(User):
    wait_time = constant(1)

    @task
    def look(self):
        pass

    @task(3)
    def buy(self):
        pass


class Reader(User):
    wait_time = constant(1)

    @task
    def read(self):
        pass


class Page:
    """A served page of an environment."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.web_ui = environment.web_ui
        gevent.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.web_ui.server.server_port}"

    def get(self, path: str, **settings: Any) -> requests.Response:
        return requests.get(self.url + path, timeout=20, **settings)

    def post(self, path: str, data: Any = None, **settings: Any) -> requests.Response:
        return requests.post(self.url + path, data, timeout=20, **settings)

    def swarm(self, **form: Any) -> dict[str, Any]:
        answer = self.post("/swarm", form)
        assert answer.status_code == 200
        return answer.json()

    def template_args(self) -> dict[str, Any]:
        self.web_ui.update_template_args()
        return self.web_ui.template_args


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Page]]:
    """Serves the page of an environment with a runner; both end with the test."""
    monkeypatch.setattr(sys, "argv", ["locust"])
    # What a test of the 0.14 generation has loaded would make the page speak its words too.
    monkeypatch.delitem(sys.modules, "katydid.legacy", raising=False)
    environments: list[Environment] = []

    def page(user_classes: list[type[User]] | None = None, web: Any = None, **settings: Any) -> Page:
        environment = Environment(user_classes=user_classes or [Visitor], **settings)
        environments.append(environment)
        environment.create_local_runner()
        environment.create_web_ui("127.0.0.1", 0, **(web or {}))
        return Page(environment)

    yield page
    for environment in environments:
        environment.runner.quit()
        environment.web_ui.stop()
    if hub is not None:
        hub.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Any]], None]:
    """Lets the other greenlets run until something has come true."""

    def until(condition: Callable[[], Any]) -> None:
        with gevent.Timeout(20):
            while not condition():
                gevent.sleep(0.01)

    return until


def requests_counted(page: Page) -> int:
    return page.get("/stats/requests").json()["stats"][-1]["num_requests"]


def test_111_stats_are_cached_and_the_cache_can_be_cleared(page, monkeypatch):
    monkeypatch.setattr(web, "DEFAULT_CACHE_TIME", 100.0)
    site = page()
    view = site.web_ui.app.view_functions["locust.request_stats"]

    def counted() -> int:
        with site.web_ui.app.test_request_context("/stats/requests"):
            return view().get_json()["stats"][-1]["num_requests"]

    view.clear_cache()
    assert counted() == 0
    site.environment.stats.log_request("GET", "/a", 10, 100)
    assert counted() == 0
    view.clear_cache()
    assert counted() == 1


def test_112_bad_input_of_swarm_is_told_in_a_reply_of_status_200(page):
    options = Namespace(num_users=1, spawn_rate=1, host=None, run_time=None, stats_history_enabled=False)
    site = page(parsed_options=options)
    refused = site.swarm(user_count=5, spawn_rate=5, host="http://a", run_time="bad")
    assert refused["success"] is False
    assert refused["message"] == "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc."
    # What came before it has been applied.
    assert (refused["host"], site.environment.host, options.num_users) == ("http://a", "http://a", 5)
    for form, message in (
        ({"user_count": "x"}, "Invalid user_count value: 'x' (must be an integer)"),
        ({"user_count": 1, "spawn_rate": "x"}, "Invalid spawn_rate value: 'x' (must be a number)"),
        ({"user_count": 1}, "Missing or invalid user_count or spawn_rate from /swarm request"),
        ({"user_count": -1, "spawn_rate": 1}, "Missing or invalid user_count or spawn_rate from /swarm request"),
        ({"user_count": 1, "spawn_rate": "nan"}, "Missing or invalid user_count or spawn_rate from /swarm request"),
    ):
        refused = site.swarm(**form)
        assert (refused["success"], refused["message"]) == (False, message)
    assert site.environment.runner.state == "ready"


def test_113_stop_and_reset_are_posted(page, until):
    site = page()
    assert site.swarm(user_count=1, spawn_rate=1)["success"]
    until(lambda: site.environment.runner.user_count == 1)
    site.environment.stats.log_request("GET", "/a", 10, 100)
    answer = site.post("/stats/reset")
    assert (answer.status_code, answer.text) == (200, "ok")
    assert site.environment.stats.total.num_requests == 0
    assert site.post("/stop").json() == {"success": True, "message": "Test stopped"}
    assert site.environment.runner.state == "stopped"
    assert site.environment.runner.user_count == 0


@pytest.mark.skipif(hub is None, reason="Locust itself has given these up")
def test_113_stop_and_reset_answer_to_get_as_they_did_before(page):
    site = page()
    assert site.get("/stats/reset").text == "ok"
    assert site.get("/stop").json() == {"success": True, "message": "Test stopped"}


def test_114_user_takes_json_and_answers_201(page):
    class Changed(Visitor):
        weight = 1

    site = page(
        [Changed],
        available_user_classes={"Changed": Changed},
        available_user_tasks={"Changed": list(dict.fromkeys(Changed.tasks))},
    )
    answer = site.post("/user", json={"user_class_name": "Changed", "weight": 7, "tasks": ["buy"]})
    assert (answer.status_code, answer.json()) == (201, {})
    assert Changed.weight == 7
    assert [item.__name__ for item in Changed.tasks] == ["buy"]
    assert site.post("/user", {"user_class_name": "Changed"}).status_code == 500


def test_115_the_report_shows_the_rate_of_the_whole_run_and_leaves_exceptions_alone(page):
    site = page()
    runner = site.environment.runner
    site.environment.stats.log_request("GET", "/listed", 10, 100)
    runner.log_exception("local", "boom", "somewhere")
    before = runner.exceptions
    answer = site.get("/stats/report")
    assert answer.headers["content-type"].startswith("text/html")
    assert "Content-Disposition" not in answer.headers
    for part in ("/listed", "boom", "somewhere"):
        assert part in answer.text
    assert runner.exceptions == before
    kept = site.get("/stats/report?download=1").headers["Content-Disposition"]
    assert kept.startswith("attachment")
    assert kept.endswith(".html")


def test_116_unknown_visitors_are_sent_to_the_login(page):
    site = page(web={"web_login": True})
    site.web_ui.login_manager.user_loader(lambda _: None)
    site.web_ui.app.config["SECRET_KEY"] = "for this test"
    site.web_ui.auth_args = {"username_password_callback": "/check", "error": "x"}
    gevent.sleep(0.01)
    for path in ("/", "/stats/requests", "/tasks", "/stats/report"):
        answer = site.get(path, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (302, "/login")
    answer = site.get("/")
    assert (answer.status_code, answer.url) == (200, f"{site.url}/login?next=%2F")
    assert "window.authArgs" in answer.text
    assert "/check" in answer.text


def test_116_there_is_no_login_manager_without_a_login(page):
    with pytest.raises(AttributeError):
        _ = page().web_ui.login_manager


def test_116_a_login_that_is_not_set_up_says_so(page):
    site = page(web={"web_login": True})
    gevent.sleep(0.01)
    answer = site.get("/")
    assert answer.status_code == 200
    assert "Locust auth exception" in answer.text


CLASSES: dict[str, type[User]] = {"Reader": Reader, "Visitor": Visitor}


@pytest.fixture
def picker(page) -> Page:
    class Peak(LoadTestShape):
        def tick(self):
            return (1, 1)

    return page(
        [Visitor, Reader],
        web={"userclass_picker_is_active": True},
        available_user_classes=CLASSES,
        available_shape_classes={"Peak": Peak()},
    )


def test_117_without_a_choice_all_classes_are_taken(picker):
    answer = picker.swarm(user_count=2, spawn_rate=2)
    assert answer["user_classes"] == ["Reader", "Visitor"]
    assert set(picker.environment.user_classes) == {Reader, Visitor}


def test_117_the_chosen_classes_are_taken_and_kept_while_the_test_runs(picker, until):
    answer = picker.swarm(user_count=1, spawn_rate=1, user_classes=["Reader"], shape_class="Default")
    assert (answer["success"], answer["user_classes"]) == (True, ["Reader"])
    until(lambda: picker.environment.runner.state == "running")
    assert picker.swarm(user_count=2, spawn_rate=2)["user_classes"] == ["Reader"]
    assert picker.environment.user_classes == [Reader]


def test_117_a_chosen_shape_starts(picker):
    answer = picker.swarm(user_count=1, spawn_rate=1, shape_class="Peak")
    assert answer["message"] == "Swarming started using shape class 'Peak'"
    assert type(picker.environment.shape_class).__name__ == "Peak"


def test_117_a_picker_without_classes_says_so(page):
    site = page(web={"userclass_picker_is_active": True})
    answer = site.swarm(user_count=1, spawn_rate=1)
    assert answer["success"] is False
    assert answer["message"] == "UserClass picker is active but there are no available UserClasses"


def test_117_without_a_picker_a_choice_is_no_choice(page, until):
    site = page([Visitor, Reader])
    answer = site.swarm(user_count=2, spawn_rate=2, user_classes=["Reader"])
    assert answer["success"] is True
    assert "user_classes" not in answer
    until(lambda: site.environment.runner.user_classes_count == {"Visitor": 1, "Reader": 1})


def test_118_a_new_start_ends_the_run_time_of_the_one_before(page, until):
    site = page()
    runner = site.environment.runner
    assert site.swarm(user_count=1, spawn_rate=1, run_time="1s")["run_time"] == parse_timespan("1s")
    until(lambda: runner.state == "running")
    assert "run_time" not in site.swarm(user_count=2, spawn_rate=2)
    gevent.sleep(1.5)
    assert runner.state == "running"


def hosted(*hosts: str | None) -> list[type[User]]:
    """A class of users for each host."""
    kinds = {"wait_time": constant(1), "tasks": [lambda user: None]}
    return [type(f"Hosted{number}", (HttpUser,), {**kinds, "host": host}) for number, host in enumerate(hosts)]


@pytest.mark.parametrize(
    ("given", "hosts", "shown", "overrides", "missing"),
    [
        ("http://given", ["http://a"], "http://given", False, False),
        (None, ["http://a", "http://a"], "http://a", False, False),
        (None, ["http://a", "http://b"], "", True, False),
        (None, ["http://a", None], "", True, True),
        (None, [None], "", False, True),
    ],
)
def test_119_the_host_shown_and_what_is_said_about_it(page, given, hosts, shown, overrides, missing):
    told = page(hosted(*hosts), host=given).template_args()
    assert (told["host"], told["override_host_warning"], told["missing_host_warning"]) == (shown, overrides, missing)


def test_119_what_a_page_is_told(page):
    told = page().template_args()
    assert set(told) == {
        *("locustfile", "state", "is_distributed", "user_count", "version", "host", "history"),
        *("override_host_warning", "missing_host_warning", "num_users", "spawn_rate", "worker_count"),
        *("hide_common_options", "shape_use_common_options", "stats_history_enabled", "tasks", "extra_options"),
        *("run_time", "show_userclass_picker", "available_user_classes", "available_shape_classes"),
        *("available_user_tasks", "users", "percentiles_to_chart", "percentiles_to_statistics"),
        *("is_host_required", "profile"),
    }
    assert (told["state"], told["user_count"], told["available_shape_classes"]) == ("ready", 0, ["Default"])


def test_the_statistics_have_their_keys_and_kinds(page, until):
    site = page()
    site.environment.stats.log_request("GET", "/a", 12.4, 100)
    site.environment.stats.log_request("GET", "/a", 7, 100)
    site.environment.stats.log_error("GET", "/a", Exception("boom"))
    until(lambda: requests_counted(site) == 2)
    seen = site.get("/stats/requests").json()
    kinds = {key: type(value).__name__ for key, value in seen.items()}
    assert kinds == {
        **dict.fromkeys(["stats", "errors"], "list"),
        **dict.fromkeys(["current_rps", "current_fail_per_sec", "total_rps", "total_fail_per_sec"], "float"),
        "fail_ratio": "float",
        "state": "str",
        "user_count": "int",
        "current_response_time_percentiles": "dict",
    }
    assert set(seen["current_response_time_percentiles"]) == {
        "response_time_percentile_0.5",
        "response_time_percentile_0.95",
    }
    for entry, name in zip(seen["stats"], ("/a", "Aggregated"), strict=True):
        assert entry["name"] == name
        assert {key: type(value).__name__ for key, value in entry.items()} == {
            **dict.fromkeys(["method", "name"], "str"),
            **dict.fromkeys(["num_requests", "num_failures"], "int"),
            **dict.fromkeys(["min_response_time", "max_response_time", "avg_response_time"], "float"),
            **dict.fromkeys(["current_rps", "current_fail_per_sec", "total_rps", "total_fail_per_sec"], "float"),
            **dict.fromkeys(["response_time_percentile_0.95", "response_time_percentile_0.99"], "int"),
            "median_response_time": "int",
            "avg_content_length": "float",
        }
    assert {key: type(value).__name__ for key, value in seen["errors"][0].items()} == {
        **dict.fromkeys(["method", "name", "error"], "str"),
        "occurrences": "int",
        "first_seen": "float",
        "last_seen": "float",
    }
    assert seen["errors"][0]["error"] == "Exception('boom')"
    text = site.get("/stats/requests").text
    assert text.startswith("{\n  ")
    assert text.index('"current_rps"') < text.index('"errors"') < text.index('"stats"')


def test_every_endpoint_has_its_name(page):
    assert {name for name in page().web_ui.app.view_functions if name.startswith("locust.")} >= {
        f"locust.{name}"
        for name in (
            *("index", "swarm", "stop", "reset_stats", "stats_report", "request_stats_csv", "tasks", "logs", "login"),
            *("request_stats_full_history_csv", "failures_stats_csv", "request_stats", "exceptions", "exceptions_csv"),
            *("update_user", "get_worker_count", "send_assets"),
        )
    }


def test_downloads_have_their_columns_and_names(page):
    site = page()
    for path, kind, columns in (
        ("/stats/requests/csv", "requests", "Type,Name,Request Count,Failure Count,Median Response Time,"),
        ("/stats/failures/csv", "failures", "Method,Name,Error,Occurrences,First Seen,Last Seen"),
        ("/exceptions/csv", "exceptions", "Count,Message,Traceback,Nodes"),
    ):
        answer = site.get(path)
        assert answer.headers["Content-Type"].split(";")[0] == "text/csv"
        name = answer.headers["Content-disposition"]
        assert name.startswith("attachment;filename=Locust_")
        assert name.endswith(f"_{kind}.csv")
        assert answer.text.startswith(columns)


def test_bad_paths_and_methods_are_refused(page):
    site = page()
    assert site.get("/nowhere").status_code == 404
    assert site.get("/swarm").status_code == 405
    assert site.post("/stats/requests").status_code == 405
    assert "POST" in site.get("/swarm").headers["Allow"]
    for path in ("/", "/stats/requests", "/tasks", "/logs", "/exceptions"):
        assert requests.head(site.url + path, timeout=20).status_code == 200
        assert requests.options(site.url + path, timeout=20).status_code == 200
