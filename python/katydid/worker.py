"""Tests on many machines: the runner of a worker, which does what its master says."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import gevent
from gevent.event import AsyncResult, Event

from katydid import hub, join, log, runners
from katydid.arrivals import Arrivals
from katydid.distributed import (
    FAREWELL_SECONDS,
    LOCUST_VERSION,
    PAUSE,
    RATE,
    RATE_CLASSES,
    STOP_TIMEOUT,
    DistributedRunner,
)
from katydid.exception import StopTest
from katydid.log import get_logs, greenlet_exception_logger
from katydid.rate import Rate
from katydid.user.group import current_greenlet

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.user.users import User

logger = logging.getLogger("locust.runners")

MOST_LINES = 70
"""Log lines within one interval beyond which a worker stops sending its log."""
_OWN_OPTIONS = ("expect_workers", "tags", "exclude_tags")
"""Options of Katydid's own that a worker takes from its master, besides those that scripts add."""


class WorkerRunner(DistributedRunner):
    """Runs the users that a master wants, and reports to it. It is made when the master has answered.

    Args:
        environment: What is to be run.
        master_host: Where the master is.
        master_port: Its port.

    Raises:
        ConnectionError: The master did not answer, however often it was asked.
        PermissionError: The master and this worker have not the same join secret.
    """

    def __init__(self, environment: Environment, master_host: str, master_port: int) -> None:
        super().__init__(environment)
        self.master_host = master_host
        self.master_port = master_port
        self.client_id = f"{socket.gethostname()}_{uuid4().hex}"
        self.worker_index = -1
        self.worker_state = runners.STATE_INIT
        self.connected = False
        self._has_quit = self._has_reported = False
        self.last_heartbeat_timestamp: float | None = None
        self.last_received_spawn_timestamp: float = 0
        self._lines_sent = 0
        self._sends_logs = True
        self._began = time.monotonic()
        self._rate_classes: frozenset[str] | None = None
        """The names of the classes of a rate's users; none where the master does not say."""
        self._told_rate: tuple[dict[str, Any], float] | None = None
        self._welcome: AsyncResult[int | None] = AsyncResult()
        for kind, handler in (
            ("assigned", self._assigned),
            ("told_to_stop", self._told_to_stop),
            ("told_to_quit", self._told_to_quit),
            ("all_spawned", self._all_spawned),
            ("heartbeat_received", self._heartbeat_received),
            ("update_user_class", self.environment.update_user_class),
            ("reporting", self._reporting),
            ("silent", self._silent),
            ("cut_off", self._cut_off),
        ):
            hub.on_message(kind, self._later(handler), self.environment)
        hub.on_message("welcome", self._welcomed, self.environment)
        hub.on_message("disconnected", self._disconnected, self.environment)
        hub.on_message("refused_by_master", self._refused_by_master, self.environment)
        environment.events.user_error.add_listener(self._on_user_error)
        environment.events.quitting.add_listener(self._on_quitting)
        self._fleet.follow(
            master_host,
            master_port,
            self.client_id,
            runners.HEARTBEAT_INTERVAL,
            runners.WORKER_REPORT_INTERVAL,
            runners.CONNECT_TIMEOUT,
            runners.MASTER_HEARTBEAT_TIMEOUT,
            runners.HEARTBEAT_INTERVAL * runners.HEARTBEAT_LIVENESS,
            join.secret(environment.parsed_options),
        )
        environment.events.report_to_master.watch(self._fleet.want_reports)
        try:
            index = self._welcome.get(timeout=runners.CONNECT_TIMEOUT * runners.CONNECT_RETRY_COUNT)
        except gevent.Timeout:
            raise ConnectionError(f"No answer from the master at {master_host}:{master_port}") from None
        self.worker_index = index if index is not None else -1
        self.connected = True
        if runners.WORKER_LOG_REPORT_INTERVAL >= 0:
            self.greenlet.spawn(self._send_logs).link_exception(greenlet_exception_logger(logger))

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: list[type[User]] | None = None
    ) -> None:
        """A worker starts what its master wants, and nothing else."""
        raise NotImplementedError("use start_worker")

    def start_worker(self, user_classes_count: dict[str, int], **kwargs: Any) -> None:
        """Starts and stops users until there are so many of each class.

        Args:
            user_classes_count: How many of each class.
            **kwargs: Accepted for Locust's sake.
        """
        self.target_user_classes_count = user_classes_count
        self.target_user_count = sum(user_classes_count.values())
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        now = self.user_classes_count
        more = {name: count - now[name] for name, count in user_classes_count.items() if count > now[name]}
        fewer = {name: now[name] - count for name, count in user_classes_count.items() if count < now[name]}
        if more:
            self.spawn_users(more)
        if fewer and self.arrivals is None:
            self.stop_users(fewer)
        self._spawned()

    def _spawned(self) -> None:
        counts = self.user_classes_count
        self._engine.spawned(counts)
        self._engine.state = runners.STATE_RUNNING
        self._set_worker_state(runners.STATE_RUNNING)
        self._fleet.say("spawning_complete", {"user_classes_count": counts, "user_count": sum(counts.values())})

    def _set_worker_state(self, state: str) -> None:
        self.worker_state = state
        self._fleet.set_state(state)

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a message to the script on the master.

        Args:
            msg_type: The type.
            data: The content: numbers, texts, lists and dicts.
            client_id: Accepted for Locust's sake.
        """
        logger.debug("Sending %s message to master", msg_type)
        self._fleet.say(msg_type, data)

    # -- what the master says ------------------------------------------------------------

    def _welcomed(self, index: int | None) -> None:
        if not self._welcome.ready():
            self._welcome.set(index)
        elif index is not None:
            self.worker_index = index

    def _refused_by_master(self, why: str) -> None:
        if not self._welcome.ready():
            self._welcome.set_exception(PermissionError(join.REFUSALS[why]))

    def _disconnected(self, reason: str) -> None:
        level = logging.INFO if time.monotonic() - self._began > 30 or self.connected else logging.DEBUG
        logger.log(level, "No connection to the master at %s:%s: %s", self.master_host, self.master_port, reason)

    def _heartbeat_received(self) -> None:
        self.last_heartbeat_timestamp = time.time()
        self.environment.events.heartbeat_received.fire(
            client_id=self.client_id, timestamp=self.last_heartbeat_timestamp
        )

    def _assigned(self, job: dict[str, Any]) -> None:
        self._fleet.say("spawning", None)
        if job["timestamp"] <= self.last_received_spawn_timestamp:
            logger.info("Discard spawn message with older or equal timestamp than timestamp of previous spawn message")
            return
        self.last_received_spawn_timestamp = job["timestamp"]
        environment = self.environment
        environment.host = job["host"]
        environment.stop_timeout = job["stop_timeout"] or 0.0
        self._take_options(job["parsed_options"] or {})
        if self.worker_state not in (runners.STATE_RUNNING, runners.STATE_SPAWNING):
            self.stats.clear_all()
            self.cpu_warning_emitted = self.worker_cpu_warning_emitted = False
            environment._filter_tasks_by_tags()
            environment.events.test_start.fire(environment=environment)
        rate = (job["parsed_options"] or {}).get(RATE)
        if rate is not None and self.arrivals is None:
            names = (job["parsed_options"] or {}).get(RATE_CLASSES)
            self._rate_classes = None if names is None else frozenset(names)
            # Its users wait until it is known which part of the rate is theirs.
            self.arrivals = Arrivals(self, Rate(rate))
            # A worker that joins a test is told of its part first, and of its users then.
            self._follow_told_rate(time.monotonic())
        self._set_worker_state(runners.STATE_SPAWNING)
        self._engine.state = runners.STATE_SPAWNING
        if self.spawning_greenlet is not None:
            # The newer order tells all users there are to be, so the older one need not be finished.
            self.spawning_greenlet.kill()
        self.spawning_greenlet = self.greenlet.spawn(self._start_assigned, job["user_classes_count"])

    def _start_assigned(self, user_classes_count: dict[str, int]) -> None:
        unknown = [name for name in user_classes_count if name not in self.user_classes_by_name]
        if unknown:
            logger.error(
                "The master wants users of %s, which this worker's locustfile does not have. "
                "Start the worker with the master's locustfile, or with -f - to get it from the master.",
                ", ".join(unknown),
            )
        known = {name: count for name, count in user_classes_count.items() if name not in unknown}
        try:
            self.start_worker(known)
        except StopTest as stop:
            self._end_test(stop)
        except Exception as error:
            log.unhandled_greenlet_exception = True
            logger.critical("Could not start a user: %s\n%s", error, log.format_script_exception(error))
            self._say_exception(error, log.format_script_exception(error))

    def _take_options(self, given: dict[str, Any]) -> None:
        """Takes over the master's values of the options that scripts have added, and a few more."""
        from katydid.argument_parser import default_args_dict

        options = self.environment.parsed_options
        if options is None:
            return
        own = default_args_dict()
        for name, value in given.items():
            if name not in (RATE, RATE_CLASSES) and (name not in own or name in _OWN_OPTIONS):
                setattr(options, name, value)
        environment = self.environment
        chosen = {name: given.get(name, getattr(environment, name)) for name in ("tags", "exclude_tags")}
        environment._choose_tags(**chosen)

    def _own_message(self, kind: str, data: Any) -> bool:
        if kind == PAUSE:
            if self.arrivals is not None:
                (self.arrivals.pause if data else self.arrivals.resume)()
            (self.gate.close if data else self.gate.open)(self._users())
        elif kind == RATE:
            self._take_rate(data)
        elif kind == STOP_TIMEOUT:
            self._be_patient(float(data))
        else:
            return False
        return True

    def _take_rate(self, data: dict[str, Any]) -> None:
        """Begins iterations at this worker's part of a rate, or goes on with another part."""
        now = time.monotonic()
        self._told_rate = data, now
        self._follow_told_rate(now)

    def _follow_told_rate(self, now: float) -> None:
        if self.arrivals is None or self._told_rate is None:
            return
        data, when = self._told_rate
        place, of = data["share"]
        passed = float(data["passed"]) + (0.0 if self.gate.is_closed else now - when)
        self.arrivals.change(Rate(data["rate"], data["users"]), (place, of), passed)
        self.arrivals.begin()
        if self.gate.is_closed:
            self.arrivals.pause()

    def _told_to_stop(self) -> None:
        self.stop()
        self.gate.open(())
        self._patience = self._told_rate = None
        self._fleet.report({})
        self._fleet.say("client_stopped", None)
        gevent.sleep((self.environment.stop_timeout or 0) + _additional_wait())
        self._set_worker_state(runners.STATE_INIT)
        self._fleet.say("client_ready", LOCUST_VERSION)

    def _told_to_quit(self) -> None:
        logger.info("Got quit message from master, shutting down...")
        self.stop()
        # In a greenlet that does not end with the runner's.
        gevent.spawn(self.quit)

    def chosen_classes(self) -> list[type[User]]:
        """The classes of the running test."""
        names = self._rate_classes
        return [cls for cls in self.user_classes if names is None or cls.__name__ in names]

    def _cut_off(self) -> None:
        if self.arrivals is not None:
            # The rate is for others now, too; with its next order this worker begins at its part anew.
            self.arrivals.end()
            self.arrivals = None
        if not self.user_count:
            return
        logger.warning(
            "The master does not answer and starts this worker's %d users on others, so they are stopped here. "
            "What they have counted is kept until the master is heard of again.",
            self.user_count,
        )
        if self.spawning_greenlet is not None:
            self.spawning_greenlet.kill()
        self.stop_users(self.user_classes_count)
        self._engine.spawned(self.user_classes_count)

    def _silent(self, seconds: float) -> None:
        logger.error("Didn't get heartbeat from master in over %gs", seconds)
        gevent.spawn(self.quit)

    def _all_spawned(self, users: int) -> None:
        self.environment.events.spawning_complete.fire(user_count=users)

    def _reporting(self) -> None:
        counts = self.user_classes_count
        data: dict[str, Any] = {"user_classes_count": counts, "user_count": sum(counts.values())}
        known = dict(data)
        self.environment.events.report_to_master.fire(client_id=self.client_id, data=data)
        self._fleet.report({key: value for key, value in data.items() if key not in known})

    # -- what the master is told ---------------------------------------------------------

    def quit(self) -> None:
        """Stops the test, tells the master what it does not know yet, and ends."""
        if current_greenlet() in self.user_greenlets:
            gevent.spawn(self.quit)
            self.stop()
            return
        self.stop()
        if not self._has_reported:
            self._has_reported = True
            finished = Event()
            hub.on_message("finished", finished.set, self.environment)
            self._reporting()
            self._fleet.finish()
            if not finished.wait(timeout=FAREWELL_SECONDS):
                logger.warning("The master did not acknowledge the last report; it may be missing there.")
        # A program may go on, and no end of the process tells the master.
        self._say_quit()
        self.greenlet.kill(block=current_greenlet() not in self.greenlet)

    def _on_quitting(self, environment: Environment, **kwargs: Any) -> None:
        self._say_quit()

    def _say_quit(self) -> None:
        """Tells the master, once, that this worker leaves it."""
        if self.connected and not self._has_quit:
            self._has_quit = True
            self._fleet.say("quit", None)

    def _on_user_error(self, user_instance: Any, exception: Exception, tb: Any, **kwargs: Any) -> None:
        self._say_exception(exception, log.format_script_stack(tb))

    def _say_exception(self, exception: Exception, traceback: str) -> None:
        self.log_exception("local", str(exception), traceback)
        self._fleet.say("exception", {"msg": str(exception), "traceback": traceback})

    def _send_logs(self) -> None:
        while self._sends_logs:
            lines = get_logs()
            if len(lines) > self._lines_sent:
                if len(lines) - self._lines_sent > MOST_LINES:
                    self._sends_logs = False
                    logger.warning(
                        "The worker logs too much to send it to the master: more than %d lines in %s seconds.",
                        MOST_LINES,
                        runners.WORKER_LOG_REPORT_INTERVAL,
                    )
                self._fleet.say("logs", {"worker_id": self.client_id, "logs": lines})
                self._lines_sent = len(lines)
            gevent.sleep(runners.WORKER_LOG_REPORT_INTERVAL)


def _additional_wait() -> int:
    return int(os.environ.get("LOCUST_WORKER_ADDITIONAL_WAIT_BEFORE_READY_AFTER_STOP") or 0)
