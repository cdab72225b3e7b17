"""The statistics as scripts see them, and the tables of the console.

`RequestStats` counts for itself until it belongs to a run, which the engine counts. Locust's module-level constants
are kept, and read when they are used.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import gevent

import katydid._patch  # noqa: F401  patches the standard library
from katydid import hub
from katydid.exception import CatchResponseError as CatchResponseError
from katydid.stats_types import CSVWriter as CSVWriter
from katydid.stats_types import S as S
from katydid.stats_types import StatsBaseDict as StatsBaseDict
from katydid.stats_types import StatsEntryDict as StatsEntryDict
from katydid.stats_types import StatsErrorDict as StatsErrorDict
from katydid.stats_types import StatsHolder as StatsHolder
from katydid.util.date import format_utc_timestamp
from katydid.util.rounding import proper_round

if TYPE_CHECKING:
    from katydid.runners import Runner
    from katydid.stats_engine import EngineCounts

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

AGGREGATED = "Aggregated"
"""The name of the entry that sums up all others."""


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


class RequestStats:
    """The statistics of an environment. They count for themselves; once the environment has a runner, the engine does.

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

    _given: ClassVar[dict[Any, RequestStats]] = {}
    """The statistics that the engine counts for."""

    def __init__(self, use_response_times_cache: bool = True) -> None:
        self.use_response_times_cache = use_response_times_cache
        self.engine_counts: EngineCounts | None = None
        """What the engine has counted, if it counts for these statistics."""
        self.clear_all()

    @property
    def entries(self) -> MutableMapping[tuple[str, str], StatsEntry]:
        """The entries by (name, method)."""
        return self._entries if self.engine_counts is None else EngineEntries(self.engine_counts)

    @entries.setter
    def entries(self, entries: MutableMapping[tuple[str, str], StatsEntry]) -> None:
        self._entries = entries

    @property
    def errors(self) -> dict[str, StatsError]:
        """The failures by key."""
        return self._errors if self.engine_counts is None else self.engine_counts.errors()

    @errors.setter
    def errors(self, errors: dict[str, StatsError]) -> None:
        self._errors = errors

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

    def read_anew(self) -> None:
        """Has what is read next be what the engine has counted by now, and not what it had a moment ago."""
        if self.engine_counts is not None:
            self.engine_counts.stale = True

    def log_request(self, method: str, name: str, response_time: float | None, content_length: int) -> None:
        """Counts one request."""
        if self.engine_counts is not None:
            self.engine_counts.record(method, name, response_time, content_length, None)
            return
        self.total.log(response_time, content_length)
        self.entries[(name, method)].log(response_time, content_length)

    def log_error(self, method: str, name: str, error: Exception | str | None) -> None:
        """Counts one failure, and no request."""
        if self.engine_counts is not None:
            self.engine_counts.record_error(method, name, StatsError.parse_error(error))
            return
        self.total.log_error(error)
        self.entries[(name, method)].log_error(error)
        key = StatsError.create_key(method, name, error)
        if key not in self.errors:
            self.errors[key] = StatsError(method, name, error)
        self.errors[key].occurred()

    def reset_all(self) -> None:
        """Sets every number to zero and forgets the failures; the names stay."""
        self.history: list[dict[str, Any]] = []
        if self.engine_counts is not None:
            self.engine_counts.reset()
            return
        self.total.reset()
        self.errors = {}
        for entry in self.entries.values():
            entry.reset()

    def clear_all(self) -> None:
        """Forgets everything."""
        self.history = []
        if self.engine_counts is not None:
            self.engine_counts.clear()
            return
        self.total = StatsEntry(self, AGGREGATED, "", use_response_times_cache=self.use_response_times_cache)
        self.entries = EntriesDict(self)
        self.errors = {}

    def serialize_stats(self) -> list[dict[str, Any]]:
        """The entries that have counted something; they begin again from zero."""
        entries = list(self.entries.values())
        return [entry.get_stripped_report() for entry in entries if entry.num_requests or entry.num_failures]

    def serialize_errors(self) -> dict[str, dict[str, Any]]:
        """The failures by key, as they are sent to masters."""
        return {key: error.serialize() for key, error in self.errors.items()}

    def give_to_engine(self, environment: Any = None) -> None:
        """Has the engine count for these statistics from now on; those it counted for keep what they have.

        Args:
            environment: Whose engine.
        """
        engine = hub.engine(environment)
        before = RequestStats._given.get(engine)
        if before is self:
            return
        if before is not None:
            before.take_from_engine()
        self.take_from_engine()
        counts = EngineCounts(self, environment)
        counts.clear()
        entries = list(self.entries.values())
        if entries or self.errors:
            counts.merge([entry.serialize() for entry in entries], self.serialize_errors())
        for entry in (self.total, *entries):
            to_engine(entry)
        self.entries, self.errors = EntriesDict(self), {}
        self.engine_counts = counts
        RequestStats._given[engine] = self

    def take_from_engine(self) -> None:
        """Keeps what the engine has counted; it counts for these statistics no more."""
        counts = self.engine_counts
        if counts is None:
            return
        counts.stale = True
        total, errors = counts.row(AGGREGATED, ""), counts.errors()
        rows = {key: counts.row(*key) for key in counts.keys()}  # noqa: SIM118  it is no mapping
        self.engine_counts = None
        RequestStats._given = {engine: given for engine, given in RequestStats._given.items() if given is not self}
        from_engine(self.total, total)
        for (name, method), row in rows.items():
            entry = self.entries[(name, method)] = view(self, name, method)
            from_engine(entry, row)
        self.errors = errors


