"""The page's side of the script: what the web server asks of Python, and what scripts add to the page.

The server itself is Rust and runs beside Python; it passes on what only the script can do.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

import gevent
from gevent.event import Event

import katydid._patch  # noqa: F401  patches the standard library
from katydid import _about, _form, _template_args, hub, log, stages, web_access
from katydid.html import get_html_report, task_ratios
from katydid.runners import STATE_RUNNING
from katydid.stages import Stages
from katydid.util.timespan import parse_timespan

if TYPE_CHECKING:
    from flask import Flask

    from katydid._pages import Pages
    from katydid.env import Environment
    from katydid.user.users import User

logger = logging.getLogger("locust.web")

HOST_IS_REQUIRED = False
"""Whether the page insists on a host."""

DEFAULT_CACHE_TIME = 2.0
"""For how many seconds the app's view of ``/stats/requests`` answers the same."""

ViewT = TypeVar("ViewT", bound=Callable[..., Any])


class InputField(TypedDict, total=False):
    """A field of a login form of the script's own."""

    label: str
    name: str
    type: str
    default_value: bool | str
    choices: list[str]
    is_multiple: bool
    is_secret: bool
    is_required: bool


class CustomForm(TypedDict, total=False):
    """A login form of the script's own."""

    inputs: list[InputField]
    callback_url: str
    submit_button_text: str


class AuthProvider(TypedDict, total=False):
    """Someone else who says who a visitor is."""

    label: str | None
    callback_url: str
    icon_url: str | None


class AuthArgs(TypedDict, total=False):
    """What the page to log in shows."""

    custom_form: CustomForm
    auth_providers: list[AuthProvider]
    username_password_callback: str
    title: str
    error: str | None
    info: str | None


class WebError(Exception):
    """Something that the page cannot be given.

    Args:
        message: Why.
        code: The status of the response.
    """

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class Server:
    """A port that is served.

    Args:
        host: Where.
        port: The port.
        environment: Whose page.
    """

    def __init__(self, host: str, port: int, environment: Environment) -> None:
        self.server_host = host
        self.server_port = port
        self._environment = environment

    def stop(self, timeout: float | None = None) -> None:
        """Closes the port."""
        hub.engine(self._environment).close_web(self.server_port)


