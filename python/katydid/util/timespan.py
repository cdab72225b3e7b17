"""Lengths of time as people write them: ``90``, ``90s``, ``1h30m``."""

from __future__ import annotations

import re

_SPAN = re.compile(r"(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:(?P<seconds>\d+)s)?")


def parse_timespan(time_str: str) -> int:
    """The seconds in a time span.

    Args:
        time_str: Digits alone for seconds, or hours, minutes and seconds in that order.

    Raises:
        ValueError: It is not written that way.
    """
    if re.fullmatch(r"\d+", time_str):
        return int(time_str)
    parts = _SPAN.fullmatch(time_str)
    if not time_str or parts is None:
        raise ValueError("Invalid time span format. Valid formats: 20, 20s, 3m, 2h, 1h20m, 3h30m10s, etc.")
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return hours * 3600 + minutes * 60 + seconds
