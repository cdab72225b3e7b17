"""``HttpUser.client``: a ``requests.Session`` whose requests the engine sends.

There are two lanes. Ordinary calls take the fast one: the engine sends, follows
redirects, keeps cookies, times and counts, and Python only waits. What needs requests'
own machinery (auth objects, hooks, mounted adapters, files, streaming) goes through
``requests.Session.request`` with :class:`EngineAdapter` at the bottom, which hands the
bytes to the same engine. One clock, one count. A response's ``connection`` tells which
lane it took: the adapter, or ``None`` for the fast one.
"""

from __future__ import annotations

import json as jsonlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import partial
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

import requests
from gevent import getcurrent
from requests.adapters import HTTPAdapter
from requests.auth import HTTPBasicAuth, _basic_auth_str
from requests.cookies import cookiejar_from_dict
from requests.exceptions import InvalidSchema, InvalidURL, MissingSchema, RequestException
from requests.hooks import default_hooks
from requests.models import PreparedRequest, RequestEncodingMixin
from requests.structures import CaseInsensitiveDict
from requests.utils import default_headers, get_auth_from_url

import katydid
from katydid import _patch, hub
from katydid.adapter import EngineAdapter, pool_of, tls_of
from katydid.cookies import SessionCookies
from katydid.failures import cause_of, http_error, innermost
from katydid.response import ResponseContextManager, RestResponseContextManager, respond
from katydid.waiting import exchange, wait_for

if TYPE_CHECKING:
    from katydid._core import Client, Engine, Exchange, Pool
    from katydid.event import EventHook
    from katydid.user.users import User

_patch.patch_urllib3()

absolute_http_url_regexp = re.compile(r"^https?://", re.IGNORECASE)

_ENCODINGS = "gzip, deflate, br"
"""What the engine decodes, as Locust asks for it."""
_DEFAULT_HEADERS = list({**default_headers(), "Accept-Encoding": _ENCODINGS}.items())
_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

__all__ = [
    "HttpSession",
    "LocustHttpAdapter",
    "ResponseContextManager",
    "RestResponseContextManager",
    "absolute_http_url_regexp",
]

HeaderPairs = list[tuple[str, str | bytes | None]]


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


