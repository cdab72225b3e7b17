"""The exceptions that scripts see where the engine only knows facts."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import TYPE_CHECKING

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


def exception_of(name: str, errno: int | None, message: str) -> Exception:
    """The exception of a class that the engine names."""
    cls = _CLASSES.get(name)
    if cls is None or name == "BadStatusLine":
        cls = type(name, (requests.exceptions.ConnectionError,), {})
    return cls(message) if errno is None else cls(errno, message)


def cause_of(exchange: Exchange) -> Exception | None:
    """The innermost exception of a failed exchange, as Locust reports it."""
    error = exchange.error()
    if error is None:
        return None
    return exception_of(*error[1:])


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
