"""Declaring tasks: the decorators, what a class makes of them, and which of them a run leaves out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from numbers import Real
from typing import Any, TypeVar, cast, overload

logger = logging.getLogger()
"""The root logger, as in Locust."""

TaskT = TypeVar("TaskT", bound=Callable[..., Any])
Task = Callable[..., Any]
"""A function, a bound method, or a `TaskSet` class."""


@overload
def task(weight: TaskT) -> TaskT: ...
@overload
def task(weight: int = 1) -> Callable[[TaskT], TaskT]: ...
def task(weight: TaskT | int = 1) -> TaskT | Callable[[TaskT], TaskT]:
    """Makes a method, or a nested task set, one of its class's tasks.

    Args:
        weight: How often it is picked, relative to the others.

    Raises:
        TypeError, ValueError: The weight is no whole number, or below zero.

    Example:
        ```python
        class Visitor(HttpUser):
            @task
            def front_page(self): ...

            @task(3)
            def item(self): ...
        ```
    """

    def declare(func: TaskT, count: int) -> TaskT:
        if not callable(func):
            raise TypeError(f"@task decorates a method or a nested task set, not {func!r}")
        if func.__name__ == "run":
            raise Exception("A task cannot be named 'run', since that is the name of the method that runs the tasks")
        if func.__name__ in ("on_start", "on_stop"):
            logger.warning("on_start and on_stop are called by the user itself and should not be declared as tasks")
        cast(Any, func).locust_task_weight = count
        return func

    if callable(weight):
        return declare(weight, 1)
    count = check_weight("@task", weight)
    return lambda func: declare(func, count)


def tag(*tags: str) -> Callable[[TaskT], TaskT]:
    """Labels a task, or every task of a task set, so that a run can be limited with ``--tags``.

    Args:
        *tags: The labels.

    Raises:
        ValueError: No label was given.
    """
    if not tags or callable(tags[0]):
        raise ValueError("No tag name was supplied: write @tag('name')")
    wrong = [label for label in tags if not isinstance(label, str)]
    if wrong:
        raise ValueError(f"A tag is a text, and {wrong[0]!r} is none: write @tag('name')")

    def label(decorated: TaskT) -> TaskT:
        holder = cast(Any, decorated)
        if hasattr(holder, "tasks"):
            holder.tasks = [label(item) for item in holder.tasks]
        else:
            holder.locust_tag_set = getattr(holder, "locust_tag_set", set()) | set(tags)
        return decorated

    return label


def expand_tasks(tasks: Any) -> list[Task]:
    """One list entry per unit of weight, from a list, a dict of weights or a list of (task, weight) pairs."""
    expanded: list[Task] = []
    for item in tasks.items() if isinstance(tasks, dict) else tasks or ():
        if isinstance(item, tuple):
            member, count = item
            expanded.extend([member] * check_weight("tasks", count))
        else:
            expanded.append(item)
    return expanded


def get_tasks_from_base_classes(bases: tuple[type, ...], class_dict: dict[str, Any]) -> list[Task]:
    """The tasks of a class that is being created.

    Those of the bases come first, then the ``tasks`` attribute, then the decorated members as declared.
    """
    tasks: list[Task] = []
    for base in bases:
        tasks.extend(getattr(base, "tasks", None) or ())
    tasks.extend(expand_tasks(class_dict.get("tasks")))
    for member in class_dict.values():
        tasks.extend([member] * declared_weight(member))
    return tasks


def declared_weight(member: Any) -> int:
    """The weight `task` gave a class member, 0 for one that is no task."""
    weight = getattr(member, "locust_task_weight", 0) if callable(member) else 0
    return weight if isinstance(weight, int) else 0


def is_markov_taskset(task: Any) -> bool:
    """Whether it is a task set whose order is a Markov chain; tags do not apply to those."""
    return isinstance(task, type) and getattr(task, "_is_markov", False)


def filter_tasks_by_tags(
    task_holder: Any,
    tags: set[str] | None = None,
    exclude_tags: set[str] | None = None,
    checked: dict[Any, bool] | None = None,
) -> None:
    """Removes the tasks that the tags rule out, in place and in nested task sets too.

    Args:
        task_holder: A user or task set class.
        tags: Keep only tasks that have one of these.
        exclude_tags: Drop tasks that have one of these, even if they also have a wanted one.
        checked: Verdicts already reached, for tasks that several sets share.
    """
    verdicts = {} if checked is None else checked
    kept: list[Task] = []
    for item in task_holder.tasks:
        if item not in verdicts:
            if hasattr(item, "tasks"):
                # Seen before its own tasks are, in case it contains itself.
                verdicts[item] = True
                if not is_markov_taskset(item):
                    filter_tasks_by_tags(item, tags, exclude_tags, verdicts)
                verdicts[item] = bool(item.tasks) or is_markov_taskset(item)
            else:
                labels: set[str] = getattr(item, "locust_tag_set", set())
                wanted = tags is None or bool(labels & tags)
                verdicts[item] = wanted and (exclude_tags is None or not labels & exclude_tags)
        if verdicts[item]:
            kept.append(item)
    task_holder.tasks = kept
    if not kept and not getattr(task_holder, "_has_no_tasks", False):
        logger.warning(
            "%s had no tasks left after filtering, instantiating it will fail!",
            getattr(task_holder, "__name__", task_holder),
        )


def tasks_of(holders: Iterable[Any], known: dict[Any, list[Any]] | None = None) -> dict[Any, list[Any]]:
    """The tasks of user classes and of the task sets nested in them, as they are now.

    Args:
        holders: User or task set classes.
        known: Those that were seen already, which is where the answer goes.
    """
    known = {} if known is None else known
    for holder in holders:
        if holder not in known and isinstance(getattr(holder, "tasks", None), list):
            known[holder] = list(holder.tasks)
            tasks_of((item for item in holder.tasks if hasattr(item, "tasks")), known)
    return known


def check_weight(where: str, weight: Any) -> int:
    """A task's weight, where it is one.

    Args:
        where: What the weight was given to, for the message.
        weight: The weight; 0 leaves the task out.

    Raises:
        TypeError, ValueError: It is no whole number, or below zero.
    """
    if not isinstance(weight, int):
        raise TypeError(f"{where}: a task's weight is a whole number, not {weight!r}")
    if weight < 0:
        raise ValueError(f"{where}: a task's weight cannot be below zero, and is {weight}")
    return weight


def check_members(name: str, class_dict: dict[str, Any]) -> None:
    """Checks what a class body says about tasks and waits, while the line that says it is still known.

    Args:
        name: The class's name, for the message.
        class_dict: Its members.

    Raises:
        TypeError, ValueError: Something could not work when the user runs.
    """
    tasks = class_dict.get("tasks")
    if isinstance(tasks, str) or not (tasks is None or hasattr(tasks, "__iter__")):
        hint = f": write tasks = [{tasks.__name__}]" if callable(tasks) and hasattr(tasks, "__name__") else ""
        raise TypeError(f"{name}.tasks is a list, or a dict of weights, not {tasks!r}{hint}")
    for item in tasks if isinstance(tasks, (list, tuple, dict)) else ():
        member = item[0] if isinstance(item, tuple) and item else item
        if not callable(member):
            raise TypeError(f"{name}.tasks holds {member!r}, which is neither a function nor a task set")
    wait_time = class_dict.get("wait_time")
    if wait_time and not callable(wait_time) and not hasattr(wait_time, "__get__"):
        hint = f", such as constant({wait_time!r})" if isinstance(wait_time, Real) else ""
        raise TypeError(f"{name}.wait_time is a function{hint}, not {wait_time!r}")
    if isinstance(class_dict.get("host"), (Real, bytes)):
        raise TypeError(f"{name}.host is a text such as 'http://127.0.0.1:8080', not {class_dict['host']!r}")
    for key in ("weight", "fixed_count"):
        number = class_dict.get(key, 0)
        if not isinstance(number, Real) and not hasattr(number, "__get__"):
            raise TypeError(f"{name}.{key} is a number, not {number!r}")
        if isinstance(number, Real) and number < 0:
            raise ValueError(f"{name}.{key} cannot be below zero, and is {number}")
