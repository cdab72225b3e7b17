"""A whole run, from the command line to the exit code."""

from __future__ import annotations

import gc
import importlib
import itertools
import logging
import os
import signal
import sys
import time
import traceback
from argparse import Namespace
from typing import Any, NoReturn

import gevent
from gevent.event import Event

import katydid
from katydid import _aliases, _patch, argument_parser, html, hub, log, stats  # noqa: F401  patches the standard library
from katydid.distributed import MasterRunner
from katydid.download import locustfile_of_master
from katydid.env import Environment
from katydid.event import Events
from katydid.processes import Workers, wanted
from katydid.runners import Runner
from katydid.shape import LoadTestShape
from katydid.user.users import User
from katydid.util.load_locustfile import load_locustfile
from katydid.web import WebUI

logger = logging.getLogger("locust.main")

OPEN_FILES = 10_000
"""How many connections should be possible; each takes an open file."""


class Scripts:
    """The locustfiles of a run and what is in them.

    Attributes:
        paths: The files.
        users: The user classes by name.
        shapes: The load shapes.
    """

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.users: dict[str, type[User]] = {}
        self.shapes: list[LoadTestShape] = []
        homes: dict[str, str] = {}
        for path in paths:
            users, shapes = _load(path)
            for name, user_class in users.items():
                if name in self.users and not _same_definition(self.users[name], user_class):
                    _give_up(
                        f"Duplicate user class names: {name} is defined in both {homes[name]} and {path}",
                    )
                self.users[name] = user_class
                homes.setdefault(name, path)
            self.shapes.extend(shapes)


def main() -> None:
    """Runs the command and ends the process."""
    try:
        run()
    except KeyboardInterrupt:
        # Pressed before there was a test, or a second time because the end took too long.
        sys.exit(130)
    except Exception as error:
        # What steers users, raised by a listener that no user waits for.
        sys.stderr.write(log.format_script_exception(error))
        sys.exit(1)


def run() -> NoReturn:
    """Reads the command line and the script, runs the test, and exits."""
    _aliases.install()
    _import_plugins()
    hub.tell_failures_in_the_scripts_words()
    paths = _locustfiles()
    scripts = Scripts(paths)
    options = argument_parser.parse_all_options()
    _check_role(options)
    if not options.skip_log_setup:
        try:
            log.setup_logging(options.loglevel, options.logfile)
        except OSError as error:
            _give_up(f"Could not log to {options.logfile}: {error.strerror}")
    logger.info("Starting Locust %s (Katydid %s)", katydid.LOCUST_VERSION, katydid.__version__)

    if options.list_commands:
        print("Available Users:")
        for name in scripts.users:
            print(f"    {name}")
        sys.exit(0)
    user_classes = _chosen(scripts, options)
    if options.processes is not None and options.worker:
        workers = Workers(options.processes, (options.master_host, options.master_port))
        sys.exit(_supervise(workers))
    _allow_open_files()
    try:
        environment = create_environment(
            user_classes,
            options,
            events=katydid.events,
            shape_class=_shape(scripts, options),
            locustfile=os.path.basename(paths[0]),
            parsed_locustfiles=paths,
            available_user_classes=scripts.users,
            available_shape_classes={type(shape).__name__: shape for shape in scripts.shapes},
            available_user_tasks={name: list(cls.tasks) for name, cls in scripts.users.items()},
        )
    except ValueError as error:
        _give_up(str(error))
    _configure_users(environment, options)
    _relax_collector()
    Run(environment, options).run()


