"""Users of a Milvus vector database, with pymilvus.

Example:
    ```python
    class Searcher(MilvusUser):
        def __init__(self, environment):
            super().__init__(environment, uri="http://localhost:19530", collection_name="items")

        @task
        def similar(self):
            self.search(data=[[0.1, 0.2, 0.3]], anns_field="vector", limit=5)
    ```
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import katydid._patch  # noqa: F401  patches the standard library, before grpc is imported
from katydid.contrib._needs import needs
from katydid.contrib._vectors import Outcome, tell, timed
from katydid.user.users import User

needs("pymilvus", "milvus")

# grpc's threads would otherwise stop all greenlets.
import grpc.experimental.gevent  # noqa: E402

grpc.experimental.gevent.init_gevent()

from pymilvus import MilvusClient  # noqa: E402

if TYPE_CHECKING:
    from pymilvus import CollectionSchema
    from pymilvus.milvus_client import IndexParams

    from katydid.env import Environment


class BaseClient(ABC):
    """What a user needs of a client."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection."""

    @abstractmethod
    def create_collection(self, schema: Any, index_params: Any, **kwargs: Any) -> None:
        """Makes the collection."""

    @abstractmethod
    def insert(self, data: Any) -> Outcome:
        """Inserts rows."""

    @abstractmethod
    def upsert(self, data: Any) -> Outcome:
        """Inserts or replaces rows."""

    @abstractmethod
    def search(
        self, data: Any, anns_field: str, limit: int, filter: str = "", search_params: Any = None,
        output_fields: list[str] | None = None, calculate_recall: bool = False, ground_truth: Any = None,
    ) -> Outcome:  # fmt: skip
        """Looks for the rows nearest to some vectors."""

    @abstractmethod
    def hybrid_search(self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None) -> Outcome:
        """Looks for rows in several ways at once."""

    @abstractmethod
    def query(self, filter: str, output_fields: list[str] | None = None) -> Outcome:
        """Reads the rows of which a condition holds."""

    @abstractmethod
    def delete(self, filter: str) -> Outcome:
        """Deletes the rows of which a condition holds."""


def _nothing_found(rows: Any) -> bool:
    return len(rows) == 0 or all(len(row) == 0 for row in rows)


class MilvusV2Client(BaseClient):
    """A client of one collection, whose calls return their outcome and raise nothing.

    Args:
        uri: Where the server is, or a file of Milvus Lite.
        collection_name: The collection.
        token: User and password, a colon between.
        db_name: The database.
        timeout: Seconds an answer may take.
    """

    def __init__(
        self, uri: str, collection_name: str, token: str = "root:Milvus", db_name: str = "default", timeout: int = 60
    ) -> None:
        self.uri = uri
        self.collection_name = collection_name
        self.token = token
        self.db_name = db_name
        self.timeout = timeout
        self.client = MilvusClient(uri=uri, token=token, db_name=db_name, timeout=timeout)

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()

    def create_collection(self, schema: Any, index_params: Any, **kwargs: Any) -> None:
        """Makes the collection."""
        self.client.create_collection(
            collection_name=self.collection_name, schema=schema, index_params=index_params, **kwargs
        )

    def insert(self, data: Any) -> Outcome:
        """Inserts rows."""
        return timed(lambda: self.client.insert(collection_name=self.collection_name, data=data))

    def upsert(self, data: Any) -> Outcome:
        """Inserts or replaces rows."""
        return timed(lambda: self.client.upsert(collection_name=self.collection_name, data=data))

    def search(
        self, data: Any, anns_field: str, limit: int, filter: str = "", search_params: Any = None,
        output_fields: list[str] | None = None, calculate_recall: bool = False, ground_truth: Any = None,
    ) -> Outcome:  # fmt: skip
        """Looks for the rows nearest to some vectors.

        The outcome's ``recall`` is the share of the right rows that were found.

        Args:
            data: The vectors.
            anns_field: The field they are compared with.
            limit: How many rows at most.
            filter: A condition on the rows.
            search_params: How to search.
            output_fields: What to return of a row.
            calculate_recall: Whether to say how many of the right rows were found.
            ground_truth: The ids of the right rows, the nearest first.
        """
        outcome = timed(
            lambda: self.client.search(
                collection_name=self.collection_name,
                data=data,
                anns_field=anns_field,
                filter=filter,
                limit=limit,
                search_params=search_params,
                output_fields=output_fields or ["id"],
            ),
            _nothing_found,
        )
        if outcome["success"] and calculate_recall and ground_truth is not None:
            outcome["recall"] = self.get_recall(outcome["result"], ground_truth, limit)
        return outcome

    def hybrid_search(self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None) -> Outcome:
        """Looks for rows in several ways at once."""
        return timed(
            lambda: self.client.hybrid_search(
                collection_name=self.collection_name,
                reqs=reqs,
                ranker=ranker,
                limit=limit,
                output_fields=output_fields or ["id"],
                timeout=self.timeout,
            ),
            _nothing_found,
        )

    @staticmethod
    def get_recall(search_results: Any, ground_truth: Any, limit: int | None = None) -> float:
        """The share of the right rows among those found for the first vector; 0 where it cannot be told.

        Args:
            search_results: What a search returned.
            ground_truth: The ids of the right rows, the nearest first.
            limit: How many of them to look for; as many as were found by default.
        """
        with suppress(Exception):
            hits = search_results[0] if isinstance(search_results[0], list) else search_results
            found = [hit.get("id") for hit in hits if hasattr(hit, "get")]
            wanted = set(ground_truth[: len(found) if limit is None else limit])
            if len(ground_truth) >= (len(found) if limit is None else limit):
                return len(wanted & set(found)) / len(wanted)
        return 0.0

    def query(self, filter: str, output_fields: list[str] | None = None) -> Outcome:
        """Reads the rows of which a condition holds."""
        return timed(
            lambda: self.client.query(
                collection_name=self.collection_name, filter=filter, output_fields=output_fields or ["id"]
            ),
            lambda rows: len(rows) == 0,
        )

    def delete(self, filter: str) -> Outcome:
        """Deletes the rows of which a condition holds."""
        return timed(lambda: self.client.delete(collection_name=self.collection_name, filter=filter))


