"""How greenlets and threads wait for the engine.

The fast way is two lines: :func:`exchange` switches to the hub, and the drain switches
back. Only the thread whose hub watches the engine's door can do that. Any other thread
gets a door of its own for each request, watched by its own hub if it has one; a thread
without a hub blocks, which stops nobody else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from gevent import getcurrent
from gevent._hub_local import get_hub_if_exists
from gevent.hub import get_hub

from katydid import hub

if TYPE_CHECKING:
    from katydid._core import Client, Engine, Exchange

_READ = 1  # libev's EV_READ


def exchange(client: Client, ticket: int) -> Exchange:
    """Waits for a submitted request; the hub's drain switches back with the result."""
    try:
        return cast("Exchange", get_hub().switch())
    except BaseException:
        client.abandon(ticket)
        raise


def wait_for(submit: Callable[..., int], engine: Engine | None = None) -> Any:
    """Submits something and waits for it, on whichever thread this is.

    Args:
        submit: Called with the greenlet that waits; a negative result asks for another call, with a ``door``.
        engine: What it is submitted to; the first of this process by default.
    """
    engine = engine or hub.engine()
    ticket = submit(getcurrent())
    if ticket < 0:
        door = engine.door()
        ticket = submit(None, door=door)
    else:
        door = None
    try:
        if door is None:
            return get_hub().switch()
        own = get_hub_if_exists()
        if own is None:
            while (result := door.take()) is None:
                door.wait()
            return result
        watcher = own.loop.io(door.fileno(), _READ)
        try:
            while (result := door.take()) is None:
                own.wait(watcher)
            return result
        finally:
            watcher.close()
    except BaseException:
        engine.abandon(ticket)
        raise
