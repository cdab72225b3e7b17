"""The exceptions that scripts see where the engine only knows facts."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3
from requests.exceptions import HTTPError

if TYPE_CHECKING:
    from katydid._core import Exchange

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


class RetriesExceeded(ConnectionError):  # noqa: N818  the name is that of Locust's fast client
    """The fast client gave up waiting, or following redirects.

    Args:
        url: What was asked for.
        text: How often it was tried again, or which limit was reached.
        original: What it waited for in vain.
    """

    def __init__(self, url: str, text: int | str, original: str | None = None) -> None:
        super().__init__(url)
        self.url = url
        self.text = text
        self.original = original

    def __repr__(self) -> str:
        return f"RetriesExceeded({self.url!r}, {self.text!r}{self._end()})"

    def __str__(self) -> str:
        return f"URL {self.url}: {self.text}{self._end()}"

    def _end(self) -> str:
        return "" if self.original is None else f", original={self.original}"


def exception_of(name: str, errno: int | None, message: str) -> Exception:
    """The exception of a class that the engine names."""
    cls = _CLASSES.get(name)
    if cls is None or name == "BadStatusLine":
        cls = type(name, (requests.exceptions.ConnectionError,), {})
    return cls(message) if errno is None else cls(errno, message)


def cause_of(exchange: Exchange, fast: bool = False) -> Exception | None:
    """The exception of a failed exchange as Locust reports it, or as its fast client does."""
    error = exchange.error(fast)
    if error is None:
        return None
    _, name, errno, message = error
    if name == "ReadTimeout":
        pool, _, words = message.partition(": ")
        timeout = urllib3.exceptions.ReadTimeoutError(pool, exchange.asked_url, words)  # type: ignore[arg-type]
        return requests.exceptions.ReadTimeout(timeout)
    if name == "RetriesExceeded":
        url = exchange.asked_url or ""
        return RetriesExceeded(url, message) if errno is None else RetriesExceeded(url, errno, message)
    return exception_of(name, errno, message)


def innermost(error: BaseException) -> BaseException:
    """What is below the exceptions that say no more than that a connection failed."""
    while (
        isinstance(
            error,
            requests.exceptions.ConnectionError
            | urllib3.exceptions.ProtocolError
            | urllib3.exceptions.MaxRetryError
            | urllib3.exceptions.NewConnectionError,
        )
        and error.__context__ is not None
    ):
        error = error.__context__
    return error


def request_exception(exchange: Exchange, cause: Exception) -> requests.exceptions.RequestException:
    """The exception of requests around the cause, for scripts that catch those."""
    error = exchange.error()
    assert error is not None
    cls = _KINDS.get(error[0], requests.exceptions.ConnectionError)
    if isinstance(cause, cls):
        return cause
    exception = cls(_refusal(exchange, cause) if error[1] == "ConnectionRefusedError" else cause)
    exception.__cause__ = cause
    return exception


def _refusal(exchange: Exchange, cause: Exception) -> urllib3.exceptions.MaxRetryError:
    """What urllib3 says when no connection comes about."""
    parts = urlsplit(exchange.asked_url or "")
    secure = parts.scheme == "https"
    kind = "HTTPSConnection" if secure else "HTTPConnection"
    where = f"(host={parts.hostname!r}, port={parts.port or (443 if secure else 80)})"
    words = f"Failed to establish a new connection: {cause}"
    reason = urllib3.exceptions.NewConnectionError(f"{kind}{where}", words)  # type: ignore[arg-type]
    path = parts._replace(scheme="", netloc="").geturl() or "/"
    return urllib3.exceptions.MaxRetryError(f"{kind}Pool{where}", path, reason)  # type: ignore[arg-type]


def http_error(response: requests.Response, name: str | None) -> HTTPError | None:
    """requests' own error for a status of 400 and above, with the name in place of the URL."""
    status = response.status_code
    if 400 <= status < 600:
        side = "Client" if status < 500 else "Server"
        return HTTPError(f"{status} {side} Error: {response.reason} for url: {name}", response=response)
    return None
