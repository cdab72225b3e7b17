"""Hooks that scripts listen to.

`Events` holds one `EventHook` per moment of a run. The names of the 0.14 generation (``request_success``,
``hatch_complete`` ...) are made on first use by `katydid.legacy`, so a script of today never meets them.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from katydid import log
from katydid.exception import InterruptTaskSet, RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser

if TYPE_CHECKING:
    from katydid.stats import RequestStats

Listener = TypeVar("Listener", bound=Callable[..., Any])

# These steer the greenlet that fires the hook; anything else a listener raises is its own trouble.
_STEERING = (StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet)


class EventHook:
    """A moment of the run that listeners can attach to.

    Listeners are called with keyword arguments only and should accept ``**kwargs``, since later versions may
    pass more.

    Example:
        ```python
        @events.request.add_listener
        def on_request(name, response_time, exception, **kwargs):
            print(name, response_time, exception)
        ```

    Attributes:
        counted: True while Katydid listens, whoever else does: the engine may count by itself then.
        plain: True while nobody but Katydid listens. The HTTP clients skip building the event then.
    """

    counted: bool
    plain: bool

    def __init__(self) -> None:
        self._handlers: list[Callable[..., Any]] = []
        self._builtin: list[Callable[..., Any]] = []
        self._of_scripts: tuple[Callable[..., Any], ...] = ()
        self._stats: RequestStats | None = None
        self._watcher: Callable[[bool], None] | None = None
        self._update_plain()

    def add_listener(self, handler: Listener) -> Listener:
        """Attaches a listener and returns it, so that it can be used as a decorator."""
        self._handlers.append(handler)
        self._update_plain()
        return handler

    def remove_listener(self, handler: Callable[..., Any]) -> None:
        """Detaches a listener.

        Raises:
            ValueError: It was not attached.
        """
        self._handlers.remove(handler)
        if handler in self._builtin:
            self._builtin.remove(handler)
        self._update_plain()

    def add_builtin(self, handler: Callable[..., Any], stats: RequestStats | None = None) -> None:
        """Attaches Katydid's own listener, which the HTTP clients may bypass.

        Args:
            handler: Counts what is fired.
            stats: Where it is counted, if anybody is to know when what was read of it has become old.
        """
        self._builtin.append(handler)
        self._stats = stats
        self.add_listener(handler)

    def fire(self, *, reverse: bool = False, **kwargs: Any) -> None:
        """Calls every listener.

        Args:
            reverse: Call the last attached listener first.
            **kwargs: What the listeners receive.

        Raises:
            StopUser, StopTest, RescheduleTask, RescheduleTaskImmediately, InterruptTaskSet: A listener raised
                it. Other exceptions are logged, and the remaining listeners still run.
        """
        handlers = self._handlers[::-1] if reverse else self._handlers[:]
        for handler in handlers:
            try:
                handler(**kwargs)
            except _STEERING:
                raise
            except Exception as error:
                _log_uncaught(handler, error)

    def tell(self, event: dict[str, Any]) -> None:
        """Calls the listeners of scripts about a request that the engine has counted; like :meth:`fire` else."""
        counts = self._stats and self._stats.engine_counts
        if counts:
            counts.stale = True
        for handler in self._of_scripts:
            try:
                handler(**event)
            except _STEERING:
                raise
            except Exception as error:
                _log_uncaught(handler, error)

    @contextmanager
    def measure(
        self, request_type: str, name: str, response_length: int = 0, context: dict[str, Any] | None = None
    ) -> Generator[dict[str, Any], None, None]:
        """Times a block and fires the hook as one request.

        An exception that leaves the block is reported as the request's failure and goes no further.

        Args:
            request_type: What kind of request it is, the "Type" of the tables.
            name: The name it is counted under.
            response_length: Bytes received, where known.
            context: Passed to the listeners.

        Yields:
            The keyword arguments that will be fired; the block may change them.

        Example:
            ```python
            with self.environment.events.request.measure("SQL", "select") as event:
                event["response_length"] = len(run_query())
            ```
        """
        event: dict[str, Any] = {
            "request_type": request_type,
            "name": name,
            "response_length": response_length,
            "context": context or {},
            "exception": None,
            "start_time": time.time(),
        }
        started = time.perf_counter()
        try:
            yield event
        except Exception as error:
            event["exception"] = error
        finally:
            event["response_time"] = (time.perf_counter() - started) * 1000
            self.fire(**event)

    def __iadd__(self, handler: Callable[..., Any]) -> EventHook:
        """Attaches a listener in the way of 0.14, giving it only the arguments it names."""
        self.add_listener(_OldListener.wrap(handler))
        return self

    def __isub__(self, handler: Callable[..., Any]) -> EventHook:
        """Detaches a listener in the way of 0.14."""
        for attached in self._handlers:
            if attached == handler or (isinstance(attached, _OldListener) and attached.handler == handler):
                self.remove_listener(attached)
                break
        return self

    def _update_plain(self) -> None:
        # Without anybody of ours there is nobody to count what the clients would skip, and a script's own way of
        # firing has to see everything.
        self.counted = len(self._builtin) == 1 and type(self).fire is EventHook.fire
        self.plain = self.counted and len(self._handlers) == 1
        self._of_scripts = tuple(handler for handler in self._handlers if handler not in self._builtin)
        if self._watcher is not None:
            self._watcher(bool(self._handlers))

    def watch(self, watcher: Callable[[bool], None]) -> None:
        """Has ``watcher`` told whether anybody listens, now and whenever that may have changed."""
        self._watcher = watcher
        watcher(bool(self._handlers))


def _log_uncaught(handler: Callable[..., Any], error: Exception) -> None:
    # The root logger, as scripts' log filters expect.
    logging.getLogger().error(
        "Uncaught exception in event handler%s: \n%s",
        (log.where(handler) or log.where_called()) if _not_called(error) else "",
        log.format_script_exception(error, of_script=_not_called(error)),
    )
    log.unhandled_greenlet_exception = True


def _not_called(error: Exception) -> bool:
    """Whether a listener was never entered, since it does not take the arguments of its event."""
    return isinstance(error, TypeError) and error.__traceback__ is not None and error.__traceback__.tb_next is None


class DeprecatedEventHook(EventHook):
    """A hook that still works but tells its listeners what to use instead.

    Args:
        message: What to use instead.
    """

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def add_listener(self, handler: Listener) -> Listener:
        """Attaches a listener, and warns."""
        logging.getLogger().warning(self.message)
        return super().add_listener(handler)


class _OldListener:
    """A 0.14 listener, which lists exactly the arguments that its event had then."""

    __slots__ = ("handler", "names")

    def __init__(self, handler: Callable[..., Any], names: frozenset[str]) -> None:
        self.handler = handler
        self.names = names

    def __call__(self, **kwargs: Any) -> None:
        self.handler(**{name: value for name, value in kwargs.items() if name in self.names})

    @classmethod
    def wrap(cls, handler: Callable[..., Any]) -> Callable[..., Any]:
        """The handler itself where it takes any keyword, otherwise one that drops what it does not name."""
        try:
            parameters = inspect.signature(handler).parameters.values()
        except (TypeError, ValueError):
            return handler
        if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            return handler
        return cls(handler, frozenset(parameter.name for parameter in parameters))


class Events:
    """The hooks of one environment.

    A subclass adds its own by annotating them: ``my_event: EventHook``.
    """

    request: EventHook
    """A request is complete. Firing it is all that a client of another protocol has to do.

    Arguments: request_type, name, response_time (ms), response_length, exception, and optionally response,
    context, start_time, url.
    """
    user_error: EventHook
    """A task or ``on_start`` raised. Arguments: user_instance, exception, tb."""
    report_to_master: EventHook
    """A worker is about to report. Arguments: client_id, data (may be changed)."""
    worker_report: EventHook
    """The master got a worker's report. Arguments: client_id, data."""
    worker_connect: EventHook
    """A worker joined the master. Arguments: client_id."""
    spawning_complete: EventHook
    """Every user of the ramp has been started. Arguments: user_count."""
    quitting: EventHook
    """The process is about to end; ``environment.process_exit_code`` may be set. Arguments: environment."""
    quit: EventHook
    """The process ends, after the final tables. Arguments: exit_code."""
    init: EventHook
    """The environment is complete. Arguments: environment, runner, web_ui."""
    init_command_line_parser: EventHook
    """A parser was built; scripts add their arguments here. Arguments: parser."""
    test_start: EventHook
    """A new test starts. Arguments: environment."""
    test_stopping: EventHook
    """A test is about to be stopped. Arguments: environment."""
    test_stop: EventHook
    """A test has stopped. Arguments: environment."""
    reset_stats: EventHook
    """The statistics are being reset from the page. No arguments."""
    cpu_warning: EventHook
    """This process needs too much CPU to be trusted. Arguments: environment, cpu_usage."""
    heartbeat_sent: EventHook
    """The master answered a heartbeat. Arguments: client_id, timestamp."""
    heartbeat_received: EventHook
    """A worker got a heartbeat. Arguments: client_id, timestamp."""
    usage_monitor: EventHook
    """CPU and memory of this process were measured. Arguments: environment, cpu_usage, memory_usage."""

    if TYPE_CHECKING:
        # The hooks of 0.14, made by `__getattr__`.
        request_success: EventHook
        request_failure: EventHook
        locust_error: EventHook
        hatch_complete: EventHook
        slave_report: EventHook
        master_start_hatching: EventHook
        master_stop_hatching: EventHook
        locust_start_hatching: EventHook
        locust_stop_hatching: EventHook

    def __init__(self) -> None:
        for cls in reversed(type(self).__mro__):
            for name, kind in inspect.get_annotations(cls).items():
                if kind in (EventHook, "EventHook"):
                    setattr(self, name, EventHook())

    def __getattr__(self, name: str) -> Any:
        """Makes a hook of the 0.14 generation when a script first asks for it."""
        from katydid import legacy

        hook: Any = None if name.startswith("_") else legacy.old_hook(self, name)
        if hook is None:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        setattr(self, name, hook)
        return hook
