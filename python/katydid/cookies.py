"""The session's cookies: requests' jar as a view of the one in the engine."""

from __future__ import annotations

import time
from http.cookiejar import Cookie
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from requests.cookies import RequestsCookieJar, create_cookie

if TYPE_CHECKING:
    from katydid._core import Client


class SessionCookies(RequestsCookieJar):
    """Reads through to the engine's jar and writes every change back to it.

    Every method of a cookie jar works on its ``_cookies`` table, so that is the one
    place where the two meet.
    """

    def __init__(self, client: Client, base_url: str | None) -> None:
        self._client = client
        self._host = urlsplit(base_url or "").hostname or ""
        self._revision = 0
        self._table: dict[str, Any] = {}
        super().__init__()

    @property
    def _cookies(self) -> dict[str, Any]:
        revision = self._client.cookie_revision
        if revision != self._revision:
            self._revision = revision
            self._table = {}
            now = time.time()
            for name, value, domain, host_only, path, secure, http_only, expires in self._client.cookies():
                if expires is not None and expires <= now:
                    continue
                cookie = create_cookie(  # type: ignore[no-untyped-call]
                    name, value, domain=domain if host_only else f".{domain}", path=path, secure=secure,
                    expires=expires, discard=expires is None, rest={"HttpOnly": None} if http_only else {},
                )  # fmt: skip
                self._table.setdefault(cookie.domain, {}).setdefault(path, {})[name] = cookie
        return self._table

    @_cookies.setter
    def _cookies(self, table: dict[str, Any]) -> None:
        self._table = table

    def set_cookie(self, cookie: Cookie, *args: Any, **kwargs: Any) -> None:
        """Adds a cookie."""
        super().set_cookie(cookie, *args, **kwargs)
        self._write_back()

    def clear(self, domain: str | None = None, path: str | None = None, name: str | None = None) -> None:
        """Removes cookies."""
        super().clear(domain, path, name)
        self._write_back()

    def _write_back(self) -> None:
        cookies = []
        for paths in self._table.values():
            for path, names in paths.items():
                for name, cookie in names.items():
                    # A cookie without a domain goes to every host; the session's own is the one that matters.
                    domain = cookie.domain or self._host
                    host_only = not domain.startswith(".")
                    http_only = cookie.has_nonstandard_attr("HttpOnly")
                    cookies.append(
                        (name, cookie.value or "", domain.lstrip(".").removesuffix(".local"), host_only, path,
                         bool(cookie.secure), http_only, cookie.expires)
                    )  # fmt: skip
        self._revision = self._client.set_cookies(cookies)
