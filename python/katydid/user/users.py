"""Users: one simulated person each, running tasks in a greenlet of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar

from gevent import GreenletExit, Timeout
from gevent.pool import Group

import katydid._patch  # noqa: F401  patches the standard library
from katydid.exception import RescheduleTask, RescheduleTaskImmediately, StopTest, StopUser
from katydid.log import format_script_exception
from katydid.user.declaration import check_members
from katydid.user.rest import RestMixin as RestMixin
from katydid.user.rest import RestResponseT as RestResponseT
from katydid.user.task import (
    LOCUST_STATE_PAUSED,
    LOCUST_STATE_PAUSING,
    LOCUST_STATE_RUNNING,
    LOCUST_STATE_STOPPING,
    LOCUST_STATE_WAITING,
    DefaultTaskSet,
    TaskSet,
    get_tasks_from_base_classes,
)
from katydid.user.wait_time import constant

if TYPE_CHECKING:
    import urllib3
    from gevent import Greenlet

    from katydid.arrivals import Arrivals
    from katydid.clients import HttpSession
    from katydid.env import Environment

logger = logging.getLogger("locust.user.users")


class UserMeta(type):
    """Collects the tasks of a user class and marks it runnable unless its own body says ``abstract``."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> UserMeta:
        """Creates the class."""
        check_members(name, class_dict)
        if "task_set" in class_dict and not hasattr(mcs, "takes_task_set"):
            from katydid.util.deprecation import check_for_deprecated_task_set_attribute

            check_for_deprecated_task_set_attribute(class_dict)
        class_dict["tasks"] = get_tasks_from_base_classes(bases, class_dict)
        if not class_dict.get("abstract"):
            class_dict["abstract"] = False
        return type.__new__(mcs, name, bases, class_dict)


class User(metaclass=UserMeta):
    """One simulated person. Subclass it (or `HttpUser`), give it tasks and a wait time.

    Args:
        environment: What the user runs in.

    Example:
        ```python
        class Buyer(User):
            wait_time = constant(1)

            @task
            def think(self):
                print("hm")
        ```
    """

    host: str | None = None
    """Base address of the system under test; the command line's ``--host`` overrides it."""
    min_wait: int | None = None
    """Least wait in milliseconds, of the 0.14 generation; used only where ``wait_time`` is None."""
    max_wait: int | None = None
    """Longest wait in milliseconds, of the 0.14 generation."""
    wait_time: Any = constant(0)
    """Returns the seconds to wait after a task."""
    wait_function: Callable[..., float] | None = None
    """A function returning milliseconds, of the 0.14 generation."""
    tasks: Any = []
    """What to do: functions and task sets, as a list or a dict of weights. Decorated methods are added to it."""
    weight: float = 1
    """How many of the users are of this class, relative to the others."""
    fixed_count: int = 0
    """Exactly how many users of this class to start, before those that are shared out by weight."""
    abstract: bool = True
    """Whether the class is only a base for others; not inherited."""

    # Defaults of instance attributes, so that a user holds only what differs.
    _state: str | None = None
    _greenlet: Greenlet[..., Any] | None = None
    _group: Group | None = None
    _taskset_instance: TaskSet | None = None
    _cp_last_wait_time: float = 0
    _told_why = False
    _arrivals: Arrivals | None = None
    """What has it begin iterations; None where it begins them when it likes."""
    _has_been_free = False

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._cp_last_run = perf_counter()

    def on_start(self) -> None:
        """Called once, before the first task."""

    def on_stop(self) -> None:
        """Called once, when the user is stopped."""

    def run(self) -> None:
        """Lives the user's life, in its greenlet.

        Raises:
            Exception: What ``on_start`` or ``on_stop`` raised, or a task where exceptions are not caught.
        """
        self._state = LOCUST_STATE_RUNNING
        self._taskset_instance = root = self._root()
        try:
            runner = self.environment.runner
            if runner is not None and runner.gate.is_closed:
                runner.gate.hold(self)
            try:
                self.on_start()
            except (StopUser, StopTest, GreenletExit):
                raise
            except Exception as error:
                logger.error("%s\n%s", error, format_script_exception(error))
                self._told_why = True
                self.environment.events.user_error.fire(user_instance=self, exception=error, tb=error.__traceback__)
                raise
            root.run()
        except (GreenletExit, StopUser, StopTest):
            pass
        # Outside the handler: what on_stop raises has nothing to do with what stopped the user.
        self.on_stop()

    def wait(self) -> None:
        """Waits as the running task set says; the user can be stopped meanwhile."""
        if self._taskset_instance is not None:
            self._taskset_instance.wait()

    def start(self, group: Group) -> Greenlet[..., Any]:
        """Starts the user's greenlet in a group and returns it."""
        # The runner finds the user again as the greenlet's first argument.
        greenlet = group.spawn(_live, self)
        self._greenlet = greenlet
        self._group = group
        return greenlet

    def stop(self, force: bool = False) -> bool:
        """Asks the user to stop.

        Args:
            force: Kill it wherever it is. Otherwise it may finish the task it is in.

        Returns:
            Whether the user has ended already; False means it will after its current task.
        """
        state = self._state
        if force or not state or state in (LOCUST_STATE_WAITING, LOCUST_STATE_PAUSED):
            group, greenlet = self.group, self.greenlet
            if group is not None and greenlet is not None:
                group.killone(greenlet)
            return True
        if state in (LOCUST_STATE_RUNNING, LOCUST_STATE_PAUSING, LOCUST_STATE_STOPPING):
            self._state = LOCUST_STATE_STOPPING
            return False
        raise Exception(f"Tried to stop User in an unexpected state: {state}. This should never happen.")

    @property
    def group(self) -> Group | None:
        """The group the user's greenlet was started in."""
        return self._group

    @property
    def greenlet(self) -> Greenlet[..., Any] | None:
        """The greenlet the user runs in."""
        return self._greenlet

    def context(self) -> dict[str, Any]:
        """What is added to the ``context`` of each of this user's request events."""
        return {}

    @classmethod
    def json(cls) -> dict[str, Any]:
        """What the page shows about the class."""
        return {
            "host": cls.host,
            "weight": cls.weight,
            "fixed_count": cls.fixed_count,
            "tasks": [getattr(item, "__name__", str(item)) for item in cls.tasks],
        }

    @classmethod
    def fullname(cls) -> str:
        """Module and qualified name, without the parts that only say "inside a function"."""
        return ".".join(part for part in f"{cls.__module__}.{cls.__qualname__}".split(".") if part != "<locals>")

    def _root(self) -> TaskSet:
        """The task set the user starts in."""
        return DefaultTaskSet(self)

    def _leaves(self, taskset: TaskSet, reason: BaseException) -> bool:
        """Whether a task set that ends for this reason gets its ``on_stop``."""
        return True


