"""How often each task will run, as a share of all: ``--show-task-ratio`` and the page's task view."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from katydid.user.users import User

Ratios = dict[str, dict[str, Any]]
"""Share and, for task sets and users, inner shares by name."""


def get_ratio(user_classes: list[type[User]], user_spawned: dict[str, int], total: bool) -> Ratios:
    """The share of each user class and of its tasks.

    Args:
        user_classes: The classes to describe.
        user_spawned: Users by class name.
        total: Whether shares are of all tasks, rather than of those of the same task set.
    """
    users = sum(user_spawned.values()) or 1
    shares = {cls: user_spawned.get(cls.__name__, 0) / users for cls in user_classes}
    return {
        cls.__name__: {"ratio": share, "tasks": _get_task_ratio(cls.tasks, total, share)}
        for cls, share in shares.items()
    }


def _get_task_ratio(tasks: list[Any], total: bool, parent_ratio: float) -> Ratios:
    """The share of each task of a user or a task set."""
    whole = parent_ratio if total else 1.0
    entries: Ratios = {}
    for item, count in Counter(tasks).items():
        share = count * whole / len(tasks)
        entries[item.__name__] = {"ratio": share}
        if hasattr(item, "tasks"):
            entries[item.__name__]["tasks"] = _get_task_ratio(item.tasks, total, share)
    return entries


def _calc_distribution(user_classes: list[type[User]], num_users: int | None) -> dict[str, int]:
    """How a number of users is shared out, each class's share rounded by itself: fixed counts first, then by weight.

    Args:
        user_classes: The classes.
        num_users: How many users; as many as make the weights whole if that is not known.
    """
    fixed = sum(cls.fixed_count for cls in user_classes if cls.fixed_count)
    weights = sum(cls.weight for cls in user_classes if not cls.fixed_count) or 1
    users = num_users or (1 if fixed else weights)
    left = max(0, users - fixed)
    return {cls.__name__: round(cls.fixed_count or cls.weight / weights * left) for cls in user_classes}


def print_task_ratio(user_classes: list[type[User]], num_users: int | None, total: bool) -> None:
    """Prints the shares as an indented tree.

    Args:
        user_classes: The classes to describe.
        num_users: How many users there will be.
        total: Whether shares are of all tasks.
    """
    _print_task_ratio(get_ratio(user_classes, _calc_distribution(user_classes, num_users), total))


def print_task_ratio_json(user_classes: list[type[User]], num_users: int | None) -> None:
    """Prints the shares as JSON, both per class and in total."""
    spawned = _calc_distribution(user_classes, num_users)
    shares = {
        "per_class": get_ratio(user_classes, spawned, False),
        "total": get_ratio(user_classes, spawned, True),
    }
    print(json.dumps(shares, indent=4))


def _print_task_ratio(ratios: Ratios, level: int = 0) -> None:
    indent = " " * (2 * level)
    for name, entry in ratios.items():
        share = f"{indent}{entry['ratio'] * 100:<6.1f}"
        print(f" {share:<10} {indent + name:<50}")
        _print_task_ratio(entry.get("tasks", {}), level + 1)
