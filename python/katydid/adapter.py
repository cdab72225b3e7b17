"""requests' way to the wire: the adapter that hands prepared requests to the engine."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.models import PreparedRequest
from requests.utils import select_proxy

from katydid import hub
from katydid._core import Pool
from katydid.failures import cause_of, request_exception
from katydid.response import raw_response, respond
from katydid.streams import send_pieces
from katydid.waiting import wait_for

if TYPE_CHECKING:
    from katydid._core import Client, Engine

# What the engine writes itself.
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "host"})

_pools: weakref.WeakKeyDictionary[Any, Pool] = weakref.WeakKeyDictionary()


def shared_pool(owner: Any, per_origin: int, wait: bool) -> Pool:
    """The connections that everybody shares who was given the same pool object.

    Args:
        owner: A pool of urllib3 or geventhttpclient, or anything else that stands for one.
        per_origin: Most connections to one host.
        wait: Whether a request waits while that many are in use.
    """
    pool = _pools.get(owner)
    if pool is None:
        pool = _pools[owner] = Pool(per_origin, wait)
    return pool


def pool_of(pool_manager: Any) -> Pool | None:
    """The engine's pool for a pool manager of urllib3.

    ``None`` if it was told more than how many connections there may be: then urllib3 has to do it.
    """
    settings = dict(getattr(pool_manager, "connection_pool_kw", {}))
    per_origin, wait = settings.pop("maxsize", 1), settings.pop("block", False)
    if type(pool_manager) is not urllib3.PoolManager or any(value is not None for value in settings.values()):
        return None
    return shared_pool(pool_manager, per_origin, wait)


class EngineAdapter(HTTPAdapter):
    """Sends prepared requests through the engine.

    Args:
        pool_manager: A pool of urllib3 whose limit on connections is kept.
        session: Whose plain connections are used.
        engine: Finds what sends; the first engine of this process by default.
        **kwargs: What ``requests.adapters.HTTPAdapter`` takes.
    """

    def __init__(
        self,
        pool_manager: Any = None,
        *args: Any,
        session: Client | None = None,
        engine: Callable[[], Engine] = hub.engine,
        **kwargs: Any,
    ) -> None:
        self._clients: dict[Any, Client] = {}
        self._session = session
        self._engine = engine
        self._limited = None if pool_manager is None else pool_of(pool_manager)
        super().__init__(*args, **kwargs)
        self.poolmanager = pool_manager

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Connections are the engine's."""

    def _client_for(self, url: str, verify: Any, cert: Any, proxy: str | None) -> Client:
        plain = proxy is None and url[:5].lower() == "http:"
        key = None if plain else (verify, cert, proxy)
        client = self._clients.get(key)
        if client is None or client.gone:
            pool = self._limited
            if pool is None and plain and self._session is not None and not self._session.gone:
                pool = self._session.pool
            client = self._clients[key] = self._engine().client("", pool=pool, cookies=False)
            if not plain:
                client.configure(*tls_of(verify, cert), proxy)
        return client

    def send(
        self, request: PreparedRequest, stream: bool = False, timeout: Any = None, verify: Any = True,
        cert: Any = None, proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:  # fmt: skip
        """Sends one prepared request and returns its response, redirects not followed."""
        url = cast("str", request.url)
        proxy = select_proxy(url, proxies)
        if proxy is not None and "://" not in proxy:
            proxy = f"http://{proxy}"
        client = self._client_for(url, verify, cert, proxy)
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _OWN_HEADERS]
        if timeout is not None and not isinstance(timeout, tuple):
            total = isinstance(timeout, urllib3.Timeout)
            timeout = (timeout.connect_timeout, timeout.read_timeout) if total else (timeout, timeout)
        body: Any = request.body
        whole = body is None or isinstance(body, str | bytes)
        submit = partial(
            client.submit, method=cast("str", request.method), url=url, judged=True, name=None, headers=headers,
            body=(body.encode() if isinstance(body, str) else body) if whole else None, redirects=False,
            timeouts=timeout, prepared=True, stream=stream,
        )  # fmt: skip
        if whole:
            finished = wait_for(submit, self._engine())
        else:
            length = request.headers.get("Content-Length")
            finished = send_pieces(body, None if length is None else int(length), submit, self._engine())
        cause = cause_of(finished)
        if cause is not None:
            error = request_exception(finished, cause)
            error.request = request
            error._katydid_exchange = finished  # type: ignore[attr-defined]
            raise error
        response = respond(finished)
        response.request = request
        response.connection = self
        response.history = []
        response.cookies = RequestsCookieJar()
        response.raw = raw_response(finished, b"" if stream else finished.body() or b"", self._engine())
        if stream:
            response._content = False  # type: ignore[assignment]
            response._content_consumed = False
        extract_cookies_to_jar(response.cookies, request, response.raw)  # type: ignore[no-untyped-call]
        return response

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()


def tls_of(verify: Any, cert: Any) -> tuple[bool, str | None, tuple[str, str] | None]:
    """requests' ``verify`` and ``cert`` as the engine takes them."""
    ca_file = str(verify) if isinstance(verify, str | os.PathLike) else None
    identity = (str(cert), str(cert)) if isinstance(cert, str) else cert
    return bool(verify), ca_file, identity