def _live(user: User) -> None:
    """What the greenlet of a user runs: an exception that ends the user is told in the script's own lines."""
    try:
        user.run()
    except (RescheduleTask, RescheduleTaskImmediately) as escaped:
        logger.error(
            "%s ended: a task of the user itself, outside any task set, was interrupted. Raise StopUser to end a "
            "user on purpose.\n%s",
            type(user).__name__,
            format_script_exception(escaped.__cause__ or escaped),
        )
    except (Exception, Timeout) as error:
        if not user._told_why:
            logger.error("%s ended: %s\n%s", type(user).__name__, error, format_script_exception(error))
    finally:
        if user._arrivals is not None:
            user._arrivals.gone(user)
        # gevent would do so one round of its loop later, in which another user that ends would still count this one.
        if user._group is not None and user._greenlet is not None:
            user._group.discard(user._greenlet)


class HttpUser(RestMixin, User):
    """A user with an HTTP client: ``self.client`` is a `requests.Session` on Katydid's engine.

    Args:
        environment: What the user runs in.

    Raises:
        StopTest: No host is known, neither from the class nor from the command line.

    Example:
        ```python
        class Visitor(HttpUser):
            host = "http://127.0.0.1:9080"

            @task
            def front_page(self):
                self.client.get("/")
        ```
    """

    abstract = True
    pool_manager: ClassVar[urllib3.PoolManager | None] = None
    """Connections that all users of the class share; by default each has its own."""

    client: HttpSession

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.host is None:
            raise StopTest(
                "You must specify the base host. Either in the host attribute in the User class, "
                "or on the command line using the --host option."
            )
        self.client = _session_class()(
            base_url=self.host,
            request_event=self.environment.events.request,
            user=self,
            pool_manager=self.pool_manager,
        )
        self.client.trust_env = False


_session: type[HttpSession] | None = None


def _session_class() -> type[HttpSession]:
    """`HttpSession`, imported with the first HTTP user: `requests` costs more than the rest of Katydid."""
    global _session
    if _session is None:
        from katydid.clients import HttpSession

        _session = HttpSession
    return _session


def __getattr__(name: str) -> Any:
    """Finds what is seldom asked for, or stands on what is here."""
    if name == "PytestUser":
        from katydid.user.pytest_user import PytestUser

        return PytestUser
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
