"""The CSV files of a run, and the same rows for whoever wants to write them elsewhere."""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any, NoReturn, Protocol

import gevent

from katydid import stats as settings
from katydid.util.date import format_utc_timestamp

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.stats import StatsEntry


class CSVWriter(Protocol):
    """What `csv.writer` gives."""

    def writerow(self, columns: Iterable[Any], /) -> Any:
        """Writes one row."""


class StatsCSV:
    """The rows of the statistics, failures and exceptions of an environment.

    Args:
        environment: Whose.
        percentiles_to_report: Which percentiles get a column, 0 to 1.
    """

    def __init__(self, environment: Environment, percentiles_to_report: list[float]) -> None:
        self.environment = environment
        self.percentiles_to_report = percentiles_to_report
        self.percentiles_na = ["N/A"] * len(percentiles_to_report)
        labels = settings.get_readable_percentiles(percentiles_to_report)
        self.requests_csv_columns = [
            "Type",
            "Name",
            "Request Count",
            "Failure Count",
            "Median Response Time",
            "Average Response Time",
            "Min Response Time",
            "Max Response Time",
            "Average Content Size",
            "Requests/s",
            "Failures/s",
            *labels,
        ]
        self.failures_columns = ["Method", "Name", "Error", "Occurrences", "First Seen", "Last Seen"]
        self.exceptions_columns = ["Count", "Message", "Traceback", "Nodes"]

    def _percentiles(self, entry: StatsEntry) -> list[Any]:
        if not entry.num_requests:
            return self.percentiles_na
        return [int(entry.get_response_time_percentile(part) or 0) for part in self.percentiles_to_report]

    def _entries(self) -> list[StatsEntry]:
        stats = self.environment.stats
        return [*settings.sort_stats(stats.entries), stats.total]

    def requests_csv(self, csv_writer: CSVWriter) -> None:
        """Writes a row for every name, and one for all."""
        csv_writer.writerow(self.requests_csv_columns)
        self._requests_data_rows(csv_writer)

    def _requests_data_rows(self, csv_writer: CSVWriter) -> None:
        for entry in self._entries():
            csv_writer.writerow(
                [
                    entry.method,
                    entry.name,
                    entry.num_requests,
                    entry.num_failures,
                    entry.median_response_time,
                    entry.avg_response_time,
                    entry.min_response_time or 0,
                    entry.max_response_time,
                    entry.avg_content_length,
                    entry.total_rps,
                    entry.total_fail_per_sec,
                    *self._percentiles(entry),
                ]
            )

    def failures_csv(self, csv_writer: CSVWriter) -> None:
        """Writes a row for every kind of failure."""
        csv_writer.writerow(self.failures_columns)
        self._failures_data_rows(csv_writer)

    def _failures_data_rows(self, csv_writer: CSVWriter) -> None:
        for error in settings.sort_stats(self.environment.stats.errors):
            csv_writer.writerow(
                [
                    error.method,
                    error.name,
                    error.parse_error(error.error),
                    error.occurrences,
                    *("" if at is None else format_utc_timestamp(at) for at in (error.first_seen, error.last_seen)),
                ]
            )

    def exceptions_csv(self, csv_writer: CSVWriter) -> None:
        """Writes a row for every kind of exception."""
        csv_writer.writerow(self.exceptions_columns)
        self._exceptions_data_rows(csv_writer)

    def _exceptions_data_rows(self, csv_writer: CSVWriter) -> None:
        runner = self.environment.runner
        for row in runner.exceptions.values() if runner is not None else ():
            csv_writer.writerow([row["count"], row["msg"], row["traceback"], ", ".join(sorted(row["nodes"]))])

    def close_files(self) -> None:
        """Nothing is open."""


