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


def to_weighted_list(weights: Transitions) -> list[str]:
    """Each name as often as it weighs."""
    pairs: Iterable[Any] = weights.items() if isinstance(weights, dict) else weights
    names: list[str] = []
    for pair in pairs:
        name, weight = pair if isinstance(pair, tuple) else (pair, 1)
        names.extend([name] * weight)
    return names


def is_markov_task(member: Any) -> bool:
    """Whether a class member is a function with transitions."""
    return callable(member) and isinstance(getattr(member, "transitions", None), list)


def get_markov_tasks(class_dict: dict[str, Any]) -> list[Task]:
    """The members of a class body that have transitions, in order."""
    return [member for member in class_dict.values() if is_markov_task(member)]


def validate_markov_chain(tasks: list[Task], members: dict[str, Any], name: str) -> None:
    """Checks that a chain can run forever.

    Args:
        tasks: The tasks with transitions.
        members: Every attribute of the class.
        name: The class's name, for the message.

    Raises:
        NoMarkovTasksError, InvalidTransitionError, NonMarkovTaskTransitionError, MarkovTaskTagError: It cannot.
    """
    if not tasks:
        raise NoMarkovTasksError(f"No Markov tasks defined in class {name}. Use the @transition(s) decorators.")
    for item in tasks:
        if item.__name__ == "run":
            raise Exception("A task cannot be named 'run', since that is the name of the method that runs the tasks")
        if item.__name__ in ("on_start", "on_stop"):
            logger.warning("on_start and on_stop are called by the user itself and should not have transitions")
        if getattr(item, "locust_tag_set", None):
            raise MarkovTaskTagError(f"Tags are unsupported for MarkovTaskSet since they could cut the chain: {name}")
        for target in cast(Any, item).transitions:
            if target not in members:
                raise InvalidTransitionError(f"Transition to {target} from {name}.{item.__name__}: no such member")
            if not is_markov_task(members[target]):
                raise NonMarkovTaskTransitionError(f"{name}.{target} cannot be used as a target: it has no transitions")
    reached = {tasks[0].__name__}
    waiting = list(cast(Any, tasks[0]).transitions)
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting.extend(members[current].transitions)
    lost = sorted({item.__name__ for item in tasks} - reached)
    if lost:
        logger.warning("The following markov tasks are unreachable in class %s: %s", name, ", ".join(lost))


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