def create_environment(
    user_classes: list[type[User]],
    options: Namespace,
    events: Events | None = None,
    shape_class: LoadTestShape | None = None,
    locustfile: str | None = None,
    parsed_locustfiles: list[str] | None = None,
    available_user_classes: dict[str, type[User]] | None = None,
    available_shape_classes: dict[str, LoadTestShape] | None = None,
    available_user_tasks: dict[str, list[Any]] | None = None,
) -> Environment:
    """An environment as the command line describes it.

    Args:
        user_classes: The classes of the users.
        options: The parsed command line.
        events: The hooks.
        shape_class: The load shape, an instance.
        locustfile: The name of the script.
        parsed_locustfiles: The scripts.
        available_user_classes: User classes the page may offer, by name.
        available_shape_classes: Load shapes the page may offer, by name.
        available_user_tasks: Tasks the page may offer, by user class.
    """
    return Environment(
        locustfile=locustfile,
        user_classes=user_classes,
        shape_class=shape_class,
        events=events,
        host=options.host,
        reset_stats=options.reset_stats,
        parsed_options=options,
        parsed_locustfiles=parsed_locustfiles,
        available_user_classes=available_user_classes,
        available_shape_classes=available_shape_classes,
        available_user_tasks=available_user_tasks,
        tags=options.tags,
        exclude_tags=options.exclude_tags,
        stop_timeout=options.stop_timeout,
    )


