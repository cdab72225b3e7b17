"""The statistics of a run: what the engine has counted, as the objects that scripts know."""

from __future__ import annotations

import ast
import builtins
import re
import time
from collections.abc import Iterator, MutableMapping
from typing import TYPE_CHECKING, Any, Literal, cast

import requests.exceptions

from katydid import exception as exceptions
from katydid import hub
from katydid import stats as settings
from katydid.stats_entries import COUNTED, StatsEntry, StatsError

if TYPE_CHECKING:
    from katydid._core import Engine
    from katydid.stats import RequestStats

READING_SECONDS = 0.02
"""How long one reading of the engine may serve: long enough for a loop over all entries."""

Key = tuple[str, str]


class EngineCounts:
    """What the engine counts for some statistics.

    Args:
        stats: The statistics.
        environment: Whose engine counts.

    Attributes:
        stale: Set by whoever has something counted: what was read is not true any more.
    """

    def __init__(self, stats: RequestStats, environment: Any = None) -> None:
        self.stats = stats
        self._environment = environment
        self.stale = True
        self._taken = 0.0
        self._total: dict[str, Any] = {}
        self._rows: dict[Key, dict[str, Any]] = {}
        self._errors: list[dict[str, Any]] = []

    @property
    def engine(self) -> Engine:
        """What counts."""
        return hub.engine(self._environment)

    def _read(self) -> None:
        if self.stale or time.monotonic() - self._taken > READING_SECONDS:
            read = self.engine.stats()
            self._total, self._errors = read["total"], read["errors"]
            self._rows = {(row["name"], row["method"]): row for row in read["entries"]}
            self._taken, self.stale = time.monotonic(), False

    def keys(self) -> list[Key]:
        """The entries there are."""
        self._read()
        return list(self._rows)

    def row(self, name: str, method: str) -> dict[str, Any]:
        """What is counted under a name, or in total."""
        self._read()
        if not method and name == settings.AGGREGATED:
            return self._total
        return self._rows.get((name, method)) or nothing(name, method)

    def errors(self) -> dict[str, StatsError]:
        """The failures by key."""
        self._read()
        found = {}
        for row in self._errors:
            error = StatsError.unserialize(row)
            found[StatsError.create_key(error.method, error.name, error.error)] = error
            error.error = revived(row["error"])
        return found

    def record(self, method: str, name: str, response_time: float | None, length: int, error: str | None) -> None:
        """Counts a request."""
        self.stale = True
        self.engine.record(method, name, response_time, length, error)

    def record_error(self, method: str, name: str, error: str) -> None:
        """Counts a failure, and no request."""
        self.stale = True
        self.engine.record_error(method, name, error)

    def merge(self, entries: list[dict[str, Any]], errors: dict[str, Any] | None = None) -> None:
        """Adds what was counted elsewhere."""
        self.stale = True
        self.engine.merge({"stats": entries, "errors": errors or {}})

    def clear(self) -> None:
        """Forgets everything."""
        self.stale = True
        self.engine.clear_stats()

    def reset(self) -> None:
        """Sets every number to zero and forgets the failures; the names stay."""
        self.stale = True
        self.engine.reset_stats()

    def reset_entry(self, name: str, method: str) -> None:
        """Sets the numbers of one name to zero."""
        self.stale = True
        self.engine.reset_entry(method, name)

    def table(self, which: Literal["requests", "requests_final", "percentiles", "errors"]) -> list[str]:
        """The lines of a table of the console, the empty one at its end included."""
        labels = settings.get_readable_percentiles(settings.PERCENTILES_TO_REPORT)
        percentiles = list(zip(settings.PERCENTILES_TO_REPORT, labels, strict=True))
        table = self.engine.table(which, settings.STATS_NAME_WIDTH, settings.STATS_TYPE_WIDTH, percentiles)
        return table.split("\n")[:-1]


def nothing(name: str, method: str) -> dict[str, Any]:
    """What an entry shows before its first request."""
    return {
        "name": name,
        "method": method,
        **dict.fromkeys(COUNTED, 0),
        "start_time": time.time(),
        "last_request_timestamp": None,
        "min_response_time": None,
        "response_times": {},
        "num_reqs_per_sec": {},
        "num_fail_per_sec": {},
        **dict.fromkeys(("current_rps", "current_fail_per_sec", "total_rps", "total_fail_per_sec"), 0.0),
    }


def _counted(key: str) -> Any:
    """An attribute that the engine counts."""

    def read(entry: EngineEntry) -> Any:
        return entry._row()[key]

    def write(entry: EngineEntry, value: Any) -> None:
        raise AttributeError(
            f"{key} of {entry.method} {entry.name} is counted by the engine and cannot be set; "
            "make a StatsEntry or RequestStats of your own to count by hand"
        )

    return property(read, write)


