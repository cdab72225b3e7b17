"""What a script may do to its users, and to itself: everything ends, and nothing is lost or counted twice.

Katydid promises more here than Locust does: some of these users keep a Locust from ending.
"""

import threading

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Pool
from locust import HttpUser, TaskSet, User, constant, task
from locust.exception import RescheduleTask, StopUser


def report(user, name):
    user.environment.events.request.fire(
        request_type="A", name=name, response_time=1, response_length=1, exception=None, context={}
    )


def test_ten_thousand_switches_lose_and_double_nothing(run_with, until):
    class Person(User):
        turns = 0

        @task
        def work(self):
            gevent.sleep(0)
            report(self, f"name {self.turns % 7}")
            self.turns += 1
            if self.turns == 100:
                raise StopUser

    runner = run_with(Person)
    runner.start(100, spawn_rate=1000)
    until(lambda: runner.state == "running" and runner.user_count == 0)
    assert runner.stats.total.num_requests == 10_000
    assert sum(entry.num_requests for entry in runner.stats.entries.values()) == 10_000


class Somewhere(User):
    """Users that are stopped wherever they are; `ended` says how each one ended."""

    abstract = True
    fixed_count = 3
    inside = 0
    ended = ()

    def arrive(self):
        type(self).inside += 1
        gevent.sleep(3600)

    def on_stop(self):
        type(self).ended = (*self.ended, "stop")


class Waiting(Somewhere):
    def wait_time(self):
        type(self).inside += 1
        return 3600

    @task
    def work(self): ...


class Starting(Somewhere):
    def on_start(self):
        self.arrive()


class Working(Somewhere):
    @task
    def work(self):
        self.arrive()


class Nested(Somewhere):
    @task
    class Outer(TaskSet):
        @task
        class Inner(TaskSet):
            @task
            def work(self):
                self.user.arrive()

            def on_stop(self):
                type(self.user).ended = (*self.user.ended, "inner")


class Entering(Somewhere):
    @task
    class Set(TaskSet):
        def on_start(self):
            self.user.arrive()

        @task
        def work(self): ...


class Leaving(Somewhere):
    @task
    class Set(TaskSet):
        @task
        def leave(self):
            self.interrupt()

        def on_stop(self):
            self.user.arrive()


class Joining(Somewhere):
    @task
    def work(self):
        gevent.joinall([gevent.spawn(self.arrive)])


class Pooling(Somewhere):
    @task
    def work(self):
        Pool(2).map(lambda _: self.arrive(), range(2))


class Rescheduling(Somewhere):
    @task
    def work(self):
        try:
            self.arrive()
        finally:
            raise RescheduleTask


class Swallowing(Somewhere):
    @task
    def work(self):
        try:
            self.arrive()
        except BaseException:
            type(self).ended = (*self.ended, "swallowed")


PLACES = [Waiting, Starting, Working, Nested, Entering, Leaving, Joining, Pooling, Rescheduling, Swallowing]


@pytest.mark.parametrize("stop_timeout", [None, 0.3], ids=["kill", "stop_timeout"])
@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_a_user_can_be_stopped_wherever_it_is(run_with, until, place, stop_timeout):
    person = type(place.__name__, (place,), {"inside": 0, "ended": ()})
    runner = run_with(person, stop_timeout=stop_timeout)
    runner.start(3, spawn_rate=100)
    until(lambda: person.inside >= 3)
    with gevent.Timeout(20):
        runner.stop()
    assert runner.user_count == 0
    assert runner.state == "stopped"
    assert person.ended.count("stop") == 3
    if place is Nested:
        assert person.ended.count("inner") == 3


def test_a_user_can_be_stopped_while_it_stops(run_with, until):
    entered = []

    class Person(User):
        wait_time = constant(3600)

        @task
        def work(self): ...

        def on_stop(self):
            entered.append(self)
            gevent.sleep(3600)

    runner = run_with(Person, stop_timeout=0.3)
    runner.start(3, spawn_rate=100)
    until(lambda: runner.user_count == 3 and runner.state == "running")
    with gevent.Timeout(20):
        runner.stop()
    assert runner.user_count == 0
    assert len(entered) == 3


def test_the_test_can_be_stopped_in_the_middle_of_spawning_again_and_again(run_with, until):
    class Person(User):
        alive = 0

        def on_start(self):
            Person.alive += 1

        def on_stop(self):
            Person.alive -= 1

        @task
        def work(self):
            gevent.sleep(3600)

    runner = run_with(Person)
    for _ in range(5):
        runner.start(50, spawn_rate=500)
        until(lambda: runner.user_count > 5)
        runner.stop()
        assert (runner.user_count, Person.alive) == (0, 0)