class MilvusUser(User):
    """A user of one collection.

    Args:
        environment: What the user runs in.
        uri: Where the server is, or a file of Milvus Lite.
        token: User and password, a colon between.
        collection_name: The collection.
        db_name: The database.
        timeout: Seconds an answer may take.
        schema: What the collection's rows are like; with it the collection is made.
        index_params: Its indexes.
        **kwargs: Those of ``MilvusClient.create_collection``.

    Raises:
        ValueError: There is no ``uri`` or no ``collection_name``.
    """

    abstract = True

    def __init__(
        self,
        environment: Environment,
        uri: str = "http://localhost:19530",
        token: str = "root:Milvus",
        collection_name: str = "test_collection",
        db_name: str = "default",
        timeout: int = 60,
        schema: CollectionSchema | None = None,
        index_params: IndexParams | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(environment)
        if uri is None:
            raise ValueError("'uri' must be provided for MilvusUser")
        if collection_name is None:
            raise ValueError("'collection_name' must be provided for MilvusUser")
        self.client_type = "milvus"
        self.client: BaseClient = MilvusV2Client(
            uri=uri, token=token, collection_name=collection_name, db_name=db_name, timeout=timeout
        )
        if schema is not None:
            self.client.create_collection(schema=schema, index_params=index_params, **kwargs)

    @staticmethod
    def _fire_event(request_type: str, name: str, result: Outcome) -> None:
        tell(request_type, name, result)

    @staticmethod
    def _fire_recall_event(request_type: str, name: str, result: Outcome) -> None:
        tell(request_type, name, {"response_time": result.get("recall", 0.0) * 100})

    def insert(self, data: Any) -> Outcome:
        """Inserts rows."""
        return self._told("insert", self.client.insert(data))

    def upsert(self, data: Any) -> Outcome:
        """Inserts or replaces rows."""
        return self._told("upsert", self.client.upsert(data))

    def search(
        self, data: Any, anns_field: str, limit: int, filter: str = "", search_params: Any = None,
        output_fields: list[str] | None = None, calculate_recall: bool = False, ground_truth: Any = None,
    ) -> Outcome:  # fmt: skip
        """Looks for the rows nearest to some vectors; see `MilvusV2Client.search`.

        The recall, where it is asked for, is reported as a request that took as many milliseconds as it is percent.
        """
        outcome = self.client.search(
            data, anns_field, limit, filter, search_params, output_fields, calculate_recall, ground_truth
        )
        self._told("search", outcome)
        if "recall" in outcome:
            self._fire_recall_event(self.client_type, "recall", outcome)
        return outcome

    def hybrid_search(self, reqs: Any, ranker: Any, limit: int, output_fields: list[str] | None = None) -> Outcome:
        """Looks for rows in several ways at once."""
        return self._told("hybrid_search", self.client.hybrid_search(reqs, ranker, limit, output_fields))

    def query(self, filter: str, output_fields: list[str] | None = None) -> Outcome:
        """Reads the rows of which a condition holds."""
        return self._told("query", self.client.query(filter, output_fields))

    def delete(self, filter: str) -> Outcome:
        """Deletes the rows of which a condition holds."""
        return self._told("delete", self.client.delete(filter))

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()

    def _told(self, name: str, outcome: Outcome) -> Outcome:
        self._fire_event(self.client_type, name, outcome)
        return outcome
