"""``FastHttpUser``: the engine behind the names of Locust's fast client.

It is the same engine as ``HttpUser``'s; what differs is what scripts see: the response
class, the defaults (60 s time-outs, certificates not checked, ten connections), the name
a request is counted under (the URL as it was given) and the words for failures.
"""

from __future__ import annotations

import atexit
import datetime
import http.client
import inspect
import json as jsonlib
import logging
import os
import socket
import ssl
import tempfile
import weakref
import zlib
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast
from urllib.parse import urlencode, urlsplit

import requests
from gevent import Timeout, getcurrent
from requests.auth import _basic_auth_str
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from katydid import hub
from katydid._core import Pool
from katydid.adapter import shared_pool
from katydid.caught import CatchResponse, refuse
from katydid.clients import absolute_http_url_regexp, has, has_context, without_credentials
from katydid.cookies import SessionCookies
from katydid.exception import StopTest
from katydid.failures import cause_of
from katydid.response import history_of, lazy, raw_response
from katydid.streams import send_pieces
from katydid.user.rest import RestMixin
from katydid.user.users import User
from katydid.waiting import exchange, wait_for

if TYPE_CHECKING:
    from katydid._core import Client, Engine, Exchange
    from katydid.event import EventHook

logger = logging.getLogger(__name__)

_AGENT = "python/katydid"
CONCURRENCY = 10
"""Connections of a user to one host, unless told otherwise."""
MAX_REDIRECTS = 30
"""Redirects that are followed, unless told otherwise."""
_ENCODINGS = "gzip, deflate, br"
_TEXTS = ("application/json", "application/x-www-form-urlencoded", "text/")
VALID_RESPONSE_CODES = frozenset({*range(200, 209), 226, 301, 302, 303, 304, 307, 308})
REDIRECT_RESPONSE_CODES = frozenset({301, 302, 303, 307, 308})

FAILURE_EXCEPTIONS: tuple[type[BaseException], ...] = (
    ConnectionError,
    socket.error,
    ssl.SSLError,
    Timeout,
    http.client.HTTPException,
    zlib.error,
)
"""What is raised when no response comes; :class:`LocustBadStatusCode` is one of them."""


def insecure_ssl_context_factory() -> ssl.SSLContext:
    """A context that checks no certificates."""
    return ssl._create_unverified_context()


class LocustBadStatusCode(ConnectionError):  # noqa: N818  the name is Locust's
    """The status is not one of :data:`VALID_RESPONSE_CODES`."""

    def __init__(self, url: str | None = None, code: int = 0) -> None:
        super().__init__(url)
        self.url = url
        self.code = code

    def __repr__(self) -> str:
        return f"LocustBadStatusCode(code={self.code})"

    def __str__(self) -> str:
        return f"{self.url}, code={self.code}"