def _keep_counts() -> None:
    """The engines are about to end: those they count for keep what they have."""
    for given in list(RequestStats._given.values()):
        given.take_from_engine()


hub.before_close(_keep_counts)


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
    if stats.engine_counts is not None:
        return stats.engine_counts.table("requests" if current else "requests_final")[:-1]
    width = requests_name_width()
    dashes = (STATS_TYPE_WIDTH, STATS_NAME_WIDTH - STATS_TYPE_WIDTH + 4, 7, 13, 7, 7, 7, 7, 8, 11)
    separator = "|".join("-" * count for count in dashes)
    heading = ("Avg", "Min", "Max", "Med", "req/s", "failures/s")
    return [
        f"{'Type':<{STATS_TYPE_WIDTH}} {'Name':<{width}} {'# reqs':>7} {'# fails':>12} "
        "|{:>7} {:>7} {:>7}{:>7} | {:>7} {:>11}".format(*heading),
        separator,
        *(entry.to_string(current) for entry in sort_stats(stats.entries)),
        separator,
        stats.total.to_string(current),
    ]


def requests_name_width() -> int:
    """Width of the column "Name" in the table of requests, which has more columns than that of percentiles."""
    return abs(STATS_NAME_WIDTH - STATS_TYPE_WIDTH + 4)


def get_percentile_stats_summary(stats: RequestStats) -> list[str]:
    """The lines of the table of percentiles."""
    if stats.engine_counts is not None:
        return stats.engine_counts.table("percentiles")[:-1]
    dashes = (STATS_TYPE_WIDTH, STATS_NAME_WIDTH, 8, *[6] * len(PERCENTILES_TO_REPORT))
    separator = "|".join("-" * count for count in dashes)
    labels = get_readable_percentiles(PERCENTILES_TO_REPORT)
    return [
        "Response time percentiles (approximated)",
        percentiles_line("Type", "Name", [*labels, "# reqs"]),
        separator,
        *(entry.percentile() for entry in sort_stats(stats.entries) if entry.response_times),
        separator,
        *([stats.total.percentile()] if stats.total.response_times else []),
    ]


def percentiles_line(method: str, name: str, cells: list[Any]) -> str:
    """A line of the table of percentiles.

    Args:
        method: The method.
        name: The name.
        cells: What stands below each percentile, and the number of requests.
    """
    first, *rest = cells
    return " ".join(
        [f"{method:<{STATS_TYPE_WIDTH}} {name:<{STATS_NAME_WIDTH}} {first:>8}", *(f"{cell:>6}" for cell in rest)]
    )


def get_error_report_summary(stats: RequestStats) -> list[str]:
    """The lines of the table of failures."""
    if stats.engine_counts is not None and stats.errors:
        return stats.engine_counts.table("errors")
    separator = f"{'-' * 18}|{'-' * (STATS_NAME_WIDTH + 61)}"
    return [
        "Error report",
        f"{'# occurrences':<18} {'Error':<100}",
        separator,
        *(f"{error.occurrences:<18} {error.to_name():<100}" for error in stats.errors.values()),
        separator,
        "",
    ]


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


# At the end: they need what is above.
from katydid.stats_csv import StatsCSV as StatsCSV  # noqa: E402
from katydid.stats_csv import StatsCSVFileWriter as StatsCSVFileWriter  # noqa: E402
from katydid.stats_engine import EngineCounts, EngineEntries, from_engine, to_engine, view  # noqa: E402
from katydid.stats_entries import CachedResponseTimes as CachedResponseTimes  # noqa: E402
from katydid.stats_entries import EntriesDict as EntriesDict  # noqa: E402
from katydid.stats_entries import RequestStatsAdditionError as RequestStatsAdditionError  # noqa: E402
from katydid.stats_entries import StatsEntry as StatsEntry  # noqa: E402
from katydid.stats_entries import StatsError as StatsError  # noqa: E402
from katydid.stats_reports import setup_distributed_stats_event_listeners as setup_distributed_stats_event_listeners  # noqa: E402


def __getattr__(name: str) -> Any:
    """Finds ``global_stats``, which this module had in the 0.14 generation."""
    if name == "global_stats":
        from katydid import legacy_run

        return legacy_run.global_stats()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
