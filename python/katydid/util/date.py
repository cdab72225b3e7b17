"""Dates and durations as reports write them."""

from __future__ import annotations

from datetime import UTC, datetime


def format_utc_timestamp(unix_timestamp: float) -> str:
    """A moment as ``YYYY-mm-ddTHH:MM:SSZ``."""
    return datetime.fromtimestamp(int(unix_timestamp), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_safe_timestamp(unix_timestamp: float) -> str:
    """A moment of local time in a form that file names can carry."""
    return datetime.fromtimestamp(int(unix_timestamp)).strftime("%Y-%m-%d-%Hh%M")


def format_duration(start_time: float, end_time: float) -> str:
    """The time between two moments in words: "3 hours, 45 minutes and 30 seconds"."""
    left = int(end_time - start_time)
    parts = []
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    if not parts:
        return "0 seconds"
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
