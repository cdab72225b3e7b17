"""The locustfiles of a run: which they are, what is in them, and what of it the command line asks for."""

from __future__ import annotations

import logging
import sys
import traceback
from argparse import Namespace
from typing import NoReturn

from katydid import argument_parser, log
from katydid.download import locustfile_of_master
from katydid.shape import LoadTestShape
from katydid.user.users import User
from katydid.util.load_locustfile import load_locustfile

# What scripts may filter on.
logger = logging.getLogger("locust.main")


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
                    give_up(
                        f"Duplicate user class names: {name} is defined in both {homes[name]} and {path}",
                    )
                self.users[name] = user_class
                homes.setdefault(name, path)
            self.shapes.extend(shapes)


def locustfiles() -> list[str]:
    """The scripts that the command line names; ``-`` is what a worker's master has."""
    early = argument_parser.parse_early_options()
    if early.locustfile.strip() == "-":
        if not early.worker:
            give_up("-f - means the script of the master, so it needs --worker")
        return locustfile_of_master(early.master_host, early.master_port)
    try:
        return argument_parser.parse_locustfile_paths(early.locustfile)
    except FileNotFoundError as error:
        give_up(str(error))


def _load(path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Imports a script; what is wrong with it is said without a line of ours."""
    try:
        return load_locustfile(path)
    except SyntaxError as error:
        problem = "".join(traceback.format_exception_only(error))
        give_up(f"Could not load {path}: line {error.lineno} is not valid Python.\n{problem}".rstrip())
    except Exception as error:
        give_up(f"Could not load {path}, it raised an exception:\n{log.format_script_exception(error)}".rstrip())


def chosen(scripts: Scripts, options: Namespace) -> list[type[User]]:
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


def shape_of(scripts: Scripts, options: Namespace) -> LoadTestShape | None:
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


def give_up(message: str) -> NoReturn:
    """Says why there will be no test, and exits."""
    sys.stderr.write(f"{message}\n")
    sys.exit(1)
