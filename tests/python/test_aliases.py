"""What ``import locust`` gives, seen from a process of its own."""

import subprocess
import sys
import textwrap


def run(script):
    """Runs a script in a fresh interpreter where Katydid answers for Locust, and returns what it prints."""
    script = "from katydid import _aliases; _aliases.install()\n" + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_every_name_of_both_generations_can_be_imported():
    run(
        """
        from locust import (User, HttpUser, FastHttpUser, TaskSet, SequentialTaskSet, MarkovTaskSet, task, tag,
            transition, transitions, between, constant, constant_pacing, constant_throughput, poisson, events,
            LoadTestShape, run_single_user, wait_time, Events, Locust, HttpLocust, TaskSequence, seq_task,
            InterruptTaskSet, ResponseError, RescheduleTaskImmediately)
        from locust.contrib.fasthttp import FastHttpUser, FastHttpSession
        from locust.core import Locust, HttpLocust, TaskSet, TaskSequence, task, seq_task, NoClientWarningRaiser
        from locust.core import FastHttpLocust
        from locust.clients import HttpSession
        from locust.env import Environment
        from locust.event import EventHook, Events, DeprecatedEventHook
        from locust.exception import (CatchResponseError, InterruptTaskSet, LocustError, MissingWaitTimeError,
            RescheduleTask, RescheduleTaskImmediately, ResponseError, RPCError, RPCReceiveError, RPCSendError,
            RunnerAlreadyExistsError, StopTest, StopUser)
        from locust.inspectlocust import print_task_ratio
        from locust.log import setup_logging
        from locust.runners import LocalRunner, Runner, STATE_RUNNING, STATE_STOPPED
        from locust.shape import LoadTestShape
        from locust.stats import RequestStats, StatsEntry, stats_printer, print_stats, PERCENTILES_TO_REPORT
        from locust.user import HttpUser, TaskSet, User, tag, task
        from locust.user.inspectuser import get_ratio
        from locust.user.task import DefaultTaskSet, LOCUST_STATE_STOPPING
        from locust.user.users import HttpUser, User
        from locust.user.wait_time import between
        from locust.util.timespan import parse_timespan
        from locust.wait_time import between
        import locust.argument_parser, locust.debug, locust.main, locust.web
        """
    )


def test_submodules_are_the_very_same_objects():
    assert run(
        """
        import locust.user.users, katydid.user.users, sys
        print(locust.user.users is katydid.user.users, sys.modules["locust.user"] is katydid.user)
        print(locust.user.users.__name__, locust.user.users.__spec__.name)
        """
    ) == ["True", "True", "katydid.user.users", "katydid.user.users"]


def test_the_package_is_its_own_object_with_locusts_version():
    assert run(
        """
        import locust, katydid
        print(locust is katydid, locust.__name__, locust.__version__)
        locust.added = 1
        print(katydid.added, locust.HttpUser is katydid.HttpUser, "HttpUser" in dir(locust))
        """
    ) == ["False", "locust", "2.47.0", "1", "True", "True"]


def test_events_are_an_object_and_a_module():
    assert (
        run(
            """
        import locust.events
        from locust import events
        from locust.events import request_success, EventHook
        import katydid
        print(events is katydid.events, locust.events is events, request_success is events.request_success)
        print(isinstance(events.request, EventHook))
        """
        )
        == ["True"] * 4
    )


def test_what_is_not_there_is_an_import_error():
    assert run(
        """
        for name in ("locust.nothing", "locust.user.nothing"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error.name)
        try:
            from locust import nothing
        except ImportError:
            print("ImportError")
        """
    ) == ["locust.nothing", "locust.user.nothing", "ImportError"]


def test_importing_katydid_imports_nothing_heavy():
    assert run(
        "import sys, katydid; print([m for m in ('gevent', 'requests', 'configargparse') if m in sys.modules])"
    ) == ["[]"]


def test_the_standard_library_is_patched_unless_told_otherwise(monkeypatch):
    script = "from locust import User; from gevent import monkey; print(monkey.is_module_patched('socket'))"
    assert run(script) == ["True"]
    monkeypatch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    assert run(script) == ["False"]
