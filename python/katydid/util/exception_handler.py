"""Trying again."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable
from itertools import chain
from typing import Any, TypeVar

logger = logging.getLogger(__name__)

T = TypeVar("T")


def retry(
    delays: tuple[float, ...] = (1, 3, 5), exception: type[Exception] = Exception
) -> Callable[[Callable[..., T]], Callable[..., T]]:
    """A decorator that calls a function again when it fails.

    Args:
        delays: Seconds to wait before each further try.
        exception: What counts as failing. The last try's is raised.
    """

    def decorate(function: Callable[..., T]) -> Callable[..., T]:
        @functools.wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> T:
            for delay in chain(delays, [None]):
                try:
                    return function(*args, **kwargs)
                except exception as error:
                    if delay is None:
                        logger.info("Retry failed after %d times.", len(delays) + 1)
                        raise
                    logger.info("%s failed: %s. Trying again in %s s", function.__name__, error, delay)
                    time.sleep(delay)
            raise AssertionError("the last try returns or raises")

        return wrapper

    return decorate
