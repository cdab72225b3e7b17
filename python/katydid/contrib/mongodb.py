"""Users of a MongoDB database, with pymongo.

Example:
    ```python
    class Reader(MongoDBUser):
        conn_string = "mongodb://localhost"
        db_name = "shop"

        @task
        def cheap(self):
            self.client.execute_query("items", {"price": {"$lt": 10}})
    ```
"""

from __future__ import annotations

import time
from typing import Any

import katydid
from katydid.contrib._needs import needs
from katydid.user.users import User

needs("pymongo", "mongodb")

from pymongo import MongoClient  # noqa: E402
from pymongo.errors import PyMongoError  # noqa: E402


class MongoDBClient(MongoClient[dict[str, Any]]):
    """A connection, each query of which is a request.

    Args:
        conn_string: Where the server is.
        db_name: The database.
    """

    def __init__(self, conn_string: str, db_name: str) -> None:
        super().__init__(conn_string)
        self.db = self[db_name]

    def execute_query(self, collection_name: str, query: dict[str, Any]) -> None:
        """Fetches what a query finds. What is wrong is reported, and not raised.

        Args:
            collection_name: Where to look.
            query: What to look for.
        """
        began = time.perf_counter()
        failure: Exception | None = None
        try:
            # Nothing is asked for until somebody wants the documents.
            list(self.db[collection_name].find(query))
        except PyMongoError as error:
            failure = error
        katydid.events.request.fire(
            request_type="MONGODB",
            name="QUERY",
            response_time=int((time.perf_counter() - began) * 1000),
            response_length=0,
            exception=failure,
        )


class MongoDBUser(User):
    """A user whose ``client`` is a connection of its own.

    Args:
        *args: Those of `User`.
        **kwargs: Those of `User`.
    """

    abstract = True

    conn_string: str
    """Where the server is."""
    db_name: str
    """The database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client = MongoDBClient(conn_string=self.conn_string, db_name=self.db_name)

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()
