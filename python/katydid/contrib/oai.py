"""Users of a model behind OpenAI's API, with the openai library. The module is named so as not to hide that library.

Example:
    ```python
    class Asker(OpenAIUser):
        @task
        def ask(self):
            with self.client.rename_request("riddle"):
                self.client.responses.create(model="gpt-4o", input="What has roots as nobody sees?")
    ```
"""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from katydid.contrib._needs import needs
from katydid.user.users import User

needs("openai", "oai")

from openai import DefaultHttpxClient, OpenAI  # noqa: E402

if TYPE_CHECKING:
    from katydid.event import EventHook

if "OPENAI_API_KEY" not in os.environ:
    raise Exception("You need to set OPENAI_API_KEY env var to use OpenAIUser")


class OpenAIClient(OpenAI):
    """A client each of whose requests is one; its length is the number of tokens that came.

    Args:
        request_event: Fired for each.
        user: Whose client it is.
        *args: Those of ``OpenAI``.
        **kwargs: Those of ``OpenAI``.
    """

    def __init__(self, request_event: EventHook, user: User, *args: Any, **kwargs: Any) -> None:
        self.request_name: str | None = None
        self.user = user

        def sent(request: Any) -> None:
            request.start_time = time.time()
            request.start_perf_counter = time.perf_counter()

        def received(response: Any) -> None:
            response.read()
            taken = (time.perf_counter() - response.request.start_perf_counter) * 1000
            failure: Exception | None = None
            try:
                response.raise_for_status()
            except Exception as error:
                # Of httpx, under whichever name openai has it.
                failure = error
            request_event.fire(
                request_type=response.request.method,
                name=self.request_name or response.url.path,
                context={},
                response=response,
                exception=failure,
                start_time=response.request.start_time,
                response_time=taken,
                response_length=_output_tokens(response),
                url=response.url,
            )

        hooks: dict[str, Any] = {"request": [sent], "response": [received]}
        super().__init__(*args, **kwargs, http_client=DefaultHttpxClient(event_hooks=hooks))

    @contextmanager
    def rename_request(self, name: str) -> Generator[None, None, None]:
        """Counts the requests made in a ``with`` block under one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None


def _output_tokens(response: Any) -> int:
    try:
        usage = response.json().get("usage") or {}
    except (ValueError, AttributeError):
        return 0
    return int(usage.get("output_tokens", 0))


class OpenAIUser(User):
    """A user whose ``client`` asks a model.

    Args:
        *args: Those of `User`.
        **kwargs: Those of `User`.
    """

    abstract = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = OpenAIClient(self.environment.events.request, user=self)
