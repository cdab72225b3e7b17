"""``FastHttpUser``: the engine behind the names of Locust's fast client.

It is the same engine as ``HttpUser``'s; what differs is what scripts see: the response
class, the defaults (60 s time-outs, certificates not checked), the name a request is
counted under (the URL as it was given) and the words for failures.
"""

from __future__ import annotations

import json as jsonlib
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlencode, urlsplit, urlunsplit

from gevent import getcurrent
from requests.auth import _basic_auth_str
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict
from requests.utils import get_auth_from_url, get_encoding_from_headers

from katydid import hub
from katydid.clients import absolute_http_url_regexp, exchange, has
from katydid.cookies import SessionCookies
from katydid.exception import CatchResponseError, LocustError, ResponseError, StopTest
from katydid.response import cause_of, lazy
from katydid.user.rest import RestMixin
from katydid.user.users import User

if TYPE_CHECKING:
    from katydid._core import Client, Exchange
    from katydid.event import EventHook

_AGENT = "python/katydid"
_ENCODINGS = "gzip, deflate, br"
VALID_RESPONSE_CODES = frozenset({*range(200, 209), 226, 301, 302, 303, 304, 307, 308})


class LocustBadStatusCode(Exception):  # noqa: N818  the name is Locust's
    """The status is not one of :data:`VALID_RESPONSE_CODES`."""

    def __init__(self, url: str | None = None, code: int = 0) -> None:
        super().__init__(url, code)
        self.url = url
        self.code = code

    def __repr__(self) -> str:
        return f"LocustBadStatusCode(code={self.code})"

    def __str__(self) -> str:
        return f"{self.url}, code={self.code}"


class FastRequest:
    """What was asked for."""

    def __init__(self, url: str, method: str, headers: dict[str, str], body: bytes | None) -> None:
        self.url = url
        self.method = method
        self.headers = headers
        self.body = body


class FastResponse:
    """A response of the fast client. Everything is computed when a script looks at it."""

    _katydid_exchange: Exchange

    def __init__(self, exchange: Exchange, request: FastRequest) -> None:
        self._katydid_exchange = exchange
        self.request = request

    @property
    def status_code(self) -> int:
        """The status code, 0 without a response."""
        return self._katydid_exchange.status

    @lazy
    def content(self) -> bytes | None:
        """The decoded body, ``None`` without a response."""
        return self._katydid_exchange.body()

    @lazy
    def headers(self) -> Any:
        """The header fields, found however their names are spelled."""
        return CaseInsensitiveDict(self._katydid_exchange.headers())

    @lazy
    def encoding(self) -> str | None:
        """The character encoding that the content type names."""
        return get_encoding_from_headers(self.headers)

    @lazy
    def text(self) -> str | None:
        """The body as text, ``None`` without a response."""
        if self.content is None:
            return None
        encoding = self.encoding
        if encoding is None:
            import charset_normalizer

            best = charset_normalizer.from_bytes(self.content).best()
            encoding = best.encoding if best else "utf-8"
        return str(self.content, encoding, errors="replace")

    @property
    def url(self) -> str | None:
        """The URL of the last hop of a redirect chain."""
        return self._katydid_exchange.url or self.request.url

    @lazy
    def error(self) -> Exception | None:
        """Why the request failed, ``None`` if it did not."""
        return failure_of(self._katydid_exchange)

    @property
    def ok(self) -> bool:
        """Whether the request did not fail."""
        return self.error is None

    def json(self) -> Any:
        """The body, parsed."""
        return jsonlib.loads(self.text or "")

    def raise_for_status(self) -> None:
        """Raises :attr:`error`, if there is one."""
        if self.error is not None:
            raise self.error

    @property
    def history(self) -> list[Any]:
        """The redirects that were followed, as tuples that begin with status and reason."""
        return self._katydid_exchange.history()

    @property
    def elapsed(self) -> float:
        """Seconds until the last byte."""
        return self._katydid_exchange.response_time / 1000

    def iter_content(self, chunk_size: int = 1024, decode_content: bool = True) -> Generator[bytes, None, None]:
        """The body in pieces."""
        body = self.content or b""
        for start in range(0, len(body), chunk_size):
            yield body[start : start + chunk_size]

    def success(self) -> None:
        """Only for responses that were asked for with ``catch_response=True``."""
        raise LocustError(_NOT_CAUGHT)

    def failure(self, exc: Any) -> None:
        """Only for responses that were asked for with ``catch_response=True``."""
        raise LocustError(_NOT_CAUGHT)


_NOT_CAUGHT = (
    "Tried to set the result of a request that was not made with catch_response=True: "
    'write `with self.client.get("/", catch_response=True) as response:`'
)


class ErrorResponse(FastResponse):
    """What a request without a response returns: status 0, no content, an :attr:`error`."""

    @property
    def headers(self) -> None:
        """Always ``None``."""
        return


def failure_of(finished: Exchange) -> Exception | None:
    """The exception a finished exchange is reported with, ``None`` for a good one."""
    cause = cause_of(finished)
    if cause is None and finished.status not in VALID_RESPONSE_CODES:
        return LocustBadStatusCode(finished.url, finished.status)
    return cause


