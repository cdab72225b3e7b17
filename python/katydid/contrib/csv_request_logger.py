"""A line of CSV for every single request, for those who want each and not only the statistics.

Example:
    ```python
    requests_log = CsvRequestLogger("requests.csv")

    @events.init.add_listener
    def on_init(environment, **kwargs):
        requests_log.register(environment)
    ```
"""

from __future__ import annotations

import csv
import logging
import time
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.stats_csv import CSVWriter

logger = logging.getLogger("locust.contrib.csv_request_logger")

CSV_COLUMNS = (
    "timestamp",
    "request_type",
    "name",
    "response_time_ms",
    "response_length",
    "status_code",
    "exception",
)
"""When it was sent, in seconds of the Unix epoch; what was asked for; milliseconds; bytes; 0 without a response; why
it failed."""


class CsvRequestLogger:
    """Writes the requests of an environment to a file, from `register` until the process ends.

    Args:
        filepath: The file, which is overwritten; its directory has to be there.
        flush_interval: After how many requests they are written out for sure.
    """

    def __init__(self, filepath: str, *, flush_interval: int = 1) -> None:
        self.filepath = filepath
        self.flush_interval = max(1, flush_interval)
        self._filehandle: IO[str] | None = None
        self._writer: CSVWriter | None = None
        self._pending = 0

    def register(self, environment: Environment) -> None:
        """Opens the file and begins.

        Args:
            environment: Whose requests.

        Raises:
            OSError: The file cannot be written.
        """
        environment.events.request.add_listener(self._on_request)
        environment.events.quitting.add_listener(self._on_quitting)
        self.close()
        self._filehandle = open(self.filepath, "w", newline="", encoding="utf-8")  # noqa: SIM115  closed by close
        self._writer = csv.writer(self._filehandle)
        self._writer.writerow(CSV_COLUMNS)
        self._filehandle.flush()
        logger.debug("Every request goes to %s", self.filepath)

    def close(self) -> None:
        """Closes the file. It may be closed already."""
        if self._filehandle is not None:
            self._filehandle.close()
        self._filehandle = self._writer = None
        self._pending = 0

    def _on_request(
        self,
        *,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        exception: Any = None,
        response: Any = None,
        start_time: float | None = None,
        **kwargs: Any,
    ) -> None:
        if self._writer is None or self._filehandle is None:
            return
        self._writer.writerow(
            [
                round(time.time() if start_time is None else start_time, 6),
                request_type,
                name,
                "" if response_time is None else round(response_time, 2),
                response_length,
                _status_code(response),
                "" if exception is None else str(exception),
            ]
        )
        self._pending += 1
        if self._pending >= self.flush_interval:
            self._filehandle.flush()
            self._pending = 0

    def _on_quitting(self, **kwargs: Any) -> None:
        self.close()


def _status_code(response: Any) -> int:
    try:
        return int(response.status_code)
    except (AttributeError, TypeError, ValueError):
        return 0
