"""Imports a locustfile and finds the users and load shapes in it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import os
import sys
from typing import Any

from katydid.exception import LocustError
from katydid.log import where
from katydid.shape import LoadTestShape
from katydid.user.pytest_user import PytestUser
from katydid.user.users import User


def is_user_class(item: Any) -> bool:
    """Whether it is a user class that can be run."""
    return inspect.isclass(item) and issubclass(item, User) and not item.abstract


def is_shape_class(item: Any) -> bool:
    """Whether it is a load shape that can be used."""
    return inspect.isclass(item) and issubclass(item, LoadTestShape) and not item.abstract


def module_name(path: str) -> str:
    """What the module of a locustfile is called."""
    name = os.path.splitext(os.path.basename(path))[0]
    # It must not hide the package that it imports.
    return "locustfile" if name == "locust" else name


def load_locustfile(path: str) -> tuple[dict[str, type[User]], list[LoadTestShape]]:
    """Imports a locustfile.

    Args:
        path: The file.

    Returns:
        Its user classes by name, and an instance of each of its load shapes.
    """
    # Absolute, so that a script that changes the directory still finds itself, and messages lead to it.
    path = os.path.abspath(path)
    # A script imports its neighbours, from where it lies and from where the command was given.
    for directory in (os.path.dirname(path), os.getcwd()):
        if directory in sys.path:
            sys.path.remove(directory)
        sys.path.insert(0, directory)

    name = module_name(path)
    loader = importlib.machinery.SourceFileLoader(name, path)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None:
        raise ImportError(f"Unable to get module spec for {name} in {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    loader.exec_module(module)

    members = vars(module)
    users = {key: value for key, value in members.items() if is_user_class(value)}
    shapes = [_make(value) for value in members.values() if is_shape_class(value)]
    return users, shapes


def load_locustfile_pytest(path: str) -> dict[str, type[User]]:
    """The user classes that pytest's test functions in a script stand for: one for each name.

    Args:
        path: The file.

    Raises:
        LocustError: pytest is not installed.
        ValueError: A function has an argument that no fixture gives, or several do.
    """
    try:
        import pytest
    except ModuleNotFoundError:
        raise LocustError(f"{path} has no User class. To run test functions as users: pip install pytest") from None
    # pytest keeps the session to itself; quiet, and with stdin left to the run. Locust's own plugin may be installed,
    # and has fixtures of the same names.
    config = pytest.Config.fromdictargs({}, ["-q", "-s", "-p", "no:locust", "-p", "katydid.pytest_plugin", path])
    config._do_configure()
    session = pytest.Session.from_config(config)
    config.hook.pytest_sessionstart(session=session)
    session.perform_collect()
    config.hook.pytest_collection_modifyitems(session=session, config=config, items=session.items)
    users: dict[str, type[User]] = {}
    for item in session.items:
        if isinstance(item, pytest.Function):
            _give_fixture(session, item)
            user = users.setdefault(item.name, type(item.name, (PytestUser,), {"functions": []}))
            user.functions.append(item)  # type: ignore[attr-defined]
    return users


def _give_fixture(session: Any, function: Any) -> None:
    """Finds the fixture that a test function is to be called with."""
    for name in inspect.signature(function.obj).parameters:
        found = session._fixturemanager.getfixturedefs(name, function)
        if not found:
            raise ValueError(f"Could not find fixture for parameter {name!r} in {function.name}")
        if len(found) > 1:
            raise ValueError(f"Multiple fixtures found for parameter {name!r} in {function.name}: {found}")
        function.kwargs = {}
        function.fixturedef = found[0]


def _make(shape_class: type[LoadTestShape]) -> LoadTestShape:
    """The one instance of a load shape."""
    if inspect.isabstract(shape_class):
        raise LocustError(
            f"The load shape {shape_class.__name__} has no method tick; it returns (users, spawn_rate), or None to "
            "end the test"
        )
    try:
        return shape_class()
    except TypeError as error:
        if error.__traceback__ is None or error.__traceback__.tb_next is not None:
            raise
        raise LocustError(f"The load shape {shape_class.__name__}: {error}{where(shape_class)}") from None
