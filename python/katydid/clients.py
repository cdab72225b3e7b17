"""``HttpUser.client``: a ``requests.Session`` whose requests the engine sends.

There are two lanes. Ordinary calls take the fast one: the engine sends, follows
redirects, keeps cookies, times and counts, and Python only waits. What needs requests'
own machinery (auth objects, hooks, mounted adapters, files, streaming) goes through
``requests.Session.request`` with :class:`EngineAdapter` at the bottom, which hands the
bytes to the same engine. One clock, one count.
"""

from __future__ import annotations

import json as jsonlib
import re
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit, urlunsplit

import requests
from gevent import getcurrent
from gevent.hub import get_hub
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.cookies import RequestsCookieJar, extract_cookies_to_jar
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.hooks import default_hooks
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, get_auth_from_url

from katydid import _patch, hub
from katydid.cookies import SessionCookies
from katydid.exception import CatchResponseError, LocustError, ResponseError
from katydid.response import Response, cause_of, http_error, lazy, raw_response, request_exception

if TYPE_CHECKING:
    from katydid._core import Client, Exchange
    from katydid.event import EventHook
    from katydid.user.users import User

_patch.patch_urllib3()

absolute_http_url_regexp = re.compile(r"^https?://", re.IGNORECASE)

_DEFAULT_HEADERS = list(default_headers().items())
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

HeaderPairs = list[tuple[str, str | bytes | None]]


def exchange(client: Client, ticket: int) -> Exchange:
    """Waits for a submitted request; the hub's drain switches back with the result."""
    try:
        return cast("Exchange", get_hub().switch())
    except BaseException:
        client.abandon(ticket)
        raise


