"""The web application that scripts extend: a real Flask app, with Locust's endpoints as views.

Nothing here, Flask included, is imported unless a script touches the app, asks for a login or brings a page of
its own. The views get what they show from the engine, as the server does that answers in their place otherwise.
"""

from __future__ import annotations

import functools
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask
from flask import Blueprint, Flask, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.exceptions import HTTPException

from katydid import hub

if TYPE_CHECKING:
    from katydid.web import WebUI

logger = logging.getLogger("locust.web")

HOOKS = ("before_request_funcs", "after_request_funcs", "teardown_request_funcs", "url_value_preprocessors")
"""Where Flask keeps what runs with every request."""

View = Callable[..., Any]


class Pages:
    """A Flask app with Locust's endpoints.

    Args:
        web_ui: Whose app it is.
        app: An app that a script has begun already.
    """

    def __init__(self, web_ui: WebUI, app: Flask | None = None) -> None:
        self.web_ui = web_ui
        self.app = app or make_app()
        if web_ui.build_path:
            self.app.template_folder = os.path.abspath(web_ui.build_path)
        self.app.register_blueprint(self._blueprint())
        self._own_views = {name: view for name, view in self.app.view_functions.items() if name.startswith("locust.")}

    @property
    def is_consulted(self) -> bool:
        """Whether the script has a say in Locust's own routes."""
        app: Any = self.app
        hooks = (getattr(app, name).get(scope) for name in HOOKS for scope in (None, "locust"))
        return (
            any(hooks)
            or "wsgi_app" in vars(app)
            or any(app.view_functions.get(name) is not view for name, view in self._own_views.items())
        )

    def _blueprint(self) -> Blueprint:
        web_ui = self.web_ui
        blueprint = Blueprint("locust", __name__, url_prefix=web_ui.web_base_path or None)

        def route(path: str, view: View, *methods: str, guarded: bool = True) -> None:
            shown = web_ui.auth_required_if_enabled(view) if guarded else view
            blueprint.add_url_rule(path, view.__name__, shown, methods=methods or None)

        for path, name in (
            ("/stats/requests/csv", "request_stats_csv"),
            ("/stats/failures/csv", "failures_stats_csv"),
            ("/exceptions", "exceptions"),
            ("/exceptions/csv", "exceptions_csv"),
            ("/stats/stats_history/csv", "stats_history_csv"),
        ):
            route(path, self._reader(path, name))
        route("/stats/requests", remembered(self._reader("/stats/requests", "request_stats")))
        route("/", self.index)
        route("/assets/<path:path>", self.send_assets, guarded=False)
        route("/swarm", self.swarm, "POST")
        route("/stop", self.stop, "GET", "POST")
        route("/stats/reset", self.reset_stats, "GET", "POST")
        route("/stats/report", self.stats_report)
        route("/stats/requests_full_history/csv", self.request_stats_full_history_csv)
        route("/tasks", self.tasks)
        route("/logs", self.logs)
        route("/login", self.login, guarded=False)
        route("/user", self.update_user, "POST")
        route("/worker-count", self.get_worker_count)
        blueprint.register_error_handler(Exception, _complain)
        return blueprint

    def _read(self, path: str) -> Response:
        """What the engine has to be read at a path."""
        document = hub.engine(self.web_ui.environment).document(path)
        if document is None:
            flask.abort(404)
        headers, body = document
        return Response(body, headers=headers)

    def _reader(self, path: str, name: str) -> View:
        """A view of what the engine has at a path."""

        def view() -> Response:
            return self._read(path)

        view.__name__ = name
        return view

    def index(self) -> Any:
        """The page."""
        if self.web_ui.environment.runner is None:
            return "Error: Locust Environment does not have any runner", 500
        if self.web_ui.build_path:
            self.web_ui.update_template_args()
            return render_template("index.html", template_args=self.web_ui.template_args)
        return self._read("/")

    def send_assets(self, path: str) -> Response:
        """A file of the page."""
        if self.web_ui.build_path:
            folder = os.path.join(os.path.abspath(self.web_ui.build_path), "assets")
            if os.path.exists(os.path.join(folder, path)):
                return flask.send_from_directory(folder, path)
        return self._read(f"/assets/{path}")

    def swarm(self) -> Response:
        """Starts a test."""
        return jsonify(self.web_ui.swarm({name: request.form.getlist(name) for name in request.form}))

    def stop(self) -> Response:
        """Stops the test."""
        return jsonify(self.web_ui.stop_test({}))

    def reset_stats(self) -> str:
        """Sets the statistics to zero."""
        return self.web_ui.reset_stats({})

    def stats_report(self) -> Response:
        """The report of the run."""
        is_download = bool(request.args.get("download"))
        page = self.web_ui.report({"theme": request.args.get("theme"), "download": is_download})
        response = flask.make_response(page["html"])
        if is_download:
            name = hub.engine(self.web_ui.environment).file_name("")
            response.headers["Content-Disposition"] = f"attachment;filename={name}.html"
        return response

    def request_stats_full_history_csv(self) -> Response:
        """The file that `--csv-full-history` writes."""
        return flask.send_file(
            self.web_ui.full_history({})["path"],
            mimetype="text/csv",
            as_attachment=True,
            download_name=f"{hub.engine(self.web_ui.environment).file_name('requests_full_history')}.csv",
            max_age=0,
        )

    def tasks(self) -> Response:
        """The share of each task."""
        return jsonify(self.web_ui.tasks({}))

    def logs(self) -> Response:
        """The last lines that were logged."""
        return jsonify(self.web_ui.logs({}))

    def login(self) -> Any:
        """Where visitors log in."""
        if not self.web_ui.web_login:
            return redirect(url_for("locust.index"))
        for kind in ("error", "info"):
            message = flask.session.get(f"auth_{kind}") if self.app.secret_key else None
            if message is not None:
                self.web_ui.auth_args[kind] = message
            else:
                self.web_ui.auth_args.pop(kind, None)
        return render_template("auth.html", auth_args=self.web_ui.auth_args)

    def update_user(self) -> tuple[dict[str, Any], int]:
        """Changes a user class."""
        self.web_ui.update_user({"body": request.data.decode()})
        return {}, 201

    def get_worker_count(self) -> Response:
        """How many workers there are."""
        return jsonify({"worker_count": self.web_ui.worker_count})


