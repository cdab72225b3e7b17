"""One run of the command, from the start of the test to the exit code."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from argparse import Namespace
from typing import Any, NoReturn

import gevent
from gevent.event import Event

from katydid import html, hub, log, push, stats, store, web_access
from katydid.env import Environment
from katydid.input_events import input_listener, load_keys
from katydid.iterations import IterationLimit
from katydid.master import MasterRunner
from katydid.processes import Workers, outlive_parent
from katydid.runners import Runner
from katydid.scripts import give_up
from katydid.shape import LoadTestShape
from katydid.terminal import Line
from katydid.thresholds import EXIT_CODE, Thresholds
from katydid.web import WebUI

# What scripts may filter on.
logger = logging.getLogger("locust.main")


class Run:
    """One run of the command, once the script is known.

    Args:
        environment: What is run.
        options: The parsed command line.
        thresholds: Under which conditions it has failed.
    """

    def __init__(self, environment: Environment, options: Namespace, thresholds: Thresholds) -> None:
        self.environment = environment
        self.options = options
        self.thresholds = thresholds
        self.runner = self._create_runner()
        # The terminal and the thresholds speak of the first engine.
        self.runner._keeps_engine = True
        self.workers: Workers | None = None
        self.csv_writer = self._create_csv_writer()
        self.web_ui: WebUI | None = None
        self.url: str | None = None
        """Where the page is."""
        self.is_page_private = False
        """Whether only this machine reaches it."""
        self.line: Line | None = None
        self.printer: Any = None
        self.over = Event()
        """Set when the process is to end."""

    def run(self) -> NoReturn:
        """Runs the test, or waits for the page to start one, and exits."""
        options, environment = self.options, self.environment
        if not (options.headless or options.worker):
            self.web_ui = self._create_web_ui()
        if not options.worker:
            self._keep_runs()
            push.start(options, environment)
        environment.events.init.fire(environment=environment, runner=self.runner, web_ui=self.web_ui)
        if log.unhandled_greenlet_exception:
            # What the listener set up is missing, so nothing that follows would be as meant.
            sys.exit(1)
        self._watch_signals()
        if self.web_ui is not None:
            self._serve(self.web_ui)
        stats.resize_with_terminal()
        if isinstance(self.runner, MasterRunner) and options.processes is not None:
            self.workers = Workers(options.processes, ("127.0.0.1", self.runner.server.port))
        resumes = isinstance(self.runner, MasterRunner) and self.runner.resumed is not None
        begins = (options.headless or options.autostart) and not options.worker and not resumes
        if begins:
            self._await_workers()
        if begins and environment.shape_class is None:
            self._announce_run_time()
        if not options.only_summary and (options.print_stats or (options.headless and not options.worker)):
            self.printer = gevent.spawn(stats.stats_printer(environment.stats))
            self.printer.link_exception(log.greenlet_exception_logger(logger))
            gevent.sleep(0)
        if self.csv_writer is not None:
            gevent.spawn(self.csv_writer).link_exception(log.greenlet_exception_logger(logger))
        if not options.worker:
            self.thresholds.watch()
        if getattr(options, "iteration_limit", None):
            self._limit_iterations(options.iteration_limit)
        if begins:
            self._start()
        elif resumes:
            gevent.spawn(self._resume).link_exception(log.greenlet_exception_logger(logger))
        if begins and Line.fits():
            self.line = Line()
            self.line.begin()
        keys = None if options.worker else self._listen_to_keys()
        lasts = self.runner.greenlet if self.web_ui is None else self.web_ui.greenlet
        gevent.spawn(self._end_with, lasts)
        if options.worker:
            gevent.spawn(self._end_with_parent)
        self._await(gevent.spawn(self.over.wait))
        if keys is not None:
            # It gives the terminal back.
            keys.kill()
        self._shut_down()

    def _keep_runs(self) -> None:
        """Has every run kept in the store, as far as there is one."""
        file = store.path(self.options)
        if file is None:
            return
        hub.on_message("not_kept", _not_kept, self.environment)
        scripts = [str(script) for script in self.environment.parsed_locustfiles or ()]
        try:
            about = store.about(self.options, scripts, self.environment)
            runs, size = getattr(self.options, "store_keep", None), getattr(self.options, "store_size", None)
            hub.engine(self.environment).keep_runs(str(file), about, runs, size)
        except OSError as error:
            _not_kept(str(error))

    def _limit_iterations(self, most: int) -> None:
        """Ends the test when the users have run so many tasks."""
        if isinstance(self.runner, MasterRunner):
            if self.options.processes is None:
                logger.warning("A master runs no tasks: give --iterations to its workers instead")
            return
        quits = getattr(self.options, "quits_at_limit", self.options.headless or self.options.worker)
        IterationLimit(most, self.runner, self.runner.quit if quits else self.runner.stop)

    def _listen_to_keys(self) -> Any:
        """Has keys that are pressed at the terminal change the load."""
        url = self.url if self.web_ui is not None else None
        keys = gevent.spawn(input_listener(load_keys(self.runner, url)))
        keys.link_exception(log.greenlet_exception_logger(logger))
        return keys

    def _create_runner(self) -> Runner:
        options, environment = self.options, self.environment
        if options.worker:
            try:
                return environment.create_worker_runner(options.master_host, options.master_port)
            except ConnectionError as error:
                logger.error("%s. Is it running, and are --master-host and --master-port right?", error)
                sys.exit(255)
            except PermissionError as error:
                logger.error("%s", error)
                hub.close()
                sys.exit(1)
        if not (options.master or options.processes is not None):
            return environment.create_local_runner()
        # Workers of this machine find a port of their own where none was asked for.
        alone = options.processes is not None and not options.master
        host, port = ("127.0.0.1", 0) if alone else (options.master_bind_host, options.master_bind_port)
        try:
            runner = environment.create_master_runner(host, port)
        except OSError as error:
            logger.error(
                "Could not listen for workers on %s:%s: %s. Choose another port with --master-bind-port.",
                host,
                port,
                error.strerror or error,
            )
            sys.exit(1)
        if not alone and host not in ("127.0.0.1", "::1", "localhost") and runner.join_secret is None:
            logger.warning(
                "Whoever reaches port %d of this machine can join as a worker and gets the script. Give master and "
                "workers the same --join-secret FILE, or limit where workers may come from with --master-bind-host.",
                runner.server.port,
            )
        return runner

    def _await_workers(self) -> None:
        """Waits until so many workers are ready as the command line expects."""
        if not isinstance(self.runner, MasterRunner):
            return
        expected = self.options.processes or self.options.expect_workers
        began = time.monotonic()
        while (ready := len(self.runner.clients.ready)) < expected and not self.over.is_set():
            if self.workers is not None and (left := len(self.workers.children)) < expected:
                self._give_up("The test cannot begin: %d of the %d worker processes are left", left, expected)
            waited = time.monotonic() - began
            most = self.options.expect_workers_max_wait
            if most and waited > most:
                self._give_up("Gave up waiting for workers to connect: %d of %d are there", ready, expected)
            level = logging.INFO if waited > 5 else logging.DEBUG
            logger.log(level, "Waiting for workers to be ready, %d of %d connected", ready, expected)
            self.over.wait(timeout=1 if waited > 1 else 0.05)

    def _give_up(self, why: str, *numbers: int) -> NoReturn:
        """Ends what has not begun."""
        logger.error(why, *numbers)
        self.runner.quit()
        if self.workers is not None:
            self.workers.end()
        hub.close()
        sys.exit(1)

    def _await(self, greenlet: Any) -> None:
        """Waits for a greenlet to end.

        gevent raises a task's ``sys.exit()`` here, where the main greenlet waits. The process then ends with
        that code, but in the usual way: users are stopped and the tables printed.
        """
        while not greenlet.ready():
            try:
                greenlet.join()
            except SystemExit as request:
                code = request.code if isinstance(request.code, int) else int(request.code is not None)
                self.environment.process_exit_code = code
                self.over.set()

    def _create_csv_writer(self) -> stats.StatsCSVFileWriter | None:
        """What keeps the files of ``--csv``."""
        prefix = self.options.csv_prefix
        if not prefix or self.options.worker:
            return None
        try:
            return stats.StatsCSVFileWriter(
                self.environment, stats.PERCENTILES_TO_REPORT, prefix, self.options.stats_history_enabled
            )
        except OSError as error:
            give_up(f"Could not write the CSV files {prefix}_*.csv: {error.strerror}: {error.filename}")

    def _create_web_ui(self) -> WebUI:
        """The page as the command line describes it, not served yet."""
        options = self.options
        names = ("web_base_path", "web_login", "tls_cert", "tls_key", "build_path")
        settings = {name: getattr(options, name) for name in names if getattr(options, name, None)}
        if not settings.get("web_base_path", "/").startswith("/"):
            give_up("--web-base-path must start with a slash, such as /load")
        if bool(settings.get("tls_cert")) != bool(settings.get("tls_key")):
            give_up("--tls-cert and --tls-key are only meaningful together")
        asks = bool(settings.get("web_login") or web_access.settings(options))
        # A page that asks nobody who they are is for this machine, unless it is told otherwise.
        self.is_page_private = not options.web_host and not asks
        return self.environment.create_web_ui(
            "127.0.0.1" if self.is_page_private else options.web_host,
            options.web_port,
            delayed_start=True,
            stats_csv_writer=self.csv_writer,
            userclass_picker_is_active=getattr(options, "class_picker", False),
            **settings,
        )

    def _serve(self, web_ui: WebUI) -> None:
        try:
            web_ui.start()
        except OSError as error:
            logger.error(
                "Could not start the web interface on %s:%d: %s. Choose another port with -P, "
                "or run without the page with --headless.",
                web_ui.host or "*",
                self.options.web_port,
                error.strerror or error,
            )
            hub.close()
            sys.exit(1)
        shown = self.options.web_host or self.options.web_host_display_name or "localhost"
        scheme = "https" if web_ui.tls_cert and web_ui.tls_key else "http"
        host = f"[{shown}]" if ":" in shown else shown
        self.url = f"{scheme}://{host}:{web_ui.port}{web_ui.web_base_path}"
        reach = " (from this machine only, --web-host 0.0.0.0 opens it to others)" if self.is_page_private else ""
        logger.info("Starting web interface at %s%s, press enter to open your default browser.", self.url, reach)

    def _announce_run_time(self) -> None:
        if self.options.run_time:
            logger.info("Run time limit set to %d seconds", self.options.run_time)
        else:
            logger.info("No run time limit set, use CTRL+C to interrupt")

    def _start(self) -> None:
        """Starts the test that the command line describes."""
        options = self.options
        if self.environment.shape_class is not None:
            self._warn_of_shape(self.environment.shape_class)
            self.runner.start_shape()
            if options.run_time:
                gevent.sleep(0)
                self._announce_run_time()
                gevent.spawn_later(options.run_time, self._time_is_up)
            shape = self.runner.shape_greenlet
            if self.options.headless and shape is not None:
                shape.link(lambda _: gevent.spawn(self._shape_done))
            return
        # Scripts read there what they got.
        users = options.num_users = options.num_users or 1
        rate = options.spawn_rate = options.spawn_rate or 1
        if options.run_time:
            self.runner.limit_run_time(options.run_time, self._time_is_up)
        # A master's returns when all users are there, which a Ctrl-C must not have to wait for.
        starting = gevent.spawn(self.runner.start, users, rate)
        starting.link_exception(log.greenlet_exception_logger(logger))
        if options.headless:
            # Nobody could start it again.
            starting.link_exception(lambda _: gevent.spawn(self.runner.quit))
        gevent.sleep(0)

    def _resume(self) -> None:
        """Goes on with the run of a master that was killed."""
        assert isinstance(self.runner, MasterRunner)
        self.runner.resume(self._time_is_up)
        shape = self.runner.shape_greenlet
        if self.options.headless and shape is not None:
            shape.link(lambda _: gevent.spawn(self._shape_done))

    def _warn_of_shape(self, shape: LoadTestShape) -> None:
        """Says which options a load shape makes meaningless, if it does not say that it reads them."""
        if shape.use_common_options:
            return
        given = [name for name in ("num_users", "spawn_rate", "run_time") if getattr(self.options, name)]
        if given:
            ignored = ", ".join(f"--{name.removeprefix('num_').replace('_', '-')}" for name in given)
            logger.warning(
                "--run-time, --users or --spawn-rate have no impact on LoadShapes unless the shape class explicitly "
                "reads them, which `use_common_options = True` in its body says"
            )
            logger.warning("The following option(s) will be ignored: %s", ignored)

    def _shape_done(self) -> None:
        logger.info("Shape test completed, shutting down")
        self.runner.quit()

    def _time_is_up(self) -> None:
        """The run time is over."""
        if self.options.headless:
            logger.info("--run-time limit reached, shutting down")
            self.runner.quit()
            return
        logger.info("--run-time limit reached, stopping test")
        self.runner.stop()
        if self.options.autoquit == -1:
            logger.info("--autoquit not specified, leaving web ui running indefinitely")
            return
        logger.debug("Autoquit time limit set to %d seconds", self.options.autoquit)
        gevent.sleep(self.options.autoquit)
        logger.info("--autoquit time reached, shutting down")
        self.over.set()

    def _end_with(self, lasts: Any) -> None:
        lasts.join()
        self.over.set()

    def _end_with_parent(self) -> None:
        if outlive_parent():
            logger.error("The process that has started this worker has ended; so does this one")
            self.over.set()

    def _watch_signals(self) -> None:
        """Lets SIGINT and SIGTERM end the run in an orderly way; a second SIGINT ends it at once."""
        loop = gevent.get_hub().loop

        def interrupted(signum: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            loop.run_callback_threadsafe(self.over.set)

        def terminated(signum: int, frame: Any) -> None:
            logger.info("Got %s signal", signal.Signals(signum).name)
            loop.run_callback_threadsafe(self.over.set)

        signal.signal(signal.SIGINT, interrupted)
        signal.signal(signal.SIGTERM, terminated)
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
            # The terminal is gone; under nohup it may go.
            signal.signal(signal.SIGHUP, terminated)

    def _shut_down(self) -> NoReturn:
        """Ends everything, prints the final tables and exits."""
        environment = self.environment
        logger.debug("Running teardowns...")
        environment.events.quitting.fire(environment=environment, reverse=True)
        if self.printer is not None:
            self.printer.kill(block=False)
        self._await(gevent.spawn(self.runner.quit))
        hub.engine(environment).flush_runs()
        push.finish(environment)
        self.thresholds.judge()
        code = self._exit_code()
        if not self.options.worker:
            for sentence in hub.engine(environment).shortfalls():
                logger.warning("%s", sentence)
        if self.line is not None:
            self.line.end()
        logger.info("Shutting down (exit code %d)", code)
        if not self.options.worker:
            self._print_results()
            self.thresholds.print()
            if self.options.html_file:
                self._write_report()
            if self.line is not None:
                self.line.conclude()
        if self.workers is not None:
            self.workers.end()
        environment.events.quit.fire(exit_code=code)
        hub.close()
        sys.exit(code)

    def _print_results(self) -> None:
        """Prints and writes what the command line asks for."""
        counted = self.environment.stats
        if self.csv_writer is not None:
            try:
                self.csv_writer.close_files()
            except OSError as error:
                logger.error("Could not write the CSV files: %s", error.strerror)
        if self.options.json:
            stats.print_stats_json(counted)
        if self.options.json_file:
            try:
                stats.save_stats_json(counted, self.options.json_file)
            except OSError as error:
                # Not to lose the numbers, they are printed.
                logger.error("Could not write %s.json: %s", self.options.json_file, error.strerror)
            else:
                return
        stats.print_stats(counted, current=False)
        stats.print_percentile_stats(counted)
        stats.print_error_report(counted)

    def _write_report(self) -> None:
        """Writes the file that ``--html`` names."""
        html.process_html_filename(self.options)
        path = self.options.html_file
        logger.debug("Writing html report to file: %s", path)
        report = html.get_html_report(self.environment, show_download_link=False)
        try:
            os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(report)
        except OSError as error:
            logger.error("Could not write the report to %s: %s", path, error.strerror)

    def _has_errors(self) -> bool:
        if self.thresholds.replaces_failures:
            return bool(self.runner.exceptions)
        return hub.engine().fail_count() > 0

    def _exit_code(self) -> int:
        if self.environment.process_exit_code is not None:
            return self.environment.process_exit_code
        if self.thresholds.failed:
            return EXIT_CODE
        # A worker's failures are its master's to judge.
        if not self.options.worker and self._has_errors():
            return int(self.options.exit_code_on_error)
        return 2 if log.unhandled_greenlet_exception else 0


def _not_kept(why: str) -> None:
    logger.warning("This run is not kept: %s. Choose another file with --store, or --no-store.", why)
