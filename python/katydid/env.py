"""The environment: what one load test consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from katydid.dispatch import UsersDispatcher
from katydid.event import Events
from katydid.exception import RunnerAlreadyExistsError
from katydid.runners import LocalRunner, Runner
from katydid.shape import LoadTestShape
from katydid.stats import RequestStats
from katydid.user.task import filter_tasks_by_tags, tasks_of
from katydid.user.users import User

if TYPE_CHECKING:
    from argparse import Namespace

    from katydid.master import MasterRunner
    from katydid.web import WebUI
    from katydid.worker import WorkerRunner

RunnerType = TypeVar("RunnerType", bound=Runner)


class Environment:
    """Ties together the users, their events, the statistics and what runs them.

    Args:
        user_classes: The classes of the users.
        shape_class: The load shape, an instance.
        tags: Run only tasks with one of these tags.
        locustfile: The name of the script.
        exclude_tags: Run no task with one of these tags.
        events: The hooks; new ones by default.
        host: Base address, for classes that are to be sent elsewhere than their own ``host`` says.
        reset_stats: Whether the statistics start anew once all users are there.
        stop_timeout: Seconds that users get to finish their task when they are stopped.
        catch_exceptions: Whether a task's exception ends only the task.
        parsed_options: The parsed command line.
        parsed_locustfiles: The scripts.
        available_user_classes: User classes the page may offer, by name.
        available_shape_classes: Load shapes the page may offer, by name.
        available_user_tasks: Tasks the page may offer, by user class.
        dispatcher_class: Accepted for Locust's sake; the engine deals out the users.
        profile: A name for this test run.

    Example:
        ```python
        env = Environment(user_classes=[Visitor], events=events)
        runner = env.create_local_runner()
        runner.start(10, spawn_rate=5)
        ```
    """

    def __init__(
        self,
        *,
        user_classes: list[type[User]] | None = None,
        shape_class: LoadTestShape | None = None,
        tags: list[str] | None = None,
        locustfile: str | None = None,
        exclude_tags: list[str] | None = None,
        events: Events | None = None,
        host: str | None = None,
        reset_stats: bool = False,
        stop_timeout: float | None = None,
        catch_exceptions: bool = True,
        parsed_options: Namespace | None = None,
        parsed_locustfiles: list[str] | None = None,
        available_user_classes: dict[str, type[User]] | None = None,
        available_shape_classes: dict[str, LoadTestShape] | None = None,
        available_user_tasks: dict[str, list[Any]] | None = None,
        dispatcher_class: type = UsersDispatcher,
        profile: str | None = None,
    ) -> None:
        self.runner: Runner | None = None
        self.web_ui: WebUI | None = None
        self.process_exit_code: int | None = None
        """What the process ends with; overrides Katydid's own judgement."""
        self.worker_logs: dict[str, list[str]] = {}

        self.locustfile = locustfile
        self.user_classes = user_classes or []
        self.shape_class = shape_class
        self.tags = tags
        self.exclude_tags = exclude_tags
        self.stats = RequestStats()
        self.host = host
        self.reset_stats = reset_stats
        if stop_timeout is None:
            stop_timeout = getattr(parsed_options, "stop_timeout", None)
        self.stop_timeout = float(stop_timeout or 0)
        self.catch_exceptions = catch_exceptions
        self.parsed_options = parsed_options
        self.parsed_locustfiles = parsed_locustfiles
        self.available_user_classes = available_user_classes
        self.available_shape_classes = available_shape_classes
        self.available_user_tasks = available_user_tasks
        self.dispatcher_class = dispatcher_class
        self.profile = profile
        self.events = events if events is not None else Events()

        self._tasks_filtered = False
        self._all_tasks: dict[Any, list[Any]] = {}
        self._remove_user_classes_with_weight_zero()
        self._validate_user_class_names()
        if shape_class is not None and not isinstance(shape_class, LoadTestShape):
            raise ValueError(
                f"shape_class should be instance of LoadTestShape or subclass LoadTestShape, but got: {shape_class!r}"
            )

    @property
    def user_classes_by_name(self) -> dict[str, type[User]]:
        """The user classes by name."""
        return {cls.__name__: cls for cls in self.user_classes}

    def create_local_runner(self) -> LocalRunner:
        """Makes this environment run its users in this process.

        Raises:
            RunnerAlreadyExistsError: It has a runner.
        """
        return self._create(LocalRunner)

    def create_master_runner(self, master_bind_host: str = "*", master_bind_port: int = 5557) -> MasterRunner:
        """Makes this environment have its users run by workers.

        Args:
            master_bind_host: The address to listen on for them; ``*`` for all.
            master_bind_port: The port; 0 for any that is free.

        Raises:
            RunnerAlreadyExistsError: It has a runner.
            OSError: The address cannot be listened on.
        """
        from katydid.master import MasterRunner

        return self._create(MasterRunner, master_bind_host, master_bind_port)

    def create_worker_runner(self, master_host: str, master_port: int) -> WorkerRunner:
        """Makes this environment run users for a master, and returns when that has answered.

        Args:
            master_host: Where the master is.
            master_port: Its port.

        Raises:
            RunnerAlreadyExistsError: It has a runner.
            ConnectionError: The master did not answer.
        """
        from katydid.worker import WorkerRunner

        # Percentiles of the last seconds are the master's business.
        self.stats = RequestStats(use_response_times_cache=False)
        return self._create(WorkerRunner, master_host, master_port)

    def _create(self, runner_class: type[RunnerType], *args: Any) -> RunnerType:
        if self.runner is not None:
            raise RunnerAlreadyExistsError(f"Environment.runner already exists ({self.runner})")
        runner = runner_class(self, *args)
        self.runner = runner
        if self.shape_class is not None:
            self.shape_class.runner = runner
        return runner

    def create_web_ui(
        self,
        host: str = "",
        port: int = 8089,
        web_base_path: str | None = None,
        web_login: bool = False,
        tls_cert: str | None = None,
        tls_key: str | None = None,
        stats_csv_writer: Any = None,
        delayed_start: bool = False,
        userclass_picker_is_active: bool = False,
        build_path: str | None = None,
    ) -> WebUI:
        """Makes the page for this environment, and serves it.

        Args:
            host: The address to listen on, all of them by default.
            port: The port; 0 for any that is free.
            web_base_path: The path that stands before all others, such as ``/load``.
            web_login: Whether visitors must log in; the script says who may.
            tls_cert: A file with the certificate chain, to serve over HTTPS.
            tls_key: A file with the certificate's key.
            stats_csv_writer: Writes the CSV files, one of which can be downloaded.
            delayed_start: Serve only when the page's `start` is called.
            userclass_picker_is_active: Whether the page offers a choice of classes.
            build_path: A folder with another page, to be served in place of Katydid's.
        """
        from katydid.web import WebUI

        if self.runner is not None:
            # What the page shows must not become another environment's.
            self.runner._claim_engine()
        self.web_ui = WebUI(
            self,
            host,
            port,
            web_base_path=web_base_path,
            web_login=web_login,
            tls_cert=tls_cert,
            tls_key=tls_key,
            stats_csv_writer=stats_csv_writer,
            delayed_start=delayed_start,
            userclass_picker_is_active=userclass_picker_is_active,
            build_path=build_path,
        )
        return self.web_ui

    def update_user_class(self, user_settings: dict[str, Any]) -> None:
        """Changes attributes of a user class.

        Args:
            user_settings: ``user_class_name``, ``tasks`` as names, and any class attribute.
        """
        name = user_settings["user_class_name"]
        user_class = (self.available_user_classes or self.user_classes_by_name)[name]
        for key, value in user_settings.items():
            if key == "tasks":
                known = (self.available_user_tasks or {}).get(name, user_class.tasks)
                user_class.tasks = [item for item in known if item.__name__ in value]
            elif key != "user_class_name":
                setattr(user_class, key, value)

    def update_worker_logs(self, worker_log_report: dict[str, Any]) -> None:
        """Keeps the last log lines of a worker."""
        if worker_log_report.get("worker_id"):
            self.worker_logs[worker_log_report["worker_id"]] = worker_log_report.get("logs", [])

    def assign_equal_weights(self) -> None:
        """Makes every user class, and every task however deeply nested, equally likely."""
        for cls in self.user_classes:
            cls.weight = 1
            cls.tasks = _distinct_functions(cls.tasks, set())

    def _known_tags(self) -> list[str]:
        """All tags that tasks have, those that are left out included."""
        tasks = self._all_tasks or tasks_of(self.user_classes)
        items = (item for held in tasks.values() for item in held)
        return sorted({tag for item in items for tag in getattr(item, "locust_tag_set", ())})

    def _choose_tags(self, tags: list[str] | None, exclude_tags: list[str] | None) -> None:
        """Has tasks chosen by other tags from the next test on; setting the attributes alone does not, as in Locust."""
        if (self.tags or None, self.exclude_tags or None) != (tags or None, exclude_tags or None):
            self.tags, self.exclude_tags = tags, exclude_tags
            self._tasks_filtered = False

    def _filter_tasks_by_tags(self) -> None:
        """Limits the user classes to the wanted tasks, once, and again after `_choose_tags`."""
        if self._tasks_filtered:
            return
        self._tasks_filtered = True
        if not self._all_tasks:
            self._all_tasks = tasks_of(self.user_classes)
        else:
            for holder, tasks in self._all_tasks.items():
                holder.tasks = list(tasks)
        tags = set(self.tags) if self.tags else None
        exclude_tags = set(self.exclude_tags) if self.exclude_tags else None
        # Without tags too: nested task sets that have no tasks are left out.
        for cls in self.user_classes:
            filter_tasks_by_tags(cls, tags, exclude_tags)

    def _remove_user_classes_with_weight_zero(self) -> None:
        if not self.user_classes:
            return
        kept = [cls for cls in self.user_classes if cls.weight > 0 or cls.fixed_count > 0]
        if not kept:
            raise ValueError("There are no users with weight > 0.")
        self.user_classes[:] = kept

    def _validate_user_class_names(self) -> None:
        seen: dict[str, type[User]] = {}
        for cls in self.user_classes:
            other = seen.get(cls.__name__)
            seen[cls.__name__] = cls
            if other is not None:
                raise ValueError(
                    "The following user classes have the same class name: "
                    f"{other.__module__}.{other.__name__}, {cls.__module__}.{cls.__name__}"
                )


def _distinct_functions(tasks: list[Any], seen: set[Any]) -> list[Any]:
    """The functions in nested task sets, each once, in order."""
    functions: list[Any] = []
    for item in tasks:
        if item in seen:
            continue
        seen.add(item)
        functions.extend(_distinct_functions(item.tasks, seen) if hasattr(item, "tasks") else [item])
    return functions
