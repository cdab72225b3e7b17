"""The ``with`` block around a response that decides whether the request failed."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from katydid.exception import CatchResponseError, LocustError, ResponseError

if TYPE_CHECKING:
    from katydid.event import EventHook

NOT_CAUGHT = (
    "If you want to change the state of the request, you must pass catch_response=True: "
    'write `with self.client.get("/", catch_response=True) as response:`'
)
NO_BLOCK = (
    "In order to use a with-block for requests, you must also pass catch_response=True: "
    'write `with self.client.get("/", catch_response=True) as response:`'
)
OUTSIDE = (
    "Tried to set status on a request that has not yet been made. Make sure you use a with-block: "
    'write `with self.client.get("/", catch_response=True) as response:`'
)


class CatchResponse:
    """Mixed into the response classes of both clients.

    ``request_meta`` holds what will be reported; a block may change it. Of an ordinary request it is made when
    somebody looks at it, and as long as nobody has, the engine counts what it has measured.
    """

    _request_event: EventHook
    request_meta: Any
    _katydid_exchange: Any
    _context: Mapping[str, Any] | None = None
    _catch_response = False
    _manual_result: bool | Exception | None = None
    _entered = False

    def _verdict(self) -> Exception | None:
        """What the response itself says, where the block says nothing."""
        raise NotImplementedError

    def _failure(self) -> BaseException | None:
        """Why the request failed, as far as the engine can say."""
        raise NotImplementedError

    def awaits_verdict(self, request_event: EventHook) -> Self:
        """Readies the response for its ``with`` block; what will be reported is made when somebody looks at it."""
        self._request_event = request_event
        self._catch_response = True
        return self

    def caught(self, request_event: EventHook, meta: dict[str, Any]) -> Self:
        """Readies the response for its ``with`` block."""
        # A strong reference would be a cycle, which only the garbage collector could free.
        meta["response"] = weakref.proxy(self)
        self.request_meta = meta
        self._request_event = request_event
        self._catch_response = True
        return self

    def _report(self, meta: Any) -> None:
        if type(meta.get("response")) is weakref.ProxyType:
            meta = {**meta, "response": self}
        self._request_event.fire(**meta)

    def __enter__(self) -> Self:
        self._entered = True
        if not self._catch_response:
            raise LocustError(NO_BLOCK)
        return self

    def __exit__(self, exc: type[BaseException] | None, value: BaseException | None, traceback: Any) -> bool:
        marked = self._manual_result
        if marked is None and exc is not None and not isinstance(value, ResponseError):
            return False
        # A block that has marked its request and is then left by an exception is reported, and left all the same.
        handled = exc is None or marked is None
        event = self._request_event
        if event.counted and "request_meta" not in self.__dict__:
            self._report_by_engine(event, marked, value)
            return handled
        meta = self.request_meta
        if marked is not None:
            meta["exception"] = None if marked is True else marked
        elif value is not None:
            meta["exception"] = value
        elif meta["exception"] is None:
            meta["exception"] = self._verdict()
        self._report(meta)
        return handled

    def _report_by_engine(
        self, event: EventHook, marked: bool | Exception | None, raised: BaseException | None
    ) -> None:
        """Has the engine count what it has measured, of which the block has changed no more than the verdict."""
        failure = raised or self._failure() if marked is None else None if marked is True else marked
        self._katydid_exchange.count(repr(failure) if failure else None)
        if failure is not None or not event.plain:
            self.request_meta["exception"] = failure
        if not event.plain:
            event.tell({**self.request_meta, "response": self})

    def success(self) -> None:
        """Counts the request as a success, whatever its status.

        Raises:
            LocustError: This is not inside a ``with`` block.
        """
        self._must_be_inside()
        self._manual_result = True

    def failure(self, exc: Any) -> None:
        """Counts the request as a failure, for a reason given as text or as an exception.

        Raises:
            LocustError: This is not inside a ``with`` block.
        """
        self._must_be_inside()
        self._manual_result = exc if isinstance(exc, Exception) else CatchResponseError(exc)

    def raise_for_status(self) -> None:
        """Follows the block's own verdict, if it gave one."""
        if isinstance(self._manual_result, Exception):
            raise self._manual_result
        if not self._manual_result:
            self._raise_own()

    def _raise_own(self) -> None:
        """Raises what the response itself says."""
        raise NotImplementedError

    def _must_be_inside(self) -> None:
        if not self._entered:
            raise LocustError(OUTSIDE if self._catch_response else NOT_CAUGHT)


def refuse(*_args: Any, **_kwargs: Any) -> None:
    """``success`` and ``failure`` of responses that no ``with`` block can judge.

    Raises:
        LocustError: Always.
    """
    raise LocustError(NOT_CAUGHT)
