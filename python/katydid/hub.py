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
from typing import Any

from gevent import reinit
from gevent.hub import get_hub

from katydid import log
from katydid._core import Engine

logger = logging.getLogger("locust.runners")

_READ = 1  # libev's EV_READ

_engine: Engine | None = None
_watcher: Any = None
_handlers: dict[str, Callable[..., None]] = {}
_before_close: list[Callable[[], object]] = []
# Engines of parent processes, and what watched them. Their threads are not here, so they must never be closed.
_parents: list[Any] = []


def engine() -> Engine:
    """The engine of this process, started on first use."""
    global _engine, _watcher
    if _engine is None:
        _engine = Engine()
        _engine.set_handler(_dispatch)
        _watcher = get_hub().loop.io(_engine.fileno(), _READ)
        _watcher.start(_engine.drain)
    return _engine


def on_message(kind: str, handler: Callable[..., None]) -> None:
    """Has ``handler`` called, on the hub, for the engine's messages of one kind.

    It must not wait: whatever takes time belongs into a greenlet of its own.
    """
    _handlers[kind] = handler


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
    """A forked child has none of the engine's threads; it gets an engine of its own when it needs one."""
    global _engine, _watcher
    if _engine is not None:
        _watcher.stop()
        _engine.forget()
        _parents.append(_engine)
        _parents.append(_watcher)
        _engine = _watcher = None
        # The child's hub must not share the parent's epoll descriptor. Where os.fork is gevent's this happens twice.
        reinit(get_hub())


os.register_at_fork(after_in_child=_forget_in_child)


def before_close(action: Callable[[], object]) -> None:
    """Has something done before the engine ends, while it can still be read."""
    _before_close.append(action)


def close() -> None:
    """Ends the engine's threads; requests under way are given up."""
    global _engine, _watcher
    if _engine is not None:
        for action in _before_close:
            action()
        _watcher.stop()
        _watcher.close()
        _engine.close()
        _engine = _watcher = None


def _dispatch(kind: str, *args: Any) -> None:
    handler = _handlers.get(kind)
    if handler is None:
        logger.warning("The engine sent %r and nothing here takes it", kind)
    else:
        handler(*args)