class SessionAdapters(OrderedDict[str, Any]):
    """A session's adapters, which tell the session when a script changes them."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, prefix: str, adapter: Any) -> None:
        super().__setitem__(prefix, adapter)
        if type(adapter) is not EngineAdapter:
            self._changed()

    @property
    def are_ours(self) -> bool:
        """Whether the engine sends everything."""
        return all(type(adapter) is EngineAdapter for adapter in self.values())


class HttpSession(requests.Session):
    """A session of one user: requests' interface, the engine's work.

    Args:
        base_url: Put in front of every URL that is not absolute. Credentials in it become basic auth.
        request_event: Fired for every request that is finished; by default ``locust.events.request``.
        user: Whose session it is; its ``context()`` goes into every event.
        pool_manager: Connections that several sessions share; by default each has its own.
    """

    through_requests = False
    """Whether every request of every session goes through requests itself, for those who patch it."""

    # requests.Session fills these in its initialiser, at 4 KB a user. Here they cost nothing
    # until a script looks at them.
    request_name: str | None = None
    explicit_name: str | None = None
    _headers: SessionHeaders | None = None
    _headers_changed = False
    _auth: Any = None
    _verify: Any = True
    _cert: Any = None
    _max_redirects = 30
    _stream = False
    _trust_env = True
    _params: Any = None
    _hooks: Any = None
    _proxies: Any = None
    _adapters: SessionAdapters | None = None
    _cookies: SessionCookies | None = None
    _pool: Pool | None = None
    _has_context = False
    # Whether a script set or looked at something that only requests itself can honour.
    _unusual = True

    def __init__(
        self,
        base_url: str,
        request_event: EventHook | None = None,
        user: User | None = None,
        *args: Any,
        pool_manager: Any = None,
        **kwargs: Any,
    ) -> None:
        self.request_event = katydid.events.request if request_event is None else request_event
        self.user = user
        if has_context(user):
            self._has_context = True
        self.base_url, credentials = without_credentials(base_url)
        if pool_manager is not None:
            self._pool = pool_of(pool_manager)
        self._connect()
        if pool_manager is not None and self._pool is None:
            adapter = HTTPAdapter()
            adapter.poolmanager = pool_manager
            self.mount("https://", adapter)
            self.mount("http://", adapter)
        if credentials is not None:
            self.auth = HTTPBasicAuth(*credentials)

    def _connect(self) -> None:
        engine = self._engine()
        if self._pool is None:
            self._client: Client = engine.client(self.base_url)
        else:
            self._client = engine.client(self.base_url, pool=self._pool)
        self._client.set_headers(_DEFAULT_HEADERS)
        self._sent_base = self.base_url

    def _engine(self) -> Engine:
        """What sends the requests of this session's user."""
        return hub.engine(getattr(self.user, "environment", None))

    def _reconnect(self) -> None:
        """A forked child has no engine yet: it gets one, and this session's settings go to it."""
        cookies = self._client.cookies()
        self._pool = None
        self._connect()
        self._client.set_cookies(cookies)
        self._cookies = None
        self._client.set_max_redirects(self._max_redirects)
        self._headers_changed = True
        self._configure()

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
        if not (auth is None or isinstance(auth, tuple | HTTPBasicAuth)):
            self._unusual = True

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

    @property
    def max_redirects(self) -> int:
        """How many redirects are followed before that is an error."""
        return self._max_redirects

    @max_redirects.setter
    def max_redirects(self, redirects: int) -> None:
        self._max_redirects = redirects
        self._client.set_max_redirects(redirects)

    @property
    def stream(self) -> bool:
        """Whether bodies are left to be read piece by piece."""
        return self._stream

    @stream.setter
    def stream(self, stream: bool) -> None:
        self._stream = stream
        self._unusual = True

    @property
    def trust_env(self) -> bool:
        """Whether proxies and credentials are taken from the environment."""
        return self._trust_env

    @trust_env.setter
    def trust_env(self, trust_env: bool) -> None:
        self._trust_env = trust_env
        self._unusual = self._is_unusual()

    @property
    def params(self) -> Any:
        """The query parameters of every request."""
        if self._params is None:
            self.params = {}
        return self._params

    @params.setter
    def params(self, params: Any) -> None:
        self._params = params
        self._unusual = True

    @property
    def proxies(self) -> Any:
        """Proxies by scheme."""
        if self._proxies is None:
            self.proxies = {}
        return self._proxies

    @proxies.setter
    def proxies(self, proxies: Any) -> None:
        self._proxies = proxies
        self._unusual = True

    @property
    def hooks(self) -> Any:
        """requests' own hooks."""
        if self._hooks is None:
            self.hooks = default_hooks()
        return self._hooks

    @hooks.setter
    def hooks(self, hooks: Any) -> None:
        self._hooks = hooks
        self._unusual = True

    @property
    def adapters(self) -> Any:
        """What sends requests, by prefix."""
        if self._adapters is None:
            adapter = EngineAdapter(session=self._client, engine=self._engine)
            adapter._limited = self._pool
            self._adapters = SessionAdapters(self._note_adapter)
            self._adapters.update({"https://": adapter, "http://": adapter})
        return self._adapters

    @adapters.setter
    def adapters(self, adapters: Mapping[str, Any]) -> None:
        self._adapters = SessionAdapters(self._note_adapter)
        self._adapters.update(adapters)

    def _note_adapter(self) -> None:
        self._unusual = True
        for adapter in (self._adapters or {}).values():
            if isinstance(adapter, EngineAdapter):
                adapter._engine = self._engine
        if self.headers.get("Accept-Encoding") == _ENCODINGS:
            # Another adapter decodes what urllib3 can.
            self.headers["Accept-Encoding"] = default_headers()["Accept-Encoding"]

    @property
    def cookies(self) -> Any:
        """The cookies, read through to the engine."""
        if self._cookies is None:
            self._cookies = SessionCookies(self._client, self.base_url)
        return self._cookies

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        # The engine has the cookies that are sent, so those of another jar become its own.
        given = list(cookies) if isinstance(cookies, CookieJar) else list(cookiejar_from_dict(cookies or {}))  # type: ignore[no-untyped-call]
        self.cookies.clear()
        for cookie in given:
            self.cookies.set_cookie(cookie)

    def _is_unusual(self) -> bool:
        """Whether requests itself has to make the requests."""
        return bool(
            self._trust_env
            or self.through_requests
            or self._stream
            or self._params
            or self._proxies
            or (self._hooks and any(self._hooks.values()))
            or (self._adapters is not None and not self._adapters.are_ours)
            or not (self._auth is None or isinstance(self._auth, tuple | HTTPBasicAuth))
        )

    def _configure(self) -> None:
        self._client.configure(*tls_of(self._verify, self._cert))

    def close(self) -> None:
        """Closes the connections; the session can still be used."""
        self._client.close()
        for adapter in (self._adapters or {}).values():
            adapter.close()

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
    ) -> ResponseContextManager:
        """Sends a request and counts it.

        Args:
            method: Counted as it is given, sent in upper case.
            url: A path below ``base_url``, or an absolute URL.
            name: Counted under this name instead of the path.
            catch_response: Returns a context manager whose block decides whether it failed.
            context: Passed to the listeners of ``events.request``.

        The other arguments are those of ``requests.Session.request``.
        """
        name = self.explicit_name = name or self.request_name
        if self._has_context:
            context = {**self.user.context(), **context}  # type: ignore[union-attr]
        if (
            (self._unusual and self._is_unusual())
            or files or cookies or proxies or hooks or stream
            or verify is not None or cert is not None
            or not (auth is None or isinstance(auth, tuple | HTTPBasicAuth))
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
        event = self.request_event
        judged = catch_response or not event.counted
        client = self._client
        upper = method.upper()
        if params or (upper is not method and upper != method):
            ticket = -1
        else:
            try:
                ticket = client.submit(
                    getcurrent(), method, url, judged, name, pairs, body, allow_redirects, timeouts=timeout
                )
            except (TypeError, ValueError):
                # A header that cannot be sent, say: requests has its own words for that.
                return self._request_by_requests(
                    method, url, name, catch_response, context,
                    {"data": data, "json": json, "params": params, "headers": headers, "auth": auth,
                     "timeout": timeout, "allow_redirects": allow_redirects},
                )  # fmt: skip
        if ticket < 0:
            judged = judged or upper != method
            finished = self._ask(upper, url, params, judged, name, pairs, body, allow_redirects, timeout)
        else:
            finished = exchange(client, ticket)
        response = respond(finished)
        if data is not None and not isinstance(data, bytes):
            response._text_sent = True
        if not judged and event.plain:
            return response
        response._context = {**context}
        if catch_response and ticket >= 0:
            return response.awaits_verdict(event)
        meta = response._event(response)
        if upper is not method:
            meta["request_type"] = method
        if catch_response:
            return response.caught(event, meta)
        if judged:
            event.fire(**meta)
        else:
            event.tell(meta)
        return response

    def get(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a GET request; see :meth:`request`."""
        if data is None and json is None:
            return self.request("GET", url, **kwargs)
        return self.request("GET", url, data=data, json=json, **kwargs)

    def options(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends an OPTIONS request; see :meth:`request`."""
        if data is None and json is None:
            return self.request("OPTIONS", url, **kwargs)
        return self.request("OPTIONS", url, data=data, json=json, **kwargs)

    def head(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a HEAD request, which follows no redirects unless asked to; see :meth:`request`."""
        kwargs.setdefault("allow_redirects", False)
        return self.request("HEAD", url, data=data, json=json, **kwargs)

    def post(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a POST request; see :meth:`request`."""
        return self.request("POST", url, data=data, json=json, **kwargs)

    def put(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a PUT request; see :meth:`request`."""
        return self.request("PUT", url, data=data, json=json, **kwargs)

    def patch(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a PATCH request; see :meth:`request`."""
        return self.request("PATCH", url, data=data, json=json, **kwargs)

    def delete(self, url: str, data: Any = None, json: Any = None, **kwargs: Any) -> ResponseContextManager:  # type: ignore[override]
        """Sends a DELETE request; see :meth:`request`."""
        if data is None and json is None:
            return self.request("DELETE", url, **kwargs)
        return self.request("DELETE", url, data=data, json=json, **kwargs)

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

    def _ask(
        self, method: str, url: str, params: Any, judged: bool, name: str | None, pairs: HeaderPairs | None,
        body: bytes | None, allow_redirects: bool, timeout: Any,
    ) -> Exchange:  # fmt: skip
        """Sends what cannot be sent as it is: an unusual URL, or from another thread or process."""
        if self._client.gone:
            self._reconnect()
            self._send_settings()
        prepared = self._prepare_url(method, url, params)
        if "@" in prepared and self._auth is None and not has(dict(pairs or ()), "authorization"):
            credentials = get_auth_from_url(prepared)
            if any(credentials):
                pairs = [*(pairs or ()), ("Authorization", basic(credentials))]
        submit = partial(
            self._client.submit, method=method, url=prepared, judged=judged, name=name or path_of(prepared),
            headers=pairs, body=body, redirects=allow_redirects, timeouts=timeout, prepared=True,
        )  # fmt: skip
        return cast("Exchange", wait_for(submit, self._engine()))

    def _report(
        self, response: ResponseContextManager, meta: dict[str, Any], catch_response: bool
    ) -> ResponseContextManager:
        if catch_response:
            return response.caught(self.request_event, meta)
        if response._katydid_exchange is None:
            response.request_meta = meta
        if meta["exception"] is None:
            meta["exception"] = http_error(response, meta["name"])
        self.request_event.fire(**meta)
        return response

    def prepare_request(self, request: requests.Request) -> PreparedRequest:
        """Prepares a request; see requests."""
        prepared = super().prepare_request(request)
        if self.explicit_name:
            prepared._explicit_name = self.explicit_name  # type: ignore[attr-defined]
        return prepared

    def _request_by_requests(
        self, method: str, url: str, name: str | None, catch_response: bool, context: Mapping[str, Any],
        options: dict[str, Any],
    ) -> ResponseContextManager:  # fmt: skip
        """The other lane: requests does everything but the sending."""
        if self._client.gone:
            self._reconnect()
        full = self._build_url(url)
        begin, started = time.time(), time.perf_counter()
        error: RequestException | None = None
        try:
            answer = super().request(method, full, **options)
            taken = (time.perf_counter() - started) * 1000
        except (MissingSchema, InvalidSchema, InvalidURL):
            raise
        except RequestException as raised:
            taken = (time.perf_counter() - started) * 1000
            error = raised
            answer = ResponseContextManager(raised)
            finished = getattr(raised, "_katydid_exchange", None)
            if finished is not None:
                answer._katydid_exchange = finished
        response = answer if isinstance(answer, ResponseContextManager) else ResponseContextManager.wrap_response(
            answer, self.request_event, None, catch_response
        )  # fmt: skip
        chain = [*response.history, response]
        exchanges = [cast("Exchange | None", getattr(hop, "_katydid_exchange", None)) for hop in chain]
        first, last = exchanges[0], exchanges[-1]
        if first is not None and last is not None:
            # The engine's clock, where the engine has sent everything.
            begin = first.start_time
            taken = (last.start_time - begin) * 1000 + last.response_time
        streamed = options["stream"] if options.get("stream") is not None else self._stream
        sent = chain[0].request
        meta = {
            "request_type": method,
            "response_time": taken,
            "name": name or (str(url) if sent is None else sent.path_url),
            "context": {**context},
            "response": response,
            "exception": None if error is None else (last and cause_of(last)) or innermost(error),
            "start_time": begin,
            "url": full if sent is None else str(sent.url),
            "response_length": length_of(response) if streamed else len(response.content or b""),
        }
        return self._report(response, meta, catch_response)


LocustHttpAdapter = EngineAdapter


def has_context(user: Any) -> bool:
    """Whether a user adds something of its own to the context of its requests."""
    from katydid.user.users import User

    return user is not None and getattr(type(user), "context", None) is not User.context


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
        return data.encode(), None
    encoded = RequestEncodingMixin._encode_params(data)  # type: ignore[attr-defined]
    return encoded.encode() if isinstance(encoded, str) else encoded, _FORM


def without_credentials(base_url: str) -> tuple[str, tuple[str, str] | None]:
    """A base URL as requests go out below it, and the credentials that stood in it."""
    parts = urlsplit(base_url)
    if not (parts.username and parts.password):
        return base_url, None
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, *parts[2:])), (unquote(parts.username), unquote(parts.password))


def length_of(response: requests.Response) -> int:
    """Bytes of a body that is not read yet, as far as its headers say."""
    return int(response.headers.get("content-length") or 0)


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
