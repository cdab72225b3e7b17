"""Task sets: what a user does, in which order, and what happens when a task does not simply return."""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable
from time import perf_counter
from types import FunctionType
from typing import TYPE_CHECKING, Any, SupportsFloat, cast, final

from gevent import GreenletExit, sleep

import katydid._patch  # noqa: F401  patches the standard library
from katydid import hub
from katydid.exception import (
    InterruptTaskSet,
    LocustError,
    MissingWaitTimeError,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from katydid.log import format_script_exception, refused, where
from katydid.user.declaration import Task as Task
from katydid.user.declaration import TaskT as TaskT
from katydid.user.declaration import check_members
from katydid.user.declaration import filter_tasks_by_tags as filter_tasks_by_tags
from katydid.user.declaration import get_tasks_from_base_classes as get_tasks_from_base_classes
from katydid.user.declaration import is_markov_taskset as is_markov_taskset
from katydid.user.declaration import tag as tag
from katydid.user.declaration import task as task
from katydid.user.declaration import tasks_of as tasks_of

if TYPE_CHECKING:
    from katydid.arrivals import Arrivals
    from katydid.user.users import User

logger = logging.getLogger("locust.user.task")

LOCUST_STATE_RUNNING = "running"
LOCUST_STATE_WAITING = "waiting"
LOCUST_STATE_STOPPING = "stopping"
LOCUST_STATE_PAUSING = "pausing"
"""It runs, and is held after the task it is in."""
LOCUST_STATE_PAUSED = "paused"
"""It waits, and is held after that."""


class TaskSetMeta(type):
    """Collects the tasks of a task set when its class is created."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> TaskSetMeta:
        """Creates the class."""
        check_members(name, class_dict)
        class_dict["tasks"] = get_tasks_from_base_classes(bases, class_dict)
        return type.__new__(mcs, name, bases, class_dict)


class TaskSet(metaclass=TaskSetMeta):
    """A group of tasks that one user runs, over and over, with a wait after each.

    A task set can contain others; the user stays in a nested one until it calls `interrupt`.

    Example:
        ```python
        class Forum(TaskSet):
            wait_time = between(5, 15)

            @task(10)
            def read(self):
                self.client.get("/thread")

            @task
            def leave(self):
                self.interrupt()
        ```
    """

    tasks: Any = []
    """What to run: a list, or a dict of weights. Decorated methods are added to it."""
    min_wait: int | None = None
    """Least wait in milliseconds, of the 0.14 generation; used only where no ``wait_time`` is set."""
    max_wait: int | None = None
    """Longest wait in milliseconds, of the 0.14 generation."""
    wait_function: Callable[[Any], float] | None = None
    """A function returning milliseconds, of the 0.14 generation."""

    # Instances hold only what differs from these: there may be tens of thousands of them.
    _queue: deque[Task] | None = None
    _cp_last_wait_time: float = 0

    def __init__(self, parent: TaskSet | User) -> None:
        self._parent = parent
        self._user: User = parent._user if isinstance(parent, TaskSet) else parent
        self._cp_last_run = perf_counter()

    @property
    def user(self) -> User:
        """The user that runs this task set."""
        return self._user

    @property
    def locust(self) -> User:
        """The user that runs this task set, by its 0.14 name."""
        return self._user

    @property
    def parent(self) -> TaskSet | User:
        """The task set around this one, or what the user starts from."""
        return self._parent

    @property
    def client(self) -> Any:
        """The user's client."""
        return cast(Any, self._user).client

    @property
    def _task_queue(self) -> deque[Task]:
        """The tasks scheduled to run next; made on first use, since most task sets never need one."""
        queue = self._queue
        if queue is None:
            queue = self._queue = deque()
        return queue

    def on_start(self) -> None:
        """Called before the first task, each time the user enters this task set."""

    def on_stop(self) -> None:
        """Called when the user leaves this task set or is stopped in it."""

    @final
    def run(self) -> None:
        """Runs tasks until the task set is interrupted or the user stopped."""
        try:
            self.on_start()
        except InterruptTaskSet as interrupt:
            raise _hand_back(interrupt) from interrupt
        try:
            self._run_tasks()
        except InterruptTaskSet as interrupt:
            self._leave(interrupt)
            raise _hand_back(interrupt) from interrupt
        except (StopUser, StopTest, GreenletExit) as stop:
            self._leave(stop)
            raise

    def _run_tasks(self) -> None:
        """The loop of every user.

        It takes a short cut past each method that the class has not overridden, and does no more than a task
        needs: what is spent here is spent per request.
        """
        cls = type(self)
        user = self._user
        if user._arrivals is not None:
            self._run_when_due(user._arrivals)
            return
        direct = cls.execute_next_task is TaskSet.execute_next_task and cls.schedule_task is TaskSet.schedule_task
        plain_wait = cls.wait is TaskSet.wait and cls._sleep is TaskSet._sleep
        execute_task = self.execute_task
        get_next_task = self.get_next_task
        engine = hub.engine(user.environment)
        begin, end, parks = engine.begin, engine.end, engine.parks
        if self._parent is not user:
            # Its tasks are iterations, and not itself.
            engine.nest()
        while True:
            mark = begin()
            try:
                try:
                    if direct:
                        queue = self._queue
                        item = queue.popleft() if queue else get_next_task()
                        if user._state != LOCUST_STATE_RUNNING:
                            halt(user)
                        execute_task(item)
                    else:
                        if not self._task_queue:
                            self.schedule_task(get_next_task())
                        if user._state != LOCUST_STATE_RUNNING:
                            halt(user)
                        self.execute_next_task()
                except RescheduleTaskImmediately:
                    if end(mark):
                        sleep(0)
                    continue
                except RescheduleTask:
                    pass
                has_not_parked = end(mark)
                if not plain_wait:
                    self.wait()
                    continue
                if user._state != LOCUST_STATE_RUNNING:
                    halt(user)
                seconds = self.wait_time()
                try:
                    waits = seconds > 0
                except TypeError:
                    raise _no_seconds(self, seconds) from None
                if waits:
                    user._state = LOCUST_STATE_WAITING
                    sleep(seconds)
                    if user._state != LOCUST_STATE_WAITING:
                        halt(user)
                    user._state = LOCUST_STATE_RUNNING
                elif has_not_parked and parks() == mark:
                    # The task never switched: let the others run, or this user would keep the process.
                    sleep(0)
                continue
            except InterruptTaskSet:
                end(mark)
                raise
            except (StopUser, StopTest):
                raise
            except Exception as error:
                end(mark)
                self._report(error)
            # Outside the handler, so that a waiting user does not keep the traceback alive.
            self.wait()

    def _run_when_due(self, arrivals: Arrivals) -> None:
        """The loop of a user whose iterations begin by a schedule: it waits for the next instead of its wait time."""
        user = self._user
        parks = hub.engine(user.environment).parks
        while True:
            mark = parks()
            try:
                if not self._task_queue:
                    self.schedule_task(self.get_next_task())
                if isinstance(self._task_queue[0], TaskSetMeta):
                    # Its tasks are iterations, and not itself.
                    self.execute_next_task()
                    continue
                arrivals.wait(user)
                try:
                    self.execute_next_task()
                finally:
                    arrivals.ended()
            except (RescheduleTask, RescheduleTaskImmediately):
                pass
            except (InterruptTaskSet, StopUser, StopTest):
                raise
            except Exception as error:
                self._report(error)
            if parks() == mark:
                # Neither waited nor asked: let the others run, or this user would keep the process.
                sleep(0)

    def _report(self, error: Exception) -> None:
        """A task failed: tells the listeners, and ends the user where exceptions are not to be caught."""
        environment = self._user.environment
        environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
        if not (environment.catch_exceptions and getattr(self._user, "_catch_exceptions", True)):
            raise error
        logger.error("%s\n%s", error, format_script_exception(error, called=refused(error, "task")))

    def _leave(self, reason: BaseException) -> None:
        """Calls ``on_stop``; only what ends the user may escape it."""
        if not self._user._leaves(self, reason):
            return
        try:
            self.on_stop()
        except (StopUser, StopTest, GreenletExit):
            raise
        except Exception as error:
            logger.error("Uncaught exception in on_stop: \n%s", format_script_exception(error))

    def execute_next_task(self) -> None:
        """Runs the first of the scheduled tasks."""
        self.execute_task(self._task_queue.popleft())

    def execute_task(self, task: Task) -> None:
        """Runs one task.

        Args:
            task: A function that takes this task set, one of its bound methods, or a task set to enter.
        """
        if type(task) is FunctionType:
            task(self)
        elif isinstance(task, TaskSetMeta):
            task(self).run()
        elif getattr(task, "__self__", None) is self:
            task()
        else:
            task(self)

    def schedule_task(
        self,
        task_callable: Task,
        first: bool | list[Any] | None = False,
        kwargs: dict[str, Any] | None = None,
        **old: Any,
    ) -> None:
        """Adds a task to run before any is picked at random.

        Args:
            task_callable: The task.
            first: Whether it goes before those already scheduled. (0.14 had the task's arguments here.)
            kwargs: Arguments of the task, as 0.14 had them.
            **old: ``args`` of 0.14.
        """
        args = old.get("args") or (first if isinstance(first, (list, tuple)) else None)
        if args or kwargs:
            from katydid.legacy import with_arguments

            task_callable = with_arguments(task_callable, args or (), kwargs or {})
        if first is True:
            self._task_queue.appendleft(task_callable)
        else:
            self._task_queue.append(task_callable)

    def get_next_task(self) -> Task:
        """Picks a task at random, by weight."""
        tasks = self.tasks
        if not tasks:
            raise LocustError(_no_tasks(self))
        return _pick(tasks)

    def wait_time(self) -> float:
        """How long to wait now, in seconds: by default as the user says."""
        user = self._user
        if user.wait_time:
            return cast(float, user.wait_time())
        milliseconds = self.wait_function or user.wait_function
        if milliseconds is not None:
            return milliseconds() / 1000  # type: ignore[call-arg]  # bound to the class that defines it
        shortest = self.min_wait or user.min_wait
        longest = self.max_wait or user.max_wait
        if shortest is None or longest is None:
            shortest = self.min_wait if shortest is None else shortest
            longest = self.max_wait if longest is None else longest
        if shortest is None or longest is None:
            raise MissingWaitTimeError(
                f"You must define a wait_time method on either the {type(user).__name__} or {type(self).__name__} class"
            )
        return random.randint(shortest, longest) / 1000

    def wait(self) -> None:
        """Waits as `wait_time` says; a user waiting here can be stopped at once."""
        user = self._user
        if user._state != LOCUST_STATE_RUNNING:
            halt(user)
        seconds = self.wait_time()
        if not isinstance(seconds, SupportsFloat):
            raise _no_seconds(self, seconds)
        user._state = LOCUST_STATE_WAITING
        self._sleep(seconds)
        if user._state != LOCUST_STATE_WAITING:
            halt(user)
        user._state = LOCUST_STATE_RUNNING

    def _sleep(self, seconds: float) -> None:
        sleep(seconds)

    def interrupt(self, reschedule: bool = True) -> None:
        """Leaves this task set.

        Args:
            reschedule: Whether the parent picks its next task at once instead of waiting first.
        """
        raise InterruptTaskSet(reschedule)


class DefaultTaskSet(TaskSet):
    """The root of every user: runs the tasks declared on the user itself."""

    def get_next_task(self) -> Task:
        """Picks one of the user's tasks at random, by weight."""
        tasks = self._user.tasks
        if not tasks:
            raise LocustError(_no_tasks(self._user))
        return _pick(tasks)

    def execute_task(self, task: Task) -> None:
        """Runs one task with the user as its argument."""
        if type(task) is FunctionType:
            task(self._user)
        elif isinstance(task, TaskSetMeta):
            task(self._user).run()
        elif getattr(task, "__self__", None) is self._user:
            task()
        else:
            task(self._user)


def _pick(tasks: list[Task]) -> Task:
    """One of the tasks, taking from the random numbers what `random.choice` takes: a seed fixes what follows."""
    if len(tasks) == 1:
        while random.getrandbits(1):
            pass
        return tasks[0]
    return random.choice(tasks)


TaskHolder = type[TaskSet]
"""What carries tasks: a task set class (or a user class)."""


def halt(user: User) -> None:
    """Holds a user that is to pause.

    Raises:
        StopUser: It is to stop.
    """
    if user._state == LOCUST_STATE_STOPPING:
        raise StopUser
    if user._state in (LOCUST_STATE_PAUSING, LOCUST_STATE_PAUSED) and user.environment.runner is not None:
        user.environment.runner.gate.hold(user)


def _hand_back(interrupt: InterruptTaskSet) -> RescheduleTask | RescheduleTaskImmediately:
    """What an interrupted task set raises in the task set around it."""
    if interrupt.reschedule:
        return RescheduleTaskImmediately(interrupt.reschedule)
    return RescheduleTask(interrupt.reschedule)


def _no_tasks(holder: TaskSet | User) -> str:
    name = type(holder).__name__
    hint = ""
    if getattr(holder, "task", None):
        hint = " (it has an attribute 'task': did you mean 'tasks'?)"
    return f"No tasks defined on {name}{hint}. Use the @task decorator or set the 'tasks' attribute"


def _no_seconds(taskset: TaskSet, seconds: Any) -> LocustError:
    """What a ``wait_time`` is told that returned something else than a number."""
    holder: Any = taskset._user if type(taskset).wait_time is TaskSet.wait_time else taskset
    return LocustError(
        f"{type(holder).__name__}.wait_time returned {seconds!r}; it returns seconds, a number{where(holder.wait_time)}"
    )
