"""The statistics as scripts see them, and the tables of the console.

Everything is counted in Rust. What is here reads it in Locust's words: `RequestStats` and `StatsEntry` hold no
numbers of their own. Locust's module-level constants are kept, and read when they are used.
"""

from __future__ import annotations

import hashlib
import logging
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, cast

import gevent

import katydid._patch  # noqa: F401  patches the standard library
from katydid import hub

console_logger = logging.getLogger("locust.stats_logger")

STATS_AUTORESIZE = True
"""Whether the tables follow the width of the terminal."""
STATS_TYPE_WIDTH = 8
"""Width of the tables' column "Type"."""
CONSOLE_STATS_INTERVAL_SEC = 2
"""Seconds between two tables on the console."""
HISTORY_STATS_INTERVAL_SEC = 5
"""Seconds between two points of the history."""
CSV_STATS_INTERVAL_SEC = 1
"""Seconds between two writes of the CSV files."""
CSV_STATS_FLUSH_INTERVAL_SEC = 5
"""Seconds between two flushes of the CSV files."""
CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW = 10
"""Seconds that a "current" percentile looks back."""
PERCENTILES_TO_REPORT = [0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0]
"""Percentiles of the console and the CSV files."""
PERCENTILES_TO_STATISTICS = [0.95, 0.99]
"""Percentiles of the page's table."""
PERCENTILES_TO_CHART = [0.50, 0.95]
"""Percentiles of the page's chart, six at most."""

READING_SECONDS = 0.02
"""How long one reading of all entries may serve a loop over them."""