class FastRequest:
    """What was asked for. Some of it also goes by the names that cookie jars know.

    Args:
        url: The absolute URL.
        method: The method.
        headers: The headers.
        payload: The body.
        params: Put behind the URL as its query.
    """

    unverifiable = False

    def __init__(
        self, url: str, method: str = "GET", headers: Any = None, payload: str | bytes | None = None, params: Any = None
    ) -> None:
        if params:
            url += ("&" if "?" in url else "?") + urlencode(params)
        self.url = self.full_url = url
        self.method = method
        self.headers = headers or {}
        self.body = self.payload = self.data = payload

    @property
    def type(self) -> str:
        """The scheme."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """Host and port, as the URL has them."""
        return urlsplit(self.url).netloc

    @property
    def selector(self) -> str:
        """Path and query."""
        parts = urlsplit(self.url)
        return f"{parts.path}?{parts.query}" if parts.query else parts.path

    @property
    def origin_req_host(self) -> str:
        """The host without its port."""
        return urlsplit(self.url).hostname or ""

    def get_full_url(self) -> str:
        """The absolute URL."""
        return self.url

    def get_method(self) -> str:
        """The method."""
        return self.method

    def get_type(self) -> str:
        """The scheme."""
        return self.type

    def get_host(self) -> str:
        """The host without its port."""
        return self.origin_req_host

    def has_header(self, header_name: str) -> bool:
        """Whether there is a header."""
        return header_name in self.headers

    def get_header(self, header_name: str, default: str | None = None) -> str | None:
        """The value of a header."""
        value: str | None = self.headers.get(header_name, default)
        return value

    def add_header(self, key: str, val: str) -> None:
        """Adds a header."""
        self.headers[key] = val

    def header_items(self) -> list[tuple[str, str]]:
        """The headers, with their values."""
        return list(self.headers.items())


class FastResponse:
    """A response of the fast client. Everything is computed when a script looks at it.

    Args:
        ghc_response: The exchange it is over.
        request: What was asked for.
        sent_request: Not used.
    """

    _katydid_exchange: Exchange
    _streamed = False
    _engine: Engine | None = None

    def __init__(self, ghc_response: Any, request: Any = None, sent_request: str | None = None) -> None:
        self._katydid_exchange = ghc_response
        if request is not None:
            self.request = request

    @lazy
    def request(self) -> FastRequest:
        """What was asked for, the last request of a redirect chain."""
        done = self._katydid_exchange
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict(done.asked_headers())
        body: str | bytes | None = done.asked_body()
        if isinstance(body, bytes) and headers.get("Content-Type", "").startswith(_TEXTS):
            body = body.decode()
        return FastRequest(done.asked_url, done.method, headers, body)

    @lazy
    def _response(self) -> Any:
        """The body as urllib3 reads it: arriving, or here already."""
        return raw_response(self._katydid_exchange, b"" if self._streamed else self.content or b"", self._engine)

    @property
    def status_code(self) -> int:
        """The status code, 0 without a response."""
        return self._katydid_exchange.status

    @property
    def status(self) -> str:
        """The status code as text."""
        return str(self.status_code)

    @lazy
    def content(self) -> bytes | None:
        """The decoded body, ``None`` without a response. Of a streamed one, what is still to come."""
        if self._streamed:
            whole: bytes = self._response.read(decode_content=True)
            return whole
        return self._katydid_exchange.body()

    @property
    def data(self) -> bytes | None:
        """The same as :attr:`content`."""
        return self.content

    @lazy
    def headers(self) -> Any:
        """The header fields, found however their names are spelled."""
        return CaseInsensitiveDict(self._katydid_exchange.headers())

    def info(self) -> Any:
        """The header fields."""
        return self.headers

    encoding: str | None = None
    """The character encoding of :attr:`text`; set it before reading that to decide it yourself."""

    @lazy
    def text(self) -> str | None:
        """The body as text, ``None`` without a response."""
        if self.content is None:
            return None
        if self.encoding is None:
            self.encoding = get_encoding_from_headers(self.headers or {})
        if self.encoding is None:
            import charset_normalizer

            best = charset_normalizer.from_bytes(self.content).best()
            self.encoding = best.encoding if best else "utf-8"
        return str(self.content, self.encoding, errors="replace")

    @property
    def url(self) -> str | None:
        """The URL that was asked for."""
        return cast("str | None", self.request.url)

    @lazy
    def error(self) -> BaseException | None:
        """Why the request failed, ``None`` if it did not."""
        return failure_of(self._katydid_exchange)

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status_code < 400

    def json(self) -> Any:
        """The body, parsed."""
        return jsonlib.loads(self.text or "")

    def raise_for_status(self) -> None:
        """Raises :attr:`error`, if there is one."""
        if self.error is not None:
            raise self.error

    @lazy
    def history(self) -> list[requests.Response]:
        """The redirects that were followed."""
        return history_of(self._katydid_exchange)

    @property
    def elapsed(self) -> datetime.timedelta:
        """The time to the first byte."""
        return datetime.timedelta(milliseconds=self._katydid_exchange.first_byte_time)

    @property
    def stream(self) -> Any:
        """The body as a file."""
        return self._response

    def read(self, n: int | None = None) -> bytes:
        """So many bytes of the body, or all of them."""
        return cast("bytes", self._response.read(n, decode_content=True))

    def readline(self) -> bytes:
        """The next line of the body."""
        return next(self._lines, b"")

    @lazy
    def _lines(self) -> Iterator[bytes]:
        return lines_of(self._response.stream(1024, decode_content=True))

    def __iter__(self) -> Iterator[bytes]:
        return self._lines

    def __len__(self) -> int:
        return self._katydid_exchange.length

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, exc: type[BaseException] | None, value: BaseException | None, traceback: Any) -> bool | None:
        self.release()
        return None

    def release(self) -> None:
        """Gives up what is still to come of the body."""
        if self._streamed:
            self._response.close()

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Generator[Any, None, None]:
        """The body in pieces as they arrive: text where that can be decoded, unless told otherwise.

        Args:
            chunk_size: Most bytes of a piece.
            decode_content: Whether pieces that are UTF-8 come as text.
        """
        for piece in self._response.stream(chunk_size, decode_content=True):
            if decode_content:
                try:
                    yield piece.decode()
                    continue
                except UnicodeDecodeError:
                    pass
            yield piece

    success = failure = refuse


class ErrorResponse(FastResponse):
    """What a request without a response returns: status 0, no content, an :attr:`error`.

    Args:
        request: What was asked for.
        error: Why there is no response.
    """

    headers = content = text = None
    status_code = 0

    def __init__(self, request: Any, error: BaseException | None) -> None:
        self.request = request
        self.error = error


_new_response = FastResponse.__new__
_new_error = ErrorResponse.__new__


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a body that comes in pieces, with their ends."""
    left = b""
    for piece in pieces:
        *lines, left = (left + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"
    if left:
        yield left


def failure_of(finished: Exchange) -> Exception | None:
    """The exception a finished exchange is reported with, ``None`` for a good one."""
    cause = cause_of(finished, fast=True)
    if cause is None and finished.status not in VALID_RESPONSE_CODES:
        return LocustBadStatusCode(finished.url, finished.status)
    return cause


class ResponseContextManager(CatchResponse, FastResponse):
    """A response whose ``with`` block decides whether the request failed.

    Args:
        response: The response, which it takes the place of.
        request_event: Fired at the end of the block.
        request_meta: The arguments it is fired with.
        catch_response: Whether there may be a block.
    """

    _asked: tuple[str, str]
    """Base URL and URL as the script gave them."""

    def __init__(
        self, response: FastResponse, request_event: EventHook, request_meta: dict[str, Any], catch_response: bool
    ) -> None:
        self.__dict__.update(response.__dict__)
        if isinstance(response, ErrorResponse):
            self.headers = self.content = self.text = None
        self._request_event = request_event
        self.request_meta = request_meta
        self._catch_response = catch_response

    @lazy
    def request_meta(self) -> dict[str, Any]:
        """What is reported, or was."""
        context = {} if self._context is None else self._context
        return _event_of(self._katydid_exchange, *self._asked, context, weakref.proxy(self), self.error)

    def _verdict(self) -> Exception | None:
        return None

    def _failure(self) -> BaseException | None:
        return self.error

    def _raise_own(self) -> None:
        FastResponse.raise_for_status(self)


_new_caught = ResponseContextManager.__new__


def _event_of(
    done: Exchange, base_url: str, url: str, context: Mapping[str, Any], response: Any, error: BaseException | None
) -> dict[str, Any]:
    """What listeners are told of a finished exchange."""
    full = url if absolute_http_url_regexp.match(url) else f"{base_url}{url}"
    return done.event(response, context, error, full)


class RestResponseContextManager(ResponseContextManager):
    """The response of ``rest()``: ``js`` is the body, parsed."""

    js: Any


class LocustUserAgent:
    """What sends a session's requests, for scripts that look below the session.

    Args:
        client_pool: Connections to share.
        **kwargs: The settings of a session.
    """

    response_type: ClassVar[type] = FastResponse
    request_type: ClassVar[type] = FastRequest
    valid_response_codes: frozenset[int] = VALID_RESPONSE_CODES
    redirect_response_codes: frozenset[int] = REDIRECT_RESPONSE_CODES

    def __init__(self, client_pool: Any = None, session: FastHttpSession | None = None, **kwargs: Any) -> None:
        self._session = session or FastHttpSession("", None, None, client_pool=client_pool, **kwargs)
        self.clientpool = ClientPool(self._session) if client_pool is None else client_pool

    @property
    def cookiejar(self) -> CookieJar:
        """The session's cookies."""
        return self._session.cookiejar

    def urlopen(
        self, url: str, method: str = "GET", headers: Mapping[str, str] | None = None, payload: Any = None,
        params: Any = None, files: Any = None, **kwargs: Any,
    ) -> FastResponse:  # fmt: skip
        """Sends a request that is not counted.

        Raises:
            ConnectionError: There was no response, or not one of :attr:`valid_response_codes`.
        """
        body, extra = encode_body(payload, None, files) if payload or files else (None, [])
        pairs = [*(headers or {}).items(), *((key, value) for key, value in extra if not has(headers, key.lower()))]
        options = {"judged": True, "name": url, "headers": pairs, "body": body, "redirects": True}
        response = self._session._respond(self._session._ask(method.upper(), url, params, None, options, **kwargs))
        response.raise_for_status()
        return response

    def close(self) -> None:
        """Closes the connections."""
        self.clientpool.close()

    def _objection(self, finished: Exchange) -> BaseException | None:
        """Why a response is a failure, if it is one."""
        try:
            self._verify_status(finished.status, finished.url)
        except FAILURE_EXCEPTIONS as error:
            return error
        return None

    def _verify_status(self, status_code: int, url: str | None = None) -> None:
        """Raises for a status that is a failure; a subclass may have other ideas."""
        if status_code not in self.valid_response_codes:
            raise LocustBadStatusCode(url, code=status_code)


class ClientPool:
    """A session's connections."""

    def __init__(self, session: FastHttpSession) -> None:
        self._session = session

    def close(self) -> None:
        """Closes those that are idle."""
        self._session._client.close()


class FastHttpSession:
    """A session of one user.

    Args:
        base_url: Put in front of every URL that is not absolute. Credentials in it become basic auth.
        request_event: Fired for every request that is finished.
        user: Whose session it is; its ``context()`` goes into every event.
        insecure: Whether certificates go unchecked.
        client_pool: Connections that several sessions share: anything with a ``concurrency``, such as
            geventhttpclient's ``HTTPClientPool``.
        ssl_context_factory: Makes the context whose settings are used for TLS.
        concurrency: Most connections to one host.
        network_timeout: Seconds between any two bytes of an answer.
        connection_timeout: Seconds until a connection stands.
        max_redirects: How many redirects are followed before that is an error.
        max_retries: How often a request is sent again when no answer comes in time.
        headers: Sent with every request.
        proxy_host: A proxy for everything.
        proxy_port: Its port.
    """

    request_name: str | None = None
    auth_header: str | None = None
    _pool: Pool | None = None
    _defaults: Mapping[str, str] = {}
    _timeouts: tuple[float | None, float | None] = (60.0, 60.0)
    _max_redirects = MAX_REDIRECTS
    _max_retries = 0
    _proxy: str | None = None
    _verify = False
    _ca_file: str | None = None
    _agent: LocustUserAgent | None = None
    _has_context = False

    def __init__(
        self,
        base_url: str | None,
        request_event: EventHook | None,
        user: User | None,
        insecure: bool = True,
        client_pool: Any = None,
        ssl_context_factory: Callable[[], ssl.SSLContext] | None = None,
        *,
        network_timeout: float | None = 60.0,
        connection_timeout: float | None = 60.0,
        headers: Mapping[str, str] | None = None,
        proxy_host: str | None = None,
        proxy_port: int | None = None,
        concurrency: int = CONCURRENCY,
        max_redirects: int = MAX_REDIRECTS,
        max_retries: int = 0,
        **kwargs: Any,
    ) -> None:
        self.request_event = cast("EventHook", request_event)
        self.user = user
        if has_context(user):
            self._has_context = True
        base_url, credentials = without_credentials(base_url or "")
        self.base_url = base_url
        if credentials is not None:
            self.auth_header = _basic_auth_str(*credentials)
        if client_pool is not None:
            self._pool = shared_pool(client_pool, concurrency_of(client_pool), True)
        elif concurrency != CONCURRENCY:
            self._pool = Pool(concurrency, True)
        if headers:
            self._defaults = dict(headers)
        if (connection_timeout, network_timeout) != self._timeouts:
            self._timeouts = (connection_timeout, network_timeout)
        if max_redirects != MAX_REDIRECTS:
            self._max_redirects = max_redirects
        if max_retries:
            self._max_retries = max_retries
        if proxy_host:
            self._proxy = f"http://{proxy_host}:{proxy_port}"
        if ssl_context_factory is not None:
            context = ssl_context_factory()
            insecure = context.verify_mode == ssl.CERT_NONE
            self._ca_file = None if insecure else ca_file_of(context)
        if not insecure:
            self._verify = True
        self._connect()

    def _connect(self) -> None:
        engine = self._engine()
        self._client: Client = (
            engine.client(self.base_url, fast=True)
            if self._pool is None
            else engine.client(self.base_url, fast=True, pool=self._pool)
        )
        self._client.set_timeouts(*self._timeouts)
        headers = {"User-Agent": _AGENT, "Accept-Encoding": _ENCODINGS, **self._defaults}
        if self.auth_header:
            headers["Authorization"] = self.auth_header
        self._client.set_headers(list(headers.items()))
        if self._max_redirects != MAX_REDIRECTS:
            self._client.set_max_redirects(self._max_redirects)
        if self._max_retries:
            self._client.set_retries(self._max_retries)
        if not self._verify or self._proxy:
            self._client.configure(self._verify, self._ca_file, None, self._proxy)

    def _engine(self) -> Engine:
        """What sends the requests of this session's user."""
        return hub.engine(getattr(self.user, "environment", None))

    def _reconnect(self) -> None:
        """A forked child has no engine yet: it gets one, and this session's settings go to it."""
        cookies = self._client.cookies()
        self._pool = None
        self._connect()
        self._client.set_cookies(cookies)
        self.__dict__.pop("cookiejar", None)

    @property
    def client(self) -> LocustUserAgent:
        """What sends the requests."""
        if self._agent is None:
            self._agent = LocustUserAgent(session=self)
        return self._agent

    @client.setter
    def client(self, agent: LocustUserAgent) -> None:
        self._agent = agent

    @lazy
    def cookiejar(self) -> CookieJar:
        """The session's cookies."""
        return SessionCookies(self._client, self.base_url)

    @contextmanager
    def rename_request(self, name: str) -> Generator[None, None, None]:
        """Counts the requests made in a ``with`` block under one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        data: Any = None,
        catch_response: bool = False,
        stream: bool = False,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        json: Any = None,
        allow_redirects: bool = True,
        context: Mapping[str, Any] = {},
        params: Mapping[str, Any] | None = None,
        files: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Sends a request and counts it.

        Args:
            method: Counted as it is given, sent in upper case.
            url: A path below ``base_url``, or an absolute URL.
            name: Counted under this name instead of the URL as given.
            data: Text, bytes, or a mapping that is sent as a form.
            catch_response: Returns a context manager whose block decides whether it failed.
            headers: Besides the session's.
            auth: User and password for basic authentication.
            json: Sent as JSON, if there is no ``data``.
            allow_redirects: Whether redirects are followed.
            context: Passed to the listeners of ``events.request``.
            params: Appended to the URL.
            files: Sent as a multipart form, as requests takes them.
        """
        pairs = list(headers.items()) if headers else None
        body: bytes | None = None
        pieces = None
        if data or json is not None or files:
            if not files and data and not isinstance(data, str | bytes | Mapping | list | tuple):
                pieces = data
            else:
                body, extra = encode_body(data, json, files)
                pairs = [*(pairs or ()), *((key, value) for key, value in extra if not has(headers, key.lower()))]
        if auth is not None:
            pairs = [*(pairs or ()), ("Authorization", _basic_auth_str(*auth))]
        name = name or self.request_name
        if self._has_context:
            context = {**self.user.context(), **context}  # type: ignore[union-attr]
        upper = method.upper()
        event = self.request_event
        judged = catch_response or self._agent is not None or not event.counted or upper != method
        client = self._client
        if stream or params or kwargs or pieces is not None or upper != method:
            ticket = -1
        else:
            ticket = client.submit(getcurrent(), method, url, judged, name, pairs, body, allow_redirects)
        if ticket >= 0:
            finished = exchange(client, ticket)
        else:
            finished = self._ask(
                upper, url, params, pieces,
                {"judged": judged, "name": name or url, "headers": pairs, "body": body,
                 "redirects": allow_redirects, "stream": stream}, **kwargs,
            )  # fmt: skip
        if not judged and event.plain:
            return self._respond(finished, stream)
        context = {**context}
        if catch_response and ticket >= 0 and self._agent is None and finished.status:
            caught = _new_caught(ResponseContextManager)
            caught._katydid_exchange = finished
            caught._context = context
            caught._asked = self.base_url, url
            return caught.awaits_verdict(event)
        response = self._respond(finished, stream)
        meta = _event_of(finished, self.base_url, url, context, response, response.error)
        if upper is not method:
            meta["request_type"] = method
        if catch_response:
            return ResponseContextManager(response, event, meta, True).caught(event, meta)
        if judged:
            event.fire(**meta)
        else:
            event.tell(meta)
        return response

    def _respond(self, finished: Exchange, stream: bool = False) -> FastResponse:
        if not finished.status:
            failed = _new_error(ErrorResponse)
            failed._katydid_exchange = finished
            failed.error = cause_of(finished, fast=True)
            return failed
        response = _new_response(FastResponse)
        response._katydid_exchange = finished
        if stream:
            response._streamed = True
            response._engine = self._engine()
        if self._agent is not None:
            response.error = self._agent._objection(finished)
        return response

    def _ask(
        self, method: str, url: str, params: Any, pieces: Any, options: dict[str, Any],
        max_redirects: int | None = None, max_retries: int | None = None, **kwargs: Any,
    ) -> Exchange:  # fmt: skip
        """Sends what cannot be sent as it is, or from another thread or process."""
        if self._client.gone:
            self._reconnect()
        prepared = PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(self._build_url(url), params)
        client, engine = self._client, self._engine()
        if max_redirects is not None:
            client.set_max_redirects(max_redirects)
        if max_retries is not None:
            client.set_retries(max_retries)

        def submit(waiter: Any, **special: Any) -> int:
            return client.submit(waiter, method, cast("str", prepared.url), prepared=True, **options, **special)

        try:
            finished = wait_for(submit, engine) if pieces is None else send_pieces(pieces, None, submit, engine)
        finally:
            if max_redirects is not None:
                client.set_max_redirects(self._max_redirects)
            if max_retries is not None:
                client.set_retries(self._max_retries)
        return cast("Exchange", finished)

    def _build_url(self, path: str) -> str:
        return path if absolute_http_url_regexp.match(path) else f"{self.base_url}{path}"

    def get(self, url: str, **kwargs: Any) -> Any:
        """Sends a GET request; see :meth:`request`."""
        return self.request("GET", url, **kwargs)

    def head(self, url: str, **kwargs: Any) -> Any:
        """Sends a HEAD request; see :meth:`request`."""
        return self.request("HEAD", url, **kwargs)

    def options(self, url: str, **kwargs: Any) -> Any:
        """Sends an OPTIONS request; see :meth:`request`."""
        return self.request("OPTIONS", url, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> Any:
        """Sends a DELETE request; see :meth:`request`."""
        return self.request("DELETE", url, **kwargs)

    def patch(self, url: str, data: Any = None, **kwargs: Any) -> Any:
        """Sends a PATCH request; see :meth:`request`."""
        return self.request("PATCH", url, data=data, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Any:
        """Sends a POST request; see :meth:`request`."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, **kwargs: Any) -> Any:
        """Sends a PUT request; see :meth:`request`."""
        return self.request("PUT", url, data=data, **kwargs)

    def iter_lines(self, url: str, method: str = "GET", **kwargs: Any) -> Generator[str, None, None]:
        """Sends a request and yields the lines of its response as they arrive.

        Raises:
            ConnectionError: The request failed.
        """
        response = self.request(method, url, **{**kwargs, "stream": True})
        response.raise_for_status()
        for line in lines_of(response.iter_content(decode_content=False)):
            yield line.removesuffix(b"\n").decode(errors="replace")


@cache
def _system_authorities() -> frozenset[bytes]:
    return frozenset(ssl.create_default_context().get_ca_certs(binary_form=True))


@cache
def _written(authorities: frozenset[bytes]) -> str:
    """A file with certificates, which lives as long as the process."""
    descriptor, path = tempfile.mkstemp(suffix=".pem", prefix="katydid-")
    with os.fdopen(descriptor, "w") as file:
        file.writelines(ssl.DER_cert_to_PEM_cert(certificate) for certificate in sorted(authorities))
    atexit.register(os.unlink, path)
    return path


def ca_file_of(context: ssl.SSLContext) -> str | None:
    """A file with the authorities that a context trusts, ``None`` for the system's own."""
    authorities = frozenset(context.get_ca_certs(binary_form=True))
    stored = context.cert_store_stats()
    if stored["x509"] > stored["x509_ca"]:
        logger.warning(
            "ssl_context_factory trusts a certificate that is no authority's, which cannot be read back from the "
            "context and is not trusted. Use a certificate with CA:TRUE, or insecure = True."
        )
    # Nobody trusts fewer than the system does on purpose; a subset is what happened to be loaded so far.
    return None if authorities <= _system_authorities() else _written(authorities)


class FastHttpUser(RestMixin, User):
    """A user whose ``client`` is a :class:`FastHttpSession`."""

    abstract = True
    network_timeout: float | None = 60.0
    connection_timeout: float | None = 60.0
    max_redirects = MAX_REDIRECTS
    max_retries = 0
    insecure = True
    default_headers: Mapping[str, str] | None = None
    concurrency = CONCURRENCY
    proxy_host: str | None = None
    proxy_port: int | None = None
    client_pool: Any = None
    ssl_context_factory: Any = None

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        if self.host is None:
            raise StopTest(
                "You must specify the base host. Either in the host attribute in the User class, or on the "
                "command line using the --host option."
            )
        self.client = FastHttpSession(
            self.host,
            self.environment.events.request,
            self,
            insecure=self.insecure,
            network_timeout=self.network_timeout,
            connection_timeout=self.connection_timeout,
            headers=self.default_headers,
            proxy_host=self.proxy_host,
            proxy_port=self.proxy_port,
            concurrency=self.concurrency,
            max_redirects=self.max_redirects,
            max_retries=self.max_retries,
            client_pool=self.client_pool,
            ssl_context_factory=self._context_factory(),
        )

    def _context_factory(self) -> Callable[[], ssl.SSLContext] | None:
        """The factory as it was meant: a plain function on the class is no method unless it wants the user."""
        factory: Any = self.ssl_context_factory
        if not inspect.ismethod(factory):
            return cast("Callable[[], ssl.SSLContext] | None", factory)
        wanted = inspect.signature(factory.__func__).parameters.values()
        takes_user = any(item.default is item.empty and item.kind is item.POSITIONAL_OR_KEYWORD for item in wanted)
        return factory if takes_user else factory.__func__


def concurrency_of(client_pool: Any) -> int:
    """Most connections to one host that a pool allows; geventhttpclient's keeps it in its arguments."""
    settings = getattr(client_pool, "client_args", None)
    found = getattr(client_pool, "concurrency", None)
    if found is None and isinstance(settings, dict):
        found = settings.get("concurrency")
    return int(found or 1)


def encode_body(data: Any, json: Any, files: Any) -> tuple[bytes | None, list[tuple[str, str]]]:
    """A body and the headers that go with it."""
    if files:
        encoded, kind = RequestEncodingMixin._encode_files(files, data)  # type: ignore[attr-defined]
        return encoded, [("Content-Type", kind)]
    if not data:
        body = jsonlib.dumps(json).encode()
        return body, [("Content-Type", "application/json"), ("Accept", "application/json")]
    if isinstance(data, bytes):
        return data, [("Content-Type", "application/octet-stream")]
    if isinstance(data, str):
        return data.encode(), [("Content-Type", "text/plain; charset=utf-8")]
    return urlencode(data, doseq=True).encode(), [("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")]


def __getattr__(name: str) -> Any:
    """Finds ``FastHttpLocust``, the user's 0.14 name."""
    if name == "FastHttpLocust":
        from katydid import legacy

        return legacy.FastHttpLocust
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
