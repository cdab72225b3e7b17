"""Requests to JSON services, with the checks that every script of one would otherwise repeat."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, TypeVar

RestResponseT = TypeVar("RestResponseT")
"""The responses of a client, for the annotations of scripts."""

PARSED_CHARACTERS = 250
"""How much of a body that is no JSON goes into the failure."""

SHOWN_CHARACTERS = 200
"""How much of a body goes into the failure of an assertion."""

_JSON = "application/json"


class RestMixin:
    """Adds `rest` to the HTTP users."""

    client: Any

    @contextmanager
    def rest(
        self, method: str, url: str, headers: dict[str, Any] | None = None, **kwargs: Any
    ) -> Generator[Any, None, None]:
        """Sends a request to a JSON service; what goes wrong in the block is a failure of the request.

        Args:
            method: The method.
            url: The address, after the host.
            headers: Headers besides those that say that both sides speak JSON.
            **kwargs: What the client's ``request`` takes.

        Yields:
            The response; ``response.js`` is its body, parsed.

        Example:
            ```python
            with self.rest("POST", "/orders", json={"item": 7}) as response:
                assert response.js["total"] > 0, "an order without a price"
            ```
        """
        sent = dict(headers or {})
        for name in ("Content-Type", "Accept"):
            if name not in sent and name.lower() not in sent:
                sent[name] = _JSON
        with self.client.request(method, url, headers=sent, catch_response=True, **kwargs) as response:
            response.js = None
            if response.content is None:
                response.failure(str(response.error))
            elif response.text:
                try:
                    response.js = response.json()
                except json.JSONDecodeError as error:
                    response.failure(
                        f"Could not parse response as JSON. {response.text[:PARSED_CHARACTERS]}, "
                        f"response code {response.status_code}, error {error}"
                    )
            try:
                yield response
            except AssertionError as error:
                message = str(error) or "Assertion failed"
                if message.endswith(","):
                    message = f"{message[:-1]}, response was {(response.text or '')[:SHOWN_CHARACTERS]}"
                response.failure(message)
            except Exception as error:
                response.failure(
                    f"{type(error).__name__}: {error} at {_frames(error)}. "
                    f"Response was {(response.text or '')[:SHOWN_CHARACTERS]}"
                )

    @contextmanager
    def rest_(self, method: str, url: str, name: str | None = None, **kwargs: Any) -> Generator[Any, None, None]:
        """Like `rest`, with the time added to the address, so that no cache has the answer.

        Args:
            method: The method.
            url: The address, after the host.
            name: What it is counted under; by default the address without the time.
            **kwargs: What `rest` takes.
        """
        mark = "&" if "?" in url else "?"
        with self.rest(
            method, f"{url}{mark}_={int(time.time() * 1000)}", name=name or f"{url}{mark}_=...", **kwargs
        ) as response:
            yield response


def _frames(error: Exception) -> str:
    """Where an exception comes from: the script's files and lines, outermost first."""
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return ", ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames).replace(
        os.path.expanduser("~/"), "~/"
    )
