"""Responses that scripts hold: requests' own class over an exchange of the engine.

Everything is computed when a script first looks at it, because most scripts look at
next to nothing and a load generator pays for every look.
"""

from __future__ import annotations

import datetime
import http.client
import io
import socket
import ssl
from collections.abc import Callable
from email.message import Message
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.exceptions import HTTPError
from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from katydid.exception import LocustError

if TYPE_CHECKING:
    from katydid._core import Exchange

T = TypeVar("T")

_CLASSES: dict[str, type[Exception]] = {
    "gaierror": socket.gaierror,
    "SSLError": ssl.SSLError,
    "RemoteDisconnected": http.client.RemoteDisconnected,
    "BadStatusLine": http.client.HTTPException,
    "TimeoutError": TimeoutError,
    "ConnectionRefusedError": ConnectionRefusedError,
    "ConnectionResetError": ConnectionResetError,
    "ConnectionAbortedError": ConnectionAbortedError,
    "BrokenPipeError": BrokenPipeError,
    "OSError": OSError,
    "ProxyError": requests.exceptions.ProxyError,
    "DecodeError": urllib3.exceptions.DecodeError,
    "TooManyRedirects": requests.exceptions.TooManyRedirects,
    "InvalidURL": requests.exceptions.InvalidURL,
}

_KINDS: dict[str, type[requests.exceptions.RequestException]] = {
    "connect_timeout": requests.exceptions.ConnectTimeout,
    "read_timeout": requests.exceptions.ReadTimeout,
    "ssl": requests.exceptions.SSLError,
    "proxy": requests.exceptions.ProxyError,
    "chunked": requests.exceptions.ChunkedEncodingError,
    "decode": requests.exceptions.ContentDecodingError,
    "redirects": requests.exceptions.TooManyRedirects,
    "url": requests.exceptions.InvalidURL,
}


class lazy(Generic[T]):
    """An attribute that is computed on first use and can be assigned like any other."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, instance: None, owner: type) -> lazy[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        if instance is None:
            return self
        value = instance.__dict__[self._name] = self._compute(instance)
        return value


def cause_of(exchange: Exchange) -> Exception | None:
    """The innermost exception of a failed exchange, as Locust reports it."""
    error = exchange.error()
    if error is None:
        return None
    _, name, errno, message = error
    cls = _CLASSES.get(name)
    if cls is None or (name == "BadStatusLine"):
        cls = type(name, (requests.exceptions.ConnectionError,), {})
    return cls(message) if errno is None else cls(errno, message)


def request_exception(exchange: Exchange, cause: Exception) -> requests.exceptions.RequestException:
    """The exception of requests around the cause, for scripts that catch those."""
    error = exchange.error()
    assert error is not None
    cls = _KINDS.get(error[0], requests.exceptions.ConnectionError)
    if isinstance(cause, cls):
        return cause
    exception = cls(cause)
    exception.__cause__ = cause
    return exception


def http_error(response: requests.Response, name: str | None) -> HTTPError | None:
    """requests' own error for a status of 400 and above, with the name in place of the URL."""
    status = response.status_code
    if 400 <= status < 600:
        side = "Client" if status < 500 else "Server"
        return HTTPError(f"{status} {side} Error: {response.reason} for url: {name}", response=response)
    return None