def get_console_name_width() -> int:
    """The width of the column "Name": what the terminal leaves, up to 80; 80 where there is no terminal."""
    if not any(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        return 80
    return max(0, min(80, shutil.get_terminal_size(fallback=(160, 24)).columns - 80))


STATS_NAME_WIDTH = get_console_name_width()
"""Width of the tables' column "Name"."""


def resize_with_terminal() -> None:
    """Adapts `STATS_NAME_WIDTH` whenever the terminal changes its size, where the platform tells."""

    def on_resize(signum: int, frame: Any) -> None:
        global STATS_NAME_WIDTH
        if STATS_AUTORESIZE:
            STATS_NAME_WIDTH = get_console_name_width()

    if hasattr(signal, "SIGWINCH"):
        signal.signal(signal.SIGWINCH, on_resize)


def calculate_response_time_percentile(response_times: Mapping[float, int], num_requests: int, percent: float) -> float:
    """The response time below which a share of the requests stayed, from rounded times.

    Args:
        response_times: How many requests took each rounded time.
        num_requests: How many requests there are.
        percent: The share, 0 to 1.
    """
    below = int(num_requests * percent)
    seen = 0
    for response_time in sorted(response_times, reverse=True):
        seen += response_times[response_time]
        if num_requests - seen <= below:
            return response_time
    return 0


class _Reading:
    """All entries as they were at one moment, taken anew once that is too long ago."""

    __slots__ = ("_rows", "_taken")

    def __init__(self) -> None:
        self._take()

    def _take(self) -> None:
        self._rows = {(row["name"], row["method"]): row for row in hub.engine().stats()["entries"]}
        self._taken = time.monotonic()

    def keys(self) -> list[tuple[str, str]]:
        return list(self._rows)

    def row(self, key: tuple[str, str]) -> dict[str, Any]:
        if time.monotonic() - self._taken > READING_SECONDS:
            self._take()
        return self._rows.get(key) or _empty_row(*key)


def _empty_row(name: str, method: str) -> dict[str, Any]:
    """What an entry shows before its first request."""
    return {
        "name": name,
        "method": method,
        "start_time": time.time(),
        "last_request_timestamp": None,
        "min_response_time": None,
        "response_times": {},
    }


class StatsEntry:
    """The statistics of one request name, or of all.

    Args:
        stats: Where they belong.
        name: The name.
        method: The method, "" for the total.
        use_response_times_cache: Accepted for Locust's sake.
    """

    def __init__(self, stats: RequestStats, name: str, method: str, use_response_times_cache: bool = False) -> None:
        self.stats = stats
        self.name = name
        self.method = method
        self.use_response_times_cache = use_response_times_cache
        self._reading: _Reading | None = None

    def __repr__(self) -> str:
        return f"<StatsEntry {self.method} {self.name}: {self.num_requests} requests, {self.num_failures} failures>"

    def _row(self) -> dict[str, Any]:
        """This entry's numbers in the engine's words, which are Locust's."""
        if self._reading is not None:
            return self._reading.row((self.name, self.method))
        if not self.method and self.name == AGGREGATED:
            return cast("dict[str, Any]", hub.engine().stats()["total"])
        return _Reading().row((self.name, self.method))

    @property
    def num_requests(self) -> int:
        """Requests, failed ones included."""
        return int(self._row().get("num_requests", 0))

    @property
    def num_none_requests(self) -> int:
        """Requests without a response time."""
        return int(self._row().get("num_none_requests", 0))

    @property
    def num_failures(self) -> int:
        """Failures."""
        return int(self._row().get("num_failures", 0))

    @property
    def total_response_time(self) -> float:
        """Sum of the response times, in ms."""
        return float(self._row().get("total_response_time", 0))

    @property
    def min_response_time(self) -> float | None:
        """The shortest response time, in ms."""
        return cast("float | None", self._row().get("min_response_time"))

    @property
    def max_response_time(self) -> float:
        """The longest response time, in ms."""
        return float(self._row().get("max_response_time") or 0)

    @property
    def total_content_length(self) -> int:
        """Bytes of all responses."""
        return int(self._row().get("total_content_length", 0))

    @property
    def start_time(self) -> float:
        """When counting began, in seconds since the epoch."""
        return float(self._row().get("start_time") or 0)

    @property
    def last_request_timestamp(self) -> float | None:
        """When the last request ended, in seconds since the epoch."""
        return cast("float | None", self._row().get("last_request_timestamp"))

    @property
    def response_times(self) -> dict[int, int]:
        """How many requests took each response time, rounded as Locust rounds."""
        return cast("dict[int, int]", self._row().get("response_times", {}))

    @property
    def fail_ratio(self) -> float:
        """The share of requests that failed, 0 to 1."""
        return float(self._row().get("fail_ratio", 0))

    @property
    def avg_response_time(self) -> float:
        """The mean response time, in ms."""
        return float(self._row().get("avg_response_time", 0))

    @property
    def median_response_time(self) -> float:
        """The median of the rounded response times, within the true bounds, in ms."""
        return float(self._row().get("median_response_time", 0))

    @property
    def current_rps(self) -> float:
        """Requests per second of the last ten seconds or so."""
        return float(self._row().get("current_rps", 0))

    @property
    def current_fail_per_sec(self) -> float:
        """Failures per second of the last ten seconds or so."""
        return float(self._row().get("current_fail_per_sec", 0))

    @property
    def total_rps(self) -> float:
        """Requests per second of the whole run."""
        return float(self._row().get("total_rps", 0))

    @property
    def total_fail_per_sec(self) -> float:
        """Failures per second of the whole run."""
        return float(self._row().get("total_fail_per_sec", 0))

    @property
    def avg_content_length(self) -> float:
        """Mean bytes per response."""
        return float(self._row().get("avg_content_length", 0))

    def get_response_time_percentile(self, percent: float) -> float:
        """The response time below which a share of the requests stayed, in ms.

        Args:
            percent: The share, 0 to 1.
        """
        row = self._row()
        timed = row.get("num_requests", 0) - row.get("num_none_requests", 0)
        return calculate_response_time_percentile(row["response_times"], timed, percent)

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """The entry as the page's table shows it."""
        return {
            "method": self.method,
            "name": self.name,
            "num_requests": self.num_requests,
            "num_failures": self.num_failures,
            "min_response_time": self.min_response_time or 0,
            "max_response_time": self.max_response_time,
            "current_rps": self.current_rps,
            "current_fail_per_sec": self.current_fail_per_sec,
            "avg_response_time": self.avg_response_time,
            "median_response_time": self.median_response_time,
            "total_rps": self.total_rps,
            "total_fail_per_sec": self.total_fail_per_sec,
            **{
                f"response_time_percentile_{percent}": self.get_response_time_percentile(percent)
                for percent in PERCENTILES_TO_STATISTICS
            },
            "avg_content_length": self.avg_content_length,
        }


AGGREGATED = "Aggregated"
"""The name of the entry that sums up all others."""


class StatsError:
    """One kind of failure of one request name.

    Args:
        method: The request's method.
        name: The request's name.
        error: The failure's text.
        occurrences: How often it happened.
        first_seen: When first, in seconds since the epoch.
        last_seen: When last.
    """

    def __init__(
        self,
        method: str,
        name: str,
        error: Exception | str | None,
        occurrences: int = 0,
        first_seen: float | None = None,
        last_seen: float | None = None,
    ) -> None:
        self.method = method
        self.name = name
        self.error = error
        self.occurrences = occurrences
        self.first_seen = first_seen
        self.last_seen = last_seen

    @classmethod
    def parse_error(cls, error: Exception | str | None) -> str:
        """The text a failure is counted under."""
        return error if isinstance(error, str) else repr(error)

    @classmethod
    def create_key(cls, method: str, name: str, error: Exception | str | None) -> str:
        """What tells one kind of failure from another."""
        text = f"{method}.{name}.{cls.parse_error(error)!r}"
        return hashlib.sha256(text.encode()).hexdigest()

    def to_name(self) -> str:
        """The failure in one line, as the error report has it."""
        return f"{self.method} {self.name}: {self.parse_error(self.error)}"

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """The failure as the page's table shows it."""
        return {
            "method": self.method,
            "name": self.name,
            "error": self.parse_error(self.error),
            "occurrences": self.occurrences,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }

    serialize = to_dict


class EntriesDict(Mapping[tuple[str, str], StatsEntry]):
    """Entries by (name, method). Asking for one that has no requests yet gives an empty one.

    Args:
        stats: Where they belong.
    """

    def __init__(self, stats: RequestStats) -> None:
        self._stats = stats
        self._reading = _Reading()

    def __getitem__(self, key: tuple[str, str]) -> StatsEntry:
        entry = StatsEntry(self._stats, *key)
        entry._reading = self._reading
        return entry

    def __contains__(self, key: object) -> bool:
        return key in self._reading.keys()  # noqa: SIM118  a reading is no mapping

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._reading.keys())

    def __len__(self) -> int:
        return len(self._reading.keys())