class EngineEntry(StatsEntry):
    """An entry of a run: what the engine counts under a name.

    An object becomes one when its statistics are given to the engine, and an ordinary entry again when the engine
    counts for others, so that a script may hold it all the time.
    """

    __slots__ = ()

    # What a run has counted, or had when the engine turned to another.
    def _row(self) -> dict[str, Any]:
        counts = self.stats.engine_counts
        if counts is not None:
            return counts.row(self.name, self.method)
        kept = self.stats.entries.get((self.name, self.method))
        return vars(kept) if kept is not None else nothing(self.name, self.method)

    last_request_timestamp = _counted("last_request_timestamp")
    start_time = _counted("start_time")
    num_requests = _counted("num_requests")
    num_none_requests = _counted("num_none_requests")
    num_failures = _counted("num_failures")
    total_response_time = _counted("total_response_time")
    max_response_time = _counted("max_response_time")
    min_response_time = _counted("min_response_time")
    total_content_length = _counted("total_content_length")
    response_times = _counted("response_times")
    num_reqs_per_sec = _counted("num_reqs_per_sec")
    num_fail_per_sec = _counted("num_fail_per_sec")

    def _counts(self) -> EngineCounts:
        """Where this entry is counted."""
        counts = self.stats.engine_counts
        if counts is None:
            raise RuntimeError(f"{self.method} {self.name} is of a run whose statistics are closed")
        return counts

    def log(self, response_time: float | None, content_length: int) -> None:
        """Counts one request."""
        self._counts().record(self.method, self.name, response_time, content_length, None)

    def log_error(self, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        self._counts().record_error(self.method, self.name, StatsError.parse_error(error))

    def reset(self) -> None:
        """Sets every number to zero."""
        self._counts().reset_entry(self.name, self.method)

    def extend(self, other: StatsEntry) -> None:
        """Adds what another entry has counted."""
        self._counts().merge([{**other.serialize(), "name": self.name, "method": self.method}])

    def get_current_response_time_percentile(self, percent: float) -> int | None:
        """The response time below which a share of the requests of the last ten seconds stayed; total only.

        Args:
            percent: The share, 0 to 1.

        Raises:
            ValueError: The statistics were made without `use_response_times_cache`.
        """
        self._check_cache()
        if self.method or self.name != settings.AGGREGATED or self.stats.engine_counts is None:
            return None
        return self.stats.engine_counts.engine.current_percentile(percent)


class EngineEntries(MutableMapping[Key, StatsEntry]):
    """The entries of a run. Asking for one that is not there makes it.

    Args:
        counts: What the engine has counted.
    """

    def __init__(self, counts: EngineCounts) -> None:
        self._counts = counts

    def __repr__(self) -> str:
        return repr(dict(self))

    def __getitem__(self, key: Key) -> StatsEntry:
        if key not in self:
            self._counts.merge([nothing(*key)])
        return view(self._counts.stats, *key)

    def __setitem__(self, key: Key, entry: StatsEntry) -> None:
        row = {**entry.serialize(), "name": key[0], "method": key[1]}
        if key in self:
            self._counts.reset_entry(*key)
        self._counts.merge([row])

    def __delitem__(self, key: Key) -> None:
        raise TypeError("the entries of a run cannot be removed one by one; clear_all() forgets all of them")

    def __contains__(self, key: object) -> bool:
        return key in self._counts.keys()  # noqa: SIM118  it is no mapping

    def get(self, key: Key, default: Any = None) -> Any:
        """The entry if it is there."""
        return self[key] if key in self else default  # noqa: SIM401  the rewritten line would call itself

    def __iter__(self) -> Iterator[Key]:
        return iter(self._counts.keys())

    def __len__(self) -> int:
        return len(self._counts.keys())


def view(stats: RequestStats, name: str, method: str) -> EngineEntry:
    """The entry that shows what the engine counts under a name."""
    entry = EngineEntry.__new__(EngineEntry)
    entry.stats, entry.name, entry.method = stats, name, method
    entry.use_response_times_cache = stats.use_response_times_cache
    return entry


def to_engine(entry: StatsEntry) -> None:
    """Has an entry show what the engine counts."""
    if type(entry) is StatsEntry:
        entry.__class__ = EngineEntry


def from_engine(entry: StatsEntry, row: dict[str, Any]) -> None:
    """Makes an entry that showed what the engine counts an ordinary one."""
    if type(entry) is EngineEntry:
        cast("Any", entry).__class__ = StatsEntry
        entry.reset()
        for key in COUNTED:
            counted = row[key]
            if isinstance(counted, dict):
                getattr(entry, key).update(counted)
            else:
                setattr(entry, key, counted)


def revived(text: str) -> Exception | str:
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
                error = cls(*arguments)
            except TypeError:
                return text
            return error if repr(error) == text else text
    return type(name, (Exception,), {})(*arguments)  # type: ignore[no-any-return]  # type() of unknown bases
