"""Responses that scripts hold: requests' own class over an exchange of the engine.

Everything is computed when a script first looks at it, because most scripts look at
next to nothing and a load generator pays for every look.
"""

from __future__ import annotations

import datetime
import io
import weakref
from collections.abc import Callable
from email.message import Message
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast, overload

import requests
import urllib3
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.hooks import default_hooks
from requests.models import PreparedRequest
from requests.structures import CaseInsensitiveDict
from requests.utils import get_encoding_from_headers

from katydid.caught import CatchResponse, refuse
from katydid.failures import cause_of, http_error, request_exception
from katydid.streams import streamed_raw

if TYPE_CHECKING:
    from katydid._core import Engine, Exchange
    from katydid.event import EventHook

T = TypeVar("T")


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


class ResponseContextManager(CatchResponse, requests.Response):  # type: ignore[misc]
    """What `HttpUser`'s client returns: a ``requests.Response`` over an exchange of the engine.

    With ``catch_response=True`` its ``with`` block decides whether the request failed. Everything is computed
    on first use. ``error`` holds the exception if there was no response; ``status_code`` is 0 then.

    Args:
        error: Why there is no response.
    """

    _katydid_exchange: Exchange | None = None
    _text_sent = False
    _content_consumed = True
    _next = None

    def __init__(self, error: requests.exceptions.RequestException) -> None:
        super().__init__()
        self.error = error
        self.status_code = 0
        self._catch_response = True
        self.request = error.request  # type: ignore[assignment]

    @classmethod
    def wrap_response(
        cls, response: requests.Response, request_event: EventHook, request_meta: Any, catch_response: bool
    ) -> ResponseContextManager:
        """Makes one of a response that something else has made, in place.

        Args:
            response: The response, whose class is changed.
            request_event: Fired at the end of the ``with`` block.
            request_meta: The arguments it is fired with.
            catch_response: Whether there may be a ``with`` block.
        """
        response.__class__ = cls
        caught = cast("ResponseContextManager", response)
        caught._entered = False
        caught._manual_result = None
        caught._request_event = request_event
        caught._catch_response = catch_response
        caught.request_meta = request_meta
        return caught

    @property
    def locust_request_meta(self) -> dict[str, Any]:
        """What was measured, under its names of the 0.14 generation."""
        meta = self.request_meta
        return {
            "method": meta["request_type"],
            "name": meta["name"],
            "start_time": meta["start_time"],
            "response_time": meta["response_time"],
            "content_size": meta["response_length"],
        }

    @property
    def _exchange(self) -> Exchange:
        assert self._katydid_exchange is not None
        return self._katydid_exchange

    @lazy
    def request_meta(self) -> dict[str, Any]:
        """What is reported, or was."""
        # A strong reference would be a cycle, which only the garbage collector could free.
        return self._event(weakref.proxy(self))

    def _event(self, itself: Any) -> dict[str, Any]:
        """What listeners are told."""
        done = self._exchange
        exception = None
        status = done.status
        if not status:
            exception = cause_of(done)
        elif status >= 400 and not self._catch_response:
            exception = http_error(self, done.name)
        return done.event(itself, self._context or {}, exception)

    @lazy
    def status_code(self) -> int:
        """The status code, 0 without a response."""
        return self._exchange.status

    @lazy
    def reason(self) -> str | None:  # type: ignore[override]
        """The reason phrase."""
        return self._exchange.reason

    @lazy
    def _content(self) -> bytes | None:
        return self._exchange.body()

    @lazy
    def headers(self) -> CaseInsensitiveDict[str]:
        """The header fields."""
        headers: CaseInsensitiveDict[str] = CaseInsensitiveDict()
        for name, value in self._exchange.headers():
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
        return self._exchange.url

    @lazy
    def elapsed(self) -> datetime.timedelta:
        """The time to the first byte."""
        return datetime.timedelta(milliseconds=self._exchange.first_byte_time)

    @lazy
    def error(self) -> Exception | None:
        """The exception, if there is no response."""
        if self._katydid_exchange is None:
            return None
        cause = cause_of(self._katydid_exchange)
        return None if cause is None else request_exception(self._katydid_exchange, cause)

    @lazy
    def raw(self) -> Any:
        """A urllib3 response over the body."""
        return raw_response(self._exchange, self._content or b"")

    @lazy
    def cookies(self) -> RequestsCookieJar:
        """The cookies that this response set."""
        jar = RequestsCookieJar()
        extract_cookies_to_jar(jar, self.request, self.raw)  # type: ignore[no-untyped-call]
        return jar

    @lazy
    def request(self) -> PreparedRequest:
        """The request of the last hop."""
        done = self._exchange
        body = done.asked_body()
        sent = body.decode() if body and self._text_sent else body
        return prepared(done.method, done.asked_url, done.asked_headers(), sent)

    @lazy
    def history(self) -> list[requests.Response]:
        """The redirects that led here."""
        return history_of(self._exchange)

    @lazy
    def connection(self) -> Any:
        """What sent it; the engine, which has no Python object."""
        return None

    def _verdict(self) -> Exception | None:
        return http_error(self, self.request_meta["name"])

    def _failure(self) -> BaseException | None:
        done = self._exchange
        status = done.status
        if status >= 400:
            return http_error(self, done.name)
        return None if status else cause_of(done)

    def _raise_own(self) -> None:
        if self.error is not None:
            raise self.error
        requests.Response.raise_for_status(self)


class RestResponseContextManager(ResponseContextManager):
    """The response of ``rest()``: ``js`` is the body, parsed."""

    js: Any


_new = ResponseContextManager.__new__


def respond(exchange: Exchange) -> ResponseContextManager:
    """The response over an exchange."""
    response = _new(ResponseContextManager)
    response._katydid_exchange = exchange
    return response


def prepared(method: str, url: str | None, headers: Any, body: str | bytes | None) -> PreparedRequest:
    """A request as it was sent."""
    request = PreparedRequest()
    request.method = method
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    request.body = body
    request.hooks = default_hooks()
    request._cookies = RequestsCookieJar()  # type: ignore[attr-defined]
    return request


# A response of requests itself says so too, whoever made it.
requests.Response.success = refuse  # type: ignore[attr-defined]
requests.Response.failure = refuse  # type: ignore[attr-defined]


class _OriginalResponse:
    """What cookie jars look for below a response."""

    def __init__(self, headers: list[tuple[str, str]]) -> None:
        self.msg = Message()
        for name, value in headers:
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        """Nothing is open."""


def raw_response(exchange: Exchange, body: bytes, engine: Engine | None = None) -> urllib3.HTTPResponse:
    """A urllib3 response: over what is still to come, or over bytes that are here, their encoding undone."""
    headers = exchange.headers()
    original: Any = _OriginalResponse(headers)
    streamed = streamed_raw(exchange, original, engine)
    if streamed is not None:
        return streamed
    return _finished_raw(headers, body, exchange.status, exchange.reason, exchange.version, original)


def _finished_raw(
    headers: list[tuple[str, str]], body: bytes, status: int, reason: str | None, version: int, original: Any
) -> urllib3.HTTPResponse:
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
    raw._original_response = original
    return raw


def history_of(exchange: Exchange) -> list[requests.Response]:
    """The redirects that led to an exchange."""
    return [_hop(hop) for hop in exchange.history()]


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
    original: Any = _OriginalResponse(headers)
    response.raw = _finished_raw(headers, body, status, reason, 11, original)
    response.request = prepared(method, url, {}, None)
    extract_cookies_to_jar(response.cookies, response.request, response.raw)  # type: ignore[no-untyped-call]
    return response
