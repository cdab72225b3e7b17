"""Task sets whose tasks run in the order in which they are written."""

from __future__ import annotations

from typing import Any, cast

from katydid.exception import LocustError
from katydid.user.declaration import Task, check_members, declared_weight, expand_tasks
from katydid.user.task import TaskSet, TaskSetMeta


class SequentialTaskSetMeta(TaskSetMeta):
    """Collects the tasks in the order of the class body, with ``tasks`` at the place where it stands."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> SequentialTaskSetMeta:
        """Creates the class."""
        tasks: list[Task] = []
        for base in bases:
            tasks.extend(getattr(base, "tasks", None) or ())
        for key, member in class_dict.items():
            if key == "tasks":
                if not isinstance(member, (list, dict)):
                    raise ValueError("On SequentialTaskSet the 'tasks' attribute must be a list or a dict")
                check_members(name, {"tasks": member})
                tasks.extend(expand_tasks(member))
            else:
                tasks.extend([member] * declared_weight(member))
        class_dict["tasks"] = tasks
        return type.__new__(mcs, name, bases, class_dict)


class SequentialTaskSet(TaskSet, metaclass=SequentialTaskSetMeta):
    """A task set that runs its tasks one after the other, then starts over.

    A weight repeats its task on the spot.

    Example:
        ```python
        class Order(SequentialTaskSet):
            @task
            def put_in_cart(self): ...

            @task
            def pay(self): ...
        ```
    """

    _position = 0

    def get_next_task(self) -> Task:
        """The task after the one that ran last."""
        tasks = self.tasks
        if not tasks:
            raise LocustError(
                "No tasks defined. Use the @task decorator or set the 'tasks' attribute of the SequentialTaskSet"
            )
        position = self._position
        self._position = (position + 1) % len(tasks)
        return cast(Task, tasks[position % len(tasks)])
