"""What the 0.14 generation called its users; in Katydid they work, and nobody is told off for using them."""

from __future__ import annotations

import warnings
from typing import Any

from katydid.legacy import HttpLocust as DeprecatedHttpLocustClass
from katydid.legacy import Locust as DeprecatedLocustClass

__all__ = [
    "DeprecatedFastHttpLocustClass",  # noqa: F822  made below
    "DeprecatedHttpLocustClass",
    "DeprecatedLocustClass",
    "check_for_deprecated_task_set_attribute",
    "deprecated_locust_meta_class",
]


def check_for_deprecated_task_set_attribute(class_dict: dict[str, Any]) -> None:
    """Warns of a user class of today that names its task set in the way of 0.14, where it has no effect."""
    if "task_set" in class_dict:
        warnings.warn(
            "Usage of User.task_set is deprecated since version 1.0. Set the tasks attribute instead "
            f"(tasks = [{getattr(class_dict['task_set'], '__name__', class_dict['task_set'])}])",
            DeprecationWarning,
            stacklevel=3,
        )


def deprecated_locust_meta_class(deprecation_message: str) -> type[type]:
    """A metaclass whose classes cannot be subclassed.

    Args:
        deprecation_message: What whoever tries is told.
    """

    class DeprecatedMeta(type):
        def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> DeprecatedMeta:
            if bases:
                raise ImportError(deprecation_message)
            return super().__new__(mcs, name, bases, class_dict)

    return DeprecatedMeta


def __getattr__(name: str) -> Any:
    """Finds the one that costs something to import."""
    if name == "DeprecatedFastHttpLocustClass":
        from katydid import legacy

        return legacy.__getattr__("FastHttpLocust")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
