"""Tests on many machines: the runners of masters and workers.

The engine keeps in touch with the other nodes, places users and adds up what they count, on threads that no
script can stop. What is here tells the script, and does what only the script's process can: start users, fire
events, carry messages between scripts.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import gevent
from gevent.event import AsyncResult, Event
from gevent.queue import Queue

from katydid import hub, join, log, runners, store
from katydid.arrivals import PATIENCE_SECONDS, Arrivals
from katydid.exception import StopTest
from katydid.log import get_logs, greenlet_exception_logger
from katydid.rate import Course, Rate
from katydid.runners import Message, Runner
from katydid.user.group import current_greenlet

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.user.users import User

logger = logging.getLogger("locust.runners")

CLOCK_TOLERANCE_MS = 1000
"""How far a worker's clock may be from the master's without anybody being told."""
MOST_LINES = 70
"""Log lines within one interval beyond which a worker stops sending its log."""
PAUSE = "katydid_pause"
"""Tells workers whether users are to start no new tasks."""
RATE = "katydid_rate"
"""Tells workers which part of a rate of iterations is theirs, and how much of it is over."""
STOP_TIMEOUT = "katydid_stop_timeout"
"""Tells workers how many seconds users get at the end of this test."""

SCHEDULE_LOOK_SECONDS = 0.1
"""How often it is looked whether a schedule is over, where the test may be paused meanwhile."""
FAREWELL_SECONDS = 10.0
"""How long the end of a test waits for the last reports, besides the users' own time to stop."""
LOCUST_VERSION = "2.47.0"

_OWN_OPTIONS = ("expect_workers", "tags", "exclude_tags")
"""Options of Katydid's own that a worker takes from its master, besides those that scripts add."""


class WorkerNode:
    """A worker as its master knows it.

    Args:
        id: Its id: host name, ``_``, and something unique.
        state: What it is doing.
        heartbeat_liveness: Intervals of silence that are forgiven.
    """

    def __init__(
        self, id: str, state: str = runners.STATE_INIT, heartbeat_liveness: int = runners.HEARTBEAT_LIVENESS
    ) -> None:
        self.id = id
        self.state = state
        self.heartbeat = heartbeat_liveness
        self.cpu_usage: float = 0
        self.cpu_warning_emitted = False
        self.memory_usage: int = 0
        self.user_classes_count: dict[str, int] = {}

    def __repr__(self) -> str:
        return f"<WorkerNode {self.id}: {self.state}, {self.user_count} users>"

    @property
    def user_count(self) -> int:
        """How many users it runs."""
        return sum(self.user_classes_count.values())


