"""Imports a locustfile and finds the users and load shapes in it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import inspect
import os
import sys
from typing import Any

from katydid.exception import LocustError
from katydid.shape import LoadTestShape
from katydid.user.users import User


def is_user_class(item: Any) -> bool:
    """Whether it is a user class that can be run."""
    return inspect.isclass(item) and issubclass(item, User) and not item.abstract


def is_shape_class(item: Any) -> bool:
    """Whether it is a load shape that can be used."""
    return inspect.isclass(item) and issubclass(item, LoadTestShape) and not item.abstract


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

    name = os.path.splitext(os.path.basename(path))[0]
    if name == "locust":
        # It must not hide the package that it imports.
        name = "locustfile"
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


def _make(shape_class: type[LoadTestShape]) -> LoadTestShape:
    """The one instance of a load shape."""
    if inspect.isabstract(shape_class):
        raise LocustError(
            f"The load shape {shape_class.__name__} has no method tick; it returns (users, spawn_rate), or None to "
            "end the test"
        )
    return shape_class()
