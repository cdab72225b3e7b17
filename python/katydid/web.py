"""The page's side of the script: what the web server asks of Python.

The server itself is Rust and runs beside Python; it passes on what only the script can do.
"""

from __future__ import annotations

import json
import logging
import math
import traceback
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

import katydid._patch  # noqa: F401  patches the standard library
from katydid import hub
from katydid.log import get_logs
from katydid.user.inspectuser import get_ratio
from katydid.util.timespan import parse_timespan

if TYPE_CHECKING:
    from katydid.env import Environment

logger = logging.getLogger("locust.web")

HOST_IS_REQUIRED = False
"""Whether the page insists on a host."""

_OLD_FIELDS = {"locust_count": "user_count", "hatch_rate": "spawn_rate"}

Form = dict[str, list[str]]


class WebUI:
    """The page of one environment.

    Args:
        environment: What it shows and controls.
        host: The address to listen on; all of them if empty.
        port: The port; 0 for any that is free.
        userclass_picker_is_active: Whether the page offers a choice of classes.
    """

    def __init__(
        self, environment: Environment, host: str, port: int, *, userclass_picker_is_active: bool = False
    ) -> None:
        self.environment = environment
        self.host = host
        self.port = port
        self.userclass_picker_is_active = userclass_picker_is_active
        self.greenlet: Any = None
        self._stopped = Event()
        environment.web_ui = self

    def start(self) -> None:
        """Serves the page.

        Raises:
            OSError: The address cannot be listened on.
        """
        hub.on_message("call", self._on_call)
        self.describe()
        self.port = hub.engine().serve_web("" if self.host == "*" else self.host, self.port)
        self.greenlet = gevent.spawn(self._stopped.wait)

    def stop(self) -> None:
        """Ends the page: whoever joins `greenlet` goes on."""
        self._stopped.set()

    def describe(self) -> None:
        """Tells the page about the script."""
        environment = self.environment
        options = environment.parsed_options or Namespace()
        shape = environment.shape_class
        about = {
            "locustfile": environment.locustfile or "",
            "host": environment.host,
            "shape": type(shape).__name__ if shape is not None else None,
            "user_classes": [
                {
                    "name": cls.__name__,
                    "weight": cls.weight,
                    "fixed_count": cls.fixed_count,
                    "host": cls.host,
                    "tasks": _task_weights(cls.tasks),
                }
                for cls in environment.user_classes
            ],
            "defaults": {
                "users": getattr(options, "num_users", None) or 1,
                "spawn_rate": getattr(options, "spawn_rate", None) or 1,
                "run_time": getattr(options, "run_time", None) or None,
            },
        }
        hub.engine().describe(json.dumps(about))

    def _on_call(self, call_id: int, name: str, payload: str) -> None:
        """Takes a call of the server. Called on the hub, which must not wait: a greenlet answers."""
        gevent.spawn(self._answer, call_id, name, payload)

    def _answer(self, call_id: int, name: str, payload: str) -> None:
        answers: dict[str, Callable[[Form], Any]] = {
            "swarm": self.swarm,
            "stop": self.stop_test,
            "reset_stats": self.reset_stats,
            "tasks": self.tasks,
            "logs": self.logs,
        }
        try:
            status, body = 200, answers[name](json.loads(payload) if payload else {})
        except Exception as error:
            logger.error("The page's call %r failed: %s\n%s", name, error, traceback.format_exc())
            status, body = 500, str(error)
        hub.engine().answer(call_id, status, json.dumps(body))

    def swarm(self, form: Form) -> dict[str, Any]:
        """Starts a test, or changes the number of users of a running one.

        Args:
            form: The fields, each a list of texts.

        Returns:
            What Locust's ``/swarm`` answers.
        """
        environment = self.environment
        runner = environment.runner
        if runner is None:
            return self._refuse("No runner")
        try:
            values = self._take_fields(form)
        except ValueError as error:
            return self._refuse(str(error))
        answer: dict[str, Any] = {"success": True, "message": "Swarming started", "host": environment.host}
        if environment.shape_class is not None and not self.userclass_picker_is_active:
            runner.start_shape()
            answer["message"] = f"Swarming started using shape class '{type(environment.shape_class).__name__}'"
            return answer
        users, rate = values.get("user_count"), values.get("spawn_rate")
        if users is None or users < 0 or rate is None or not math.isfinite(rate) or rate <= 0:
            return self._refuse("Missing or invalid user_count or spawn_rate from /swarm request")
        chosen = None
        if values.get("user_classes"):
            chosen = [cls for cls in environment.user_classes if cls.__name__ in values["user_classes"]]
        runner.start(users, rate, user_classes=chosen)
        # Without one, this also cancels the limit of an earlier start.
        runner.limit_run_time(values.get("run_time"))
        if "run_time" in values:
            answer["run_time"] = values["run_time"]
        return answer

    def stop_test(self, form: Form) -> dict[str, Any]:
        """Stops the test and answers when it has stopped."""
        if self.environment.runner is not None:
            self.environment.runner.stop()
        return {"success": True, "message": "Test stopped"}

    def reset_stats(self, form: Form) -> str:
        """Sets the statistics to zero."""
        self.environment.events.reset_stats.fire()
        self.environment.stats.reset_all()
        return "ok"

    def tasks(self, form: Form) -> dict[str, Any]:
        """The share of each task, from the users that run."""
        runner = self.environment.runner
        counts = runner.user_classes_count if runner is not None else {}
        if runner is not None and not any(counts.values()):
            counts = runner.final_user_classes_count
        classes = self.environment.user_classes
        return {"per_class": get_ratio(classes, counts, False), "total": get_ratio(classes, counts, True)}

    def logs(self, form: Form) -> dict[str, Any]:
        """The last lines that were logged."""
        return {"master": get_logs(), "workers": self.environment.worker_logs}

    def _refuse(self, message: str) -> dict[str, Any]:
        return {"success": False, "message": message, "host": self.environment.host}

    def _take_fields(self, form: Form) -> dict[str, Any]:
        """Applies the fields in order, and returns those that concern this start only.

        Raises:
            ValueError: One is not what it must be. Those before it have been applied.
        """
        options = self.environment.parsed_options
        values: dict[str, Any] = {}
        for key, texts in form.items():
            field, text = _OLD_FIELDS.get(key, key), texts[0] if texts else ""
            if field == "user_count":
                values[field] = _number(int, text, "user_count", "an integer")
                _remember(options, "num_users", values[field])
            elif field == "spawn_rate":
                values[field] = _number(float, text, "spawn_rate", "a number")
                _remember(options, field, values[field])
            elif field == "host":
                self.environment.host = text.replace("<", "").replace(">", "")
                _remember(options, field, self.environment.host)
            elif field == "run_time":
                if text.strip():
                    try:
                        values[field] = parse_timespan(text.strip())
                    except ValueError:
                        raise ValueError(
                            "Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc."
                        ) from None
            elif field == "profile":
                self.environment.profile = text or None
            elif field == "user_classes":
                values[field] = texts
                _remember(options, field, texts)
            elif options is not None and hasattr(options, field):
                setattr(options, field, _like(getattr(options, field), texts))
        return values


def _number(kind: type[int] | type[float], text: str, field: str, what: str) -> float:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"Invalid {field} value: {text!r} (must be {what})") from None


def _remember(options: Namespace | None, name: str, value: Any) -> None:
    if options is not None:
        setattr(options, name, value)


def _like(current: Any, texts: list[str]) -> Any:
    """What was typed, as the kind of value that an option has now."""
    text = texts[0] if texts else ""
    if isinstance(current, bool):
        return text == "true"
    if current is None:
        return text
    if isinstance(current, list):
        items = texts if len(texts) > 1 else text.split(",")
        return [int(item) for item in items] if current and all(isinstance(item, int) for item in current) else items
    return type(current)(text)


def _task_weights(tasks: list[Any]) -> list[dict[str, Any]]:
    weights: dict[str, int] = {}
    for item in tasks:
        name = getattr(item, "__name__", str(item))
        weights[name] = weights.get(name, 0) + 1
    return [{"name": name, "weight": weight} for name, weight in weights.items()]