class SessionHeaders(CaseInsensitiveDict[Any]):
    """A session's headers, which tell the session when a script changes them."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed: Callable[[], None] = lambda: None
        super().__init__(_DEFAULT_HEADERS)
        self._changed = changed

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._changed()

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        self._changed()

    def copy(self) -> CaseInsensitiveDict[Any]:
        """A plain copy, which tells nobody."""
        return CaseInsensitiveDict(self.items())


class HttpSession(requests.Session):
    """A session of one user: requests' interface, the engine's work.

    Args:
        base_url: Put in front of every URL that is not absolute. Credentials in it become basic auth.
        request_event: Fired for every request that is finished.
        user: Whose session it is; its ``context()`` goes into every event.
        pool_manager: Accepted for compatibility; connections are the engine's.
    """

    # requests.Session fills these in its initialiser, at 4 KB a user. Here they cost nothing
    # until a script looks at them.
    request_name: str | None = None
    params: Any = {}
    stream = False
    trust_env = False
    max_redirects = 30
    _headers: SessionHeaders | None = None
    _headers_changed = False
    _auth: Any = None
    _verify: Any = True
    _cert: Any = None
    _own: bool = False  # whether something only requests itself can do was set

    def __init__(
        self,
        base_url: str,
        request_event: EventHook,
        user: User | None,
        *args: Any,
        pool_manager: Any = None,
        **kwargs: Any,
    ) -> None:
        self.request_event = request_event
        self.user = user
        self.base_url = base_url
        parts = urlsplit(base_url)
        if parts.username is not None:
            host = parts.hostname or ""
            if parts.port:
                host += f":{parts.port}"
            self.base_url = urlunsplit((parts.scheme, host, *parts[2:]))
        self._client: Client = hub.engine().client(self.base_url)
        self._client.set_headers(_DEFAULT_HEADERS)
        self._sent_base = self.base_url
        if parts.username is not None:
            self.auth = get_auth_from_url(base_url)

    # -- what scripts may look at or set -------------------------------------------------

    @property
    def headers(self) -> Any:
        """The headers of every request."""
        if self._headers is None:
            self._headers = SessionHeaders(self._note_headers)
        return self._headers

    @headers.setter
    def headers(self, headers: Mapping[str, Any]) -> None:
        self._headers = SessionHeaders(self._note_headers)
        self._headers.clear()
        self._headers.update(headers)
        self._headers_changed = True

    def _note_headers(self) -> None:
        self._headers_changed = True

    @property
    def auth(self) -> Any:
        """Credentials of every request."""
        return self._auth

    @auth.setter
    def auth(self, auth: Any) -> None:
        self._auth = auth
        self._headers_changed = True

    @property
    def verify(self) -> Any:
        """Whether, or with which CA file, certificates are checked."""
        return self._verify

    @verify.setter
    def verify(self, verify: Any) -> None:
        self._verify = verify
        self._configure()

    @property
    def cert(self) -> Any:
        """The client certificate."""
        return self._cert

    @cert.setter
    def cert(self, cert: Any) -> None:
        self._cert = cert
        self._configure()

    @lazy
    def proxies(self) -> Any:
        """Proxies by scheme."""
        self._own = True
        return {}

    @lazy
    def hooks(self) -> dict[str, list[Any]]:
        """requests' own hooks."""
        self._own = True
        return default_hooks()

    @lazy
    def adapters(self) -> Any:
        """What sends requests, by prefix."""
        self._own = True
        adapter = EngineAdapter()
        return {"https://": adapter, "http://": adapter}

    @lazy
    def cookies(self) -> RequestsCookieJar:
        """The cookies, read through to the engine."""
        return SessionCookies(self._client, self.base_url)

    def mount(self, prefix: str | bytes, adapter: Any) -> None:
        """Has an adapter send the requests of a prefix."""
        self._own = True
        super().mount(prefix, adapter)

    def _configure(self) -> None:
        self._client.configure(*tls_of(self._verify, self._cert))

    def close(self) -> None:
        """Closes the connections; the session can still be used."""
        self._client.close()

    # -- requests ------------------------------------------------------------------------

    @contextmanager
    def rename_request(self, name: str) -> Generator[None, None, None]:
        """Counts the requests made in a ``with`` block under one name."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def request(  # type: ignore[override]
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: Mapping[str, Any] = {},
        *,
        data: Any = None,
        json: Any = None,
        params: Any = None,
        headers: Mapping[str, Any] | None = None,
        cookies: Any = None,
        files: Any = None,
        auth: Any = None,
        timeout: Any = None,
        allow_redirects: bool = True,
        proxies: Any = None,
        hooks: Any = None,
        stream: bool | None = None,
        verify: Any = None,
        cert: Any = None,
    ) -> Any:
        """Sends a request and counts it.

        Args:
            method: Counted as it is given, sent in upper case.
            url: A path below ``base_url``, or an absolute URL.
            name: Counted under this name instead of the path.
            catch_response: Returns a context manager whose block decides whether it failed.
            context: Passed to the listeners of ``events.request``.

        The other arguments are those of ``requests.Session.request``.
        """
        name = name or self.request_name
        if (
            self._own
            or files or cookies or proxies or hooks or stream or self.stream or self.params
            or verify is not None or cert is not None
            or not (auth is None or isinstance(auth, tuple | HTTPBasicAuth))
            or not (self._auth is None or isinstance(self._auth, tuple | HTTPBasicAuth))
            or not (data is None or isinstance(data, str | bytes | dict | list | tuple))
        ):  # fmt: skip
            return self._request_by_requests(
                method, url, name, catch_response, context,
                {"data": data, "json": json, "params": params, "headers": headers, "cookies": cookies,
                 "files": files, "auth": auth, "timeout": timeout, "allow_redirects": allow_redirects,
                 "proxies": proxies, "hooks": hooks, "stream": stream, "verify": verify, "cert": cert},
            )  # fmt: skip
        if self._headers_changed or self.base_url is not self._sent_base:
            self._send_settings()
        pairs: HeaderPairs | None = None
        if headers:
            pairs = list(headers.items())
        body: bytes | None = None
        if data is not None or json is not None:
            body, content_type = encode_body(data, json)
            if content_type is not None and not has(headers, "content-type"):
                pairs = [*(pairs or ()), ("Content-Type", content_type)]
        if auth is not None:
            pairs = [*(pairs or ()), ("Authorization", basic(auth))]
        if timeout is not None:
            timeout = timeout if isinstance(timeout, tuple) else (timeout, timeout)
        judged = catch_response or not self.request_event.plain
        client = self._client
        upper = method.upper()
        if params or (upper is not method and upper != method):
            ticket = -1
        else:
            ticket = client.submit(
                getcurrent(), method, url, judged, name, pairs, body, allow_redirects, timeouts=timeout
            )
        if ticket < 0:
            prepared = self._prepare_url(upper, url, params)
            name = name or path_of(prepared)
            ticket = client.submit(
                getcurrent(), upper, prepared, judged or upper != method, name, pairs, body, allow_redirects,
                timeout, True,
            )  # fmt: skip
            judged = judged or upper != method
        response = Response(exchange(client, ticket))
        if not judged:
            return response
        return self._judge(response, method, self._build_url(url), name, catch_response, context)

    def get(self, url: str, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a GET request; see :meth:`request`."""
        return self.request("GET", url, **kwargs)

    def options(self, url: str, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends an OPTIONS request; see :meth:`request`."""
        return self.request("OPTIONS", url, **kwargs)

    def head(self, url: str, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a HEAD request, which follows no redirects unless asked to; see :meth:`request`."""
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a POST request; see :meth:`request`."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a PUT request; see :meth:`request`."""
        return self.request("PUT", url, data=data, **kwargs)

    def patch(self, url: str, data: Any = None, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a PATCH request; see :meth:`request`."""
        return self.request("PATCH", url, data=data, **kwargs)

    def delete(self, url: str, **kwargs: Any) -> Any:  # type: ignore[override]
        """Sends a DELETE request; see :meth:`request`."""
        return self.request("DELETE", url, **kwargs)

    # -- how -----------------------------------------------------------------------------

    def _build_url(self, path: str) -> str:
        return path if absolute_http_url_regexp.match(path) else f"{self.base_url}{path}"

    def _prepare_url(self, method: str, url: str, params: Any) -> str:
        """The URL as requests would send it; its exceptions for one that it would not."""
        prepared = PreparedRequest()
        prepared.prepare_method(method)
        prepared.prepare_url(self._build_url(url), params)
        assert prepared.url is not None
        if not absolute_http_url_regexp.match(prepared.url):
            raise InvalidSchema(f"No connection adapters were found for {prepared.url!r}")
        return prepared.url

    def _send_settings(self) -> None:
        """Hands the engine what a script changed on the session."""
        if self.base_url is not self._sent_base:
            self._client.set_base(self.base_url)
            self._sent_base = self.base_url
        if self._headers_changed:
            pairs: HeaderPairs = list(self.headers.items())
            if self._auth is not None and isinstance(self._auth, tuple | HTTPBasicAuth):
                pairs.append(("Authorization", basic(self._auth)))
            self._client.set_headers([(name, value) for name, value in pairs if value is not None])
            self._headers_changed = False

    def _judge(
        self, response: Response, method: str, url: str, name: str | None, catch_response: bool,
        context: Mapping[str, Any],
    ) -> Any:  # fmt: skip
        """Reports a request that a script has a say in, at once or at the end of its ``with`` block."""
        finished = response._katydid_exchange
        if name is None:
            first = (
                response.history[0].url if response.history else (response.url or self._prepare_url("GET", url, None))
            )
            name = path_of(first)
        meta: dict[str, Any] = {
            "request_type": method,
            "response_time": finished.response_time,
            "name": name,
            "context": {**(self.user.context() if self.user else {}), **context},
            "response": response,
            "exception": cause_of(finished),
            "start_time": finished.start_time,
            "url": url,
            "response_length": finished.length,
        }
        return self._report(response, meta, catch_response)

    def _report(self, response: Response, meta: dict[str, Any], catch_response: bool) -> Any:
        if catch_response:
            response.__class__ = ResponseContextManager
            caught = cast("ResponseContextManager", response)
            caught._request_event = self.request_event
            caught.request_meta = meta
            caught._manual_result = None
            caught._entered = False
            return caught
        if meta["exception"] is None:
            meta["exception"] = http_error(response, meta["name"])
        self.request_event.fire(**meta)
        return response

    def _request_by_requests(
        self, method: str, url: str, name: str | None, catch_response: bool, context: Mapping[str, Any],
        options: dict[str, Any],
    ) -> Any:  # fmt: skip
        """The other lane: requests does everything but the sending."""
        _ = self.adapters, self.hooks, self.proxies
        full = self._build_url(url)
        try:
            response = super().request(method, full, **options)
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as error:
            failed = getattr(error, "_katydid_exchange", None)
            if failed is None:
                raise
            response = Response(failed)
            response.error = error
        finished = cast("Response", response)._katydid_exchange
        first = response.history[0] if response.history else response
        begin = cast("Response", first)._katydid_exchange.start_time
        streamed = options["stream"] if options["stream"] is not None else self.stream
        end = finished.first_byte_time if streamed else finished.response_time
        length = int(response.headers.get("content-length") or 0) if streamed else finished.length
        sent = first.request.url if first.request is not None else full
        meta = {
            "request_type": method,
            "response_time": finished.start_time * 1000 - begin * 1000 + end,
            "name": name or path_of(sent or full),
            "context": {**(self.user.context() if self.user else {}), **context},
            "response": response,
            "exception": cause_of(finished),
            "start_time": begin,
            "url": sent or full,
            "response_length": length,
        }
        return self._report(cast("Response", response), meta, catch_response)


class ResponseContextManager(Response):
    """A response whose ``with`` block decides whether the request failed.

    ``request_meta`` holds what will be reported; a block may change it.
    """

    _request_event: EventHook
    request_meta: dict[str, Any]
    _manual_result: bool | Exception | None
    _entered: bool

    def __enter__(self) -> ResponseContextManager:
        self._entered = True
        return self

    def __exit__(self, exc: type[BaseException] | None, value: BaseException | None, traceback: Any) -> bool:  # type: ignore[override]
        if self._manual_result is not None:
            if self._manual_result is True:
                self.request_meta["exception"] = None
            else:
                self.request_meta["exception"] = self._manual_result
            self._fire()
            return exc is None
        if exc is not None:
            if not isinstance(value, ResponseError):
                return False
            self.request_meta["exception"] = value
            self._fire()
            return True
        if self.request_meta["exception"] is None:
            self.request_meta["exception"] = http_error(self, self.request_meta["name"])
        self._fire()
        return True

    def _fire(self) -> None:
        self._request_event.fire(**self.request_meta)

    def raise_for_status(self) -> None:
        """Follows the block's own verdict, if it gave one."""
        if self._manual_result is True:
            return
        if isinstance(self._manual_result, Exception):
            raise self._manual_result
        super().raise_for_status()

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


class EngineAdapter(HTTPAdapter):
    """requests' way to the wire, which hands prepared requests to the engine."""

    def __init__(self, pool_manager: Any = None, *args: Any, **kwargs: Any) -> None:
        self._clients: dict[Any, Client] = {}
        super().__init__(*args, **kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Connections are the engine's."""

    def _client_for(self, verify: Any, cert: Any, proxy: str | None) -> Client:
        key = (verify, cert, proxy)
        client = self._clients.get(key)
        if client is None:
            client = self._clients[key] = hub.engine().client("")
            client.configure(*tls_of(verify, cert), proxy)
        return client

    def send(
        self, request: PreparedRequest, stream: bool = False, timeout: Any = None, verify: Any = True,
        cert: Any = None, proxies: Mapping[str, str] | None = None,
    ) -> requests.Response:  # fmt: skip
        """Sends one prepared request and returns its response, redirects not followed."""
        url = cast("str", request.url)
        proxy = (proxies or {}).get(urlsplit(url).scheme)
        client = self._client_for(verify, cert, proxy)
        client.set_cookies([])
        body = request.body
        if body is not None and not isinstance(body, str | bytes):
            body = b"".join(part.encode() if isinstance(part, str) else part for part in cast("Any", body))
        if isinstance(body, str):
            body = body.encode()
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in ("content-length", "transfer-encoding", "host")
        ]
        if timeout is not None and not isinstance(timeout, tuple):
            timeout = (timeout, timeout)
        ticket = client.submit(
            getcurrent(), cast("str", request.method), url, True, None, headers, body, False, timeout, True
        )
        finished = exchange(client, ticket)
        cause = cause_of(finished)
        if cause is not None:
            error = request_exception(finished, cause)
            error.request = request
            error._katydid_exchange = finished  # type: ignore[attr-defined]
            raise error
        response = Response(finished)
        response.request = request
        response.connection = self
        response.history = []
        response.cookies = RequestsCookieJar()
        response.raw = raw_response(
            finished.headers(), finished.body() or b"", finished.status, finished.reason, finished.version
        )
        extract_cookies_to_jar(response.cookies, request, response.raw)  # type: ignore[no-untyped-call]
        return response

    def close(self) -> None:
        """Closes the connections."""
        for client in self._clients.values():
            client.close()


LocustHttpAdapter = EngineAdapter


def tls_of(verify: Any, cert: Any) -> tuple[bool, str | None, tuple[str, str] | None]:
    """requests' ``verify`` and ``cert`` as the engine takes them."""
    ca_file = str(verify) if isinstance(verify, str) else None
    identity = (str(cert), str(cert)) if isinstance(cert, str) else cert
    return bool(verify), ca_file, identity


def encode_body(data: Any, json: Any) -> tuple[bytes | None, str | None]:
    """A body and its content type, encoded as requests does it."""
    if not data and json is not None:
        try:
            return jsonlib.dumps(json, allow_nan=False).encode(), _JSON
        except ValueError as error:
            raise requests.exceptions.InvalidJSONError(error) from error
    if not data:
        return None, None
    if isinstance(data, bytes):
        return data, None
    if isinstance(data, str):
        return data.encode(), _FORM
    encoded = RequestEncodingMixin._encode_params(data)  # type: ignore[attr-defined]
    return encoded.encode() if isinstance(encoded, str) else encoded, _FORM


def basic(auth: Any) -> str:
    """The value of an ``Authorization`` header."""
    if isinstance(auth, HTTPBasicAuth):
        return _basic_auth_str(auth.username, auth.password)
    return _basic_auth_str(*auth)


def has(headers: Mapping[str, Any] | None, wanted: str) -> bool:
    """Whether a header is there, however it is spelled."""
    return headers is not None and any(name.lower() == wanted for name in headers)


def path_of(url: str) -> str:
    """Path and query of a URL, which name a request that has no name."""
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path
