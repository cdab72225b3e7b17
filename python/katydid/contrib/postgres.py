"""Users of a PostgreSQL database, with psycopg.

Example:
    ```python
    class Reader(PostgresUser):
        conn_string = "postgresql://reader@localhost/shop"

        @task
        def count(self):
            self.client.execute_query("SELECT count(*) FROM items")
    ```
"""

from __future__ import annotations

import time
from typing import Any

import katydid
from katydid.contrib._needs import needs
from katydid.user.users import User

needs("psycopg", "postgres")

import psycopg  # noqa: E402


class PostgresClient:
    """A connection, each statement of which is a request.

    Args:
        conn_string: Where the database is, as libpq reads it.
    """

    def __init__(self, conn_string: str) -> None:
        self.connection = psycopg.connect(conn_string)

    def execute_query(self, query: str) -> None:
        """Executes a statement. What it returns stays on the server; what is wrong is reported, and not raised.

        Args:
            query: SQL.
        """
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            self.connection.execute(query)
        except Exception as error:
            failure = error
        katydid.events.request.fire(
            request_type="postgres_success" if failure is None else "postgres_failure",
            name="execute_query",
            response_time=int((time.perf_counter() - began) * 1000),
            response_length=0,
            exception=failure,
        )

    def close(self) -> None:
        """Closes the connection."""
        self.connection.close()


class PostgresUser(User):
    """A user whose ``client`` is a connection of its own.

    Args:
        *args: Those of `User`.
        **kwargs: Those of `User`.
    """

    abstract = True

    conn_string: str
    """Where the database is, as libpq reads it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = PostgresClient(conn_string=self.conn_string)

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()
