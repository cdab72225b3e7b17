"""What is counted under one name, and the failures: plain objects whose numbers a script may set."""

from __future__ import annotations

import hashlib
import re
import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from katydid import stats as settings
from katydid.exception import CatchResponseError
from katydid.util.rounding import proper_round

if TYPE_CHECKING:
    from katydid.stats import RequestStats

CACHE_BESIDES_WINDOW = 10
"""Seconds of copies that are kept besides the window of "current" percentiles."""

FARTHEST_COPY = 8
"""How many seconds the copy for a "current" percentile may be off."""

COUNTED = (
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
"""The counts of an entry in the order they are written in."""


class CachedResponseTimes(NamedTuple):
    """What an entry had counted at the end of a second, for percentiles of the last ones."""

    response_times: dict[int, int]
    num_requests: int
    num_none_requests: int


class RequestStatsAdditionError(Exception):
    """Statistics that cannot be added up."""


class StatsEntry:
    """The statistics of one request name, or of all.

    Args:
        stats: Where they belong; rates are measured by the clock of its total.
        name: The name.
        method: The method, "" for the total.
        use_response_times_cache: Whether percentiles of the last seconds can be asked for.
    """

    def __init__(self, stats: RequestStats, name: str, method: str, use_response_times_cache: bool = False) -> None:
        self.stats = stats
        self.name = name
        self.method = method
        self.use_response_times_cache = use_response_times_cache
        self.reset()

    def reset(self) -> None:
        """Sets every number to zero."""
        now = time.time()
        self.start_time: float = now
        """When counting began, in seconds since the epoch."""
        self.last_request_timestamp: float | None = None
        """When the last request ended, in seconds since the epoch."""
        self.num_requests: int = 0
        """Requests, failed ones included."""
        self.num_none_requests: int = 0
        """Requests without a response time."""
        self.num_failures: int = 0
        """Failures."""
        self.total_response_time: float = 0
        """Sum of the response times, in ms."""
        self.max_response_time: float = 0
        """The longest response time, in ms."""
        self.min_response_time: float | None = None
        """The shortest response time, in ms."""
        self.total_content_length: int = 0
        """Bytes of all responses."""
        self.response_times: dict[int, int] = defaultdict(int)
        """How many requests took each response time, rounded, in ms."""
        self.num_reqs_per_sec: dict[int, int] = defaultdict(int)
        """How many requests ended in each second since the epoch."""
        self.num_fail_per_sec: dict[int, int] = defaultdict(int)
        """How many failures there were in each second."""
        self.response_times_cache: OrderedDict[int, CachedResponseTimes] | None = None
        """What was counted at the end of each of the last seconds."""
        if self.use_response_times_cache:
            self.response_times_cache = OrderedDict()
            self._cache_response_times(int(now))

    def log(self, response_time: float | None, content_length: int) -> None:
        """Counts one request.

        Args:
            response_time: In ms; None for a request that has none.
            content_length: Bytes.
        """
        now = time.time()
        if self.use_response_times_cache and int(now) > int(self.last_request_timestamp or now):
            self._cache_response_times(int(now) - 1)
        self.num_requests += 1
        self.num_reqs_per_sec[int(now)] = self.num_reqs_per_sec.get(int(now), 0) + 1
        self.last_request_timestamp = now
        self.total_content_length += content_length
        if response_time is None:
            self.num_none_requests += 1
            return
        self.total_response_time += response_time
        shortest = self.min_response_time
        self.min_response_time = response_time if shortest is None else min(shortest, response_time)
        self.max_response_time = max(self.max_response_time, response_time)
        # Looked up now: a script may have put its own in its place.
        rounded = settings.bucket_response_time(response_time)
        self.response_times[rounded] = self.response_times.get(rounded, 0) + 1

    def log_error(self, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        second = int(time.time())
        self.num_failures += 1
        self.num_fail_per_sec[second] = self.num_fail_per_sec.get(second, 0) + 1

    def extend(self, other: StatsEntry) -> None:
        """Adds what another entry has counted."""
        before = int(self.last_request_timestamp or 0)
        stamps = (self.last_request_timestamp, other.last_request_timestamp)
        self.last_request_timestamp = max((stamp for stamp in stamps if stamp is not None), default=None)
        self.start_time = min(self.start_time, other.start_time)
        self.num_requests += other.num_requests
        self.num_none_requests += other.num_none_requests
        self.num_failures += other.num_failures
        self.total_response_time += other.total_response_time
        self.total_content_length += other.total_content_length
        self.max_response_time = max(self.max_response_time, other.max_response_time)
        shortest = (self.min_response_time, other.min_response_time)
        self.min_response_time = min((each for each in shortest if each is not None), default=None)
        for mine, theirs in (
            (self.response_times, other.response_times),
            (self.num_reqs_per_sec, other.num_reqs_per_sec),
            (self.num_fail_per_sec, other.num_fail_per_sec),
        ):
            for key, count in theirs.items():
                mine[key] = mine.get(key, 0) + count
        if self.use_response_times_cache and int(self.last_request_timestamp or 0) > before:
            self._cache_response_times(int(self.last_request_timestamp or 0))

    def _cache_response_times(self, t: int) -> None:
        """Keeps what is counted by now as that of a second.

        Args:
            t: The second, since the epoch.
        """
        if self.response_times_cache is None:
            self.response_times_cache = OrderedDict()
        self.response_times_cache[t] = CachedResponseTimes(
            self.response_times.copy(), self.num_requests, self.num_none_requests
        )
        while len(self.response_times_cache) > settings.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW + CACHE_BESIDES_WINDOW:
            self.response_times_cache.popitem(last=False)

    @property
    def fail_ratio(self) -> float:
        """Failures per request, 0 to 1 as a rule; 1 if there are only failures."""
        if self.num_requests:
            return self.num_failures / self.num_requests
        return 1.0 if self.num_failures else 0.0

    @property
    def avg_response_time(self) -> float:
        """The mean response time, in ms."""
        timed = self.num_requests - self.num_none_requests
        return self.total_response_time / timed if timed else 0.0

    @property
    def median_response_time(self) -> float:
        """The median of the rounded response times, within the true bounds, in ms."""
        if not self.response_times:
            return 0
        median: float = self.get_response_time_percentile(0.5)
        if median > self.max_response_time:
            median = self.max_response_time
        elif self.min_response_time is not None and median < self.min_response_time:
            median = self.min_response_time
        return median

    @property
    def current_rps(self) -> float:
        """Requests per second of the last ten seconds or so."""
        return self._current(self.num_reqs_per_sec)

    @property
    def current_fail_per_sec(self) -> float:
        """Failures per second of the last ten seconds or so."""
        return self._current(self.num_fail_per_sec)

    def _current(self, by_second: Mapping[int, int]) -> float:
        last, start = self.stats.last_request_timestamp, self.stats.start_time
        if last is None:
            return 0.0
        first = max(int(last) - 12, int(start or 0))
        return settings.avg([by_second.get(second, 0) for second in range(first, int(last) - 2)])

    @property
    def total_rps(self) -> float:
        """Requests per second of the whole run."""
        return self._overall(self.num_requests)

    @property
    def total_fail_per_sec(self) -> float:
        """Failures per second of the whole run."""
        return self._overall(self.num_failures)

    def _overall(self, count: int) -> float:
        last, start = self.stats.last_request_timestamp, self.stats.start_time
        return count / (last - start) if last and start and last != start else 0.0

    @property
    def avg_content_length(self) -> float:
        """Mean bytes per response."""
        return self.total_content_length / self.num_requests if self.num_requests else 0

    def get_response_time_percentile(self, percent: float) -> int:
        """The response time below which a share of the requests stayed, in ms.

        Args:
            percent: The share, 0 to 1.
        """
        timed = self.num_requests - self.num_none_requests
        return settings.calculate_response_time_percentile(self.response_times, timed, percent)

    def get_current_response_time_percentile(self, percent: float) -> int | None:
        """The same of the last ten seconds or so, ``None`` while there is nothing that old to compare with.

        Args:
            percent: The share, 0 to 1.

        Raises:
            ValueError: The entry was made without `use_response_times_cache`.
        """
        self._check_cache()
        wanted = int(time.time()) - settings.CURRENT_RESPONSE_TIME_PERCENTILE_WINDOW
        copies: Mapping[int, CachedResponseTimes] = self.response_times_cache or {}
        usable = [second for second in copies if abs(second - wanted) <= FARTHEST_COPY]
        if not usable:
            return None
        # Of two that are as far away the earlier one.
        copy = copies[min(usable, key=lambda second: (abs(second - wanted), second))]
        requests = self.num_requests - copy.num_requests
        timed = requests - (self.num_none_requests - copy.num_none_requests)
        recent = settings.diff_response_time_dicts(self.response_times, copy.response_times)
        return settings.calculate_response_time_percentile(recent, timed, percent)

    def _check_cache(self) -> None:
        if not self.use_response_times_cache:
            raise ValueError(
                "StatsEntry.use_response_times_cache must be set to True to calculate the _current_ response time "
                "percentile"
            )

    def serialize(self) -> dict[str, Any]:
        """The counts as they are written to files and sent to masters."""
        return {"name": self.name, "method": self.method, **{key: getattr(self, key) for key in COUNTED}}

    @classmethod
    def unserialize(cls, data: Mapping[str, Any], stats: RequestStats) -> StatsEntry:
        """An entry made of what `serialize` gave.

        Args:
            data: The counts.
            stats: Where the entry belongs.
        """
        entry = cls(stats, data["name"], data["method"])
        for key in COUNTED:
            setattr(entry, key, data[key])
        return entry

    def get_stripped_report(self) -> dict[str, Any]:
        """What `serialize` gives; the entry begins again from zero."""
        report = self.serialize()
        self.reset()
        return report

    def to_string(self, current: bool = True) -> str:
        """The entry as a line of the table of requests.

        Args:
            current: With the rates of the last seconds rather than those of the whole run.
        """
        rps, fails_per_sec = (
            (self.current_rps, self.current_fail_per_sec) if current else (self.total_rps, self.total_fail_per_sec)
        )
        method = f"{self.method} " if self.method else ""
        fails = f"{self.num_failures}({self.fail_ratio * 100:.2f}%)"
        times = (self.avg_response_time, self.min_response_time or 0, self.max_response_time)
        return (
            f"{method:<{settings.STATS_TYPE_WIDTH}} {self.name:<{settings.requests_name_width()}} "
            f"{self.num_requests:>7} {fails:>12} |{'{:>7} {:>7} {:>7}'.format(*map(int, times))}"
            f"{int(self.median_response_time or 0):>7} | {rps or 0:>7.2f} {fails_per_sec or 0:>11.2f}"
        )

    __str__ = to_string

    def percentile(self) -> str:
        """The entry as a line of the table of percentiles.

        Raises:
            ValueError: It has no requests.
        """
        if not self.num_requests:
            raise ValueError("Can't calculate percentile on url with no successful requests")
        values = [int(self.get_response_time_percentile(percent)) for percent in settings.PERCENTILES_TO_REPORT]
        return settings.percentiles_line(self.method or "", self.name, [*values, self.num_requests])

    def to_dict(self, escape_string_values: bool = False) -> dict[str, Any]:
        """The entry as the page's table shows it.

        Args:
            escape_string_values: Accepted for Locust's sake; whoever shows texts makes them safe.
        """
        return {
            "method": self.method,
            "name": self.name,
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
                for percent in settings.PERCENTILES_TO_STATISTICS
            },
            "avg_content_length": self.avg_content_length,
        }


class EntriesDict(dict[tuple[str, str], StatsEntry]):
    """Entries by (name, method). Asking for one that is not there makes it.

    Args:
        request_stats: Where they belong.
    """

    def __init__(self, request_stats: RequestStats) -> None:
        super().__init__()
        self.request_stats = request_stats

    def __missing__(self, key: tuple[str, str]) -> StatsEntry:
        stats = self.request_stats
        entry = self[key] = StatsEntry(stats, *key, use_response_times_cache=stats.use_response_times_cache)
        return entry


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
        if isinstance(error, CatchResponseError):
            shown = str(error)
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

    def to_dict(self) -> dict[str, Any]:
        """The failure as the page's table shows it."""
        return {
            "method": self.method,
            "name": self.name,
            "error": self.parse_error(self.error),
            "occurrences": self.occurrences,
            "first_seen": self.first_seen,
            "last_seen": self.last_seen,
        }