def make_app() -> Flask:
    """An app without any route."""
    app = Flask("katydid.web", static_folder=None)
    app.json.compact = False  # type: ignore[attr-defined]  # Flask's own provider has it
    return app


def remembered(view: View) -> View:
    """A view that answers the same for `DEFAULT_CACHE_TIME` seconds, or until its ``clear_cache()`` is called."""
    kept: list[tuple[float, Response]] = []

    @functools.wraps(view)
    def wrapper() -> Response:
        from katydid import web

        now = time.monotonic()
        if not kept or now - kept[0][0] >= web.DEFAULT_CACHE_TIME:
            kept[:] = [(now, view())]
        response = kept[0][1]
        # A copy, as what runs after the request may change it.
        return Response(response.get_data(), headers=list(response.headers))

    wrapper.clear_cache = kept.clear  # type: ignore[attr-defined]  # what scripts call
    return wrapper


def guarded(web_ui: WebUI, view: View) -> View:
    """A view that only visitors may see who have logged in, if the page asks for that."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if web_ui.web_login:
            try:
                flask.session["auth_error"] = flask.session["auth_info"] = None
                refusal = refuse_strangers()
            except HTTPException:
                raise
            except Exception as error:
                return f"Locust auth exception: {error} The script has to set app.secret_key and a user_loader."
            if refusal is not None:
                return refusal
        return view(*args, **kwargs)

    return wrapper


def refuse_strangers() -> Any:
    """The answer to a visitor who has not logged in; None for one who has. Needs a request of Flask's."""
    import flask_login  # type: ignore[import-untyped]  # it has no types

    return flask_login.login_required(lambda: None)()


def make_login_manager(app: Flask) -> Any:
    """Flask-Login's manager, for the app."""
    import flask_login

    manager = flask_login.LoginManager()
    manager.init_app(app)
    manager.login_view = "locust.login"
    return manager


def _complain(error: Exception) -> tuple[str, int]:
    code = getattr(error, "code", None)
    code = code if isinstance(code, int) else 500
    logger.log(logging.DEBUG if code <= 404 else logging.ERROR, "Web request failed: %s", error)
    return str(error), code
