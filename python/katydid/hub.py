"""Python's side of the one door between the engine and the scripts.

gevent's hub watches one descriptor. When it rings, :meth:`Engine.drain` resumes the
greenlets whose requests are finished and hands the engine's other messages to the
handlers registered here. Everything happens on the hub's thread; the engine's own
threads never run Python.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from gevent import reinit
from gevent.hub import get_hub

from katydid import log
from katydid._core import Engine

logger = logging.getLogger("locust.runners")

_READ = 1  # libev's EV_READ


class _Port:
    """An engine and what watches its door.

    Args:
        handlers: Who takes its messages, by kind.
    """

    def __init__(self, handlers: dict[str, Callable[..., None]]) -> None:
        self.handlers = handlers
        self.engine = Engine()
        self.engine.set_handler(partial(_dispatch, handlers))
        self.watcher: Any = get_hub().loop.io(self.engine.fileno(), _READ)
        self.watcher.start(self.engine.drain)

    def close(self) -> None:
        self.watcher.stop()
        self.watcher.close()
        self.engine.close()


_handlers: dict[str, Callable[..., None]] = {}
_first: _Port | None = None
# Of environments that run beside the one which has the first engine.
_own: WeakKeyDictionary[Any, _Port] = WeakKeyDictionary()
_before_close: list[Callable[[], object]] = []
# Engines of parent processes, and what watched them. Their threads are not here, so they must never be closed.
_parents: list[_Port] = []


def engine(environment: Any = None) -> Engine:
    """The engine that runs an environment: the first of this process, started on first use, unless it has its own.

    Args:
        environment: The environment; the first engine serves who has none.
    """
    global _first
    if _own and environment is not None and (port := _own.get(environment)) is not None:
        return port.engine
    if _first is None:
        _first = _Port(_handlers)
    return _first.engine


def give_own(environment: Any) -> None:
    """Starts an engine for an environment alone, since the first has another to run at the same time."""
    if environment not in _own:
        _own[environment] = _Port({})


def take_own(environment: Any) -> None:
    """Ends an environment's own engine, if it has one."""
    port = _own.pop(environment, None)
    if port is not None:
        port.close()


def on_message(kind: str, handler: Callable[..., None], environment: Any = None) -> None:
    """Has ``handler`` called, on the hub, for the messages of one kind from an environment's engine.

    It must not wait: whatever takes time belongs into a greenlet of its own.
    """
    port = None if environment is None else _own.get(environment)
    (_handlers if port is None else port.handlers)[kind] = handler


def tell_failures_in_the_scripts_words() -> None:
    """Has gevent print the failure of a greenlet without Katydid's own lines."""
    hub: Any = get_hub()

    def print_exception(context: Any, kind: type, error: Any, trace: Any) -> None:
        stream = hub.exception_stream
        if stream is not None:
            failure = error if isinstance(error, BaseException) else kind(error)
            stream.write(f"{log.format_script_exception(failure)}{context!r} failed with {kind.__name__}\n")

    hub.print_exception = print_exception


def _forget_in_child() -> None:
    """A forked child has none of the engines' threads; it gets an engine of its own when it needs one."""
    global _first
    ports = [*([_first] if _first is not None else ()), *_own.values()]
    for port in ports:
        port.watcher.stop()
        port.engine.forget()
        _parents.append(port)
    if ports:
        _first = None
        _own.clear()
        # The child's hub must not share the parent's epoll descriptor. Where os.fork is gevent's this happens twice.
        reinit(get_hub())


os.register_at_fork(after_in_child=_forget_in_child)


def before_close(action: Callable[[], object]) -> None:
    """Has something done before the engine ends, while it can still be read."""
    _before_close.append(action)


def close() -> None:
    """Ends the engines' threads; requests under way are given up."""
    global _first
    if _first is None and not _own:
        return
    for action in _before_close:
        action()
    for port in [*([_first] if _first is not None else ()), *_own.values()]:
        port.close()
    _first = None
    _own.clear()


def _dispatch(handlers: dict[str, Callable[..., None]], kind: str, *args: Any) -> None:
    handler = handlers.get(kind)
    if handler is None:
        logger.warning("The engine sent %r and nothing here takes it", kind)
    else:
        handler(*args)