class RequestStats:
    """The statistics of the run.

    Example:
        ```python
        @events.quitting.add_listener
        def judge(environment, **kwargs):
            if environment.stats.total.fail_ratio > 0.01:
                environment.process_exit_code = 1
        ```

    Args:
        use_response_times_cache: Accepted for Locust's sake.
    """

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self.use_response_times_cache = use_response_times_cache
        self.total = StatsEntry(self, AGGREGATED, "", use_response_times_cache)
        self.history: list[dict[str, Any]] = []

    @property
    def entries(self) -> EntriesDict:
        """The entries by (name, method)."""
        return EntriesDict(self)

    @property
    def errors(self) -> dict[str, StatsError]:
        """The failures by key."""
        errors = [
            StatsError(
                row["method"],
                row["name"],
                row["error"],
                row["occurrences"],
                row["first_seen"],
                row["last_seen"],
            )
            for row in hub.engine().stats()["errors"]
        ]
        return {StatsError.create_key(error.method, error.name, error.error): error for error in errors}

    @property
    def num_requests(self) -> int:
        """All requests."""
        return self.total.num_requests

    @property
    def num_none_requests(self) -> int:
        """All requests without a response time."""
        return self.total.num_none_requests

    @property
    def num_failures(self) -> int:
        """All failures."""
        return self.total.num_failures

    @property
    def last_request_timestamp(self) -> float | None:
        """When the last request ended, in seconds since the epoch."""
        return self.total.last_request_timestamp

    @property
    def start_time(self) -> float:
        """When counting began, in seconds since the epoch."""
        return self.total.start_time

    def get(self, name: str, method: str) -> StatsEntry:
        """One entry, empty if it has no requests yet."""
        return StatsEntry(self, name, method)

    def log_request(self, method: str, name: str, response_time: float | None, content_length: int) -> None:
        """Counts one request."""
        hub.engine().record(method, name, response_time, content_length, None)

    def log_error(self, method: str, name: str, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        hub.engine().record_error(method, name, StatsError.parse_error(error))

    def reset_all(self) -> None:
        """Sets every number to zero and forgets the failures; the names stay."""
        self.history = []
        hub.engine().reset_stats()

    def clear_all(self) -> None:
        """Forgets everything."""
        self.history = []
        hub.engine().clear_stats()


def print_stats(stats: RequestStats, current: bool = True) -> None:
    """Prints the table of requests.

    Args:
        stats: The statistics.
        current: Show the rates of the last seconds rather than those of the whole run.
    """
    _print_table("requests" if current else "requests_final")


def print_percentile_stats(stats: RequestStats) -> None:
    """Prints the table of percentiles."""
    _print_table("percentiles")


def print_error_report(stats: RequestStats) -> None:
    """Prints the table of failures, if there were any."""
    _print_table("errors")


def _print_table(which: Literal["requests", "requests_final", "percentiles", "errors"]) -> None:
    table = hub.engine().table(which, STATS_NAME_WIDTH)
    if table:
        for line in table.removesuffix("\n").split("\n"):
            console_logger.info(line)


def stats_printer(stats: RequestStats) -> Callable[[], None]:
    """A function to spawn that prints the table of requests every `CONSOLE_STATS_INTERVAL_SEC`."""

    def print_forever() -> None:
        while True:
            print_stats(stats)
            gevent.sleep(CONSOLE_STATS_INTERVAL_SEC)

    return print_forever


def __getattr__(name: str) -> Any:
    """Finds ``global_stats``, which this module had in the 0.14 generation."""
    if name == "global_stats":
        from katydid import legacy_run

        return legacy_run.global_stats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
