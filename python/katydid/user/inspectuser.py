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
    ratios = {cls: user_spawned.get(cls.__name__, 0) / users for cls in user_classes}
    return {cls.__name__: _entry(cls, ratio, ratio if total else 1.0, total) for cls, ratio in ratios.items()}


def _entry(holder: Any, ratio: float, scale: float, total: bool) -> dict[str, Any]:
    """One holder's share and those of its tasks."""
    entry: dict[str, Any] = {"ratio": ratio}
    if not hasattr(holder, "tasks"):
        return entry
    counts = Counter(holder.tasks)
    weights = sum(counts.values())
    entry["tasks"] = {}
    for item, count in counts.items():
        share = count / (weights / scale) if scale else 0.0
        entry["tasks"][item.__name__] = _entry(item, share, share if total else 1.0, total)
    return entry


def _distribution(user_classes: list[type[User]], num_users: int) -> dict[str, int]:
    """How a number of users is shared out: fixed counts first, the rest by weight."""
    fixed = {cls.__name__: cls.fixed_count for cls in user_classes if cls.fixed_count}
    weighted = [cls for cls in user_classes if not cls.fixed_count]
    left = max(0, num_users - sum(fixed.values()))
    weight = sum(cls.weight for cls in weighted) or 1
    exact = {cls.__name__: left * cls.weight / weight for cls in weighted}
    shared = {name: int(value) for name, value in exact.items()}
    largest = sorted(exact, key=lambda name: exact[name] - shared[name], reverse=True)
    for name in largest[: left - sum(shared.values())]:
        shared[name] += 1
    return {cls.__name__: fixed.get(cls.__name__, shared.get(cls.__name__, 0)) for cls in user_classes}


def print_task_ratio(user_classes: list[type[User]], num_users: int, total: bool) -> None:
    """Prints the shares as an indented tree.

    Args:
        user_classes: The classes to describe.
        num_users: How many users there will be.
        total: Whether shares are of all tasks.
    """
    _print_level(get_ratio(user_classes, _distribution(user_classes, num_users), total), 0)


def print_task_ratio_json(user_classes: list[type[User]], num_users: int) -> None:
    """Prints the shares as JSON, both per class and in total."""
    spawned = _distribution(user_classes, num_users)
    shares = {
        "per_class": get_ratio(user_classes, spawned, False),
        "total": get_ratio(user_classes, spawned, True),
    }
    print(json.dumps(shares, indent=4))


def _print_level(ratios: Ratios, level: int) -> None:
    indent = " " * (2 * level)
    for name, entry in ratios.items():
        share = f"{indent}{entry['ratio'] * 100:<6.1f}"
        print(f" {share:<10} {indent + name:<50}")
        _print_level(entry.get("tasks", {}), level + 1)