class ResponseContextManager(FastResponse):
    """A response whose ``with`` block decides whether the request failed."""

    _request_event: EventHook
    request_meta: dict[str, Any]
    _manual_result: bool | Exception | None = None
    _entered = False

    def __enter__(self) -> ResponseContextManager:
        self._entered = True
        return self

    def __exit__(self, exc: type[BaseException] | None, value: BaseException | None, traceback: Any) -> bool:
        if self._manual_result is not None:
            self.request_meta["exception"] = None if self._manual_result is True else self._manual_result
            self._request_event.fire(**self.request_meta)
            return exc is None
        if exc is not None:
            if not isinstance(value, ResponseError):
                return False
            self.request_meta["exception"] = value
        self._request_event.fire(**self.request_meta)
        return True

    def success(self) -> None:
        """Counts the request as a success, whatever its status."""
        self._must_be_inside()
        self._manual_result = True

    def failure(self, exc: Any) -> None:
        """Counts the request as a failure, for a reason given as text or as an exception."""
        self._must_be_inside()
        self._manual_result = exc if isinstance(exc, Exception) else CatchResponseError(exc)

    def _must_be_inside(self) -> None:
        if not self._entered:
            raise LocustError(
                "Tried to set the result of a request outside of its with block: "
                'write `with self.client.get("/", catch_response=True) as response:`'
            )


class FastHttpSession:
    """A session of one user.

    Args:
        base_url: Put in front of every URL that is not absolute. Credentials in it become basic auth.
        request_event: Fired for every request that is finished.
        user: Whose session it is; its ``context()`` goes into every event.
        insecure: Whether certificates go unchecked.
    """

    request_name: str | None = None
    auth_header: str | None = None

    def __init__(
        self,
        base_url: str,
        request_event: EventHook,
        user: User | None,
        insecure: bool = True,
        client_pool: Any = None,
        ssl_context_factory: Any = None,
        *,
        network_timeout: float | None = 60.0,
        connection_timeout: float | None = 60.0,
        headers: Mapping[str, str] | None = None,
        proxy_host: str | None = None,
        proxy_port: int | None = None,
        **kwargs: Any,
    ) -> None:
        self.request_event = request_event
        self.user = user
        parts = urlsplit(base_url)
        if parts.username is not None:
            host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "")
            base_url, credentials = urlunsplit((parts.scheme, host, *parts[2:])), base_url
            self.auth_header = _basic_auth_str(*get_auth_from_url(credentials))
        self.base_url = base_url
        self._client: Client = hub.engine().client(base_url, fast=True)
        self._client.set_timeouts(connection_timeout, network_timeout)
        defaults = {"User-Agent": _AGENT, "Accept-Encoding": _ENCODINGS, **(headers or {})}
        if self.auth_header:
            defaults["Authorization"] = self.auth_header
        self._headers = defaults if headers or self.auth_header else None
        self._client.set_headers(list(defaults.items()))
        proxy = f"http://{proxy_host}:{proxy_port}" if proxy_host else None
        if insecure or proxy:
            self._client.configure(not insecure, None, None, proxy)

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
        if data or json is not None or files:
            body, extra = encode_body(data, json, files)
            pairs = [*(pairs or ()), *((key, value) for key, value in extra if not has(headers, key.lower()))]
        if auth is not None:
            pairs = [*(pairs or ()), ("Authorization", _basic_auth_str(*auth))]
        upper = method.upper()
        counted = name or self.request_name or url
        judged = catch_response or not self.request_event.plain or upper != method
        client = self._client
        ticket = -1
        if not params:
            ticket = client.submit(
                getcurrent(), method, url, judged, name or self.request_name, pairs, body, allow_redirects
            )
        if ticket < 0:
            prepared = PreparedRequest()
            prepared.prepare_method(upper)
            prepared.prepare_url(self._build_url(url), params)
            ticket = client.submit(
                getcurrent(),
                upper,
                cast("str", prepared.url),
                judged,
                counted,
                pairs,
                body,
                allow_redirects,
                None,
                True,
            )
        finished = exchange(client, ticket)
        request = FastRequest(self._build_url(url), upper, dict(pairs or ()), body)
        if not judged:
            return FastResponse(finished, request) if finished.status else ErrorResponse(finished, request)
        return self._judge(finished, request, method, counted, catch_response, context)

    def _judge(
        self, finished: Exchange, request: FastRequest, method: str, name: str, catch_response: bool,
        context: Mapping[str, Any],
    ) -> FastResponse:  # fmt: skip
        meta: dict[str, Any] = {
            "request_type": method,
            "response_time": finished.response_time,
            "name": name,
            "context": {**(self.user.context() if self.user else {}), **context},
            "exception": failure_of(finished),
            "start_time": finished.start_time,
            "url": request.url,
            "response_length": finished.length,
        }
        if catch_response:
            caught = ResponseContextManager(finished, request)
            caught._request_event = self.request_event
            caught.request_meta = meta
            meta["response"] = caught
            return caught
        response = FastResponse(finished, request) if finished.status else ErrorResponse(finished, request)
        meta["response"] = response
        self.request_event.fire(**meta)
        return response

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
        """Sends a request and yields the lines of its response."""
        response = self.request(method, url, **kwargs)
        response.raise_for_status()
        yield from (response.text or "").split("\n")


class FastHttpUser(RestMixin, User):
    """A user whose ``client`` is a :class:`FastHttpSession`."""

    abstract = True
    network_timeout: float | None = 60.0
    connection_timeout: float | None = 60.0
    max_redirects = 30
    max_retries = 0
    insecure = True
    default_headers: Mapping[str, str] | None = None
    concurrency = 10
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
        )


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
    return urlencode(data, doseq=True).encode(), [("Content-Type", "application/x-www-form-urlencoded")]


def __getattr__(name: str) -> Any:
    """Finds ``FastHttpLocust``, the user's 0.14 name."""
    if name == "FastHttpLocust":
        from katydid import legacy

        return legacy.FastHttpLocust
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