class WebUI:
    """The page of one environment. Scripts add to it in the init event.

    Example:
        ```python
        @events.init.add_listener
        def add_page(environment, **kwargs):
            if environment.web_ui:
                @environment.web_ui.app.route("/added")
                def added():
                    return "From the script"
        ```

    Args:
        environment: What it shows and controls.
        host: The address to listen on; all of them if empty.
        port: The port; 0 for any that is free.
        web_base_path: The path that stands before all others, such as ``/load``.
        web_login: Whether visitors must log in; the script says who may.
        tls_cert: A file with the certificate chain, to serve over HTTPS.
        tls_key: A file with the certificate's key.
        stats_csv_writer: Writes the CSV files, one of which can be downloaded.
        delayed_start: Serve only when `start` is called.
        userclass_picker_is_active: Whether the page offers a choice of classes.
        build_path: A folder with another page, to be served in place of Katydid's.

    Attributes:
        server: What is served, once it is; its ``server_port`` is the port.
        template_args: What pages of Locust's kind are told about the test.
        auth_args: What the page to log in shows.
    """

    def __init__(
        self,
        environment: Environment,
        host: str,
        port: int,
        web_base_path: str | None = None,
        web_login: bool = False,
        tls_cert: str | None = None,
        tls_key: str | None = None,
        stats_csv_writer: Any = None,
        delayed_start: bool = False,
        userclass_picker_is_active: bool = False,
        build_path: str | None = None,
    ) -> None:
        self.environment = environment
        self.host = host
        self.port = port
        self.web_base_path = (web_base_path or "").rstrip("/")
        self.web_login = web_login
        self.tls_cert = tls_cert
        self.tls_key = tls_key
        self.stats_csv_writer = stats_csv_writer
        self.userclass_picker_is_active = userclass_picker_is_active
        self.build_path = build_path
        self.template_args: dict[str, Any] = {}
        self.auth_args: dict[str, Any] = {}
        self.server: Server | None = None
        self.greenlet: Any = None
        self._stopped = Event()
        self._pages: Pages | None = None
        self._look: Any = None
        self._starter: Any = None
        self._chosen: list[type[User]] | None = None
        environment.web_ui = self
        if not delayed_start:
            self.start()

    @property
    def app(self) -> Flask:
        """A Flask app, made when it is asked for. It answers what the page does not know."""
        app = self._made_pages().app
        self._look_again()
        return app

    @property
    def login_manager(self) -> Any:
        """Flask-Login's manager.

        Raises:
            AttributeError: The page does not ask its visitors to log in.
        """
        if not self.web_login:
            raise AttributeError("The login_manager is only available with --web-login.")
        from katydid import _pages

        app = self.app
        manager = getattr(app, "login_manager", None)
        return _pages.make_login_manager(app) if manager is None else manager

    @login_manager.setter
    def login_manager(self, manager: Any) -> None:
        self.app.login_manager = manager  # type: ignore[attr-defined]  # where Flask-Login keeps it

    @property
    def worker_count(self) -> int:
        """How many workers take part: none in a run without workers."""
        runner = self.environment.runner
        return int(getattr(runner, "worker_count", 0)) if hasattr(runner, "clients") else 0

    def start(self) -> None:
        """Serves the page.

        Raises:
            OSError: The address cannot be listened on, or a file of the certificate cannot be read.
        """
        if self.web_login or self.build_path:
            self._made_pages()
        if self.web_login:
            _ = self.login_manager
        self.describe()
        hub.on_message("call", self._on_call, self.environment)
        host = "" if self.host == "*" else self.host
        settings = self._settings()
        # Most pages have none.
        extra = (json.dumps(settings),) if settings else ()
        self.port = hub.engine(self.environment).serve_web(host, self.port, *extra)
        self.server = Server(host, self.port, self.environment)
        self._stopped.clear()
        self.greenlet = gevent.spawn(self._stopped.wait)

    def start_server(self) -> None:
        """Serves the page until it is stopped.

        Raises:
            OSError: The address cannot be listened on.
        """
        self.start()
        self._stopped.wait()

    def stop(self) -> None:
        """Closes the port; whoever joins `greenlet` goes on."""
        if self.server is not None:
            self.server.stop()
        self._stopped.set()

    def auth_required_if_enabled(self, view_func: ViewT) -> ViewT:
        """Has a view shown only to visitors who have logged in, if the page asks for that.

        Example:
            ```python
            @web_ui.app.route("/added")
            @web_ui.auth_required_if_enabled
            def added():
                return "For those we know"
            ```

        Args:
            view_func: The view.
        """
        from katydid import _pages

        return _pages.guarded(self, view_func)  # type: ignore[return-value]  # it takes and returns the same

    def update_template_args(self) -> None:
        """Brings `template_args` up to date; what a script has put there besides stays."""
        self.template_args = {**self.template_args, **_template_args.of(self)}

    def describe(self) -> None:
        """Tells the server about the script."""
        about = _about.of(self.environment)
        if self.userclass_picker_is_active and self.environment.available_user_classes:
            about["user_classes"] = _about.user_classes(self.environment.available_user_classes.values())
        # Options may have values of any kind.
        hub.engine(self.environment).describe(json.dumps({**about, "pages": self._described_pages()}, default=str))

    def swarm(self, form: _form.Form, by_own_page: bool = False) -> dict[str, Any]:
        """Starts a test, or changes the number of users of a running one.

        Args:
            form: The fields, each a list of texts.
            by_own_page: Whether user classes may be chosen although there is no picker, as on Katydid's page.

        Returns:
            What Locust's ``/swarm`` answers.
        """
        environment = self.environment
        answer: dict[str, Any] = {"success": True, "message": "Swarming started"}
        if self.userclass_picker_is_active:
            if not environment.available_user_classes:
                return self._refuse("UserClass picker is active but there are no available UserClasses")
            self._pick(form)
        if by_own_page:
            # It sends every option; one that has no value and gets none keeps none.
            options = environment.parsed_options
            tagged = ("tags", "exclude_tags")
            form = {
                key: texts
                for key, texts in form.items()
                if any(texts) or key in tagged or getattr(options, key, "") is not None
            }
            self._use_tags(form)
        try:
            values = _form.take_fields(environment, form, _template_args.secret_options())
        except ValueError as error:
            return self._refuse(str(error))
        if by_own_page and "stages" in form:
            self._use_stages()
        answer["host"] = environment.host
        # The next form begins with what this one said.
        self.describe()
        runner = environment.runner
        if runner is None:
            return self._refuse("No runner")
        if environment.shape_class is not None:
            if isinstance(environment.shape_class, Stages):
                environment.shape_class.classes = self._named(values)
            runner.start_shape()
            answer["message"] = f"Swarming started using shape class '{type(environment.shape_class).__name__}'"
            return answer
        if self._starter is not None:
            self._starter.kill()
        users, rate, run_time = values.get("user_count"), values.get("spawn_rate"), values.get("run_time")
        if users is None or users < 0 or rate is None or not math.isfinite(rate) or rate <= 0:
            return self._refuse("Missing or invalid user_count or spawn_rate from /swarm request")
        self._chosen = chosen = self._named(values) if by_own_page else None

        def start() -> None:
            # Without one, this also cancels the limit of an earlier start.
            runner.limit_run_time(run_time)
            runner.start(users, rate, user_classes=chosen)

        self._start(start)
        if run_time:
            answer["run_time"] = run_time
        if self.userclass_picker_is_active:
            answer["user_classes"] = sorted(environment.user_classes_by_name)
        return answer

    def _named(self, values: dict[str, Any]) -> list[type[User]] | None:
        """The classes that a form without a picker names."""
        names = values.get("user_classes")
        if self.userclass_picker_is_active or not names:
            return None
        return [cls for cls in self.environment.user_classes if cls.__name__ in names]

    def _use_tags(self, form: _form.Form) -> None:
        """Has tasks chosen by the tags that the form names, if it does."""
        environment = self.environment
        chosen = {"tags": environment.tags, "exclude_tags": environment.exclude_tags}
        for name in chosen:
            if name in form:
                chosen[name] = [tag for tag in form.pop(name) if tag] or None
                if environment.parsed_options is not None:
                    setattr(environment.parsed_options, name, chosen[name])
        environment._choose_tags(**chosen)

    def _use_stages(self) -> None:
        """Has the stages that the form names decide about the number of users, unless the script does."""
        environment = self.environment
        if environment.shape_class is None or isinstance(environment.shape_class, Stages):
            given = getattr(environment.parsed_options, "stages", None)
            environment.shape_class = Stages(stages.parse(given)) if given else None
            if environment.shape_class is not None:
                environment.shape_class.runner = environment.runner

    def change_load(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Changes the load of the running test.

        Args:
            asked: ``users``, ``spawn_rate``, ``run_time`` from now on, ``user_classes`` as names or as weights by name
                (0 for none of them); what is None stays.

        Returns:
            Whether that was possible, like `swarm`.
        """
        environment = self.environment
        runner, named = environment.runner, asked["user_classes"]
        assert runner is not None
        try:
            run_time = parse_timespan(asked["run_time"]) if asked["run_time"] else None
        except ValueError:
            return self._refuse("Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.")
        classes = environment.user_classes if self._chosen is None else self._chosen
        if isinstance(named, dict):
            kept = [cls for cls in environment.user_classes if cls in classes or cls.__name__ in named]
            classes = [cls for cls in kept if named.get(cls.__name__, cls.weight) or cls.fixed_count]
        elif named:
            classes = [cls for cls in environment.user_classes if cls.__name__ in named]
        if not classes:
            return self._refuse("Invalid user_classes: no class of users is left")
        for name, weight in named.items() if isinstance(named, dict) else ():
            if weight:
                environment.update_user_class({"user_class_name": name, "weight": weight})
        self._chosen = classes
        users = asked["users"] or runner.target_user_count
        rate = asked["spawn_rate"] or self._spawn_rate() or 1
        _form.remember(environment.parsed_options, users, rate, run_time)
        self.describe()

        def start() -> None:
            if run_time:
                runner.limit_run_time(run_time)
            if named:
                hub.engine(environment).rebalance()
            runner.start(users, rate, user_classes=classes)

        self._start(start)
        return {"success": True, "message": "The load changes"}

    def _spawn_rate(self) -> float:
        """Users started or stopped per second, as it was last asked for."""
        return float(getattr(self.environment.parsed_options, "spawn_rate", None) or 0)

    def _start(self, start: Callable[[], None]) -> None:
        if self._starter is not None:
            self._starter.kill()
        self._starter = gevent.spawn(start)
        self._starter.link_exception(log.greenlet_exception_logger(logger))
        # Unless a listener waits for something, the test has begun when this is answered.
        gevent.sleep(0)

    def pause(self, asked: dict[str, Any]) -> None:
        """Has users start no new tasks."""
        if self.environment.runner is not None:
            self.environment.runner.pause_users(asked["by"])

    def resume(self, asked: dict[str, Any]) -> None:
        """Has the users of a paused test go on."""
        if self.environment.runner is not None:
            self.environment.runner.resume_users(asked["by"])

    def end_test(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Stops the test and answers when it has stopped.

        Args:
            asked: ``timeout``, the seconds that users get to finish their tasks.
        """
        if self._starter is not None:
            self._starter.kill()
        if self.environment.runner is not None:
            self.environment.runner.stop_within(asked["timeout"])
        return {"success": True, "message": "Test stopped"}

    def stop_test(self, form: _form.Form) -> dict[str, Any]:
        """Stops the test and answers when it has stopped."""
        if self._starter is not None:
            self._starter.kill()
        if self.environment.runner is not None:
            self.environment.runner.stop()
        return {"success": True, "message": "Test stopped"}

    def reset_stats(self, form: _form.Form) -> str:
        """Sets the statistics to zero."""
        self.environment.events.reset_stats.fire()
        self.environment.stats.reset_all()
        return "ok"

    def tasks(self, form: _form.Form) -> dict[str, Any]:
        """The share of each task, from the users that run."""
        return task_ratios(self.environment)

    def logs(self, form: _form.Form) -> dict[str, Any]:
        """The last lines that were logged."""
        return {"master": log.get_logs(), "workers": self.environment.worker_logs}

    def update_user(self, payload: dict[str, str]) -> dict[str, Any]:
        """Changes a user class.

        Args:
            payload: ``body``, what was posted: JSON with ``user_class_name`` and what is to be changed.

        Raises:
            WebError: It is not JSON, or there is no such class.
        """
        try:
            self.environment.update_user_class(json.loads(payload["body"]))
        except ValueError as error:
            raise WebError(str(error), 500) from None
        except KeyError as error:
            raise WebError(f"There is no user class, or no setting, of the name {error}", 500) from None
        self.describe()
        return {}

    def report(self, asked: dict[str, Any]) -> dict[str, str]:
        """The report of the run.

        Args:
            asked: ``theme``, and ``download``: whether it is to be kept, and so needs no link to download it.
        """
        theme = asked.get("theme") or ""
        return {"html": get_html_report(self.environment, show_download_link=not asked["download"], theme=theme)}

    def full_history(self, form: _form.Form) -> dict[str, str]:
        """Where the file is that ``--csv-full-history`` writes.

        Raises:
            WebError: There is no such file.
        """
        options = self.environment.parsed_options
        if not getattr(options, "stats_history_enabled", False) or self.stats_csv_writer is None:
            raise WebError("Error: Server was not started with option to generate full history.", 404)
        return {"path": os.path.abspath(self.stats_csv_writer.stats_history_file_name())}

    def _settings(self) -> dict[str, Any]:
        """How the server is to behave where it is not as usual."""
        name = getattr(self.environment.parsed_options, "web_host_display_name", None)
        settings: dict[str, Any] = {"base_path": self.web_base_path, "names": [name] if name else []}
        if self.tls_cert and self.tls_key:
            settings |= {"tls_cert": self.tls_cert, "tls_key": self.tls_key}
        settings |= web_access.settings(self.environment.parsed_options)
        return {key: value for key, value in settings.items() if value}

    def _made_pages(self) -> Pages:
        if self._pages is None:
            from katydid import _pages

            self._pages = _pages.Pages(self, globals().pop("app", None))
        return self._pages

    def _look_again(self) -> None:
        """Looks at what the script does to the app, once it has done it."""
        if self.server is not None and (self._look is None or self._look.ready()):
            self._look = gevent.spawn(self.describe)

    def _described_pages(self) -> dict[str, Any]:
        """Which requests the server passes on to the app."""
        if self._pages is None and "app" in globals():
            self._made_pages()
        if self._pages is None:
            return {}
        passes_all = self.web_login or bool(self.build_path) or self._pages.is_consulted
        return {
            "answers": "all" if passes_all else "unknown",
            "login": self.web_login,
            "replaced": bool(self.build_path),
        }

    def _pick(self, form: _form.Form) -> None:
        """Takes the classes and the load shape that the form names: by default all, or those that run, and none."""
        environment = self.environment
        available = environment.available_user_classes or {}
        named = form.get("user_classes")
        if named:
            classes = [cls for name, cls in available.items() if name in named]
        elif environment.runner is not None and environment.runner.state == STATE_RUNNING:
            classes = [cls for cls in available.values() if cls in environment.user_classes]
        else:
            classes = list(available.values())
        environment.user_classes = classes
        if environment.locustfile is None:
            environment.locustfile = ",".join(environment.user_classes_by_name)
        environment._remove_user_classes_with_weight_zero()
        environment._validate_user_class_names()
        shape = form.get("shape_class", ["Default"])[0]
        if shape == "Default":
            environment.shape_class = None
        else:
            environment.shape_class = (environment.available_shape_classes or {})[shape]
            environment.shape_class.runner = environment.runner

    def _refuse(self, message: str) -> dict[str, Any]:
        logger.error("%s", message)
        return {"success": False, "message": message, "host": self.environment.host}

    def _on_call(self, call_id: int, name: str, payload: str, body: bytes = b"") -> None:
        """Takes a call of the server. Called on the hub, which must not wait: a greenlet answers."""
        gevent.spawn(self._answer_page if name == "page" else self._answer, call_id, name, payload, body)

    def _answer_page(self, call_id: int, name: str, payload: str, body: bytes) -> None:
        from katydid import _wsgi

        engine, app = hub.engine(self.environment), self._made_pages().app
        try:
            _wsgi.answer(engine, call_id, app, _wsgi.make_environ(json.loads(payload), body, self.port))
        except Exception as error:
            logger.error("A page of the script failed: %s", log.format_script_exception(error).rstrip())
            text = "<!doctype html>\n<title>500 Internal Server Error</title>\n<h1>Internal Server Error</h1>\n"
            engine.answer_page(call_id, 500, [("Content-Type", "text/html; charset=utf-8")], text.encode())
        # The script may have held on to the app and changed it since.
        self._look_again()

    def _answer(self, call_id: int, name: str, payload: str, body: bytes) -> None:
        answers: dict[str, Callable[[Any], Any]] = {
            "swarm": lambda fields: self.swarm(dict(fields)),
            "start": lambda fields: self.swarm(dict(fields), by_own_page=True),
            "load": self.change_load,
            "pause": self.pause,
            "resume": self.resume,
            "stop": self.stop_test,
            "end": self.end_test,
            "reset_stats": self.reset_stats,
            "tasks": self.tasks,
            "logs": self.logs,
            "user": self.update_user,
            "report": self.report,
            "full_history": self.full_history,
            "authorized": self._authorize,
        }
        status = 201 if name == "user" else 200
        answer: Any
        try:
            answer = answers[name](json.loads(payload) if payload else {})
        except Exception as error:
            code = getattr(error, "code", None)
            status, answer = code if isinstance(code, int) else 500, str(error)
            if status >= 500:
                told = answer if isinstance(error, WebError) else log.format_script_exception(error).rstrip()
                logger.error("The page's call %r failed: %s", name, told)
        hub.engine(self.environment).answer(call_id, status, json.dumps(answer))

    def _authorize(self, head: dict[str, Any]) -> None:
        """Whether the sender of a request has logged in.

        Raises:
            WebError: They have not, or the script cannot say.
        """
        from katydid import _pages, _wsgi

        with self._made_pages().app.request_context(_wsgi.make_environ(head, b"", self.port)):
            try:
                refusal = _pages.refuse_strangers()
            except Exception as error:
                raise WebError(str(error), 401) from None
        if refusal is not None:
            raise WebError("Log in first.", 401)


def __getattr__(name: str) -> Any:
    """``app``, which scripts of the 0.14 generation add their routes to when they are imported.

    There is no page yet then, so the app is kept until one is made, which takes it over.
    """
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from katydid import _pages

    globals()["app"] = app = _pages.make_app()
    return app
