"""Rows 50 to 66: runners, dispatchers and shapes as objects."""

import logging

import gevent
import locust.runners
import pytest
from locust import LoadTestShape, User, constant, task
from locust.dispatch import UsersDispatcher
from locust.env import Environment
from locust.exception import RunnerAlreadyExistsError
from locust.runners import STATE_INIT, STATE_RUNNING, STATE_SPAWNING, STATE_STOPPED, WorkerNode, WorkerNodes


class One(User):
    wait_time = constant(10)

    @task
    def wait_here(self):
        pass


class Two(One):
    weight = 2


class Fixed(One):
    fixed_count = 2


def steps(dispatcher, *args, **kwargs):
    dispatcher.new_dispatch(*args, **kwargs)
    return list(dispatcher)


# Rows


def test_50_start_returns_at_once(run_with, until):
    runner = run_with(One)
    runner.start(3, 2)
    assert runner.user_count < 3
    until(lambda: runner.state == STATE_RUNNING)
    assert runner.user_count == 3


def test_51_targets_before_and_after_the_ramp(run_with, until):
    runner = run_with(One, Two)
    assert (runner.target_user_count, runner.target_user_classes_count) == (0, {})
    runner.start(6, 4)
    until(lambda: runner.user_count)
    assert runner.state == STATE_SPAWNING
    assert (runner.target_user_count, runner.target_user_classes_count) == (6, {})
    until(lambda: runner.state == STATE_RUNNING)
    assert runner.target_user_classes_count == {"One": 2, "Two": 4}


def test_52_a_test_can_be_stopped_while_it_ramps_up(run_with, until):
    runner = run_with(One)
    runner.start(100, 2)
    until(lambda: runner.user_count)
    runner.stop()
    assert (runner.state, runner.user_count) == (STATE_STOPPED, 0)


def test_53_54_start_and_stop_are_told_once_per_run(run_with, until):
    runner = run_with(One)
    told = []
    for name in ("test_start", "test_stopping", "test_stop"):
        hook = getattr(runner.environment.events, name)
        hook.add_listener(lambda environment, name=name: told.append(name))
    runner.start(1, 100)
    until(lambda: runner.state == STATE_RUNNING)
    runner.start(2, 100)
    until(lambda: runner.user_count == 2 and runner.state == STATE_RUNNING)
    runner.stop()
    assert told == ["test_start", "test_stopping", "test_stop"]
    runner.start(1, 100)
    until(lambda: runner.state == STATE_RUNNING)
    runner.stop()
    runner.quit()
    assert told == ["test_start", "test_stopping", "test_stop"] * 2


def test_57_fixed_classes_come_first_and_come_back():
    dispatcher = UsersDispatcher([WorkerNode("1")], [One, Two, Fixed])
    assert steps(dispatcher, 2, 2) == [{"1": {"Fixed": 2, "One": 0, "Two": 0}}]
    assert steps(dispatcher, 5, 3) == [{"1": {"Fixed": 2, "One": 1, "Two": 2}}]
    assert steps(dispatcher, 1, 10)[-1]["1"]["Fixed"] == 1
    assert steps(dispatcher, 5, 10)[-1] == {"1": {"Fixed": 2, "One": 1, "Two": 2}}


def test_58_users_are_dealt_out_by_kl_order():
    dispatcher = UsersDispatcher([WorkerNode("w1"), WorkerNode("w2")], [One, Two, Fixed])
    assert not dispatcher.dispatch_in_progress
    assert steps(dispatcher, target_user_count=6, spawn_rate=3) == [
        {"w1": {"Fixed": 1, "One": 0, "Two": 1}, "w2": {"Fixed": 1, "One": 0, "Two": 0}},
        {"w1": {"Fixed": 1, "One": 0, "Two": 2}, "w2": {"Fixed": 1, "One": 1, "Two": 1}},
    ]
    assert dispatcher.get_current_user_count() == 6
    with pytest.raises(StopIteration):
        next(dispatcher)
    third = WorkerNode("w3")
    dispatcher.add_worker(third)
    assert steps(dispatcher, target_user_count=6, spawn_rate=3) == [
        {
            "w1": {"Fixed": 1, "One": 1, "Two": 0},
            "w2": {"Fixed": 1, "One": 0, "Two": 1},
            "w3": {"Fixed": 0, "One": 0, "Two": 2},
        }
    ]
    dispatcher.remove_worker(third)
    last = steps(dispatcher, target_user_count=2, spawn_rate=10)[-1]
    assert last == {"w1": {"Fixed": 1, "One": 0, "Two": 0}, "w2": {"Fixed": 1, "One": 0, "Two": 0}}


