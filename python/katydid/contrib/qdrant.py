"""Users of a Qdrant vector database, with qdrant-client.

Example:
    ```python
    class Searcher(QdrantUser):
        url = "http://localhost:6333"
        collection_name = "items"

        @task
        def similar(self):
            self.search(query=[0.1, 0.2, 0.3], limit=5)
    ```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from katydid.contrib._needs import needs
from katydid.contrib._vectors import Outcome, tell, timed
from katydid.user.users import User

needs("qdrant_client", "qdrant")

from qdrant_client import QdrantClient  # noqa: E402

if TYPE_CHECKING:
    from qdrant_client.models import VectorParams

    from katydid.env import Environment


class QdrantLocustClient:
    """A client of one collection, whose calls return their outcome and raise nothing.

    Args:
        url: Where the server is.
        collection_name: The collection.
        api_key: What lets one in.
        timeout: Seconds an answer may take.
        **kwargs: Those of ``QdrantClient``.
    """

    def __init__(
        self, url: str, collection_name: str, api_key: str | None = None, timeout: int = 60, **kwargs: Any
    ) -> None:
        self.url = url
        self.collection_name = collection_name
        self.api_key = api_key
        self.timeout = timeout
        self.client = QdrantClient(url=url, api_key=api_key, timeout=timeout, **kwargs)

    def close(self) -> None:
        """Closes the connection."""
        self.client.close()

    def create_collection(self, vectors_config: Any, **kwargs: Any) -> None:
        """Makes the collection, if there is none.

        Args:
            vectors_config: What its vectors are like.
            **kwargs: Those of ``QdrantClient.create_collection``.
        """
        if not self.client.collection_exists(collection_name=self.collection_name):
            self.client.create_collection(collection_name=self.collection_name, vectors_config=vectors_config, **kwargs)

    def upsert(self, points: Any) -> Outcome:
        """Inserts or replaces points."""
        return timed(lambda: self.client.upsert(collection_name=self.collection_name, points=points))

    def search(
        self, query: Any, limit: int = 10, query_filter: Any = None, search_params: Any = None,
        with_payload: bool = True,
    ) -> Outcome:  # fmt: skip
        """Looks for the points nearest to one."""
        return timed(
            lambda: self.client.query_points(
                collection_name=self.collection_name,
                query=query,
                limit=limit,
                query_filter=query_filter,
                search_params=search_params,
                with_payload=with_payload,
            ),
            lambda found: not found.points,
        )

    def scroll(self, scroll_filter: Any = None, limit: int = 10, with_payload: bool = True) -> Outcome:
        """Reads points page by page; ``next_offset`` of the outcome is where the next page begins."""
        outcome = timed(
            lambda: self.client.scroll(
                collection_name=self.collection_name,
                scroll_filter=scroll_filter,
                limit=limit,
                with_payload=with_payload,
            ),
            lambda page: not page[0],
        )
        if "result" in outcome:
            outcome["result"], outcome["next_offset"] = outcome["result"]
        return outcome

    def delete(self, points_selector: Any) -> Outcome:
        """Deletes points."""
        return timed(lambda: self.client.delete(collection_name=self.collection_name, points_selector=points_selector))


class QdrantUser(User):
    """A user of one collection.

    Args:
        environment: What the user runs in.

    Raises:
        ValueError: No ``collection_name`` is set.
    """

    abstract = True

    url: str = "http://localhost:6333"
    api_key: str | None = None
    collection_name: str | None = None
    timeout: int = 60
    vectors_config: VectorParams | None = None
    client_kwargs: dict[str, Any] | None = None
    collection_kwargs: dict[str, Any] | None = None

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        if self.collection_name is None:
            raise ValueError("'collection_name' must be provided for QdrantUser")
        self.client_type = "qdrant"
        self.client = QdrantLocustClient(
            url=self.url,
            api_key=self.api_key,
            collection_name=self.collection_name,
            timeout=self.timeout,
            **(self.client_kwargs or {}),
        )
        if self.vectors_config is not None:
            self.client.create_collection(vectors_config=self.vectors_config, **(self.collection_kwargs or {}))

    @staticmethod
    def _fire_event(request_type: str, name: str, result: Outcome) -> None:
        tell(request_type, name, result)

    def upsert(self, points: Any) -> Outcome:
        """Inserts or replaces points."""
        return self._told("upsert", self.client.upsert(points))

    def search(
        self, query: Any, limit: int = 10, query_filter: Any = None, search_params: Any = None,
        with_payload: bool = True,
    ) -> Outcome:  # fmt: skip
        """Looks for the points nearest to one."""
        return self._told("search", self.client.search(query, limit, query_filter, search_params, with_payload))

    def scroll(self, scroll_filter: Any = None, limit: int = 10, with_payload: bool = True) -> Outcome:
        """Reads points page by page; ``next_offset`` of the outcome is where the next page begins."""
        return self._told("scroll", self.client.scroll(scroll_filter, limit, with_payload))

    def delete(self, points_selector: Any) -> Outcome:
        """Deletes points."""
        return self._told("delete", self.client.delete(points_selector))

    def on_stop(self) -> None:
        """Closes the connection."""
        self.client.close()

    def _told(self, name: str, outcome: Outcome) -> Outcome:
        self._fire_event(self.client_type, name, outcome)
        return outcome
