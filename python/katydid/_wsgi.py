"""Answers the web server's requests with a WSGI application: the script's pages.

The server is Rust and speaks HTTP; what reaches Python is a finished request, and what leaves it is a finished
response, or one in pieces if the application streams.
"""

from __future__ import annotations

import io
import sys
import urllib.parse
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import gevent

if TYPE_CHECKING:
    from katydid._core import Engine

WHOLE_BYTES = 1 << 20
"""A body of known size up to this is handed over at once."""

RETRY_SECONDS = 0.01
"""How long to let a reader catch up that has not read what was sent."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def make_environ(head: dict[str, Any], body: bytes, port: int) -> dict[str, Any]:
    """A request as WSGI describes it.

    Args:
        head: The request but for its body, as the server passes it.
        body: The body.
        port: The server's port.
    """
    environ: dict[str, Any] = {
        "REQUEST_METHOD": head["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": urllib.parse.unquote_to_bytes(head["path"]).decode("latin-1"),
        "QUERY_STRING": head["query"],
        "REQUEST_URI": head["path"] + (f"?{head['query']}" if head["query"] else ""),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": str(port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": head["peer"] or "",
        "REMOTE_PORT": str(head["peer_port"] or ""),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": head["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in head["headers"]:
        if "_" in name or name in ("content-length", "transfer-encoding"):
            # The first could pass for another header; the others were about bytes that are read already.
            continue
        key = name.upper().replace("-", "_")
        if key != "CONTENT_TYPE":
            key = f"HTTP_{key}"
        if key in environ:
            value = environ[key] + ("; " if key == "HTTP_COOKIE" else ",") + value
        environ[key] = value
    return environ


def answer(engine: Engine, call_id: int, application: Application, environ: dict[str, Any]) -> None:
    """Has an application answer a call of the server.

    Args:
        engine: Takes the response.
        call_id: The call.
        application: The application.
        environ: The request.

    Raises:
        Exception: Whatever the application raised before its response began.
    """
    started: list[tuple[int, list[tuple[str, str]]]] = []
    written: list[bytes] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], None]:
        started[:] = [(int(status.split(" ", 1)[0]), list(headers))]
        return written.append

    result = application(environ, start_response)
    try:
        pieces = iter(result)
        first = next(pieces, b"")
        status, headers = started[0]
        written.append(first)
        length = next((value for name, value in headers if name.lower() == "content-length"), None)
        has_none = status in (204, 304) or environ["REQUEST_METHOD"] == "HEAD"
        if has_none or (length is not None and int(length) <= WHOLE_BYTES):
            engine.answer_page(call_id, status, headers, b"".join([*written, *pieces]))
            return
        engine.answer_page(call_id, status, headers)
        try:
            for piece in written:
                if not _send(engine, call_id, piece):
                    return
            for piece in pieces:
                if not _send(engine, call_id, piece):
                    return
        finally:
            engine.end_page(call_id)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()


def _send(engine: Engine, call_id: int, piece: bytes) -> bool:
    """Sends a piece as soon as the reader has room for it; returns whether there still is a reader."""
    if not piece:
        return True
    while (taken := engine.write_page(call_id, piece)) is False:
        gevent.sleep(RETRY_SECONDS)
    return taken is not None
