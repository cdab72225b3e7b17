"""Tests on many machines: the runner of their master, which tells the script what the engine hears of the workers."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from katydid import hub, join, runners, store
from katydid.arrivals import PATIENCE_SECONDS
from katydid.distributed import (
    FAREWELL_SECONDS,
    LOCUST_VERSION,
    PAUSE,
    RATE,
    RATE_CLASSES,
    STOP_TIMEOUT,
    DistributedRunner,
    WorkerNodes,
)
from katydid.exception import StopTest
from katydid.log import greenlet_exception_logger
from katydid.rate import Course, Rate
from katydid.user.group import current_greenlet

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.user.users import User

logger = logging.getLogger("locust.runners")

CLOCK_TOLERANCE_MS = 1000
"""How far a worker's clock may be from the master's without anybody being told."""
SCHEDULE_LOOK_SECONDS = 0.1
"""How often it is looked whether a schedule is over, where the test may be paused meanwhile."""


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
        self._chosen_classes = list(self.user_classes)
        """Those of the running test."""
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
            ("worker_heard", self._worker_heard),
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
        chosen = self.user_classes if user_classes is None else user_classes
        self._chosen_classes = chosen
        self._brief()
        self.spawning_completed = False
        self._ramped.clear()
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
        # For workers that join.
        self._brief()
        self._follow_course(rate)
        logger.info("Iterations begin at %s, on %s workers", rate.text, self.worker_count)

    def _follow_course(self, rate: Rate, passed: float = 0.0) -> None:
        """Has the workers follow a rate, so many seconds of which are over, and ends the test with it."""
        self._course.begin(passed)
        # All of it, also what is due at once.
        self._share_rate(passed)
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

    def _share_rate(self, passed: float | None = None, only: str | None = None) -> None:
        """Tells each worker its part of the rate, and how much of it is over: by default what is so now.

        Args:
            passed: Seconds that are over.
            only: The only worker to be told.
        """
        rate, passed = self.rate, self._course.passed if passed is None else passed
        if rate is None or passed is None:
            return
        heard = [node.id for node in self.clients.all if node.state != runners.STATE_MISSING]
        for place, worker in enumerate(heard):
            if only not in (None, worker):
                continue
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
        self._chosen_classes = [cls for cls in self.user_classes if cls.__name__ in run["classes"]]
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
        self._brief()
        shape = environment.shape_class
        if shape is not None:
            shape.reset_time()
            shape.start_time -= time.time() - run["started"]
            self.shape_greenlet = self.greenlet.spawn(self._follow_shape)
            self.shape_greenlet.link_exception(greenlet_exception_logger(logger))
        elif self.rate is not None and run["rate_passed"] is not None:
            self._follow_course(self.rate, run["rate_passed"])
        elif self.rate is not None:
            self._change_rate(self.rate)
        if run["is_paused"]:
            self._course.pause()
            self.gate.close(())
        self._fleet.go_on()

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
            known[RATE_CLASSES] = [cls.__name__ for cls in self._chosen_classes]
        return known

    def _brief(self) -> None:
        """Tells the fleet what workers are told along with their users."""
        self._fleet.settings(self.environment.host, self.environment.stop_timeout, self._options())

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
        # A test that another process was stopping ends here, too.
        ends = was_active or self.state == runners.STATE_STOPPING
        self._fleet.quit()
        self._await_end(FAREWELL_SECONDS, lambda: not self.worker_count)
        if ends:
            self._engine.stopped()
            self._fleet.flush()
            self.stats.read_anew()
        if was_active:
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

    def _worker_heard(self, worker: str) -> None:
        """One of a run that another process has begun, which may have missed what was said since."""
        if self.gate.is_closed:
            self._fleet.send(worker, PAUSE, True)
        self._share_rate(only=worker)

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
