"""Users that speak Socket.IO, with python-socketio.

Example:
    ```python
    class Chatter(SocketIOUser):
        @task
        def say(self):
            if not self.sio.connected:
                self.sio.connect(self.host)
            self.sio.emit("say", "hello")
    ```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gevent

from katydid.contrib._needs import needs
from katydid.user.users import User

needs("socketio", "socketio")

import socketio  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

    from katydid.event import EventHook


class SocketIOClient(socketio.Client):  # type: ignore[misc]  # socketio has no types
    """A Socket.IO client whose every step is a request: WS connects, WSC calls, WSE emits, WSS sends, WSR receives.

    Args:
        request_event: Fired for each.
        *args: Those of ``socketio.Client``.
        **kwargs: Those of ``socketio.Client``.
    """

    def __init__(self, request_event: EventHook, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request_event = request_event

    def connect(self, *args: Any, **kwargs: Any) -> None:
        """Connects. What is wrong is reported, and not raised."""
        with self.request_event.measure("WS", "connect"):
            super().connect(*args, **kwargs)

    def send(
        self, data: Any, namespace: str | None = None, callback: Callable[..., Any] | None = None, name: str = "Unnamed"
    ) -> None:
        """Sends a message. What is wrong is reported, and not raised.

        Args:
            data: The message.
            namespace: Where to.
            callback: Called when the server has it.
            name: What it is counted under.
        """
        failure: Exception | None = None
        try:
            super().send(data, namespace, callback)
        except Exception as error:
            failure = error
        self._tell("WSS", name, data, failure)

    def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callable[..., Any] | None = None,
    ) -> None:
        """Emits an event. What is wrong is reported, and not raised.

        Args:
            event: Its name, which it is counted under.
            data: What goes with it.
            namespace: Where to.
            callback: Called when the server has it.
        """
        failure: Exception | None = None
        try:
            super().emit(event, data, namespace, callback)
        except Exception as error:
            failure = error
        self._tell("WSE", str(event), data, failure)

    def call(self, event: str, data: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Emits an event and waits for the answer, which it returns.

        Args:
            event: Its name, which it is counted under.
            data: What goes with it.
            *args: Those of ``socketio.Client.call``.
            **kwargs: Those of ``socketio.Client.call``.
        """
        with self.request_event.measure("WSC", event):
            return super().call(event, data, *args, **kwargs)

    def on_message(self, event: str, data: Any = None) -> None:
        """Reports an event that came by itself; for one answered to, a subclass may know how long that took.

        Args:
            event: Its name.
            data: What came with it.
        """
        self._tell("WSR", event, data, None)

    def _tell(self, request_type: str, name: str, data: Any, failure: Exception | None) -> None:
        self.request_event.fire(
            request_type=request_type,
            name=name,
            response_time=0,
            response_length=len(data or []),
            exception=failure,
            context={},
        )


class SocketIOUser(User):
    """A user with a Socket.IO client of its own.

    Args:
        *args: Those of `User`.
        **kwargs: Those of `User`.

    Attributes:
        sio: The client.
        sio_greenlet: What keeps it alive.
    """

    abstract = True

    options: dict[str, Any] = {}
    """The settings of ``socketio.Client``."""
    sio: SocketIOClient

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sio = SocketIOClient(self.environment.events.request, **self.options)
        self.sio_greenlet = gevent.spawn(self.sio.wait)
        self.sio.on("*", self.sio.on_message)
