"""The statistics as scripts see them, and the tables of the console.

Everything is counted in Rust. What is here reads it in Locust's words: `RequestStats` and `StatsEntry` hold no
numbers of their own. Locust's module-level constants are kept, and read when they are used.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
import json
import logging
import os
import re
import shutil
import signal
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeVar

import gevent
import requests.exceptions

import katydid._patch  # noqa: F401  patches the standard library
from katydid import exception as exceptions
from katydid import hub
from katydid._core import Tally
from katydid.util.date import format_utc_timestamp
from katydid.util.rounding import proper_round

if TYPE_CHECKING:
    from katydid.runners import Runner

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
MAX_PERCENTILES_TO_CHART = 6

READING_SECONDS = 0.02
"""How long one reading of all entries may serve a loop over them."""

AGGREGATED = "Aggregated"
"""The name of the entry that sums up all others."""


class CachedResponseTimes(NamedTuple):
    """Response times at the end of a second, for percentiles of the last ones."""

    response_times: dict[int, int]
    num_requests: int
    num_none_requests: int


class RequestStatsAdditionError(Exception):
    """Statistics that cannot be added up."""


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


def bucket_response_time(response_time: float) -> int:
    """A response time as Locust rounds it: to the millisecond below 100, then to two digits, then to seconds.

    Args:
        response_time: In milliseconds. A half goes to the even neighbour.
    """
    if response_time < 100:
        return round(response_time)
    if response_time < 1000:
        return round(response_time, -1).__trunc__()
    if response_time < 10000:
        return round(response_time, -2).__trunc__()
    return round(response_time, -3).__trunc__()


_bucket_response_time = bucket_response_time


def calculate_response_time_percentile(response_times: Mapping[int, int], num_requests: int, percent: float) -> int:
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


def diff_response_time_dicts(latest: Mapping[int, int], old: Mapping[int, int]) -> dict[int, int]:
    """What `latest` counts more than `old`."""
    more = {time: count - old.get(time, 0) for time, count in latest.items()}
    return {time: count for time, count in more.items() if count}


def avg(values: list[float | int]) -> float:
    """The mean, 0 of nothing."""
    return sum(values) / len(values) if values else 0.0


def get_readable_percentiles(percentile_list: list[float]) -> list[str]:
    """Percentiles as the tables head them: ``50%``, ``99.9%``."""
    return [f"{percentile * 100:.6f}".rstrip("0").rstrip(".") + "%" for percentile in percentile_list]


Sortable = TypeVar("Sortable")


def sort_stats(stats: Mapping[Any, Sortable]) -> list[Sortable]:
    """The values in the order of their keys."""
    return [stats[key] for key in sorted(stats)]


class _Source(Protocol):
    """Where numbers are counted: the engine, or a `Tally`."""

    def record(
        self, method: str, name: str, response_time: float | None, length: int = 0, error: str | None = None
    ) -> None: ...
    def record_error(self, method: str, name: str, error: str) -> None: ...
    def merge(self, data: dict[str, Any]) -> None: ...
    def stats(self) -> dict[str, Any]: ...
    def current_percentile(self, part: float) -> int | None: ...
    def clear_stats(self) -> None: ...
    def reset_stats(self) -> None: ...
    def reset_entry(self, method: str, name: str) -> None: ...
    def table(self, which: Literal["requests", "requests_final", "percentiles", "errors"], name_width: int) -> str: ...


_COUNTED = (
    "name",
    "method",
    "last_request_timestamp",
    "start_time",
    "num_requests",
    "num_none_requests",
    "num_failures",
    "total_response_time",
    "max_response_time",
    "min_response_time",
    "total_content_length",
    "response_times",
    "num_reqs_per_sec",
    "num_fail_per_sec",
)
"""The keys of a serialised entry, in their order."""


def _nothing(name: str, method: str) -> dict[str, Any]:
    """What an entry shows before its first request."""
    return {
        **dict.fromkeys(_COUNTED, 0),
        "name": name,
        "method": method,
        "start_time": time.time(),
        "last_request_timestamp": None,
        "min_response_time": None,
        "response_times": {},
        "num_reqs_per_sec": {},
        "num_fail_per_sec": {},
        **dict.fromkeys(("fail_ratio", "avg_response_time", "total_rps", "total_fail_per_sec"), 0.0),
        **dict.fromkeys(("median_response_time", "avg_content_length"), 0),
        **dict.fromkeys(("current_rps", "current_fail_per_sec"), 0.0),
    }


class _Reading:
    """All entries as they were at one moment, taken anew when a script has counted since or that is too long ago."""

    __slots__ = ("_rows", "_seen", "_stats", "_taken")

    def __init__(self, stats: RequestStats) -> None:
        self._stats = stats
        self._take()

    def _take(self) -> None:
        self._seen = self._stats._changes
        self._rows = {(row["name"], row["method"]): row for row in self._stats._source.stats()["entries"]}
        self._taken = time.monotonic()

    def keys(self) -> list[tuple[str, str]]:
        if self._seen != self._stats._changes:
            self._take()
        return list(self._rows)

    def row(self, key: tuple[str, str]) -> dict[str, Any]:
        if self._seen != self._stats._changes or time.monotonic() - self._taken > READING_SECONDS:
            self._take()
        return self._rows.get(key) or _nothing(*key)


def _counted(key: str, words: str) -> Any:
    """An attribute that reads one of the counts, and sets it on an entry that a script has made."""

    def read(entry: StatsEntry) -> Any:
        return entry._row()[key]

    def write(entry: StatsEntry, value: Any) -> None:
        entry._set(key, value)

    return property(read, write, doc=words)


class StatsEntry:
    """The statistics of one request name, or of all.

    One that a script makes counts for itself; one that `RequestStats` gives shows what is counted there.

    Args:
        stats: Where they belong; its clock is what rates are measured by.
        name: The name.
        method: The method, "" for the total.
        use_response_times_cache: Whether percentiles of the last seconds can be asked for.
    """

    def __init__(self, stats: RequestStats, name: str, method: str, use_response_times_cache: bool = False) -> None:
        self.stats = stats
        self.name = name
        self.method = method
        self.use_response_times_cache = use_response_times_cache
        self._own: Tally | None = Tally()
        self._reading: _Reading | None = None
        self._buckets: dict[int, int] | None = None

    @classmethod
    def _view(cls, stats: RequestStats, name: str, method: str, reading: _Reading | None = None) -> StatsEntry:
        """An entry that shows what `stats` counts under a name."""
        entry = cls.__new__(cls)
        entry.stats, entry.name, entry.method = stats, name, method
        entry.use_response_times_cache = stats.use_response_times_cache
        entry._own, entry._reading, entry._buckets = None, reading, None
        return entry

    def __repr__(self) -> str:
        return f"<StatsEntry {self.method} {self.name}: {self.num_requests} requests, {self.num_failures} failures>"

    def _row(self) -> dict[str, Any]:
        """This entry's numbers in the engine's words, which are Locust's."""
        if self._own is not None:
            row: dict[str, Any] = self._own.stats()["total"]
            row.update(name=self.name, method=self.method)
            if self._buckets is not None:
                row["response_times"] = dict(self._buckets)
            return row
        if self._reading is not None:
            return self._reading.row((self.name, self.method))
        source = self.stats._source
        if not self.method and self.name == AGGREGATED:
            total: dict[str, Any] = source.stats()["total"]
            return total
        return _Reading(self.stats).row((self.name, self.method))

    def _set(self, key: str, value: Any) -> None:
        if self._own is None:
            raise AttributeError(
                f"{key} of {self.method} {self.name} is counted by the engine and cannot be set; "
                "make a StatsEntry of your own to count by hand"
            )
        row = {**self.serialize(), key: value}
        self._own.clear_stats()
        self._own.merge({"stats": [row], "errors": {}})

    def _counter(self) -> _Source:
        """Where this entry's requests are counted."""
        return self._own or self.stats._changing()

    num_requests: int = _counted("num_requests", "Requests, failed ones included.")
    num_none_requests: int = _counted("num_none_requests", "Requests without a response time.")
    num_failures: int = _counted("num_failures", "Failures.")
    total_response_time: float = _counted("total_response_time", "Sum of the response times, in ms.")
    min_response_time: float | None = _counted("min_response_time", "The shortest response time, in ms.")
    max_response_time: float = _counted("max_response_time", "The longest response time, in ms.")
    total_content_length: int = _counted("total_content_length", "Bytes of all responses.")
    start_time: float = _counted("start_time", "When counting began, in seconds since the epoch.")
    last_request_timestamp: float | None = _counted(
        "last_request_timestamp", "When the last request ended, in seconds since the epoch."
    )
    response_times: dict[int, int] = _counted("response_times", "How many requests took each rounded time in ms.")
    num_reqs_per_sec: dict[int, int] = _counted("num_reqs_per_sec", "Requests by second, of the last half minute.")
    num_fail_per_sec: dict[int, int] = _counted("num_fail_per_sec", "Failures by second, of the last half minute.")

    @property
    def response_times_cache(self) -> OrderedDict[int, CachedResponseTimes] | None:
        """The response times at the end of the second of the last request; none without the cache."""
        if not self.use_response_times_cache:
            return None
        row = self._row()
        cache: OrderedDict[int, CachedResponseTimes] = OrderedDict()
        if row["last_request_timestamp"] is not None:
            cache[int(row["last_request_timestamp"])] = CachedResponseTimes(
                row["response_times"], row["num_requests"], row["num_none_requests"]
            )
        return cache

    def log(self, response_time: float | None, content_length: int) -> None:
        """Counts one request.

        Args:
            response_time: In ms; None for a request that has none.
            content_length: Bytes.
        """
        source = self._counter()
        source.record(self.method, self.name, response_time, content_length)
        if self._own is not None and response_time is not None and bucket_response_time is not _bucket_response_time:
            buckets = self._buckets = self._buckets if self._buckets is not None else {}
            bucket = bucket_response_time(response_time)
            buckets[bucket] = buckets.get(bucket, 0) + 1

    def log_error(self, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        source = self._counter()
        source.record_error(self.method, self.name, StatsError.parse_error(error))

    def reset(self) -> None:
        """Sets every number to zero."""
        self._buckets = None
        if self._own is not None:
            self._own.clear_stats()
        elif not self.method and self.name == AGGREGATED:
            self.stats._changing().reset_stats()
        else:
            self.stats._changing().reset_entry(self.method, self.name)

    def extend(self, other: StatsEntry) -> None:
        """Adds what another entry has counted."""
        row = {**other.serialize(), "name": self.name, "method": self.method}
        source = self._counter()
        source.merge({"stats": [row], "errors": {}})

    @property
    def fail_ratio(self) -> float:
        """The share of requests that failed, 0 to 1."""
        return float(self._row()["fail_ratio"])

    @property
    def avg_response_time(self) -> float:
        """The mean response time, in ms."""
        return float(self._row()["avg_response_time"])

    @property
    def median_response_time(self) -> float:
        """The median of the rounded response times, within the true bounds, in ms."""
        median = self._row()["median_response_time"]
        return int(median) if median == int(median) else float(median)

    @property
    def current_rps(self) -> float:
        """Requests per second of the last ten seconds or so."""
        return self._current("num_reqs_per_sec", "current_rps")

    @property
    def current_fail_per_sec(self) -> float:
        """Failures per second of the last ten seconds or so."""
        return self._current("num_fail_per_sec", "current_fail_per_sec")

    def _current(self, counts: str, rate: str) -> float:
        row = self._row()
        if self._own is None:
            return float(row[rate])
        last = self.stats.last_request_timestamp
        if last is None:
            return 0.0
        first = max(int(last) - 12, int(self.stats.start_time or 0))
        return avg([row[counts].get(second, 0) for second in range(first, int(last) - 2)])

    @property
    def total_rps(self) -> float:
        """Requests per second of the whole run."""
        return self._overall("num_requests", "total_rps")

    @property
    def total_fail_per_sec(self) -> float:
        """Failures per second of the whole run."""
        return self._overall("num_failures", "total_fail_per_sec")

    def _overall(self, count: str, rate: str) -> float:
        row = self._row()
        if self._own is None:
            return float(row[rate])
        last, start = self.stats.last_request_timestamp, self.stats.start_time
        return float(row[count] / (last - start)) if last and start and last > start else 0.0

    @property
    def avg_content_length(self) -> float:
        """Mean bytes per response."""
        row = self._row()
        return row["total_content_length"] / row["num_requests"] if row["num_requests"] else 0

    def get_response_time_percentile(self, percent: float) -> int:
        """The response time below which a share of the requests stayed, in ms.

        Args:
            percent: The share, 0 to 1.
        """
        row = self._row()
        timed = row["num_requests"] - row["num_none_requests"]
        return calculate_response_time_percentile(row["response_times"], timed, percent)

    def get_current_response_time_percentile(self, percent: float) -> int | None:
        """The same of the last ten seconds or so, ``None`` while there is nothing that old to compare with.

        Args:
            percent: The share, 0 to 1.

        Raises:
            ValueError: The entry was made without `use_response_times_cache`.
        """
        if not self.use_response_times_cache:
            raise ValueError(
                "StatsEntry.use_response_times_cache must be set to True to calculate the _current_ response time "
                "percentile"
            )
        return self._counter().current_percentile(percent)

    def serialize(self) -> dict[str, Any]:
        """The counts as they are written to files and sent to masters."""
        row = self._row()
        return {key: row[key] for key in _COUNTED}

    @classmethod
    def unserialize(cls, data: Mapping[str, Any], stats: RequestStats | None = None) -> StatsEntry:
        """An entry made of what `serialize` gave.

        Args:
            data: The counts.
            stats: Where the entry belongs.
        """
        entry = cls(stats if stats is not None else RequestStats(), data["name"], data["method"])
        assert entry._own is not None
        entry._own.clear_stats()
        entry._own.merge({"stats": [dict(data)], "errors": {}})
        return entry

    def get_stripped_report(self) -> dict[str, Any]:
        """What `serialize` gives; the entry begins again from zero."""
        report = self.serialize()
        self.reset()
        return report

    def _line(self, which: Literal["requests", "requests_final", "percentiles"]) -> str:
        tally = Tally()
        tally.clear_stats()
        tally.merge({"stats": [self.serialize()], "errors": {}})
        lines = tally.table(which, STATS_NAME_WIDTH).splitlines()
        return lines[3] if which == "percentiles" else lines[2]

    def to_string(self, current: bool = True) -> str:
        """The entry as a line of the table of requests.

        Args:
            current: With the rates of the last seconds rather than those of the whole run.
        """
        return self._line("requests" if current else "requests_final")

    def percentile(self) -> str:
        """The entry as a line of the table of percentiles.

        Raises:
            ValueError: It has no requests.
        """
        if not self.num_requests:
            raise ValueError("Can't calculate percentile on url with no successful requests")
        return self._line("percentiles")

    __str__ = to_string

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """The entry as the page's table shows it.

        Args:
            escape_string_values: Make the texts safe within HTML.
        """
        from html import escape

        return {
            "method": escape(self.method or "") if escape_string_values else self.method,
            "name": escape(self.name) if escape_string_values else self.name,
            "num_requests": self.num_requests,
            "num_failures": self.num_failures,
            "min_response_time": 0 if self.min_response_time is None else proper_round(self.min_response_time),
            "max_response_time": proper_round(self.max_response_time),
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


class StatsError:
    """One kind of failure of one request name.

    Args:
        method: The request's method.
        name: The request's name.
        error: The failure: its text, or the exception.
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
        """The text a failure is counted under: memory addresses do not tell failures apart."""
        text = error if isinstance(error, str) else repr(error)
        found = re.search(r"object at (0x[^>]*)>", text)
        return text.replace(found[1], "0x....") if found else text

    @classmethod
    def create_key(cls, method: str, name: str, error: Exception | str | None) -> str:
        """What tells one kind of failure from another."""
        text = f"{method}.{name}.{cls.parse_error(error)!r}"
        return hashlib.sha256(text.encode()).hexdigest()

    def occurred(self) -> None:
        """Counts one more of it."""
        now = time.time()
        self.occurrences += 1
        self.first_seen = self.first_seen if self.first_seen is not None else now
        self.last_seen = now

    def to_name(self) -> str:
        """The failure in one line, as the error report has it."""
        error = self.error
        if isinstance(error, exceptions.CatchResponseError):
            shown = str(error.args[0]) if error.args else ""
        else:
            shown = error if isinstance(error, str) else repr(error)
            if shown.startswith("CatchResponseError("):
                shown = shown.removeprefix("CatchResponseError(").removesuffix(")")
        return f"{self.method} {self.name}: {shown}"

    def serialize(self) -> dict[str, Any]:
        """The failure as it is sent to masters."""
        return {
            "name": self.name,
            "method": self.method,
            "error": self.parse_error(self.error),
            "occurrences": self.occurrences,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }

    @classmethod
    def unserialize(cls, data: Mapping[str, Any]) -> StatsError:
        """A failure made of what `serialize` gave."""
        return cls(
            data["method"],
            data["name"],
            data["error"],
            data["occurrences"],
            data.get("first_seen"),
            data.get("last_seen"),
        )

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """The failure as the page's table shows it.

        Args:
            escape_string_values: Make the texts safe within HTML.
        """
        from html import escape

        shown = escape if escape_string_values else str
        return {
            "method": shown(self.method),
            "name": shown(self.name),
            "error": shown(self.parse_error(self.error)),
            "occurrences": self.occurrences,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }


def _revived(text: str) -> Exception | str:
    """The exception behind the text that it was counted under; the text itself if there was none."""
    found = re.fullmatch(r"(\w+)\((.*)\)", text, re.DOTALL)
    if found is None:
        return text
    name, inside = found.groups()
    try:
        arguments = ast.literal_eval(f"({inside},)") if inside else ()
    except (SyntaxError, ValueError):
        return text
    for home in (exceptions, builtins, requests.exceptions):
        cls = getattr(home, name, None)
        if isinstance(cls, type) and issubclass(cls, Exception):
            try:
                return cls(*arguments)
            except TypeError:
                break
    return type(name, (Exception,), {})(*arguments)  # type: ignore[no-any-return]  # type() of unknown bases


class EntriesDict(MutableMapping[tuple[str, str], StatsEntry]):
    """Entries by (name, method). Asking for one that is not there makes it, empty.

    Args:
        stats: Where they belong.
    """

    def __init__(self, stats: RequestStats) -> None:
        self._stats = stats
        self._reading = _Reading(stats)

    def __getitem__(self, key: tuple[str, str]) -> StatsEntry:
        if key not in self:
            self._stats._changing().merge({"stats": [_nothing(*key)], "errors": {}})
        return StatsEntry._view(self._stats, *key, reading=self._reading)

    def __setitem__(self, key: tuple[str, str], entry: StatsEntry) -> None:
        row = {**entry.serialize(), "name": key[0], "method": key[1]}
        if key in self:
            self._stats._changing().reset_entry(key[1], key[0])
        self._stats._changing().merge({"stats": [row], "errors": {}})

    def __delitem__(self, key: tuple[str, str]) -> None:
        raise TypeError("entries cannot be removed one by one; clear_all() forgets all of them")

    def __contains__(self, key: object) -> bool:
        return key in self._reading.keys()  # noqa: SIM118  a reading is no mapping

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._reading.keys())

    def __len__(self) -> int:
        return len(self._reading.keys())


class RequestStats:
    """The statistics of an environment: the engine's once it has a runner, its own before.

    Example:
        ```python
        @events.quitting.add_listener
        def judge(environment, **kwargs):
            if environment.stats.total.fail_ratio > 0.01:
                environment.process_exit_code = 1
        ```

    Args:
        use_response_times_cache: Whether percentiles of the last seconds can be asked for.
    """

    _attached: RequestStats | None = None
    """The statistics that the engine counts for."""

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self.use_response_times_cache = use_response_times_cache
        self.history: list[dict[str, Any]] = []
        self._source: _Source = Tally()
        self._changes = 0
        self.total = StatsEntry._view(self, AGGREGATED, "")

    def _attach(self) -> None:
        """Has the engine count for these statistics from now on; those it counted for keep what they have."""
        before = RequestStats._attached
        if before is self:
            return
        engine = hub.engine()
        if before is not None:
            kept = Tally()
            kept.merge(before._exported())
            before._source = kept
        engine.clear_stats()
        engine.merge(self._exported())
        self._source = engine
        RequestStats._attached = self

    def _changing(self) -> _Source:
        """Where to count something: what was read before is not true any more."""
        self._changes += 1
        return self._source

    @property
    def is_attached(self) -> bool:
        """Whether it is the engine that counts."""
        return RequestStats._attached is self

    def _exported(self) -> dict[str, Any]:
        taken = self._source.stats()
        rows = [{key: row[key] for key in _COUNTED} for row in taken["entries"]]
        errors = {StatsError.create_key(row["method"], row["name"], row["error"]): row for row in taken["errors"]}
        return {"stats": rows, "errors": errors}

    @property
    def entries(self) -> EntriesDict:
        """The entries by (name, method)."""
        return EntriesDict(self)

    @property
    def errors(self) -> dict[str, StatsError]:
        """The failures by key."""
        errors = (StatsError.unserialize(row) for row in self._source.stats()["errors"])
        found = {StatsError.create_key(error.method, error.name, error.error): error for error in errors}
        for error in found.values():
            if isinstance(error.error, str):
                error.error = _revived(error.error)
        return found

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
        """One entry, made now if it is not there."""
        return self.entries[(name, method)]

    def log_request(self, method: str, name: str, response_time: float | None, content_length: int) -> None:
        """Counts one request."""
        self._changing().record(method, name, response_time, content_length)

    def log_error(self, method: str, name: str, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        self._changing().record_error(method, name, StatsError.parse_error(error))

    def reset_all(self) -> None:
        """Sets every number to zero and forgets the failures; the names stay."""
        self.history = []
        self._changing().reset_stats()

    def clear_all(self) -> None:
        """Forgets everything."""
        self.history = []
        self._changing().clear_stats()

    def serialize_stats(self) -> list[dict[str, Any]]:
        """The entries that have counted something; they begin again from zero."""
        entries = self.entries
        return [entry.get_stripped_report() for entry in entries.values() if entry.num_requests or entry.num_failures]

    def serialize_errors(self) -> dict[str, dict[str, Any]]:
        """The failures by key, as they are sent to masters."""
        return {key: error.serialize() for key, error in self.errors.items()}


def print_stats(stats: RequestStats, current: bool = True) -> None:
    """Prints the table of requests.

    Args:
        stats: The statistics.
        current: Show the rates of the last seconds rather than those of the whole run.
    """
    _print([*get_stats_summary(stats, current), ""])


def print_percentile_stats(stats: RequestStats) -> None:
    """Prints the table of percentiles."""
    _print([*get_percentile_stats_summary(stats), ""])


def print_error_report(stats: RequestStats) -> None:
    """Prints the table of failures, if there were any."""
    if stats.errors:
        _print(get_error_report_summary(stats))


def get_stats_summary(stats: RequestStats, current: bool = True) -> list[str]:
    """The lines of the table of requests.

    Args:
        stats: The statistics.
        current: With the rates of the last seconds rather than those of the whole run.
    """
    return stats._source.table("requests" if current else "requests_final", STATS_NAME_WIDTH).split("\n")[:-2]


def get_percentile_stats_summary(stats: RequestStats) -> list[str]:
    """The lines of the table of percentiles."""
    return stats._source.table("percentiles", STATS_NAME_WIDTH).split("\n")[:-2]


def get_error_report_summary(stats: RequestStats) -> list[str]:
    """The lines of the table of failures."""
    table = stats._source.table("errors", STATS_NAME_WIDTH)
    return table.split("\n")[:-1]


def _print(lines: list[str]) -> None:
    for line in lines:
        console_logger.info(line)


def print_stats_json(stats: RequestStats) -> None:
    """Prints the entries as JSON. They begin again from zero."""
    print(json.dumps(stats.serialize_stats(), indent=4))


def save_stats_json(stats: RequestStats, filename: str) -> None:
    """Writes the entries as JSON. They begin again from zero.

    Args:
        stats: The statistics.
        filename: The file, without ``.json``.
    """
    path = f"{filename}.json"
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as file:
        json.dump(stats.serialize_stats(), file, indent=4)


def stats_printer(stats: RequestStats) -> Callable[[], None]:
    """A function to spawn that prints the table of requests every `CONSOLE_STATS_INTERVAL_SEC`."""

    def print_forever() -> None:
        while True:
            print_stats(stats)
            gevent.sleep(CONSOLE_STATS_INTERVAL_SEC)

    return print_forever


def stats_history(runner: Runner) -> None:
    """Adds a point to the history every `HISTORY_STATS_INTERVAL_SEC` while a test runs; to be spawned."""
    while True:
        if not runner.stats.total.use_response_times_cache:
            break
        if runner.state not in ("ready", "stopped"):
            update_stats_history(runner)
        gevent.sleep(HISTORY_STATS_INTERVAL_SEC)


def update_stats_history(runner: Runner, timestamp: str | None = None) -> None:
    """Adds a point to the history.

    Args:
        runner: Whose statistics.
        timestamp: The point's time; now by default.
    """
    total = runner.stats.total
    at = timestamp or format_utc_timestamp(time.time())
    runner.stats.history.append(
        {
            **{
                f"response_time_percentile_{percent}": [at, total.get_current_response_time_percentile(percent) or 0]
                for percent in PERCENTILES_TO_CHART
            },
            "time": at,
            "current_rps": [at, total.current_rps or 0],
            "current_fail_per_sec": [at, total.current_fail_per_sec or 0],
            "total_avg_response_time": [at, proper_round(total.avg_response_time, digits=2)],
            "user_count": [at, runner.user_count or 0],
        }
    )


def validate_stats_configuration() -> None:
    """Ends the process if a script has set percentiles that cannot be shown."""
    problem = None
    if len(PERCENTILES_TO_CHART) > MAX_PERCENTILES_TO_CHART:
        problem = (
            f"stats.PERCENTILES_TO_CHART parameter should be a maximum of {MAX_PERCENTILES_TO_CHART} parameters \n"
        )
    for name, percentiles in (
        ("PERCENTILES_TO_CHART", PERCENTILES_TO_CHART),
        ("PERCENTILES_TO_STATISTICS", PERCENTILES_TO_STATISTICS),
    ):
        if not all(isinstance(percentile, float) and 0 < percentile < 1 for percentile in percentiles):
            problem = (
                problem or f"stats.{name} parameter need to be float and value between. 0 < percentile < 1 Eg 0.95\n"
            )
    if problem:
        sys.stderr.write(problem)
        sys.exit(1)


from katydid.stats_csv import StatsCSV as StatsCSV  # noqa: E402  it needs what is above
from katydid.stats_csv import StatsCSVFileWriter as StatsCSVFileWriter  # noqa: E402


def __getattr__(name: str) -> Any:
    """Finds ``global_stats``, which this module had in the 0.14 generation."""
    if name == "global_stats":
        from katydid import legacy_run

        return legacy_run.global_stats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