def test_59_hosts_come_before_workers_of_one_host():
    names = ["a_1", "a_2", "b_1", "b_2"]
    dispatcher = UsersDispatcher([WorkerNode(name) for name in names], [One])
    counts = [{name: users["One"] for name, users in step.items()} for step in steps(dispatcher, 2, 1000)]
    assert counts == [{"a_1": 1, "a_2": 0, "b_1": 1, "b_2": 0}]


def test_60_fractions_of_a_rate_stretch_the_pause():
    dispatcher = UsersDispatcher([WorkerNode("1")], [One])
    counts = [step["1"]["One"] for step in steps(dispatcher, 9, 3.9)]
    assert counts == [3, 6, 9]


def test_61_only_the_ratio_of_weights_matters():
    def run(factor):
        first = type("First", (One,), {"weight": 0.3 * factor})
        second = type("Second", (One,), {"weight": 0.6 * factor})
        return steps(UsersDispatcher([WorkerNode("1")], [first, second]), 5, 100)

    assert run(1) == run(10) == run(100)


def test_62_a_shape_acts_on_changes_only(run_with, until, monkeypatch):
    class Stairs(LoadTestShape):
        ticks = 0

        def tick(self):
            self.ticks += 1
            return None if self.ticks > 3 else (1, 10) if self.ticks < 3 else (1, 10, [Two])

    shape = Stairs()
    runner = run_with(One, Two, shape_class=shape)
    started, start = [], runner.start
    monkeypatch.setattr(runner, "start", lambda **kwargs: (started.append(kwargs), start(**kwargs)))
    shape.reset_time()
    runner.start_shape()
    until(lambda: runner.state == STATE_STOPPED)
    assert [kwargs["user_classes"] for kwargs in started] == [None, [Two]]
    assert shape.runner is runner
    assert shape.get_run_time() > 1


def test_65_statistics_are_reset_when_all_users_are_there(run_with, until):
    class Reporter(One):
        def on_start(self):
            self.environment.events.request.fire(
                request_type="X", name="x", response_time=1, response_length=1, exception=None, context={}
            )

    runner = run_with(Reporter, reset_stats=True)
    runner.environment.events.spawning_complete.add_listener(lambda user_count: None)
    runner.environment.stats.log_request("GET", "before", 1, 1)
    runner.start(2, 1)
    until(lambda: runner.stats.num_requests == 1)
    until(lambda: runner.state == STATE_RUNNING)
    assert runner.stats.num_requests <= 1


# Objects


def test_an_environment_checks_what_it_is_given():
    def named(name, **body):
        return type(name, (User,), {"tasks": [lambda user: None], **body})

    with pytest.raises(ValueError, match="There are no users with weight > 0"):
        Environment(user_classes=[named("A", weight=0)])
    kept = named("B")
    assert Environment(user_classes=[named("A", weight=0), kept]).user_classes == [kept]
    with pytest.raises(ValueError, match=r"The following user classes have the same class name: .*A, .*A"):
        Environment(user_classes=[named("A"), named("A")])
    for wrong in (LoadTestShape, object()):
        with pytest.raises(ValueError, match="instance of LoadTestShape or subclass LoadTestShape, but got: "):
            Environment(shape_class=wrong)
    with pytest.raises(TypeError):
        Environment([kept])


def test_an_environment_has_one_runner(run_with):
    runner = run_with(One)
    with pytest.raises(RunnerAlreadyExistsError, match=r"Environment\.runner already exists"):
        runner.environment.create_local_runner()
    assert runner.environment.runner is runner


