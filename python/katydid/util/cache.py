"""Results that are kept for a while."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


def memoize(timeout: float, dynamic_timeout: bool = False) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """A decorator that keeps a function's result, whatever its arguments.

    Args:
        timeout: For how many seconds.
        dynamic_timeout: Keep it for twice as long from now on, whenever the function took longer than that.

    The decorated function has a method ``clear_cache``.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        kept: list[T] = []
        made = 0.0
        lasts = timeout

        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> T:
            nonlocal made, lasts
            began = time.time()
            if not kept or began - made > lasts:
                kept[:] = [function(*args, **kwargs)]
                made = time.time()
                if dynamic_timeout and made - began > lasts:
                    lasts *= 2
            return kept[0]

        wrapper.clear_cache = kept.clear  # type: ignore[attr-defined]
        return wrapper

    return decorate
