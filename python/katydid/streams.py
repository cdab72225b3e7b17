"""Bodies in pieces: answers read as they arrive, requests sent as a script makes them."""

from __future__ import annotations

import io
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import gevent
import urllib3

from katydid.failures import exception_of
from katydid.waiting import wait_for

if TYPE_CHECKING:
    from katydid._core import Body, Engine, Exchange, Upload

_READ_SIZE = 64 * 1024


class BodyReader(io.RawIOBase):
    """A body that is still arriving, as a file. Closed before its end, it closes the connection."""

    def __init__(self, body: Body, engine: Engine | None = None) -> None:
        self._body = body
        self._engine = engine
        self._left = b""
        self._ended = False

    def readable(self) -> bool:
        """Always true."""
        return True

    def piece(self) -> bytes:
        """The next bytes as they arrive, none at the end."""
        if self._left:
            piece, self._left = self._left, b""
            return piece
        if self._ended:
            return b""
        got = wait_for(self._body.read, self._engine)
        if isinstance(got, tuple):
            self.close()
            raise exception_of(*got[1:])
        if not got:
            self._ended = True
            self.close()
        return bytes(got)

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, fewer only at the end."""
        if size == 0:
            return b""
        pieces, length = [], 0
        while size is None or size < 0 or length < size:
            piece = self.piece()
            if not piece:
                break
            pieces.append(piece)
            length += len(piece)
        whole = b"".join(pieces)
        if size is not None and 0 <= size < len(whole):
            self._left = whole[size:]
            return whole[:size]
        return whole

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer with what is there."""
        piece = self.piece()
        part = piece[: len(buffer)]
        self._left = piece[len(part) :]
        buffer[: len(part)] = part
        return len(part)

    def isclosed(self) -> bool:
        """Whether nothing more can be read."""
        return self.closed

    def close(self) -> None:
        """Gives up the rest."""
        if not self.closed:
            self._ended = True
            self._body.close()
            super().close()


class StreamedBody(urllib3.HTTPResponse):
    """urllib3's response over a body that is still arriving."""

    _fp: Any

    def supports_chunked_reads(self) -> bool:
        """Whether pieces are handed out as they arrive."""
        return True

    def read_chunked(self, amt: int | None = None, decode_content: bool | None = None) -> Generator[bytes, None, None]:
        """The body as it arrives, decoded where that was asked for."""
        self._init_decoder()
        decode = self.decode_content if decode_content is None else decode_content
        with self._error_catcher():
            while piece := self._fp.piece():
                decoded = self._decode(piece, decode_content=decode, flush_decoder=False)
                if decoded:
                    yield decoded
            if decode:
                decoded = self._flush_decoder()
                if decoded:
                    yield decoded


def streamed_raw(finished: Exchange, original: Any, engine: Engine | None = None) -> urllib3.HTTPResponse | None:
    """urllib3's response over what is still to come, ``None`` where everything is here."""
    body = finished.take_rest()
    if body is None:
        return None
    raw = StreamedBody(
        body=BodyReader(body, engine),
        headers=urllib3.HTTPHeaderDict(finished.headers()),
        status=finished.status,
        reason=finished.reason,
        version=finished.version,
        preload_content=False,
        decode_content=False,
        original_response=None,
    )
    raw._original_response = original
    return raw


def pieces_of(body: Any) -> Iterator[bytes]:
    """A script's body in pieces: what a file holds, or what an iterable yields."""
    source: Iterable[Any] = body
    if hasattr(body, "read"):
        source = iter(partial(body.read, _READ_SIZE), body.read(0))
    for piece in source:
        if piece:
            yield piece.encode() if isinstance(piece, str) else bytes(piece)


def send_pieces(body: Any, length: int | None, submit: Callable[..., int], engine: Engine) -> Any:
    """Sends a request whose body is made while it is sent.

    Args:
        body: A file or an iterable of pieces.
        length: Bytes in it, where that is known; otherwise it goes out in chunks.
        submit: Submits the request; called with the waiter and ``upload``.
        engine: What it is submitted to.
    """
    upload = engine.upload(length)
    feeder = gevent.spawn(_feed, upload, body, engine)
    try:
        finished = wait_for(partial(submit, upload=upload), engine)
    finally:
        upload.close()
        feeder.kill()
    if isinstance(feeder.value, Exception):
        raise feeder.value
    return finished


def _feed(upload: Upload, body: Any, engine: Engine) -> Exception | None:
    """Hands over a body; what a script's generator raises is for whoever sends the request."""
    try:
        for piece in pieces_of(body):
            if not _wanted(upload, piece, engine):
                return None
        _wanted(upload, b"", engine)
    except Exception as error:
        return error
    finally:
        upload.close()
    return None


def _wanted(upload: Upload, piece: bytes, engine: Engine) -> bool:
    """Hands over a piece, an empty one at the end; false if nobody wants it any more."""
    taken = upload.try_feed(piece)
    if taken is None:
        taken = wait_for(partial(upload.feed, piece), engine)
    return bool(taken)
