"""Running one user by hand, to step through a script."""

from __future__ import annotations

import time
from datetime import UTC, datetime
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
        env: Whose requests.
        include_length: Show the bytes received.
        include_time: Show when it started.
        include_context: Show its context.
        include_payload: Show what was sent.
    """

    def __init__(
        self,
        env: Environment,
        include_length: bool = False,
        include_time: bool = False,
        include_context: bool = False,
        include_payload: bool = False,
    ) -> None:
        self.include_length = include_length
        self.include_time = include_time
        self.include_context = include_context
        self.include_payload = include_payload
        env.events.request.add_listener(self.on_request)
        self._print("time", "type", "name", "resp_ms", "length", "exception", "context", "payload")

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
        started = datetime.fromtimestamp(time.time() if start_time is None else start_time, tz=UTC)
        sent = getattr(getattr(response, "request", None), "body", None) if self.include_payload else None
        self._print(
            started,
            request_type,
            name,
            -1 if response_time is None else round(response_time),
            response_length,
            repr(exception) if exception else "",
            context or "",
            sent.decode("utf-8", "replace") if isinstance(sent, bytes) else sent or "",
        )

    def _print(
        self, started: Any, kind: str, name: str, took: Any, length: Any, exception: str, context: Any, payload: Any
    ) -> None:
        cells = [
            (f"{started!s:<32}", self.include_time),
            (kind, True),
            (f"{name:<50}", True),
            (f"{took:<7}", True),
            (f"{length:<6}", self.include_length),
            (f"{exception:<9}", True),
            (str(context), self.include_context),
            (str(payload), self.include_payload),
        ]
        # With tabs, as Locust prints it, so that the columns can be cut apart again.
        print("\t".join(text for text, shown in cells if shown).rstrip(), flush=True)


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