def test_a_new_runner_is_ready_whatever_ran_before(run_with, until):
    first = run_with(One)
    first.start(1, 10)
    until(lambda: first.state == STATE_RUNNING)
    first.log_exception("local", "boom", "the traceback")
    first.stop()
    second = run_with(Two)
    assert (second.state, second.user_count) == (STATE_INIT, 0)
    assert first.state == STATE_STOPPED
    assert [row["msg"] for row in first.exceptions.values()] == ["boom"]
    second.start(2, 10)
    until(lambda: second.state == STATE_RUNNING)
    assert second.user_classes_count == {"Two": 2}
    assert not second.exceptions
    second.stop()
    first.start(1, 10)
    until(lambda: first.state == STATE_RUNNING)
    assert first.user_classes_count == {"One": 1}


def test_users_are_started_and_stopped_by_hand(run_with, until):
    runner = run_with(One, Two)
    runner.start(1, 10)
    until(lambda: runner.state == STATE_RUNNING)
    users = runner.spawn_users({"One": 2, "Two": 1})
    assert sorted(type(user).__name__ for user in users) == ["One", "One", "Two"]
    assert runner.user_count == 4
    runner.stop_users({"One": 2})
    assert runner.user_count == 2


def test_exceptions_are_counted(run_with):
    runner = run_with(One)
    runner.log_exception("local", "boom", "the traceback")
    runner.log_exception("other", "boom", "the traceback")
    assert runner.exceptions == {
        hash("the traceback"): {"count": 2, "msg": "boom", "traceback": "the traceback", "nodes": {"local", "other"}}
    }


def test_a_high_rate_is_warned_of(run_with, caplog):
    runner = run_with(One)
    with caplog.at_level(logging.WARNING, "locust.runners"):
        logging.getLogger("locust").propagate = True
        runner.start(1, 100)
        assert "very high" not in caplog.text
        runner.start(1, 101)
    assert "Your selected spawn rate is very high (>100)" in caplog.text


def test_messages_to_oneself(run_with, caplog):
    runner = run_with(One)
    got = []
    runner.register_message("greet", lambda environment, msg: got.append((environment, msg.type, msg.data)))
    with pytest.raises(Exception, match="Tried to register listener method for greet, but it already had a listener"):
        runner.register_message("greet", print)
    runner.send_message("greet", {"a": 1})
    assert got == [(runner.environment, "greet", {"a": 1})]
    runner.send_message("unknown")


def test_nodes_by_state():
    node = WorkerNode("a", heartbeat_liveness=5)
    assert (node.state, node.heartbeat, node.user_count, node.user_classes_count) == (STATE_INIT, 5, 0, {})
    node.user_classes_count = {"One": 2, "Two": 3}
    assert node.user_count == 5
    assert not list(WorkerNodes().all)


def test_the_old_constants():
    assert {name: getattr(locust.runners, name) for name in dir(locust.runners) if name.startswith("STATE_")} == {
        "STATE_INIT": "ready", "STATE_SPAWNING": "spawning", "STATE_RUNNING": "running", "STATE_CLEANUP": "cleanup",
        "STATE_STOPPING": "stopping", "STATE_STOPPED": "stopped", "STATE_MISSING": "missing",
    }  # fmt: skip
    assert (locust.runners.HEARTBEAT_INTERVAL, locust.runners.CPU_MONITOR_INTERVAL) == (1, 10.0)


def test_66_the_processors_load_is_told_each_interval(run_with, until, monkeypatch):
    monkeypatch.setattr(locust.runners, "CPU_MONITOR_INTERVAL", 0.1)
    monkeypatch.setattr(locust.runners, "CPU_WARNING_THRESHOLD", -1)
    runner = run_with(One)
    warned, used = [], []
    runner.environment.events.cpu_warning.add_listener(lambda environment, cpu_usage, **kwargs: warned.append(1))
    runner.environment.events.usage_monitor.add_listener(
        lambda environment, cpu_usage, memory_usage: used.append(memory_usage)
    )
    until(lambda: len(warned) > 1 and len(used) > 1)
    assert runner.cpu_warning_emitted


def test_the_runners_greenlet_ends_with_quit(run_with, until):
    runner = run_with(One)
    runner.start(1, 10)
    until(lambda: runner.state == STATE_RUNNING)
    gevent.spawn_later(0.05, runner.quit)
    runner.greenlet.join()
    assert runner.user_count == 0
