"""Task sets whose next task depends, by chance, on the last one."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

from katydid.exception import LocustError
from katydid.user.declaration import Task
from katydid.user.task import TaskSet, TaskSetMeta

logger = logging.getLogger()
"""The root logger, as in Locust."""

MarkovTaskT = TypeVar("MarkovTaskT", bound=Callable[..., Any])
Transitions = dict[str, int] | list[str | tuple[str, int]]
"""Where a task may lead: weights by task name, or a list of names and (name, weight) pairs."""


class NoMarkovTasksError(LocustError):
    """A `MarkovTaskSet` has no task with transitions."""


class InvalidTransitionError(LocustError):
    """A transition leads to something the class does not have."""


class NonMarkovTaskTransitionError(LocustError):
    """A transition leads to a method that has no transitions of its own."""


class MarkovTaskTagError(LocustError):
    """A task of a `MarkovTaskSet` has tags, which could cut the chain."""


def transition(func_name: str, weight: int = 1) -> Callable[[MarkovTaskT], MarkovTaskT]:
    """Says which task may follow the decorated one; can be repeated.

    Args:
        func_name: The following task's name.
        weight: How likely it is, relative to the other transitions.
    """
    return transitions([(func_name, weight)])


def transitions(weights: Transitions) -> Callable[[MarkovTaskT], MarkovTaskT]:
    """Says which tasks may follow the decorated one.

    Args:
        weights: Names with their weights; a name alone weighs 1.

    Example:
        ```python
        class Browse(MarkovTaskSet):
            @transitions({"item": 3, "leave": 1})
            def list(self): ...
        ```
    """

    def declare(func: MarkovTaskT) -> MarkovTaskT:
        # In the order in which decorators apply, from the bottom up: what a seed draws depends on it.
        cast(Any, func).transitions = [*getattr(func, "transitions", []), *to_weighted_list(weights)]
        return func

    return declare


def to_weighted_list(transitions: Transitions) -> list[str]:
    """Each name as often as it weighs."""
    pairs: Iterable[Any] = transitions.items() if isinstance(transitions, dict) else transitions
    names: list[str] = []
    for pair in pairs:
        name, weight = pair if isinstance(pair, tuple) else (pair, 1)
        names.extend([name] * weight)
    return names


def is_markov_task(task: Any) -> bool:
    """Whether a class member is a function with transitions."""
    return callable(task) and isinstance(getattr(task, "transitions", None), list | dict)


def get_markov_tasks(class_dict: dict[str, Any]) -> list[Task]:
    """The members of a class body that have transitions, in order."""
    return [member for member in class_dict.values() if is_markov_task(member)]


def validate_has_markov_tasks(tasks: list[Task], classname: str) -> None:
    """Checks that there is a chain at all.

    Args:
        tasks: The tasks with transitions.
        classname: The class's name, for the message.

    Raises:
        NoMarkovTasksError: There is none.
    """
    if not tasks:
        raise NoMarkovTasksError(f"No Markov tasks defined in class {classname}. Use the @transition(s) decorators.")


def validate_transitions(tasks: list[Task], class_dict: dict[str, Any], classname: str) -> None:
    """Checks that every transition leads to a task of the chain.

    Args:
        tasks: The tasks with transitions.
        class_dict: Every attribute of the class.
        classname: The class's name, for the message.

    Raises:
        InvalidTransitionError: One leads to nothing.
        NonMarkovTaskTransitionError: One leads to what has no transitions.
    """
    for item in tasks:
        for target in _targets(item):
            if not class_dict.get(target):
                raise InvalidTransitionError(f"Transition to {target} from {classname}.{item.__name__}: no such member")
            if not is_markov_task(class_dict[target]):
                raise NonMarkovTaskTransitionError(
                    f"{classname}.{target} cannot be used as a target: it has no transitions"
                )


def validate_no_unreachable_tasks(tasks: list[Task], class_dict: dict[str, Any], classname: str) -> list[Task]:
    """Warns of tasks that no way from the first one leads to, and returns the tasks.

    Args:
        tasks: The tasks with transitions.
        class_dict: Every attribute of the class.
        classname: The class's name, for the message.
    """
    reached: set[str] = set()
    waiting = [tasks[0].__name__]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting.extend(_targets(class_dict[current]))
    lost = sorted({item.__name__ for item in tasks} - reached)
    if lost:
        logger.warning("The following markov tasks are unreachable in class %s: %s", classname, ", ".join(lost))
    return tasks


def validate_no_tags(task: Task, classname: str) -> None:
    """Checks that nothing can be filtered out of the chain.

    Args:
        task: A task with transitions.
        classname: The class's name, for the message.

    Raises:
        MarkovTaskTagError: The task has tags.
    """
    if getattr(task, "locust_tag_set", None):
        raise MarkovTaskTagError(f"Tags are unsupported for MarkovTaskSet since they could cut the chain: {classname}")


def validate_task_name(decorated_func: Task) -> None:
    """Checks that a task has not the name of something else; warns where that works, but not as one would think.

    Args:
        decorated_func: A task with transitions.

    Raises:
        Exception: It is called ``run``.
    """
    if decorated_func.__name__ in ("on_start", "on_stop"):
        logger.warning("on_start and on_stop are called by the user itself and should not have transitions")
    if decorated_func.__name__ == "run":
        raise Exception("A task cannot be named 'run', since that is the name of the method that runs the tasks")


def validate_markov_chain(tasks: list[Task], class_dict: dict[str, Any], classname: str) -> None:
    """Checks that a chain can run forever.

    Args:
        tasks: The tasks with transitions.
        class_dict: Every attribute of the class.
        classname: The class's name, for the message.

    Raises:
        NoMarkovTasksError, InvalidTransitionError, NonMarkovTaskTransitionError, MarkovTaskTagError: It cannot.
    """
    validate_has_markov_tasks(tasks, classname)
    validate_transitions(tasks, class_dict, classname)
    validate_no_unreachable_tasks(tasks, class_dict, classname)
    for item in tasks:
        validate_task_name(item)
        validate_no_tags(item, classname)


def _targets(task: Any) -> list[str]:
    return to_weighted_list(task.transitions)


class MarkovTaskSetMeta(TaskSetMeta):
    """Collects and checks the chain when its class is created."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> MarkovTaskSetMeta:
        """Creates the class."""
        if not class_dict.get("abstract"):
            class_dict["abstract"] = False
            members: dict[str, Any] = {}
            for base in reversed(bases):
                for ancestor in reversed(base.__mro__):
                    members.update(vars(ancestor))
            members.update(class_dict)
            chain = get_markov_tasks(members)
            validate_markov_chain(chain, members, name)
            class_dict["current"] = chain[0]
        class_dict["tasks"] = []
        return type.__new__(mcs, name, bases, class_dict)


class MarkovTaskSet(TaskSet, metaclass=MarkovTaskSetMeta):
    """A task set that walks a Markov chain: each task names, by weight, what may follow it.

    It starts with the first task of the class.
    """

    abstract = True
    current: Any = None
    """The task to run next."""

    _is_markov = True

    def get_next_task(self) -> Task:
        """The task the chain has arrived at; the step after it is drawn at once."""
        item = getattr(self.current, "__func__", self.current)
        self.current = getattr(type(self), random.choice(item.transitions))
        return cast(Task, item)
