"""What a posted form means: Locust's ``/swarm`` fields, as they change options and start a test."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from katydid.util.timespan import parse_timespan

if TYPE_CHECKING:
    from katydid.env import Environment

Form = dict[str, list[str]]
"""Every field with its values, in the order they were sent."""

_OLD_FIELDS = {"locust_count": "user_count", "hatch_rate": "spawn_rate"}


def take_fields(environment: Environment, form: Form, secrets: set[str]) -> dict[str, Any]:
    """Applies the fields in order, and returns those that concern this start only.

    Args:
        environment: What is started; its host, profile and options are changed.
        form: The fields.
        secrets: Options whose value the page does not know, so that a blank one says nothing.

    Raises:
        ValueError: One is not what it must be. Those before it have been applied.
    """
    options = environment.parsed_options
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
            environment.host = text.replace("<", "").replace(">", "")
            _remember(options, field, environment.host)
        elif field == "run_time":
            if text.strip():
                values[field] = _run_time(text.strip())
                _remember(options, field, values[field])
        elif field == "profile":
            environment.profile = text or None
            _remember(options, field, environment.profile)
        elif field == "user_classes":
            values[field] = texts
            _remember(options, field, texts)
        elif options is not None and hasattr(options, field) and (text or field not in secrets):
            try:
                setattr(options, field, _like(getattr(options, field), texts))
            except ValueError as error:
                raise ValueError(f"Invalid {field} value: {text!r} ({error})") from None
    return values


def remember(options: Namespace | None, users: int, spawn_rate: float, run_time: int | None) -> None:
    """Keeps what was last asked for, which the next form begins with."""
    _remember(options, "num_users", users)
    _remember(options, "spawn_rate", spawn_rate)
    if run_time is not None:
        _remember(options, "run_time", run_time)


def _run_time(text: str) -> int:
    try:
        return parse_timespan(text)
    except ValueError:
        raise ValueError("Valid run_time formats are : 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.") from None


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
        items = text.split(",") if "," in text else texts
        return [int(item) for item in items] if current and all(isinstance(item, int) for item in current) else items
    return type(current)(text)