class StatsCSVFileWriter(StatsCSV):
    """Keeps four CSV files up to date; called, it does so until it is killed.

    Args:
        environment: Whose statistics.
        percentiles_to_report: Which percentiles get a column, 0 to 1.
        base_filepath: What the files' names begin with; directories are made.
        full_history: Whether the history has rows for every name, and not only for all.

    Raises:
        OSError: A file cannot be written.
    """

    def __init__(
        self,
        environment: Environment,
        percentiles_to_report: list[float],
        base_filepath: str,
        full_history: bool = False,
    ) -> None:
        super().__init__(environment, percentiles_to_report)
        self.base_filepath = base_filepath
        self.full_history = full_history
        self.stats_history_csv_columns = [
            "Timestamp",
            "User Count",
            "Type",
            "Name",
            "Requests/s",
            "Failures/s",
            *settings.get_readable_percentiles(percentiles_to_report),
            "Total Request Count",
            "Total Failure Count",
            "Total Median Response Time",
            "Total Average Response Time",
            "Total Min Response Time",
            "Total Max Response Time",
            "Total Average Content Size",
        ]
        os.makedirs(os.path.dirname(os.path.abspath(base_filepath)), exist_ok=True)
        self.requests_csv_filehandle, self.requests_csv_writer = self._open("stats")
        self.stats_history_csv_filehandle, self.stats_history_csv_writer = self._open("stats_history")
        self.failures_csv_filehandle, self.failures_csv_writer = self._open("failures")
        self.exceptions_csv_filehandle, self.exceptions_csv_writer = self._open("exceptions")
        self.requests_csv_data_start = self._begin(self.requests_csv_filehandle, self.requests_csv_columns)
        self._begin(self.stats_history_csv_filehandle, self.stats_history_csv_columns)
        self.failures_csv_data_start = self._begin(self.failures_csv_filehandle, self.failures_columns)
        self.exceptions_csv_data_start = self._begin(self.exceptions_csv_filehandle, self.exceptions_columns)

    def _open(self, kind: str) -> tuple[IO[str], Any]:
        file = open(f"{self.base_filepath}_{kind}.csv", "w", newline="")  # noqa: SIM115  closed by close_files
        return file, csv.writer(file)

    @staticmethod
    def _begin(file: IO[str], columns: list[str]) -> int:
        """Writes the header and returns where the rows start."""
        csv.writer(file).writerow(columns)
        file.flush()
        return file.tell()

    def __call__(self) -> NoReturn:
        """Keeps the files up to date until it is killed."""
        self.stats_writer()

    def stats_writer(self) -> NoReturn:
        """Writes every `stats.CSV_STATS_INTERVAL_SEC`, until it is killed."""
        while True:
            self.write()
            gevent.sleep(settings.CSV_STATS_INTERVAL_SEC)

    def write(self) -> None:
        """Brings the files up to date."""
        self._rewrite(self.requests_csv_filehandle, self.requests_csv_data_start, "_requests_data_rows")
        self._rewrite(self.failures_csv_filehandle, self.failures_csv_data_start, "_failures_data_rows")
        self._rewrite(self.exceptions_csv_filehandle, self.exceptions_csv_data_start, "_exceptions_data_rows")
        self._stats_history_data_rows(self.stats_history_csv_writer, time.time())
        self.stats_history_flush()

    def _rewrite(self, file: IO[str], start: int, rows: str) -> None:
        file.seek(start)
        getattr(self, rows)(csv.writer(file))
        file.truncate()
        file.flush()

    def _stats_history_data_rows(self, csv_writer: CSVWriter, now: float) -> None:
        """Adds rows to the history.

        Args:
            csv_writer: Where.
            now: Seconds since the epoch.
        """
        runner = self.environment.runner
        users = runner.user_count if runner is not None else 0
        for entry in self._entries() if self.full_history else [self.environment.stats.total]:
            csv_writer.writerow(
                [
                    int(now),
                    users,
                    entry.method or "",
                    entry.name,
                    f"{entry.current_rps:2f}",
                    f"{entry.current_fail_per_sec:2f}",
                    *self._percentiles(entry),
                    entry.num_requests,
                    entry.num_failures,
                    entry.median_response_time,
                    entry.avg_response_time,
                    entry.min_response_time or 0,
                    entry.max_response_time,
                    entry.avg_content_length,
                ]
            )

    def requests_flush(self) -> None:
        """Has the system write the statistics."""
        self.requests_csv_filehandle.flush()

    def stats_history_flush(self) -> None:
        """Has the system write the history."""
        self.stats_history_csv_filehandle.flush()

    def failures_flush(self) -> None:
        """Has the system write the failures."""
        self.failures_csv_filehandle.flush()

    def exceptions_flush(self) -> None:
        """Has the system write the exceptions."""
        self.exceptions_csv_filehandle.flush()

    def close_files(self) -> None:
        """Brings the files up to date a last time and closes them."""
        if self.requests_csv_filehandle.closed:
            return
        self.write()
        for file in (
            self.requests_csv_filehandle,
            self.stats_history_csv_filehandle,
            self.failures_csv_filehandle,
            self.exceptions_csv_filehandle,
        ):
            file.close()

    def stats_history_file_name(self) -> str:
        """The path of the history."""
        return f"{self.base_filepath}_stats_history.csv"