class WorkerNodes(Mapping[str, WorkerNode]):
    """The workers of a master by id, as they are at this moment.

    Args:
        rows: What the engine knows of them.
    """

    def __init__(self, rows: list[dict[str, Any]] | None = None) -> None:
        self._nodes: dict[str, WorkerNode] = {}
        for row in rows or ():
            node = WorkerNode(row["id"], row["state"])
            node.cpu_usage, node.memory_usage = row["cpu_usage"], row["memory_usage"]
            node.user_classes_count = row["user_classes_count"]
            self._nodes[node.id] = node

    def __getitem__(self, key: str) -> WorkerNode:
        return self._nodes[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def get_by_state(self, state: str) -> list[WorkerNode]:
        """Those in a state."""
        return [node for node in self._nodes.values() if node.state == state]

    @property
    def all(self) -> list[WorkerNode]:
        """All of them."""
        return list(self._nodes.values())

    @property
    def ready(self) -> list[WorkerNode]:
        """Those that wait for a test."""
        return self.get_by_state(runners.STATE_INIT)

    @property
    def spawning(self) -> list[WorkerNode]:
        """Those that start users."""
        return self.get_by_state(runners.STATE_SPAWNING)

    @property
    def running(self) -> list[WorkerNode]:
        """Those that have all their users."""
        return self.get_by_state(runners.STATE_RUNNING)

    @property
    def missing(self) -> list[WorkerNode]:
        """Those that were not heard of for too long."""
        return self.get_by_state(runners.STATE_MISSING)


class DistributedRunner(Runner):
    """What masters and workers have in common.

    Args:
        environment: What is to be run.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._fleet = self._engine.fleet()
        self._inbox: Queue[Callable[[], None]] = Queue()
        self.greenlet.spawn(self._work_off).link_exception(greenlet_exception_logger(logger))
        hub.on_message("custom_message", self._hear, self.environment)

    def _needs_engine(self) -> bool:
        """Always: an engine is one node of one fleet, and keeps its connections until it ends."""
        return True

    def _later(self, handler: Callable[..., None]) -> Callable[..., None]:
        """A handler that the hub may call: what it does is done in turn, in a greenlet."""
        return lambda *args: self._inbox.put(lambda: handler(*args))

    def _work_off(self) -> None:
        while True:
            work = self._inbox.get()
            try:
                work()
            except StopTest as stop:
                self._end_test(stop)
            except Exception as error:
                log.unhandled_greenlet_exception = True
                logger.error("%s\n%s", error, log.format_script_exception(error))

    def _hear(self, sender: str, kind: str, data: Any) -> None:
        """Takes a message that is not Locust's. Called on the hub, which must not wait."""
        if not self._own_message(kind, data):
            self._inbox.put(lambda: self._custom_message(sender, kind, data))

    def _own_message(self, kind: str, data: Any) -> bool:
        """Carries out a message of Katydid's own at once; false if it is the script's."""
        return False

    def _custom_message(self, sender: str, kind: str, data: Any) -> None:
        known = self.custom_messages.get(kind)
        if known is None:
            logger.warning("Unknown message type received from %s: %s", sender, kind)
            return
        logger.debug("Received %s message from %s", kind, sender)
        listener, concurrent = known
        message = Message(kind, data, sender)
        if concurrent:
            called = gevent.spawn(listener, environment=self.environment, msg=message)
            called.link_exception(greenlet_exception_logger(logger))
        else:
            listener(environment=self.environment, msg=message)


class _Port:
    """What scripts look at on a master's socket."""

    def __init__(self, port: int) -> None:
        self.port = port


class MasterRunner(DistributedRunner):
    """Has the users run by workers, and adds up what they count.

    Args:
        environment: What is to be run.
        master_bind_host: The address to listen on; ``*`` for all.
        master_bind_port: The port; 0 for any that is free.

    Raises:
        OSError: The address cannot be listened on.
    """

    def __init__(self, environment: Environment, master_bind_host: str, master_bind_port: int) -> None:
        super().__init__(environment)
        self.master_bind_host = master_bind_host
        self.master_bind_port = master_bind_port
        self.spawn_rate: float = 0
        self.spawning_completed = False
        self._course = Course()
        self._rate_end: Any = None
        self._ramped = Event()
        self._ramped.set()
        self.join_secret = join.secret(environment.parsed_options)
        self._open_store(master_bind_port)
        port = self._fleet.lead(
            master_bind_host,
            master_bind_port,
            runners.HEARTBEAT_INTERVAL,
            runners.HEARTBEAT_LIVENESS,
            abs(runners.HEARTBEAT_DEAD_INTERNAL),
            _report_wait(),
            runners.WORKER_REPORT_INTERVAL,
            self.join_secret,
            bool(getattr(environment.parsed_options, "allow_stock_workers", False)),
        )
        self.server = _Port(port)
        self.resumed = self._fleet.resumed()
        for kind, handler in (
            ("worker_ready", self._worker_ready),
            ("heartbeat_sent", self._heartbeat_sent),
            ("worker_missing", self._worker_missing),
            ("worker_back", self._worker_back),
            ("clock_off", self._clock_off),
            ("nothing_lost", self._nothing_lost),
            ("rounded", self._rounded),
            ("worker_quit", self._worker_quit),
            ("no_workers_left", self._no_workers_left),
            ("placing", self._placing),
            ("other_version", self._other_version),
            ("refused", self._refused),
            ("stranger", self._stranger),
            ("worker_report", self._worker_report),
            ("worker_logs", self._worker_logs),
            ("locustfile_wanted", self._locustfile_wanted),
            ("unreadable", self._unreadable),
            ("not_written", self._not_written),
            ("spawning_complete", self._all_spawned),
        ):
            hub.on_message(kind, self._later(handler), self.environment)
        hub.on_message("run_time_reached", self._time_is_up, self.environment)
        environment.events.worker_report.watch(self._fleet.want_reports)
        environment.events.heartbeat_sent.watch(self._fleet.want_heartbeats)

    def _open_store(self, port: int) -> None:
        """Has this master's state written down, and finds what a killed one has left."""
        options = self.environment.parsed_options
        # Workers find only a master whose port is known beforehand once more.
        file = store.path(options) if port and options is not None else None
        if file is None:
            return
        try:
            run = store.name_of_run(port, self.environment.parsed_locustfiles)
            self._fleet.keep(str(file), run, runners.MASTER_HEARTBEAT_TIMEOUT)
        except OSError as error:
            self._not_written(str(error))

    def _not_written(self, why: str) -> None:
        logger.warning(
            "The run is not written down: %s. It goes on, but cannot be taken up again if this process is killed. "
            "Choose another file with --store, or --no-store.",
            why,
        )

    # -- what is known of the workers ----------------------------------------------------

    @property
    def clients(self) -> WorkerNodes:
        """The workers by id."""
        return WorkerNodes(self._fleet.workers())

    @property
    def worker_count(self) -> int:
        """How many workers can be heard of."""
        clients = self.clients
        return len(clients.ready) + len(clients.spawning) + len(clients.running)

    @property
    def worker_indexes(self) -> dict[str, int]:
        """The index of each worker."""
        return {row["id"]: row["index"] for row in self._fleet.workers()}

    def get_worker_index(self, client_id: str) -> int:
        """The index of a worker: its place in the order they were first seen in.

        Args:
            client_id: Its id.
        """
        return self.worker_indexes[client_id]

    @property
    def user_count(self) -> int:
        """How many users the workers run."""
        return self._engine.user_count

    @property
    def reported_user_classes_count(self) -> dict[str, int]:
        """How many users of each class the workers say they run."""
        counts = dict.fromkeys(self.user_classes_by_name, 0)
        for node in self.clients.all:
            if node.state != runners.STATE_MISSING:
                for name, count in node.user_classes_count.items():
                    counts[name] = counts.get(name, 0) + count
        return counts

    @property
    def user_classes_count(self) -> dict[str, int]:
        """How many users of each class run now."""
        return self.reported_user_classes_count

    def rebalancing_enabled(self) -> bool:
        """Whether users are spread anew when workers come or go; they always are."""
        return True

    # -- running a test ------------------------------------------------------------------

    def start(
        self, user_count: int, spawn_rate: float, wait: bool = False, user_classes: list[type[User]] | None = None
    ) -> None:
        """Starts the test, or changes the number of users of a running one, and returns when they are there.

        Args:
            user_count: How many users there should be, on all workers together.
            spawn_rate: How many to start, or stop, per second.
            wait: Accepted for Locust's sake.
            user_classes: Only users of these classes.
        """
        workers = self.clients
        if not len(workers) - len(workers.missing):
            logger.warning("You can't start a distributed test before at least one worker processes has connected")
            return
        if self.rate is not None:
            if self.state in (runners.STATE_RUNNING, runners.STATE_SPAWNING):
                logger.warning("The load is a rate of iterations: there are as many users as it takes")
                return
            # Each worker has one to begin with; they are made before the first iteration is due.
            user_count = max(user_count, len(workers) - len(workers.missing))
            spawn_rate = max(spawn_rate, user_count)
        self.target_user_count = user_count
        self.spawn_rate = spawn_rate
        is_new = self.state not in (runners.STATE_RUNNING, runners.STATE_SPAWNING)
        if is_new:
            self.stats.clear_all()
            self.environment.worker_logs.clear()
            self.environment._filter_tasks_by_tags()
            if self.environment.shape_class is not None:
                self.environment.shape_class.reset_time()
            try:
                self.environment.events.test_start.fire(environment=self.environment)
            except StopTest as stop:
                self._end_test(stop)
                return
        for user_class in self.user_classes:
            if self.environment.host:
                user_class.host = self.environment.host
        self._fleet.settings(self.environment.host, self.environment.stop_timeout, self._options())
        self.spawning_completed = False
        self._ramped.clear()
        chosen = self.user_classes if user_classes is None else user_classes
        self._engine.start(
            user_count,
            spawn_rate,
            [(cls.__name__, float(cls.weight), cls.fixed_count) for cls in chosen],
            self._shown_host(),
        )
        if is_new:
            self._apply_run_time()
        self._ramped.wait()
        if self.rate is not None and is_new and self.state in (runners.STATE_RUNNING, runners.STATE_SPAWNING):
            self._change_rate(self.rate)

    def _change_rate(self, rate: Rate) -> None:
        """Has the workers begin iterations at a rate from now on."""
        self._engine.show_rate(rate.text, rate.users)
        self._follow_course(rate)
        logger.info("Iterations begin at %s, on %s workers", rate.text, self.worker_count)

    def _follow_course(self, rate: Rate, passed: float = 0.0) -> None:
        """Has the workers follow a rate, so many seconds of which are over, and ends the test with it."""
        self._course.begin(passed)
        self._share_rate()
        if self._rate_end is not None:
            self._rate_end.kill(block=False)
        if rate.length is not None:
            self._rate_end = gevent.spawn(self._end_with_schedule, rate.length)

    def _end_with_schedule(self, length: float) -> None:
        while (passed := self._course.passed) is not None:
            if passed >= length:
                self._schedule_is_over()
                return
            # Not all of it at once: the test may be paused.
            gevent.sleep(min(length - passed, SCHEDULE_LOOK_SECONDS))

    def _share_rate(self) -> None:
        """Tells each worker its part of the rate."""
        rate, passed = self.rate, self._course.passed
        if rate is None or passed is None:
            return
        heard = [node.id for node in self.clients.all if node.state != runners.STATE_MISSING]
        for place, worker in enumerate(heard):
            share = {
                "rate": rate.text,
                "users": rate.users,
                "share": [place, len(heard)],
                "passed": passed,
            }
            self._fleet.send(worker, RATE, share)

    def _schedule_is_over(self) -> None:
        """The schedule has come to its end: users finish what they do."""
        logger.info("The schedule is over, users finish their iterations")
        self._be_patient(max(self._stop_timeout, PATIENCE_SECONDS))
        self._quit_or_stop()
        self._patience = None

    def resume(self, then: Callable[[], None] | None = None) -> None:
        """Goes on with the run of a master that was killed, whose workers are still at work.

        Args:
            then: What ends the test when its time is up, in a greenlet of its own; `stop` by default.
        """
        assert self.resumed is not None, "there is no such run"
        run, environment = self.resumed, self.environment
        logger.warning(
            "Going on with the run that was started at %s by a master that did not end it: %d users on %d workers. "
            "With --no-store this is a run of its own.",
            time.strftime("%H:%M:%S", time.localtime(run["started"])),
            run["users"],
            run["workers"],
        )
        self.target_user_count, self.spawn_rate = run["users"], run["spawn_rate"]
        environment.host = run["host"] or environment.host
        environment._filter_tasks_by_tags()
        self.when_time_is_up = then or self.stop
        if run["state"] == runners.STATE_STOPPING:
            self._fleet.go_on()
            self.quit() if self._is_headless() else self.stop()
            return
        try:
            environment.events.test_start.fire(environment=environment)
        except StopTest as stop:
            self._end_test(stop)
            return
        self._fleet.settings(environment.host, environment.stop_timeout, self._options())
        shape = environment.shape_class
        if shape is not None:
            shape.reset_time()
            shape.start_time -= time.time() - run["started"]
            self.shape_greenlet = self.greenlet.spawn(self._follow_shape)
            self.shape_greenlet.link_exception(greenlet_exception_logger(logger))
        elif self.rate is not None:
            self._follow_course(self.rate, time.time() - run["started"])
        self._fleet.go_on()

    def tell_losses(self) -> None:
        """Says what is missing from the numbers because workers went with it."""
        for sentence in self._fleet.losses():
            logger.warning("%s", sentence)

    def _is_headless(self) -> bool:
        options = self.environment.parsed_options
        return options is not None and bool(options.headless)

    def _options(self) -> dict[str, Any]:
        """The options that can be sent."""
        options = vars(self.environment.parsed_options) if self.environment.parsed_options is not None else {}
        simple = (str, int, float, bool, type(None), list, tuple)
        known = {name: value for name, value in options.items() if isinstance(value, simple)}
        if self.rate is not None:
            known[RATE] = self.rate.text
        return known

    def _stop(self, caller: Any) -> None:
        self._tell(self.environment.events.test_stopping)
        self._begin_end()
        self.gate.open(())
        self._engine.stopping()
        self._await_end(runners.MASTER_HEARTBEAT_TIMEOUT, lambda: not self.user_count)
        self._engine.stopped()
        self._fleet.flush()
        self.stats.read_anew()
        self._tell(self.environment.events.test_stop)

    def quit(self) -> None:
        """Stops the test and has all workers end."""
        was_active = self.state not in (runners.STATE_INIT, runners.STATE_STOPPED, runners.STATE_STOPPING)
        if was_active:
            self._tell(self.environment.events.test_stopping)
            self._begin_end()
        elif self._stopper is not None and not self._stopper.ready():
            self._stopper.join()
        self._fleet.quit()
        self._await_end(FAREWELL_SECONDS, lambda: not self.worker_count)
        if was_active:
            self._engine.stopped()
            self._fleet.flush()
            self.stats.read_anew()
            self._tell(self.environment.events.test_stop)
        self.greenlet.kill(block=current_greenlet() not in self.greenlet)

    def _begin_end(self) -> None:
        self.final_user_classes_count = self.user_classes_count
        self._ramped.set()
        self.rate = Rate.of_options(self.environment.parsed_options)
        self._course.end()
        if self._rate_end is not None and self._rate_end is not current_greenlet():
            self._rate_end.kill(block=False)
        if self.shape_greenlet is not None:
            self.shape_greenlet.kill(block=self.shape_greenlet is not current_greenlet())
            self.shape_greenlet, self.shape_last_tick = None, None

    def _await_end(self, patience: float, ended: Callable[[], bool]) -> None:
        """Waits until the workers are done, but not for ever."""
        last = time.monotonic() + self._stop_timeout + patience
        while not ended() and time.monotonic() < last:
            gevent.sleep(0.05)
        if not ended():
            logger.error(
                "Not all workers stopped in time. Their last counts may be missing: %s",
                ", ".join(node.id for node in self.clients.all if node.user_count) or "none has users left",
            )

    def _be_patient(self, seconds: float) -> None:
        self._patience = seconds
        self._fleet.send(None, STOP_TIMEOUT, seconds)

    def pause_users(self, by: str | None = None) -> None:
        """Has the users of Katydid's workers start no new tasks; workers of Locust's do not know how to.

        Args:
            by: Who wants it, to be shown.
        """
        self._course.pause()
        self._fleet.send(None, PAUSE, True)
        super().pause_users(by)

    def resume_users(self, by: str | None = None) -> None:
        """Has the users of a paused test go on.

        Args:
            by: Who wants it, to be shown.
        """
        self._course.resume()
        self._fleet.send(None, PAUSE, False)
        super().resume_users(by)

    def send_message(self, msg_type: str, data: Any = None, client_id: str | None = None) -> None:
        """Sends a message to the scripts on the workers.

        Args:
            msg_type: The type.
            data: The content: numbers, texts, lists and dicts.
            client_id: Which worker; all by default.
        """
        if client_id is not None and client_id not in self.clients:
            logger.warning("There is no worker %s to send %s to", client_id, msg_type)
            return
        self._fleet.send(client_id, msg_type, data)

    # -- what the workers do -------------------------------------------------------------

    def _worker_ready(self, worker: str, index: int, count: int) -> None:
        logger.info("%s (index %d) reported as ready. %d workers connected.", worker, index, count)
        if self.gate.is_closed:
            self._fleet.send(worker, PAUSE, True)
        self._share_rate()
        self.environment.events.worker_connect.fire(client_id=worker)

    def _heartbeat_sent(self, worker: str) -> None:
        self.environment.events.heartbeat_sent.fire(client_id=worker, timestamp=time.time())

    def _worker_missing(self, worker: str, users: int, requests: int) -> None:
        logger.warning(
            "Worker %s failed to send heartbeat, setting state to missing. Its %d users are started on the others, and "
            "about %d requests that it has not reported are lost, unless it comes back.",
            worker,
            users,
            requests,
        )
        self._share_rate()

    def _rounded(self, worker: str) -> None:
        logger.info(
            "Worker %s tells its response times in Locust's two digits, and does not tell those of failures apart: "
            "percentiles are as rough as its part in them.",
            worker,
        )

    def _nothing_lost(self, worker: str) -> None:
        logger.info("All that worker %s counted while it was missing is here.", worker)

    def _worker_back(self, worker: str) -> None:
        logger.info("Worker %s self-healed with heartbeat, setting state to ready.", worker)
        self._share_rate()

    def _clock_off(self, worker: str, ahead_ms: int) -> None:
        if abs(ahead_ms) <= CLOCK_TOLERANCE_MS:
            logger.info("The clock of worker %s is right again.", worker)
            return
        logger.warning(
            "The clock of worker %s is %.1f s %s this machine's. The times it reports are corrected by whole seconds.",
            worker,
            abs(ahead_ms) / 1000,
            "ahead of" if ahead_ms > 0 else "behind",
        )

    def _worker_quit(self, worker: str, left: int) -> None:
        logger.info("Worker %s quit. %d workers left.", worker, left)
        self._share_rate()

    def _no_workers_left(self) -> None:
        logger.info("The last worker quit, stopping test.")
        gevent.spawn(self.quit if self._is_headless() else self.stop)

    def _placing(self, users: int, rate: float, workers: int) -> None:
        logger.info("Sending spawn jobs of %d users at %.2f spawn rate to %d ready workers", users, rate, workers)

    def _other_version(self, worker: str, version: str) -> None:
        level = logging.DEBUG if version[:4] == LOCUST_VERSION[:4] else logging.WARNING
        logger.log(
            level,
            "A worker (%s) running a different version (%s) connected, ours is %s",
            worker,
            version,
            LOCUST_VERSION,
        )

    def _refused(self, worker: str) -> None:
        logger.error("An old (pre 2.0) worker tried to connect (%s). That's not going to work.", worker)

    def _stranger(self, address: str, why: str, count: int) -> None:
        so_far = f" ({count} connections refused so far)" if count > 1 else ""
        hint = ""
        if why == "the other side has no join secret":
            hint = ". Start it with --join-secret, or this master with --allow-stock-workers"
        logger.warning("Refused a connection from %s: %s%s%s", address, why, hint, so_far)

    def _worker_report(self, worker: str, data: Any) -> None:
        self.environment.events.worker_report.fire(client_id=worker, data=data)

    def _worker_logs(self, worker: str, lines: list[str]) -> None:
        self.environment.update_worker_logs({"worker_id": worker, "logs": lines})

    def _locustfile_wanted(self, worker: str) -> None:
        files = []
        try:
            for path in self.environment.parsed_locustfiles or ():
                with open(path, encoding="utf-8") as file:
                    files.append({"filename": os.path.basename(path), "contents": file.read()})
            answer: dict[str, Any] = {"locustfiles": files}
        except OSError as error:
            answer = {"error": f"The master cannot read its locustfile: {error}"}
        self._fleet.send(worker, "locustfile", answer)

    def _unreadable(self, sender: str, problem: str) -> None:
        logger.error("%s sent something that cannot be read: %s", sender, problem)

    def _all_spawned(self, users: int) -> None:
        counts = self.reported_user_classes_count
        self.target_user_classes_count = counts
        self.spawning_completed = True
        self._ramped.set()
        logger.info("All users spawned: %s (%d total users)", json.dumps(counts, sort_keys=True), users)
        self.environment.events.spawning_complete.fire(user_count=users)


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
            # Its users wait until it is known which part of the rate is theirs.
            self.arrivals = Arrivals(self, Rate(rate))
            # A worker that joins a test is told of its part first, and of its users then.
            self._follow_told_rate()
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
            if name != RATE and (name not in own or name in _OWN_OPTIONS):
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
        self._told_rate = data, time.monotonic()
        self._follow_told_rate()

    def _follow_told_rate(self) -> None:
        if self.arrivals is None or self._told_rate is None:
            return
        data, when = self._told_rate
        place, of = data["share"]
        passed = float(data["passed"]) + (0.0 if self.gate.is_closed else time.monotonic() - when)
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

    def _cut_off(self) -> None:
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


def _report_wait() -> float:
    """How long the end of a ramp waits for the workers' counts, in seconds."""
    text = os.environ.get("LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP", "1.0").strip()
    factor, star, name = (part.strip() for part in text.partition("*"))
    try:
        if star and name == "WORKER_REPORT_INTERVAL":
            return float(factor) * runners.WORKER_REPORT_INTERVAL
        return float(text)
    except ValueError:
        raise ValueError(
            f"LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP is {text!r}; it must be a number of seconds, "
            "or one like '2 * WORKER_REPORT_INTERVAL'"
        ) from None


def _additional_wait() -> int:
    return int(os.environ.get("LOCUST_WORKER_ADDITIONAL_WAIT_BEFORE_READY_AFTER_STOP") or 0)
