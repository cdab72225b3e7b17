"""What users of vector databases have in common: calls whose outcome is a dict."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import katydid

Outcome = dict[str, Any]
"""``success``, ``response_time`` in milliseconds, and ``result`` or ``exception``; of searches also ``empty``."""


def timed(call: Callable[[], Any], is_empty: Callable[[Any], bool] | None = None) -> Outcome:
    """The outcome of a call; nothing is raised.

    Args:
        call: What to do.
        is_empty: Whether a result is one in which nothing was found, which is no success.
    """
    began = time.perf_counter()
    try:
        result = call()
    except Exception as error:
        return {"success": False, "response_time": _since(began), "exception": error}
    outcome: Outcome = {"success": True, "response_time": _since(began), "result": result}
    if is_empty is not None:
        outcome["empty"] = is_empty(result)
        outcome["success"] = not outcome["empty"]
    return outcome


def _since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def tell(request_type: str, name: str, outcome: Outcome) -> None:
    """Reports an outcome as a request.

    Args:
        request_type: The database.
        name: The operation.
        outcome: Its outcome.
    """
    katydid.events.request.fire(
        request_type=request_type,
        name=name,
        response_time=int(outcome.get("response_time", 0)),
        response_length=0,
        exception=outcome.get("exception"),
    )
