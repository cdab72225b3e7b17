"""Running a test: starting users, stopping them, and keeping the script informed.

The engine decides how many users of which class there should be, when; it asks the runner, through the hub,
to start or stop so many. The runner owns the users' greenlets and fires the script's events.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypedDict
from uuid import uuid4

import gevent
from gevent import Greenlet
from gevent.event import AsyncResult
from gevent.pool import Group

import katydid._patch  # noqa: F401  patches the standard library
from katydid import hub, log
from katydid.arrivals import Arrivals
from katydid.exception import LocustError, StopTest, StopUser
from katydid.exception import RPCError as RPCError
from katydid.exception import RPCReceiveError as RPCReceiveError
from katydid.exception import RPCSendError as RPCSendError
from katydid.log import get_logs as get_logs
from katydid.log import greenlet_exception_logger
from katydid.pausing import Gate
from katydid.rate import Rate
from katydid.rpc.protocol import Message as Message
from katydid.shape import check_tick
from katydid.user.group import UserGroup, current_greenlet
from katydid.user.task import LOCUST_STATE_PAUSED, LOCUST_STATE_STOPPING, LOCUST_STATE_WAITING

if TYPE_CHECKING:
    from katydid._core import Engine
    from katydid.env import Environment
    from katydid.event import EventHook
    from katydid.stats import RequestStats, StatsError
    from katydid.user.users import User

logger = logging.getLogger("locust.runners")

STATE_INIT = "ready"
STATE_SPAWNING = "spawning"
STATE_RUNNING = "running"
STATE_CLEANUP = "cleanup"
STATE_STOPPING = "stopping"
STATE_STOPPED = "stopped"
STATE_MISSING = "missing"

WORKER_REPORT_INTERVAL = 3.0
WORKER_LOG_REPORT_INTERVAL = 10
CPU_MONITOR_INTERVAL = 10.0
CPU_WARNING_THRESHOLD = 90
HEARTBEAT_INTERVAL = 1
HEARTBEAT_LIVENESS = 3
HEARTBEAT_DEAD_INTERNAL = -60
MASTER_HEARTBEAT_TIMEOUT = 60
FALLBACK_INTERVAL = 5
CONNECT_TIMEOUT = 5
CONNECT_RETRY_COUNT = 60

SPAWN_SLICE_SECONDS = 0.015
"""How long starting users may keep the process before finished requests get a turn."""

WATCH_SECONDS = 1.0
"""How often the number of users is compared with what the engine knows."""

HIGH_SPAWN_RATE = 100
"""Users per second from which on a start is worth a warning."""

SHAPE_TICK_SECONDS = 1.0
"""How often a load shape is asked."""

_at_the_engine: Runner | None = None
"""The runner whose test the first engine runs."""

locust_runner: Runner | None = None
"""The runner of this process, by its 0.14 name."""


class ExceptionDict(TypedDict):
    """An exception of tasks, as `Runner.exceptions` has it."""

    count: int
    msg: str
    traceback: str
    nodes: set[str]


class Runner:
    """What the runners of all roles have in common.

    Args:
        environment: What is to be run.
    """

    def __init__(self, environment: Environment) -> None:
        global locust_runner
        locust_runner = self
        self.environment = environment
        self.user_greenlets = UserGroup()
        self.greenlet: Group = Group()
        self.spawning_greenlet: Greenlet[..., Any] | None = None
        self.shape_greenlet: Greenlet[..., Any] | None = None
        self.shape_last_tick: Any = None
        self.current_cpu_usage: float = 0
        self.current_memory_usage: int = 0
        self.cpu_warning_emitted = False
        self.worker_cpu_warning_emitted = False
        self.target_user_count = 0
        self.target_user_classes_count: dict[str, int] = {}
        self.final_user_classes_count: dict[str, int] = {}
        self.custom_messages: dict[str, tuple[Callable[..., Any], bool]] = {}
        self.connection_broken = False
        self.arrivals: Arrivals | None = None
        """What has iterations begin by a schedule, while a test is one of a rate."""
        self.rate: Rate | None = Rate.of_options(environment.parsed_options)
        """The rate of iterations that the next test is to have, where that is not up to its users."""
        self.gate = Gate()
        """Closed while the test is paused."""
        self._patience: float | None = None
        """Seconds that users get at the end of this test, if not as usual."""
        self.when_time_is_up: Callable[[], None] = self.stop
        self._run_time: float | None = None
        self._orders: deque[tuple[Callable[[dict[str, int]], Any], dict[str, int]]] = deque()
        self._stopper: Greenlet[..., Any] | None = None
        self._keeps_engine = False
        """Other runners of this process get an engine of their own, whatever this one is doing."""
        self._kept: tuple[str, dict[int, ExceptionDict]] | None = None
        """State and exceptions at the time the engine turned to another runner."""
        # Alive until `quit`, so that whoever joins the group waits for the end of the run.
        self.greenlet.spawn(self._monitor).link_exception(greenlet_exception_logger(logger))
        self._take_engine()
        environment.events.request.add_builtin(self._on_request, self.stats)
        environment.events.spawning_complete.add_listener(self._on_spawning_complete)

    def __getattr__(self, name: str) -> Any:
        """Finds an attribute by its 0.14 name."""
        if name.startswith("_") or "environment" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        from katydid import legacy_run

        return legacy_run.of_a_runner(self, name)

    @property
    def _engine(self) -> Engine:
        """What runs this test."""
        return hub.engine(self.environment)

    def _take_engine(self) -> None:
        """Has the first engine run this test from now on, or one of its own while that has another to run."""
        global _at_the_engine
        before = _at_the_engine
        if before is not None and before is not self and before._needs_engine():
            hub.give_own(self.environment)
        else:
            _at_the_engine = self
            if before is not None and before._kept is None:
                before._kept = (before.state, before.exceptions)
        self._kept = None
        self.environment.stats.give_to_engine(self.environment)
        self._listen()
        if before is not None and self.state not in (STATE_SPAWNING, STATE_RUNNING):
            self.state = STATE_INIT

    def _claim_engine(self) -> None:
        """Takes the engine back, if it has turned to another runner."""
        if self._kept is not None:
            self._take_engine()

    def _needs_engine(self) -> bool:
        """Whether the engine runs this test now, or shows its page."""
        if self._keeps_engine:
            return True
        if self._kept is not None or not self.greenlet:
            return False
        return self.environment.web_ui is not None or self.state not in (STATE_INIT, STATE_STOPPED)

    def _leave_engine(self) -> None:
        """Ends an engine of its own; what it has counted stays."""
        if self._engine is not hub.engine() and self.environment.web_ui is None:
            self._kept = (self.state, self.exceptions)
            self.environment.stats.take_from_engine()
            hub.take_own(self.environment)

    def _listen(self) -> None:
        """Has the engine's messages come here."""

    @property
    def user_classes(self) -> list[type[User]]:
        """The classes of the users."""
        return self.environment.user_classes

    @property
    def user_classes_by_name(self) -> dict[str, type[User]]:
        """The classes of the users, by name."""
        return self.environment.user_classes_by_name

    @property
    def stats(self) -> RequestStats:
        """The statistics of the run."""
        return self.environment.stats

    @property
    def errors(self) -> dict[str, StatsError]:
        """The failures of the run, by key."""
        return self.stats.errors

    @property
    def exceptions(self) -> dict[int, ExceptionDict]:
        """The exceptions of tasks, by key."""
        if self._kept is not None:
            return self._kept[1]
        return {
            hash(row["traceback"]): ExceptionDict(
                count=row["count"], msg=row["msg"], traceback=row["traceback"], nodes=set(row["nodes"])
            )
            for row in self._engine.exceptions()
        }

    @property
    def user_count(self) -> int:
        """How many users run now."""
        return len(self.user_greenlets)

    @property
    def user_classes_count(self) -> dict[str, int]:
        """How many users of each class run now."""
        counts = self.user_greenlets.counts
        return {cls.__name__: counts.get(cls.__name__, 0) for cls in self.user_classes}

    @property
    def state(self) -> str:
        """What the run is doing: one of the module's ``STATE_`` constants."""
        return self._engine.state if self._kept is None else self._kept[0]

    @state.setter
    def state(self, state: str) -> None:
        if self._kept is None:
            self._engine.state = state

    def update_state(self, new_state: str) -> None:
        """Changes the state."""
        self.state = new_state

    def spawn_users(self, user_classes_spawn_count: dict[str, int], wait: bool = False) -> list[User]:
        """Starts users.

        Args:
            user_classes_spawn_count: How many of each class.
            wait: Return only when they have all ended.
        """
        if self.state in (STATE_INIT, STATE_STOPPED):
            self.update_state(STATE_SPAWNING)
        spawned: list[User] = []
        classes = self.user_classes_by_name
        slice_end = time.monotonic() + SPAWN_SLICE_SECONDS
        for name, count in user_classes_spawn_count.items():
            user_class = classes[name]
            for _ in range(count):
                # Between two users, never after the last: no user runs before the end of the ramp was told.
                if time.monotonic() > slice_end:
                    gevent.sleep(0)
                    slice_end = time.monotonic() + SPAWN_SLICE_SECONDS
                user = user_class(self.environment)
                assert hasattr(user, "environment"), (
                    f"Attribute 'environment' is missing on user {user_class.__name__}. "
                    "Perhaps you defined your own __init__ and forgot to call the base constructor? "
                    "(super().__init__(*args, **kwargs))"
                )
                if self.arrivals is not None and self.arrivals.takes(user):
                    user._arrivals = self.arrivals
                user.start(self.user_greenlets)
                spawned.append(user)
        if wait:
            self.user_greenlets.join()
        return spawned

    def stop_users(self, user_classes_stop_count: dict[str, int]) -> None:
        """Stops users and waits until they have ended, as long as ``stop_timeout`` allows.

        Args:
            user_classes_stop_count: How many of each class.
        """
        me = current_greenlet()
        timeout = self._stop_timeout
        leaving: list[Greenlet[..., Any]] = []
        for member in self.user_greenlets.choose(user_classes_stop_count, last=me):
            user: User = member.args[0]
            if member is me:
                # A user that stops others must not wait for itself.
                self.user_greenlets.killone(member, block=False)
                continue
            if timeout and user._state not in (None, LOCUST_STATE_WAITING, LOCUST_STATE_PAUSED):
                user.stop(force=False)
            else:
                # Should a task swallow the kill, this ends the user when the task is done.
                user._state = LOCUST_STATE_STOPPING
                self.user_greenlets.killone(member, block=False)
            leaving.append(member)
        gevent.joinall(leaving, timeout=timeout or None)
        late = [member for member in leaving if not member.ready()]
        if late:
            logger.info(
                "Not all users finished their tasks & terminated in %s seconds. Stopping them...",
                self._stop_timeout,
            )
            gevent.killall(late)

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: list[type[User]] | None = None
    ) -> None:
        """Starts the test, or changes the number of users of a running one.

        Args:
            user_count: How many users there should be.
            spawn_rate: How many to start, or stop, per second.
            wait: Return only when they are all there.
            user_classes: Only users of these classes.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Stops the test and returns when all users have ended; a new one can be started afterwards.

        A user may call this from a task; it then ends here.
        """
        caller = current_greenlet()
        if self._stopper is None or self._stopper.ready():
            if self.state in (STATE_INIT, STATE_STOPPED):
                return
            self._stopper = gevent.spawn(self._stop, caller)
            self._stopper.link_exception(greenlet_exception_logger(logger))
        if caller is self._stopper or caller in self.user_greenlets.dying:
            # It is part of what is being waited for.
            return
        if caller in self.user_greenlets:
            self.user_greenlets.killone(caller, block=False)
        self._stopper.join()

    def stop_within(self, seconds: float) -> None:
        """Stops the test, with another patience than usual, and returns when all users have ended.

        Args:
            seconds: How long users get to finish their tasks; 0 ends them at once, also if the test is stopping.
        """
        self._be_patient(seconds)
        self.stop()
        self._patience = None

    def _be_patient(self, seconds: float) -> None:
        self._patience = seconds
        if not seconds and self._stopper is not None and not self._stopper.ready():
            for member in list(self.user_greenlets):
                self.user_greenlets.killone(member, block=False)

    @property
    def _stop_timeout(self) -> float:
        """Seconds that users get to finish their tasks when they are stopped."""
        return (self.environment.stop_timeout or 0.0) if self._patience is None else self._patience

    def pause_users(self, by: str | None = None) -> None:
        """Has users start no new tasks after those they are in; what they hold, such as connections, stays.

        Args:
            by: Who wants it, to be shown.
        """
        if self.arrivals is not None:
            self.arrivals.pause()
        self.gate.close(self._users())
        self._engine.mark("pause", "users start no new tasks", by)

    def resume_users(self, by: str | None = None) -> None:
        """Has the users of a paused test go on.

        Args:
            by: Who wants it, to be shown.
        """
        self.gate.open(self._users())
        if self.arrivals is not None:
            self.arrivals.resume()
        self._engine.mark("resume", "users go on", by)

    def _users(self) -> list[User]:
        return [member.args[0] for member in self.user_greenlets]

    def quit(self) -> None:
        """Stops the test and everything else the runner does.

        A user may call this from a task, and a listener or shape from where the runner calls it.
        """
        caller = current_greenlet()
        if caller in self.user_greenlets or caller in self.greenlet:
            # It does not survive the stopping, so it cannot do what comes after.
            gevent.spawn(self.quit)
            self.stop()
            return
        self.stop()
        self.greenlet.kill()
        self._leave_engine()

    def _stop(self, caller: Any) -> None:
        """Does the stopping, in a greenlet of its own.

        Args:
            caller: Who asked for it.
        """
        logger.debug("Stopping all users")
        self._tell(self.environment.events.test_stopping)
        if self.arrivals is not None:
            self.arrivals.end()
        self.final_user_classes_count = self.user_classes_count
        self._engine.stopping()
        self.update_state(STATE_CLEANUP)
        self._orders.clear()
        for helper in (self.spawning_greenlet, self.shape_greenlet):
            if helper is not None:
                helper.kill(block=helper is not caller)
        self.spawning_greenlet = self.shape_greenlet = None
        self.shape_last_tick = None
        self.stop_users(self.user_greenlets.counts.copy())
        self.gate.open(())
        self._settle()
        self.arrivals, self.rate = None, Rate.of_options(self.environment.parsed_options)
        self._engine.stopped()
        self.stats.read_anew()
        self.cpu_log_warning()
        self._tell(self.environment.events.test_stop)

    def _settle(self) -> None:
        """Waits for the answers to requests whose users were stopped meanwhile."""
        settled: AsyncResult[int] = AsyncResult()
        hub.on_message("settled", settled.set, self.environment)
        self._engine.settle()
        given_up = settled.get()
        if given_up:
            logger.warning(
                "%d request%s of stopped users had no answer yet and %s given up; they are not counted. "
                "A --stop-timeout gives users time to finish.",
                given_up,
                "" if given_up == 1 else "s",
                "was" if given_up == 1 else "were",
            )

    def _tell(self, hook: EventHook) -> None:
        """Fires an event of the stopping, which nothing a listener raises may keep from going on."""
        with suppress(StopTest, StopUser):
            hook.fire(environment=self.environment)

    def limit_run_time(self, seconds: float | None, then: Callable[[], None] | None = None) -> None:
        """Has the test end by itself, counted from now or, if none runs, from the start of the next one.

        Args:
            seconds: After how long; None for no limit.
            then: What ends it, in a greenlet of its own; `stop` by default.
        """
        self.when_time_is_up = then or self.stop
        self._run_time = seconds
        if self.state in (STATE_SPAWNING, STATE_RUNNING):
            self._apply_run_time()

    def _apply_run_time(self) -> None:
        """Has the clock of a test that has just begun run."""
        self._engine.set_run_time(self._run_time)

    def start_shape(self) -> None:
        """Lets the load shape decide how many users there are."""
        if self.shape_greenlet is not None:
            logger.info("There is an ongoing shape test running. Editing is disabled")
            return
        logger.info("Shape test starting.")
        self.update_state(STATE_INIT)
        self.shape_greenlet = self.greenlet.spawn(self._follow_shape)
        self.shape_greenlet.link_exception(greenlet_exception_logger(logger))
        if self.environment.shape_class is not None:
            self.environment.shape_class.reset_time()

    def _follow_shape(self) -> None:
        logger.info("Shape worker starting")
        shape = self.environment.shape_class
        while shape is not None and self.state in (STATE_INIT, STATE_SPAWNING, STATE_RUNNING):
            asked = time.monotonic()
            try:
                tick = shape.tick()
                check_tick(shape, tick)
            except StopTest as stop:
                self._end_test(stop)
                return
            except Exception as error:
                log.unhandled_greenlet_exception = True
                logger.critical("The load shape failed: %s\n%s", error, log.format_script_exception(error))
                gevent.spawn(self._quit_or_stop)
                return
            if tick is None:
                logger.info("Shape test stopping")
                gevent.spawn(self._quit_or_stop)
                return
            if isinstance(tick, Rate):
                if tick != self.shape_last_tick:
                    self._follow_rate(tick)
                    self.shape_last_tick = tick
            elif tick != self.shape_last_tick:
                users, rate, *rest = tick
                logger.info("Shape test updating to %d users at %.2f spawn rate", users, rate)
                self.start(user_count=users, spawn_rate=rate, user_classes=rest[0] if rest else None)
                self.shape_last_tick = tick
            gevent.sleep(max(0.0, SHAPE_TICK_SECONDS - (time.monotonic() - asked)))

    def chosen_classes(self) -> list[type[User]]:
        """The classes of the running test."""
        return self.user_classes

    def _follow_rate(self, rate: Rate) -> None:
        """A load shape asks for a rate of iterations."""
        self.rate = rate
        if self.state in (STATE_SPAWNING, STATE_RUNNING):
            self._change_rate(rate)
        else:
            self.start(1, 1)

    def _change_rate(self, rate: Rate) -> None:
        """Goes on with another rate."""
        if self.arrivals is None:
            raise LocustError("a load shape that has begun with users cannot go on with a rate")
        self.arrivals.change(rate)
        self._engine.show_rate(rate.text, self.arrivals.most)

    def _schedule_is_over(self) -> None:
        """The last iteration of a schedule has ended."""
        logger.info("The schedule is over, and all its iterations have ended")
        self._quit_or_stop()

    def _cannot_spawn(self, error: Exception) -> None:
        """A user's constructor failed: without users there is no test."""
        log.unhandled_greenlet_exception = True
        called = log.refused(error, "user_class")
        logger.critical("Could not start a user: %s\n%s", error, log.format_script_exception(error, called=called))
        self._orders.clear()
        gevent.spawn(self._quit_or_stop)

    def _shown_host(self) -> str | None:
        """The host the page shows: the one all classes share, if they do."""
        hosts = {cls.host for cls in self.user_classes}
        host = self.environment.host or (hosts.pop() if len(hosts) == 1 else None)
        return None if host is None else str(host)

    def _time_is_up(self) -> None:
        """The test has lasted as long as it was to. Called on the hub."""
        gevent.spawn(self.when_time_is_up).link_exception(greenlet_exception_logger(logger))

    def register_message(self, msg_type: str, listener: Callable[..., Any], concurrent: bool = False) -> None:
        """Has a function called for messages of a type.

        Args:
            msg_type: The type.
            listener: Called with ``environment`` and ``msg``.
            concurrent: Call it in a greenlet of its own.
        """
        if msg_type in self.custom_messages:
            raise Exception(f"Tried to register listener method for {msg_type}, but it already had a listener!")
        self.custom_messages[msg_type] = (listener, concurrent)

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a message to the script's listeners on other nodes, or here when there are none.

        Args:
            msg_type: The type.
            data: The content.
            client_id: Which node; all by default.
        """
        raise NotImplementedError

    def log_exception(self, node_id: str, msg: str, formatted_tb: str) -> None:
        """Counts an exception of a task."""
        self._engine.log_exception(node_id, msg, formatted_tb)

    def cpu_log_warning(self) -> bool:
        """Says so if this process needed too much CPU at some time of the test; returns whether it did."""
        if self.cpu_warning_emitted:
            logger.warning("CPU usage was too high at some point during the test!")
        return self.cpu_warning_emitted

    def _monitor(self) -> None:
        """Watches what this process uses."""
        environment = self.environment
        busy, since = time.thread_time(), time.monotonic()
        while True:
            gevent.sleep(CPU_MONITOR_INTERVAL)
            cpu_usage, memory_usage = self._engine.load()
            self.current_cpu_usage, self.current_memory_usage = cpu_usage, memory_usage
            environment.events.usage_monitor.fire(
                environment=environment, cpu_usage=cpu_usage, memory_usage=memory_usage
            )
            # The process has more threads, but it is this one that scripts can fill.
            before, busy = busy, time.thread_time()
            earlier, since = since, time.monotonic()
            script_usage = (busy - before) / (since - earlier) * 100
            if script_usage > CPU_WARNING_THRESHOLD:
                environment.events.cpu_warning.fire(environment=environment, cpu_usage=script_usage)
                if not self.cpu_warning_emitted:
                    logger.warning(
                        "CPU usage above %d%%! The script fills a core, so its users run late and the throughput "
                        "may suffer. The response times stay true; the lateness shows the delay.",
                        CPU_WARNING_THRESHOLD,
                    )
                    self.cpu_warning_emitted = True

    def _quit_or_stop(self) -> None:
        options = self.environment.parsed_options
        if options is not None and options.headless:
            self.quit()
        else:
            self.stop()

    def _end_test(self, stop: StopTest) -> None:
        """A `StopTest` reached the runner: ends the test from a greenlet that does not end with it."""
        logger.error("%s", stop)
        logger.warning("Stopping Locust...")
        self._orders.clear()
        gevent.spawn(self._quit_or_stop)

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response_length: int,
        response: Any = None,
        exception: Exception | str | None = None,
        **kwargs: Any,
    ) -> None:
        """Counts a request that was reported by an event."""
        error = None
        if exception:
            error = exception if isinstance(exception, str) else repr(exception)
        exchange = getattr(response, "_katydid_exchange", None)
        counts = self.stats.engine_counts
        if counts is None:
            self.stats.log_request(request_type, name, response_time, response_length or 0)
            if exception:
                self.stats.log_error(request_type, name, exception)
        elif exchange is not None and not exchange.recorded:
            counts.stale = True
            exchange.record(request_type, name, response_time, response_length, error)
        else:
            counts.record(request_type, name, response_time, response_length or 0, error)

    def _on_spawning_complete(self, user_count: int, **kwargs: Any) -> None:
        if self.environment.reset_stats:
            logger.info("Resetting stats\n")
            self.stats.reset_all()


class LocalRunner(Runner):
    """Runs all users in this process.

    Args:
        environment: What is to be run.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.worker_index = 0
        self.worker_count = 1
        self.client_id = f"{socket.gethostname()}_{uuid4().hex}"
        self._chosen_classes: list[type[User]] = []
        """Those of the running test: a load shape need not name them in every step."""
        self._announced = False
        """The end of the ramp was told before the engine's own word of it has come."""
        environment.events.user_error.add_listener(self._on_user_error)
        self.greenlet.spawn(self._watch_users).link_exception(greenlet_exception_logger(logger))

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: list[type[User]] | None = None
    ) -> None:
        """Starts the test, or changes the number of users of a running one. Returns at once.

        Args:
            user_count: How many users there should be.
            spawn_rate: How many to start, or stop, per second.
            wait: Accepted for Locust's sake; must then not need more than a second.
            user_classes: Only users of these classes.

        Raises:
            ValueError: `wait` is set and there are more users to start than `spawn_rate`.
        """
        if wait and user_count - self.user_count > spawn_rate:
            raise ValueError("wait is True but the amount of users to add is greater than the spawn rate")
        if self.rate is not None:
            if self.state in (STATE_RUNNING, STATE_SPAWNING):
                logger.warning("The load is a rate of iterations: there are as many users as it takes")
                return
            # They are made before the first iteration is due.
            spawn_rate = max(spawn_rate, user_count)
        elif spawn_rate > HIGH_SPAWN_RATE:
            logger.warning(
                "Your selected spawn rate is very high (>100), and this is known to sometimes cause issues. Do you "
                "really need to ramp up that fast?"
            )
        self._claim_engine()
        self.target_user_count = user_count
        is_new = self.state not in (STATE_RUNNING, STATE_SPAWNING)
        if is_new:
            self.stats.clear_all()
            self.cpu_warning_emitted = False
            self._chosen_classes = self.user_classes
            self.environment._filter_tasks_by_tags()
            try:
                self.environment.events.test_start.fire(environment=self.environment)
            except StopTest as stop:
                # The test has begun, so its end is told too.
                self.update_state(STATE_SPAWNING)
                self._end_test(stop)
                return
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        logger.info("Ramping to %d users at a rate of %.2f per second", user_count, spawn_rate)
        if user_classes is not None:
            self._chosen_classes = user_classes
        if is_new and self.rate is not None:
            self.arrivals = Arrivals(self, self.rate)
            logger.info("Iterations begin at %s, on %d users at most", self.rate.text, self.arrivals.most)
        self._engine.start(
            int(user_count),
            spawn_rate,
            [(cls.__name__, float(cls.weight), cls.fixed_count) for cls in self._chosen_classes],
            self._shown_host(),
        )
        if is_new:
            self._apply_run_time()
        if self.arrivals is not None:
            self._engine.show_rate(self.arrivals.rate.text, self.arrivals.most)

    def chosen_classes(self) -> list[type[User]]:
        """The classes of the running test."""
        return self._chosen_classes

    def _listen(self) -> None:
        handlers: dict[str, Callable[..., None]] = {
            "spawn": lambda counts: self._order(self.spawn_users, counts),
            "stop_users": lambda counts: self._order(self.stop_users, counts),
            "spawning_complete": self._spawning_complete,
            "run_time_reached": self._time_is_up,
        }
        for kind, handler in handlers.items():
            hub.on_message(kind, handler, self.environment)

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Calls the listener of a message, as the only node there is."""
        logger.debug("Running locally: sending %s message to self", msg_type)
        if msg_type not in self.custom_messages:
            logger.warning("Unknown message type received: %s", msg_type)
            return
        listener, _ = self.custom_messages[msg_type]
        listener(environment=self.environment, msg=Message(msg_type, data, "local"))

    def _order(self, carry_out: Callable[[dict[str, int]], Any], counts: dict[str, int]) -> None:
        """Takes an order of the engine. Called on the hub, which must not wait: a greenlet carries it out."""
        if self.state not in (STATE_SPAWNING, STATE_RUNNING):
            return
        self._orders.append((carry_out, counts))
        if self.spawning_greenlet is None or self.spawning_greenlet.ready():
            self.spawning_greenlet = self.greenlet.spawn(self._carry_out_orders)
            self.spawning_greenlet.link_exception(greenlet_exception_logger(logger))

    def _carry_out_orders(self) -> None:
        while self._orders:
            carry_out, counts = self._orders.popleft()
            try:
                carry_out(counts)
            except StopTest as stop:
                # A user that cannot be made, for want of a host say: nothing was tested.
                if self.environment.process_exit_code is None:
                    self.environment.process_exit_code = 1
                self._end_test(stop)
                return
            except Exception as error:
                self._cannot_spawn(error)
                return
            # Before the users have run: the first may end at once.
            self._engine.spawned(self.user_classes_count)
            if self.state == STATE_RUNNING:
                self._announced = True
                self._all_spawned()

    def _watch_users(self) -> None:
        """Tells the engine of users that have ended by themselves."""
        while True:
            gevent.sleep(WATCH_SECONDS)
            # While it still spawns, the engine takes such a message for the answer to its last order.
            if self.state == STATE_RUNNING and self.user_count != self._engine.user_count:
                self._engine.spawned(self.user_classes_count)

    def _spawning_complete(self, users: int) -> None:
        """The engine has all users it wanted. Called on the hub."""
        if self._announced:
            self._announced = False
            return
        # Nothing had to be done, as when a test is told to go on as it is.
        self.greenlet.spawn(self._all_spawned).link_exception(greenlet_exception_logger(logger))

    def _all_spawned(self) -> None:
        counts = self.target_user_classes_count = self.user_classes_count
        total = sum(counts.values())
        logger.info("All users spawned: %s (%d total users)", json.dumps(counts, sort_keys=True), total)
        if self.arrivals is not None:
            self.arrivals.begin()
        try:
            self.environment.events.spawning_complete.fire(user_count=total)
        except StopTest as stop:
            self._end_test(stop)

    def _on_user_error(self, user_instance: Any, exception: Exception, tb: Any, **kwargs: Any) -> None:
        self.log_exception("local", str(exception), log.format_script_stack(tb))


_DISTRIBUTED = {
    "DistributedRunner": "distributed",
    "MasterRunner": "master",
    "WorkerNode": "distributed",
    "WorkerNodes": "distributed",
    "WorkerRunner": "worker",
}
"""What is in other modules, and in which: they need this one."""

# All that Locust has here, for those who import everything.
__all__ = [
    "CONNECT_RETRY_COUNT",
    "CONNECT_TIMEOUT",
    "CPU_MONITOR_INTERVAL",
    "CPU_WARNING_THRESHOLD",
    "FALLBACK_INTERVAL",
    "HEARTBEAT_DEAD_INTERNAL",
    "HEARTBEAT_INTERVAL",
    "HEARTBEAT_LIVENESS",
    "MASTER_HEARTBEAT_TIMEOUT",
    "STATE_CLEANUP",
    "STATE_INIT",
    "STATE_MISSING",
    "STATE_RUNNING",
    "STATE_SPAWNING",
    "STATE_STOPPED",
    "STATE_STOPPING",
    "WORKER_LOG_REPORT_INTERVAL",
    "WORKER_REPORT_INTERVAL",
    "ExceptionDict",
    "LocalRunner",
    "Message",
    "RPCError",
    "RPCReceiveError",
    "RPCSendError",
    "Runner",
    "get_logs",
    "greenlet_exception_logger",
    "locust_exception_handler",
    "logger",
    *sorted(_DISTRIBUTED),
]


def locust_exception_handler(environment: Environment) -> Callable[[Any], None]:
    """What to link to a greenlet that may raise `StopTest`: it ends the test; other exceptions are logged.

    Args:
        environment: Whose test.
    """
    log_exception = greenlet_exception_logger(logger)

    def handler(greenlet: Any) -> None:
        if isinstance(greenlet.exception, StopTest) and environment.runner is not None:
            environment.runner._end_test(greenlet.exception)
        else:
            log_exception(greenlet)

    return handler


def _format_user_classes_count_for_log(user_classes_count: dict[str, int]) -> str:
    """Users by class name as the log tells of them."""
    counts = json.dumps(dict(sorted(user_classes_count.items())))
    return f"{counts} ({sum(user_classes_count.values())} total users)"


def _aggregate_dispatched_users(d: dict[str, dict[str, int]]) -> dict[str, int]:
    """Users by class name, over all workers."""
    total: Counter[str] = Counter()
    for counts in d.values():
        total.update(counts)
    return dict(total)


def __getattr__(name: str) -> Any:
    """Finds the runners of masters and workers, and what this module had in the 0.14 generation."""
    if name in _DISTRIBUTED:
        return getattr(import_module(f"katydid.{_DISTRIBUTED[name]}"), name)
    if not name.startswith("_"):
        from katydid import legacy_run

        value = legacy_run.of_the_runners_module(name)
        if value is not None:
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