class Run:
    """One run of the command, once the script is known.

    Args:
        environment: What is run.
        options: The parsed command line.
    """

    def __init__(self, environment: Environment, options: Namespace) -> None:
        self.environment = environment
        self.options = options
        self.runner = self._create_runner()
        self.workers: Workers | None = None
        self.web_ui: WebUI | None = None
        self.printer: Any = None
        self.over = Event()
        """Set when the process is to end."""

    def run(self) -> NoReturn:
        """Runs the test, or waits for the page to start one, and exits."""
        options, environment = self.options, self.environment
        if not (options.headless or options.worker):
            self.web_ui = self._create_web_ui()
        environment.events.init.fire(environment=environment, runner=self.runner, web_ui=self.web_ui)
        if log.unhandled_greenlet_exception:
            # What the listener set up is missing, so nothing that follows would be as meant.
            sys.exit(1)
        if self.web_ui is not None:
            self._serve(self.web_ui)
        stats.resize_with_terminal()
        self._watch_signals()
        if isinstance(self.runner, MasterRunner) and options.processes is not None:
            self.workers = Workers(options.processes, ("127.0.0.1", self.runner.server.port))
        begins = (options.headless or options.autostart) and not options.worker
        if begins:
            self._await_workers()
        if begins and environment.shape_class is None:
            self._announce_run_time()
        if not options.only_summary and (options.print_stats or (options.headless and not options.worker)):
            self.printer = gevent.spawn(stats.stats_printer(environment.stats))
            self.printer.link_exception(log.greenlet_exception_logger(logger))
            gevent.sleep(0)
        if begins:
            self._start()
        lasts = self.runner.greenlet if self.web_ui is None else self.web_ui.greenlet
        gevent.spawn(self._end_with, lasts)
        self._await(gevent.spawn(self.over.wait))
        self._shut_down()

    def _create_runner(self) -> Runner:
        options, environment = self.options, self.environment
        if options.worker:
            try:
                return environment.create_worker_runner(options.master_host, options.master_port)
            except ConnectionError as error:
                logger.error("%s. Is it running, and are --master-host and --master-port right?", error)
                sys.exit(255)
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
        if not alone and host not in ("127.0.0.1", "::1", "localhost"):
            logger.warning(
                "Whoever reaches port %d of this machine can join as a worker: Locust's protocol knows no secret. "
                "--master-bind-host limits where workers may come from.",
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
            waited = time.monotonic() - began
            most = self.options.expect_workers_max_wait
            if most and waited > most:
                logger.error("Gave up waiting for workers to connect: %d of %d are there", ready, expected)
                self.runner.quit()
                hub.close()
                sys.exit(1)
            level = logging.INFO if waited > 5 else logging.DEBUG
            logger.log(level, "Waiting for workers to be ready, %d of %d connected", ready, expected)
            self.over.wait(timeout=1 if waited > 1 else 0.05)

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

    def _create_web_ui(self) -> WebUI:
        """The page as the command line describes it, not served yet."""
        options = self.options
        names = ("web_base_path", "web_login", "tls_cert", "tls_key", "build_path")
        settings = {name: getattr(options, name) for name in names if getattr(options, name, None)}
        if not settings.get("web_base_path", "/").startswith("/"):
            _give_up("--web-base-path must start with a slash, such as /load")
        if bool(settings.get("tls_cert")) != bool(settings.get("tls_key")):
            _give_up("--tls-cert and --tls-key are only meaningful together")
        return self.environment.create_web_ui(
            options.web_host,
            options.web_port,
            delayed_start=True,
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
                self.options.web_host or "*",
                self.options.web_port,
                error.strerror or error,
            )
            hub.close()
            sys.exit(1)
        shown = self.options.web_host or getattr(self.options, "web_host_display_name", None) or "localhost"
        logger.info(
            "Starting web interface at %s://%s:%d%s",
            "https" if web_ui.tls_cert and web_ui.tls_key else "http",
            f"[{shown}]" if ":" in shown else shown,
            web_ui.port,
            web_ui.web_base_path,
        )

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
        users, rate = options.num_users or 1, options.spawn_rate or 1
        if options.run_time:
            self.runner.limit_run_time(options.run_time, self._time_is_up)
        # A master's returns when all users are there, which a Ctrl-C must not have to wait for.
        gevent.spawn(self.runner.start, users, rate).link_exception(log.greenlet_exception_logger(logger))
        gevent.sleep(0)

    def _warn_of_shape(self, shape: LoadTestShape) -> None:
        """Says which options a load shape makes meaningless, if it does not say that it reads them."""
        if shape.use_common_options:
            return
        given = [name for name in ("num_users", "spawn_rate", "run_time") if getattr(self.options, name)]
        if given:
            ignored = ", ".join(f"--{name.removeprefix('num_').replace('_', '-')}" for name in given)
            logger.warning("The load shape decides. The following option(s) will be ignored: %s", ignored)

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

    def _watch_signals(self) -> None:
        """Lets SIGINT and SIGTERM end the run in an orderly way; a second SIGINT ends it at once."""
        loop = gevent.get_hub().loop

        def interrupted(signum: int, frame: Any) -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            loop.run_callback_threadsafe(self.over.set)

        def terminated(signum: int, frame: Any) -> None:
            logger.info("Got SIGTERM signal")
            loop.run_callback_threadsafe(self.over.set)

        signal.signal(signal.SIGINT, interrupted)
        signal.signal(signal.SIGTERM, terminated)

    def _shut_down(self) -> NoReturn:
        """Ends everything, prints the final tables and exits."""
        environment = self.environment
        logger.debug("Running teardowns...")
        environment.events.quitting.fire(environment=environment, reverse=True)
        if self.printer is not None:
            self.printer.kill(block=False)
        self._await(gevent.spawn(self.runner.quit))
        code = self._exit_code()
        logger.info("Shutting down (exit code %d)", code)
        if not self.options.worker:
            stats.print_stats(environment.stats, current=False)
            stats.print_percentile_stats(environment.stats)
            stats.print_error_report(environment.stats)
            if getattr(self.options, "html_file", None):
                self._write_report()
        if self.workers is not None:
            self.workers.end()
        environment.events.quit.fire(exit_code=code)
        hub.close()
        sys.exit(code)

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

    def _exit_code(self) -> int:
        if self.environment.process_exit_code is not None:
            return self.environment.process_exit_code
        # A worker's failures are its master's to judge.
        if not self.options.worker and hub.engine().fail_count():
            return int(self.options.exit_code_on_error)
        return 2 if log.unhandled_greenlet_exception else 0


def _configure_users(environment: Environment, options: Namespace) -> None:
    """Changes user classes as ``--config-users`` says."""
    for config in itertools.chain.from_iterable(getattr(options, "config_users", None) or ()):
        try:
            environment.update_user_class(config)
        except KeyError as error:
            logger.error(
                "Error applying user config, probably you tried to specify config for a User not present in your "
                "locustfile: %s",
                error,
            )
            sys.exit(-1)


def _import_plugins() -> None:
    """Imports what is installed to go with every script, before the options are read: it may add some."""
    try:
        importlib.import_module("locust_plugins")
    except ModuleNotFoundError as error:
        if error.name != "locust_plugins":
            raise


def _locustfiles() -> list[str]:
    """The scripts that the command line names; ``-`` is what a worker's master has."""
    early = argument_parser.parse_early_options()
    if early.locustfile.strip() == "-":
        if not early.worker:
            _give_up("-f - means the script of the master, so it needs --worker")
        return locustfile_of_master(early.master_host, early.master_port)
    try:
        return argument_parser.parse_locustfile_paths(early.locustfile)
    except FileNotFoundError as error:
        _give_up(str(error))


def _check_role(options: Namespace) -> None:
    """Ends the process if the options give it two roles, or none that there is."""
    if options.master and options.worker:
        sys.stderr.write("The --master argument cannot be combined with --worker\n")
        sys.exit(255)
    if options.processes is None:
        return
    if options.master:
        _give_up("--processes makes this process a master by itself; it cannot be combined with --master")
    try:
        options.processes = wanted(options.processes)
    except ValueError as error:
        _give_up(str(error))


def _supervise(workers: Workers) -> int:
    """Waits for the workers of this machine. A Ctrl-C is theirs too, so the first one is left to them."""
    signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        return workers.join()
    except KeyboardInterrupt:
        workers.end()
        return 1


def _load(path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Imports a script; what is wrong with it is said without a line of ours."""
    try:
        return load_locustfile(path)
    except SyntaxError as error:
        problem = "".join(traceback.format_exception_only(error))
        _give_up(f"Could not load {path}: line {error.lineno} is not valid Python.\n{problem}".rstrip())
    except Exception as error:
        _give_up(f"Could not load {path}, it raised an exception:\n{log.format_script_exception(error)}".rstrip())


def _chosen(scripts: Scripts, options: Namespace) -> list[type[User]]:
    """The user classes that the command line names, all if it names none."""
    if not scripts.users:
        logger.error("No User class found!")
        sys.exit(1)
    missing = [name for name in options.user_classes if name not in scripts.users]
    if missing:
        logger.error(
            "Unknown User(s): %s (there %s: %s)",
            ", ".join(missing),
            "is" if len(scripts.users) == 1 else "are",
            ", ".join(scripts.users),
        )
        sys.exit(1)
    return [scripts.users[name] for name in dict.fromkeys(options.user_classes)] or list(scripts.users.values())


def _shape(scripts: Scripts, options: Namespace) -> LoadTestShape | None:
    """The script's load shape, or the one that the options of 0.14 describe."""
    steps = getattr(options, "step_load", False)
    if bool(steps) != bool(getattr(options, "step_time", None)):
        logger.error("--step-load and --step-time need each other: --step-load --step-clients 10 --step-time 30s")
        sys.exit(1)
    if steps:
        from katydid.legacy_run import StepLoad

        return StepLoad.from_options(options)
    return scripts.shapes[0] if scripts.shapes else None


def _same_definition(one: type, other: type) -> bool:
    """Whether a class that two scripts have is one that both import."""
    return one is other or (one.__module__ == other.__module__ and one.__qualname__ == other.__qualname__)


def _allow_open_files() -> None:
    """Raises the limit of open files, as far as the system lets a process do that itself."""
    try:
        import resource
    except ImportError:
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = hard if hard != resource.RLIM_INFINITY else max(soft, OPEN_FILES)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (ValueError, OSError):
        logger.warning("The limit of open files is %d and cannot be raised: each connection takes one.", soft)


def _give_up(message: str) -> NoReturn:
    """Says why there will be no test, and exits."""
    sys.stderr.write(f"{message}\n")
    sys.exit(1)


def _relax_collector() -> None:
    """Takes the garbage collector off the hot path.

    What was imported stays for good, so it need not be looked at again; and a request makes
    no cycles, so the collector, which is there for scripts' own, may come by less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
