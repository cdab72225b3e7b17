"""The locustfiles of a run: which they are, what is in them, and what of it the command line asks for."""

from __future__ import annotations

import logging
import sys
import traceback
from argparse import Namespace
from typing import Any

from katydid import argument_parser, log, stages
from katydid.exception import LocustError
from katydid.locustfiles import give_up as give_up
from katydid.shape import LoadTestShape
from katydid.stages import Stages
from katydid.thresholds import of_locustfile
from katydid.user.users import User
from katydid.util.load_locustfile import load_locustfile, load_locustfile_pytest, module_name

# What scripts may filter on.
logger = logging.getLogger("locust.main")


class Scripts:
    """The locustfiles of a run and what is in them.

    Attributes:
        paths: The files.
        users: The user classes by name.
        shapes: The load shapes.
        thresholds: The conditions under which the run has failed.
    """

    def __init__(self, paths: list[str]) -> None:
        self.paths = paths
        self.users: dict[str, type[User]] = {}
        self.shapes: list[LoadTestShape] = []
        self.thresholds: list[str] = []
        homes: dict[str, str] = {}
        for path in paths:
            users, shapes = _load(path)
            self.thresholds += self._thresholds(path)
            for shape in shapes:
                other = next((known for known in self.shapes if type(known).__name__ == type(shape).__name__), None)
                if other is None:
                    self.shapes.append(shape)
                elif not _same_definition(type(other), type(shape)):
                    give_up(f"Duplicate shape classes: {type(shape).__name__} is also defined in {path}")
            for name, user_class in users.items():
                if name in self.users and not _same_definition(self.users[name], user_class):
                    give_up(
                        f"Duplicate user class names: {name} is defined in both {homes[name]} and {path}",
                    )
                self.users[name] = user_class
                homes.setdefault(name, path)
        if not self.users:
            for path in paths:
                self.users.update(_load_tests(path))

    @staticmethod
    def _thresholds(path: str) -> list[str]:
        try:
            return of_locustfile(sys.modules.get(module_name(path)))
        except ValueError as error:
            give_up(str(error))

    @property
    def shapes_by_name(self) -> dict[str, LoadTestShape]:
        """The load shapes, by the names of their classes."""
        return {type(shape).__name__: shape for shape in self.shapes}

    @property
    def tasks(self) -> dict[str, list[Any]]:
        """The tasks by user class."""
        return {name: list(user_class.tasks) for name, user_class in self.users.items()}


def locustfiles() -> list[str]:
    """The scripts that the command line names; ``-`` is what a worker's master has."""
    early = argument_parser.parse_early_options()
    if early.locustfile.strip() != "-":
        return argument_parser.get_locustfiles_locally(early)
    if not early.worker:
        give_up("-f - means the script of the master, so it needs --worker")
    return argument_parser.retrieve_locustfiles_from_master(early)


def _load(path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Imports a script; what is wrong with it is said without a line of ours."""
    try:
        return load_locustfile(path)
    except SyntaxError as error:
        problem = "".join(traceback.format_exception_only(error))
        give_up(f"Could not load {path}: line {error.lineno} is not valid Python.\n{problem}".rstrip())
    except Exception as error:
        give_up(f"Could not load {path}, it raised an exception:\n{log.format_script_exception(error)}".rstrip())


def _load_tests(path: str) -> dict[str, type[User]]:
    """The users that pytest's functions in a script stand for."""
    # Importing pytest takes a while, so only a script that has such functions pays for it.
    module = sys.modules.get(module_name(path))
    if not any(name.startswith("test") for name in vars(module or log)):
        return {}
    try:
        return load_locustfile_pytest(path)
    except LocustError as error:
        give_up(str(error))
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
    """The script's load shape, or the one that ``--stages`` or the options of 0.14 describe."""
    steps = getattr(options, "step_load", False)
    if bool(steps) != bool(getattr(options, "step_time", None)):
        logger.error("--step-load and --step-time need each other: --step-load --step-clients 10 --step-time 30s")
        sys.exit(1)
    if steps:
        from katydid.legacy_run import StepLoad

        return StepLoad.from_options(options)
    given = getattr(options, "stages", None)
    for name, flag in (("iteration_rate_users", "--rate-users"), ("iteration_arrivals", "--arrivals")):
        if getattr(options, name, None) and not getattr(options, "iteration_rate", None):
            logger.error("%s is only meaningful in combination with --rate", flag)
            sys.exit(2)
    if getattr(options, "iteration_rate", None) and (given or scripts.shapes):
        other = "--stages" if given else f"the script's load shape, {type(scripts.shapes[0]).__name__}"
        logger.error("--rate and %s both say what the load is: leave one of them out", other)
        sys.exit(1)
    if given and scripts.shapes:
        logger.error("The script has a load shape, %s: it or --stages, not both", type(scripts.shapes[0]).__name__)
        sys.exit(1)
    if given:
        return Stages(stages.parse(given))
    return scripts.shapes[0] if scripts.shapes else None


def _same_definition(one: type, other: type) -> bool:
    """Whether a class that two scripts have is one that both import."""
    return one is other or (one.__module__ == other.__module__ and one.__qualname__ == other.__qualname__)