def test_greenlets_of_a_task_outlive_neither_the_count_nor_the_run(run_with, until):
    done = []

    class Person(User):
        @task
        def work(self):
            def child(number):
                gevent.sleep(0.001)
                report(self, "child")
                done.append(number)

            gevent.joinall([gevent.spawn(child, number) for number in range(10)])
            raise StopUser

    runner = run_with(Person)
    runner.start(20, spawn_rate=1000)
    until(lambda: runner.state == "running" and runner.user_count == 0)
    assert len(done) == 200
    assert runner.stats.get("child", "A").num_requests == 200


def test_threads_of_a_script_report_too(run_with, until):
    """`threading.Thread` is a greenlet under gevent; its thread pool has true threads."""

    class Person(User):
        @task
        def work(self):
            thread = threading.Thread(target=report, args=(self, "thread"))
            thread.start()
            thread.join()
            pool = gevent.get_hub().threadpool
            total = sum(pool.map(lambda number: number * number, range(10)))
            report(self, f"pool {total}")
            raise StopUser

    runner = run_with(Person)
    runner.start(10, spawn_rate=1000)
    until(lambda: runner.state == "running" and runner.user_count == 0)
    counts = {name: entry.num_requests for (name, _), entry in runner.stats.entries.items()}
    assert counts == {"thread": 10, "pool 285": 10}


def test_a_listener_may_stop_a_user_and_add_listeners(run_with, until):
    heard = []

    class Person(User):
        @task
        def work(self):
            report(self, "once")
            heard.append("never")

    runner = run_with(Person)
    hook = runner.environment.events.request

    @hook.add_listener
    def stop(**kwargs):
        hook.remove_listener(stop)
        hook.add_listener(lambda **kwargs: heard.append("late"))
        raise StopUser

    runner.start(1, spawn_rate=1)
    until(lambda: heard or (runner.state == "running" and runner.user_count == 0))
    assert heard == []
    assert runner.stats.total.num_requests == 1


def test_users_that_fail_to_reach_anything_count_each_try_once(run_with, until):
    class Visitor(HttpUser):
        host = "http://127.0.0.1:1"
        tries = 0

        @task
        def visit(self):
            gevent.joinall([gevent.spawn(self.client.get, f"/{number}") for number in range(4)])
            self.tries += 1
            if self.tries == 5:
                raise StopUser

    runner = run_with(Visitor)
    runner.start(10, spawn_rate=1000)
    until(lambda: runner.state == "running" and runner.user_count == 0)
    assert (runner.stats.total.num_requests, runner.stats.total.num_failures) == (200, 200)


def test_a_user_started_by_hand_is_stopped_with_the_others(run_with, until):
    stopped = []

    class Person(User):
        wait_time = constant(3600)

        @task
        def work(self): ...

        def on_stop(self):
            stopped.append(self)

    runner = run_with(Person)
    runner.start(1, spawn_rate=1)
    until(lambda: runner.state == "running")
    extra = runner.spawn_users({"Person": 2})
    until(lambda: all(user._state == "waiting" for user in extra))
    assert runner.user_count == 3
    runner.stop()
    assert len(stopped) == 3


def test_waiting_users_let_their_event_go(run_with, until):
    """A user that waits for something of the script's own is stopped like any other."""
    never = Event()

    class Person(User):
        waits = 0

        @task
        def work(self):
            Person.waits += 1
            never.wait()

    runner = run_with(Person)
    runner.start(5, spawn_rate=100)
    until(lambda: Person.waits == 5)
    runner.stop()
    assert runner.user_count == 0
    assert not never.is_set()


@pytest.mark.parametrize("event", ["spawning_complete", "request", "user_error"])
@pytest.mark.parametrize("how", ["quit", "stop"])
def test_a_listener_can_end_the_run_wherever_the_runner_calls_it(run_with, until, event, how):
    class Person(User):
        wait_time = constant(0.01)

        @task
        def work(self):
            report(self, "a")
            raise ValueError("bad")

    runner = run_with(Person)
    getattr(runner.environment.events, event).add_listener(lambda **kwargs: getattr(runner, how)())
    runner.start(5, spawn_rate=100)
    until(lambda: runner.user_count == 0 and runner.state == "stopped")
    if how == "quit":
        with gevent.Timeout(10):
            runner.greenlet.join()
