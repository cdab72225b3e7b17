"""A whole run, from the command line to the exit code."""

from __future__ import annotations

import gc
import importlib
import itertools
import logging
import os
import signal
import sys
from argparse import Namespace
from typing import Any, NoReturn

import katydid
from katydid import _aliases, _patch, argument_parser, html, hub, log, stats  # noqa: F401  patches the standard library
from katydid.env import Environment
from katydid.event import Events
from katydid.processes import Workers, as_child, wanted
from katydid.run import Run
from katydid.scripts import Scripts, chosen, give_up, locustfiles, shape_of
from katydid.shape import LoadTestShape
from katydid.thresholds import Thresholds, check_writable
from katydid.user import inspectuser
from katydid.user.users import User
from katydid.util.load_locustfile import load_locustfile as load_locustfile
from katydid.util.load_locustfile import load_locustfile_pytest as load_locustfile_pytest

logger = logging.getLogger("locust.main")

version = katydid.LOCUST_VERSION

COMMON_OPTIONS = {"num_users": "users", "spawn_rate": "spawn-rate", "run_time": "run-time"}
"""What a load shape decides by itself, by attribute and by name."""

OPEN_FILES = 10_000
"""How many connections should be possible; each takes an open file."""


def main() -> None:
    """Runs the command and ends the process."""
    try:
        run()
    except BrokenPipeError:
        # Whoever read what was printed wanted no more of it.
        sys.exit(0)
    except KeyboardInterrupt:
        # Pressed before there was a test, or a second time because the end took too long.
        sys.exit(130)
    except Exception as error:
        # What steers users, raised by a listener that no user waits for.
        sys.stderr.write(log.format_script_exception(error))
        sys.exit(1)
    finally:
        _flush()


def _flush() -> None:
    """Writes out what was printed; nobody need be there any more to read it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> NoReturn:
    """Reads the command line and the script, runs the test, and exits."""
    _refuse_urls(sys.argv[1:])
    _aliases.install()
    _import_plugins()
    hub.tell_failures_in_the_scripts_words()
    paths = locustfiles()
    scripts = Scripts(paths)
    options = argument_parser.parse_all_options()
    as_child(options)
    _check_role(options)
    if options.headful:
        options.headless = False
    stats.validate_stats_configuration()
    if not options.skip_log_setup:
        try:
            log.setup_logging(options.loglevel, options.logfile)
        except OSError as error:
            give_up(f"Could not log to {options.logfile}: {error.strerror}")
    told = ", OpenTelemetry enabled" if options.otel and _tell_opentelemetry(options) else ""
    logger.info("Starting Locust %s (Katydid %s)%s", katydid.LOCUST_VERSION, katydid.__version__, told)

    if options.list_commands:
        print("Available Users:")
        for name in scripts.users:
            print(f"    {name}")
        sys.exit(0)
    user_classes = chosen(scripts, options)
    if options.processes is not None and options.worker:
        workers = Workers(options.processes, (options.master_host, options.master_port))
        sys.exit(_supervise(workers))
    _allow_open_files()
    try:
        environment = create_environment(
            user_classes,
            options,
            events=katydid.events,
            shape_class=shape_of(scripts, options),
            locustfile=os.path.basename(paths[0]),
            parsed_locustfiles=paths,
            available_user_classes=scripts.users,
            available_shape_classes=scripts.shapes_by_name,
            available_user_tasks=scripts.tasks,
        )
    except ValueError as error:
        give_up(str(error))
    _configure_users(environment, options)
    if options.equal_weights:
        environment.assign_equal_weights()
    if options.show_task_ratio or options.show_task_ratio_json:
        _show_task_ratio(environment, options)
    thresholds = _thresholds(scripts, options)
    _check_files(options)
    _relax_collector()
    Run(environment, options, thresholds).run()


def _refuse_urls(arguments: list[str]) -> None:
    """Ends the process if it is asked for a URL that is not of the web: those that are do not get here.

    Args:
        arguments: The command line.
    """
    scheme, mark, _ = arguments[0].partition("://") if arguments else ("", "", "")
    if mark and not scheme.startswith("-"):
        sys.stderr.write(f"Only http:// and https:// URLs can be asked for, and no {scheme}:// ones\n")
        sys.exit(2)


def merge_locustfiles_content(
    locustfiles: list[str],
) -> tuple[dict[str, type[User]], dict[str, LoadTestShape], dict[str, list[Any]], LoadTestShape | None]:
    """What is in some locustfiles: user classes and load shapes by name, tasks by user class, the first shape.

    Args:
        locustfiles: The files.
    """
    scripts = Scripts(locustfiles)
    first = scripts.shapes[0] if scripts.shapes else None
    return scripts.users, scripts.shapes_by_name, scripts.tasks, first


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
        profile=options.profile,
    )


def _thresholds(scripts: Scripts, options: Namespace) -> Thresholds:
    """Under which conditions the run has failed."""
    given = [] if options.worker else [*scripts.thresholds, *(getattr(options, "fail_if", None) or ())]
    junit = None if options.worker else getattr(options, "junit_file", None)
    try:
        return Thresholds(given, junit, os.path.basename(scripts.paths[0]))
    except ValueError as error:
        give_up(f"This is no threshold:\n{error}")
    except OSError as error:
        give_up(f"Could not write {junit}: {error.strerror}")


def _check_files(options: Namespace) -> None:
    """Finds out before the run whether what is written at its end can be."""
    if options.worker:
        return
    html_file = html.html_filename(options) if options.html_file else None
    json_file = f"{options.json_file}.json" if options.json_file else None
    for path in filter(None, (html_file, json_file)):
        try:
            check_writable(path)
        except OSError as error:
            give_up(f"Could not write {path}: {error.strerror}")


def _tell_opentelemetry(options: Namespace) -> bool:
    from katydid.opentelemetry import setup_opentelemetry

    return setup_opentelemetry(options.locustfile, options.profile)


def _show_task_ratio(environment: Environment, options: Namespace) -> NoReturn:
    """Prints how often each task will run, and exits."""
    classes, users = environment.user_classes, options.num_users
    if options.show_task_ratio_json:
        inspectuser.print_task_ratio_json(classes, users)
        sys.exit(0)
    for heading, total in (("Task ratio per User class", False), ("Total task ratio", True)):
        print(f"\n {heading}\n{'-' * 80}")
        inspectuser.print_task_ratio(classes, users, total)
    sys.exit(0)


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


def _check_role(options: Namespace) -> None:
    """Ends the process if the options give it two roles, or none that there is."""
    if options.master and options.worker:
        sys.stderr.write("The --master argument cannot be combined with --worker\n")
        sys.exit(255)
    if options.processes is None:
        return
    if options.master:
        give_up("--processes makes this process a master by itself; it cannot be combined with --master")
    try:
        options.processes = wanted(options.processes)
    except ValueError as error:
        give_up(str(error))


def _supervise(workers: Workers) -> int:
    """Waits for the workers of this machine. A Ctrl-C is theirs too, so the first one is left to them."""
    signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, signal.default_int_handler))
    try:
        return workers.join()
    except KeyboardInterrupt:
        workers.end()
        return 1


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


def _relax_collector() -> None:
    """Takes the garbage collector off the hot path.

    What was imported stays for good, so it need not be looked at again; and a request makes
    no cycles, so the collector, which is there for scripts' own, may come by less often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
