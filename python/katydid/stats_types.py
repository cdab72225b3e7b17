"""The shapes of what statistics take and give, for the annotations of scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypedDict, TypeVar


class CSVWriter(Protocol):
    """What `StatsCSV` writes rows with."""

    def writerow(self, columns: Iterable[str | int | float]) -> None:
        """Writes a row."""


class StatsHolder(Protocol):
    """What can be sorted as the tables are."""

    name: str
    method: str


S = TypeVar("S", bound=StatsHolder)


class StatsBaseDict(TypedDict):
    """What every serialized statistic has."""

    name: str
    method: str


class StatsEntryDict(StatsBaseDict):
    """A serialized `StatsEntry`; times of responses in milliseconds, others in seconds since the epoch."""

    last_request_timestamp: float | None
    start_time: float
    num_requests: int
    num_none_requests: int
    num_failures: int
    total_response_time: float
    max_response_time: float
    min_response_time: float | None
    total_content_length: int
    response_times: dict[float, int]
    num_reqs_per_sec: dict[int, int]
    num_fail_per_sec: dict[int, int]


class StatsErrorDict(StatsBaseDict):
    """A serialized `StatsError`; its moments are seconds since the epoch."""

    error: str
    occurrences: int
    first_seen: float | None
    last_seen: float | None
