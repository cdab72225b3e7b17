"""Running one user by hand, to step through a script."""

from __future__ import annotations

import time
from typing import Any

import katydid
import katydid._patch
from katydid.argument_parser import parse_all_options
from katydid.env import Environment
from katydid.log import setup_logging
from katydid.user.users import User

_environment: Environment | None = None


class PrintListener:
    """Prints each request of an environment on a line.

    Args:
        environment: Whose requests.
        include_length: Show the bytes received.
        include_time: Show when it started.
        include_context: Show its context.
        include_payload: Show what was sent.
    """

    def __init__(
        self,
        environment: Environment,
        include_length: bool = False,
        include_time: bool = False,
        include_context: bool = False,
        include_payload: bool = False,
    ) -> None:
        self.include_length = include_length
        self.include_time = include_time
        self.include_context = include_context
        self.include_payload = include_payload
        environment.events.request.add_listener(self.on_request)
        heads = [("time", 24, include_time), ("type", 8, True), ("name", 50, True), ("resp_ms", 8, True)]
        heads += [("length", 8, include_length), ("exception", 30, True), ("context", 20, include_context)]
        heads += [("payload", 20, include_payload)]
        print("".join(f"{head:<{width}}" for head, width, shown in heads if shown).rstrip())

    def on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: Any = None,
        context: dict[str, Any] | None = None,
        start_time: float | None = None,
        response: Any = None,
        **kwargs: Any,
    ) -> None:
        """Prints one request."""
        started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(start_time))
        sent = getattr(getattr(response, "request", None), "body", None)
        cells = [
            (f"{started}", 24, self.include_time),
            (request_type, 8, True),
            (name, 50, True),
            ("" if response_time is None else f"{response_time:.0f}", 8, True),
            (str(response_length), 8, self.include_length),
            (repr(exception) if exception else "", 30, True),
            (str(context or ""), 20, self.include_context),
            (str(sent or ""), 20, self.include_payload),
        ]
        print("".join(f"{text:<{width}}" for text, width, shown in cells if shown).rstrip())


def run_single_user(
    user_class: type[User],
    include_length: bool = False,
    include_time: bool = False,
    include_context: bool = False,
    include_payload: bool = False,
    loglevel: str | None = "WARNING",
) -> None:
    """Runs one user in the calling greenlet, printing its requests; put it at the end of a locustfile.

    Args:
        user_class: The user's class.
        include_length: Show the bytes received.
        include_time: Show when each request started.
        include_context: Show each request's context.
        include_payload: Show what was sent.
        loglevel: The least level to log; None leaves logging alone.

    Example:
        ```python
        if __name__ == "__main__":
            run_single_user(Visitor)
        ```
    """
    global _environment
    if loglevel:
        setup_logging(loglevel)
    if _environment is None:
        options = parse_all_options()
        _environment = Environment(events=katydid.events, host=options.host, parsed_options=options)
        PrintListener(
            _environment,
            include_length=include_length,
            include_time=include_time,
            include_context=include_context,
            include_payload=include_payload,
        )
        _environment.events.init.fire(environment=_environment, runner=None, web_ui=None)
    if _environment.host:
        user_class.host = _environment.host
    _environment.events.test_start.fire(environment=_environment)
    user = user_class(_environment)
    _environment.single_user_instance = user  # type: ignore[attr-defined]  # Locust's own name for it
    user.run()