class Response(requests.Response):
    """A ``requests.Response`` over an exchange of the engine.

    ``error`` holds the exception if there was no response; ``status_code`` is 0 then.
    """

    _katydid_exchange: Exchange
    _content_consumed = True
    _next = None

    def __init__(self, exchange: Exchange) -> None:
        # requests' own initialiser would fill in what is computed lazily here.
        self._katydid_exchange = exchange

    @lazy
    def status_code(self) -> int:
        """The status code, 0 without a response."""
        return self._katydid_exchange.status

    @lazy
    def reason(self) -> str | None:  # type: ignore[override]
        """The reason phrase."""
        return self._katydid_exchange.reason

    @lazy
    def _content(self) -> bytes | None:
        return self._katydid_exchange.body()

    @lazy
    def headers(self) -> CaseInsensitiveDict[str]:
        """The header fields."""
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        for name, value in self._katydid_exchange.headers():
            # Like urllib3, which joins what a server sends twice.
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return headers

    @lazy
    def encoding(self) -> str | None:
        """The character encoding that the content type names."""
        return get_encoding_from_headers(self.headers)

    @lazy
    def url(self) -> str | None:  # type: ignore[override]
        """The URL of the last hop of a redirect chain."""
        return self._katydid_exchange.url

    @lazy
    def elapsed(self) -> datetime.timedelta:
        """The time to the first byte."""
        return datetime.timedelta(milliseconds=self._katydid_exchange.first_byte_time)

    @lazy
    def error(self) -> Exception | None:
        """The exception, if there is no response."""
        cause = cause_of(self._katydid_exchange)
        return None if cause is None else request_exception(self._katydid_exchange, cause)

    @lazy
    def raw(self) -> Any:
        """A urllib3 response over the body."""
        return raw_response(
            self._katydid_exchange.headers(),
            self._content or b"",
            self.status_code,
            self.reason,
            self._katydid_exchange.version,
        )

    @lazy
    def cookies(self) -> RequestsCookieJar:
        """The cookies that this response set."""
        jar = RequestsCookieJar()
        extract_cookies_to_jar(jar, self.request, self.raw)  # type: ignore[no-untyped-call]
        return jar

    @lazy
    def request(self) -> PreparedRequest:
        """The request of the last hop."""
        request = PreparedRequest()
        request.prepare(method=self._katydid_exchange.method, url=self.url, headers=self._request_headers())
        return request

    @lazy
    def history(self) -> list[requests.Response]:
        """The redirects that led here."""
        return [_hop(hop) for hop in self._katydid_exchange.history()]

    @lazy
    def connection(self) -> Any:
        """What sent it; the engine, which has no Python object."""
        return None

    def _request_headers(self) -> dict[str, str]:
        return {}

    def raise_for_status(self) -> None:
        """Raises the error of the exchange, or requests' own for a status of 400 and above."""
        if self.error is not None:
            raise self.error
        super().raise_for_status()

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

# A plain response of requests says so too, whoever made it.
for _verdict in (Response.success, Response.failure):
    setattr(requests.Response, _verdict.__name__, _verdict)


class _OriginalResponse:
    """What cookie jars look for below a response."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self.msg = Message()
        for name, value in headers:
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True


def raw_response(
    headers: list[tuple[str, str]], body: bytes, status: int, reason: str | None, version: int
) -> urllib3.HTTPResponse:
    """A urllib3 response over bytes that are here already, their encoding undone."""
    kept = [(name, value) for name, value in headers if name.lower() != "content-encoding"]
    raw = urllib3.HTTPResponse(
        body=io.BytesIO(body),
        headers=urllib3.HTTPHeaderDict(kept),
        status=status,
        reason=reason,
        version=version,
        preload_content=False,
        original_response=None,
    )
    raw._original_response = _OriginalResponse(headers)  # type: ignore[assignment]
    return raw


def _hop(hop: tuple[int, str, str, str, list[tuple[str, str]], bytes]) -> requests.Response:
    status, reason, url, method, headers, body = hop
    response = requests.Response()
    response.status_code = status
    response.reason = reason
    response.url = url
    response.headers = CaseInsensitiveDict(headers)
    response.encoding = get_encoding_from_headers(response.headers)
    response._content = body
    response._content_consumed = True  # type: ignore[attr-defined]
    response.raw = raw_response(headers, body, status, reason, 11)
    response.request = PreparedRequest()
    response.request.prepare(method=method, url=url)
    extract_cookies_to_jar(response.cookies, response.request, response.raw)  # type: ignore[no-untyped-call]
    return response
