"""Users, tasks and control flow: the behaviours that are easy to get wrong, by their numbers in the inventory."""

import logging
import random

import gevent
import pytest
from gevent.event import Event
from gevent.pool import Group
from locust import (
    HttpUser,
    MarkovTaskSet,
    SequentialTaskSet,
    TaskSet,
    User,
    between,
    constant,
    constant_pacing,
    constant_throughput,
    tag,
    task,
    transition,
)
from locust.env import Environment
from locust.exception import (
    InterruptTaskSet,
    LocustError,
    RescheduleTask,
    RescheduleTaskImmediately,
    StopTest,
    StopUser,
)
from locust.user.markov_taskset import (
    InvalidTransitionError,
    MarkovTaskTagError,
    NoMarkovTasksError,
    NonMarkovTaskTransitionError,
)
from locust.user.task import DefaultTaskSet, filter_tasks_by_tags


def names(tasks):
    return [item.__name__ for item in tasks]


def test_01_on_start_runs_before_the_first_task_and_the_wait_after_each(diary, live):
    class Person(diary):
        def on_start(self):
            self.note("start")

        def wait_time(self):
            self.note("wait")
            return 0

        @task
        def work(self):
            self.note("work")

    assert live(Person).entries == ["start", "work", "wait", "work", "wait", "work"]


@pytest.mark.parametrize(("reschedule", "expected"), [(True, ["in", "in", "in"]), (False, ["in", "wait", "in"])])
def test_02_an_interrupt_that_reschedules_skips_the_parents_wait(diary, live, reschedule, expected):
    class Inner(TaskSet):
        @task
        def work(self):
            self.user.note("in")
            self.interrupt(reschedule)

    class Person(diary):
        length = 3
        tasks = [Inner]

        def wait_time(self):
            self.note("wait")
            return 0

    assert live(Person).entries == expected


@pytest.mark.parametrize(("reschedule", "expected"), [(True, ["start"] * 4), (False, ["start", "wait"] * 2)])
def test_03_an_interrupt_in_on_start_does_not_call_on_stop(diary, live, reschedule, expected):
    class Inner(TaskSet):
        def on_start(self):
            self.user.note("start")
            self.interrupt(reschedule)

        def on_stop(self):
            self.user.note("stop")

    class Person(diary):
        length = 4
        tasks = [Inner]

        def wait_time(self):
            self.note("wait")
            return 0

    assert live(Person).entries == expected


@pytest.mark.parametrize("kill", [True, False])
def test_04_every_level_is_told_to_stop_the_innermost_first(diary, environment, kill):
    class Inner(TaskSet):
        @task
        def work(self):
            if not kill:
                raise StopUser
            ready.set()
            gevent.sleep(3600)

        def on_stop(self):
            self.user.entries.append("inner")

    class Outer(TaskSet):
        tasks = [Inner]

        def on_stop(self):
            self.user.entries.append("outer")

    class Person(diary):
        tasks = [Outer]

        def on_stop(self):
            self.entries.append("user")

    ready = Event()
    user = Person(environment)
    greenlet = user.start(Group())
    if kill:
        ready.wait()
        greenlet.kill()
    greenlet.join()
    assert user.entries == ["inner", "outer", "user"]


@pytest.mark.parametrize(
    ("reschedule", "escapes"), [(True, RescheduleTaskImmediately), (False, RescheduleTask)], ids=["now", "later"]
)
def test_05_an_interrupt_in_a_task_of_the_user_itself_ends_the_user(diary, live, environment, reschedule, escapes):
    told = []
    environment.events.user_error.add_listener(lambda **kwargs: told.append("error"))

    class Person(diary):
        @task
        def work(self):
            raise InterruptTaskSet(reschedule)

        def on_stop(self):
            told.append("stop")

    with pytest.raises(escapes):
        live(Person)
    assert told == []


def test_06_stop_test_in_a_task_ends_only_its_user(run_with, until):
    class Leaving(User):
        fixed_count = 1

        @task
        def leave(self):
            raise StopTest("enough")

    class Staying(User):
        fixed_count = 1
        wait_time = constant(3600)

        @task
        def stay(self): ...

    runner = run_with(Leaving, Staying)
    runner.start(2, spawn_rate=100)
    until(lambda: runner.state == "running" and runner.user_count == 1)
    assert runner.user_classes_count == {"Leaving": 0, "Staying": 1}


def test_07_stop_test_in_a_constructor_stops_the_run(run_with, until, caplog):
    class Homeless(HttpUser):
        @task
        def never(self): ...

    runner = run_with(Homeless)
    runner.start(3, spawn_rate=100)
    until(lambda: runner.state == "stopped")
    assert runner.user_count == 0
    assert "You must specify the base host" in caplog.text
    assert "Stopping Locust..." in caplog.text


def test_08_user_error_carries_the_root_task_set(diary, live, environment):
    errors = []
    environment.events.user_error.add_listener(lambda **kwargs: errors.append(kwargs))

    class Person(diary):
        length = 1

        @task
        def work(self):
            self.note("work")
            raise ValueError("bad")

    user = live(Person)
    assert set(errors[0]) == {"user_instance", "exception", "tb"}
    assert isinstance(errors[0]["user_instance"], DefaultTaskSet)
    assert errors[0]["user_instance"].user is user
    assert isinstance(errors[0]["exception"], ValueError)
    assert errors[0]["tb"] is errors[0]["exception"].__traceback__


def test_09_without_catch_exceptions_the_exception_is_raised_again(diary, live, environment, caplog):
    told = []
    environment.events.user_error.add_listener(lambda **kwargs: told.append("error"))

    class Person(diary):
        length = 1

        @task
        def work(self):
            self.note("work")
            raise ValueError("bad")

    assert live(Person).entries == ["work"]
    assert "ValueError: bad" in caplog.text
    environment.catch_exceptions = False
    with pytest.raises(ValueError, match="bad"):
        live(Person)
    assert told == ["error", "error"]


@pytest.mark.parametrize("leaving", [RescheduleTask, InterruptTaskSet, StopUser, AssertionError])
def test_10_an_unmarked_with_block_that_is_left_by_an_exception_records_nothing(run_with, until, leaving):
    class Visitor(HttpUser):
        # Nothing listens there: the request fails at once, which is as good an answer as any.
        host = "http://127.0.0.1:1"
        tries = 0

        @task
        def visit(self):
            Visitor.tries += 1
            if Visitor.tries > 1:
                raise StopUser
            with self.client.get("/", catch_response=True):
                raise leaving

    runner = run_with(Visitor)
    if leaving is InterruptTaskSet:

        class Set(TaskSet):
            @task
            def visit(self):
                Visitor.visit(self.user)

        Visitor.tasks = [Set]
    runner.start(1, spawn_rate=1)
    until(lambda: Visitor.tries and runner.state == "running" and runner.user_count == 0)
    assert runner.stats.total.num_requests == 0
    assert runner.stats.total.num_failures == 0


def test_11_tasks_of_the_bases_come_first_then_the_list_then_the_decorated_ones():
    def listed(_): ...

    class One(TaskSet):
        tasks = {listed: 2}

    class Two(TaskSet):
        @task(2)
        def decorated(self): ...

    class Both(One, Two):
        @task
        def own(self): ...

        tasks = [(listed, 1)]

    assert names(Both.tasks) == ["listed", "listed", "decorated", "decorated", "listed", "own"]


def test_12_abstract_is_not_inherited():
    class Base(User):
        abstract = True

    class Derived(Base): ...

    assert Base.abstract
    assert not Derived.abstract


def test_13_user_and_parent_are_read_only(environment):
    user = User(environment)
    taskset = TaskSet(TaskSet(user))
    for name in ("user", "parent"):
        with pytest.raises(AttributeError):
            setattr(taskset, name, None)
    assert taskset.user is user
    assert taskset.parent.parent is user


def test_14_a_bound_method_can_be_scheduled(diary, live):
    class Set(TaskSet):
        def on_start(self):
            self.schedule_task(self.bound)
            self.schedule_task(Set.plain)
            self.schedule_task(Set.urgent, first=True)

        def bound(self, *rest):
            self.user.note(("bound", rest))

        def plain(self, *rest):
            self.user.note(("plain", rest))

        def urgent(self, *rest):
            self.user.note(("urgent", rest))

        @task
        def usual(self):
            self.user.note("usual")

    class Person(diary):
        length = 4
        tasks = [Set]

    assert live(Person).entries == [("urgent", ()), ("bound", ()), ("plain", ()), "usual"]


def test_15_a_class_without_tasks_says_so_when_it_runs(diary, live, environment):
    errors = []

    class Person(diary):
        task = None

    @environment.events.user_error.add_listener
    def remember(exception, **kwargs):
        errors.append(str(exception))
        raise StopUser

    live(Person)
    assert len(errors) == 1
    assert errors[0].startswith("No tasks defined on Person")
    assert "task" in errors[0].removeprefix("No tasks defined on Person")


def test_16_a_sequential_set_has_its_list_where_it_stands_and_starts_over(diary, live):
    def listed(taskset):
        taskset.user.note("listed")

    class Base(SequentialTaskSet):
        @task
        def inherited(self):
            self.user.note("inherited")

    class Steps(Base):
        @task
        def first(self):
            self.user.note("first")

        tasks = {listed: 2}

        @task(2)
        def last(self):
            self.user.note("last")

    class Person(diary):
        length = 8
        tasks = [Steps]

    assert live(Person).entries == ["inherited", "first", "listed", "listed", "last", "last", "inherited", "first"]
    with pytest.raises(ValueError, match="list or"):
        type("Wrong", (SequentialTaskSet,), {"tasks": 3})


def test_17_a_markov_chain_is_checked_when_its_class_is_made(caplog, diary, live):
    def step(*targets):
        def step(self):
            self.user.note(len(targets))

        for target in targets:
            step = transition(target)(step)
        return step

    def chain(**members):
        for name, member in members.items():
            if callable(member):
                member.__name__ = name
        return type("Chain", (MarkovTaskSet,), members)

    with pytest.raises(NoMarkovTasksError):
        chain(lonely=lambda self: None)
    with pytest.raises(InvalidTransitionError):
        chain(a=step("nowhere"))
    with pytest.raises(NonMarkovTaskTransitionError):
        chain(a=step("b"), b=lambda self: None)
    with pytest.raises(MarkovTaskTagError):
        chain(a=tag("x")(step("a")))
    assert issubclass(NoMarkovTasksError, LocustError)
    chain(abstract=True)
    assert "unreachable" not in caplog.text
    chain(a=step("a"), island=step("island"))
    assert "unreachable" in caplog.text

    class Person(diary):
        length = 4
        tasks = [chain(a=step("b"), b=step("a", "a"))]

    assert live(Person).entries == [1, 2, 1, 2]


def test_18_pacing_keeps_its_state_per_object(environment):
    class Paced(User):
        wait_time = constant_throughput(1 / 10)

    class Own(TaskSet):
        wait_time = constant_pacing(10)

    one, two = Paced(environment), Paced(environment)
    # The first wait is what is left of the interval; asked again without having waited, it adds the next.
    assert 9 < one.wait_time() <= 10
    assert 9 < two.wait_time() <= 10
    assert 19 < one.wait_time() <= 20
    shared, own = TaskSet(one), Own(one)
    before = one._cp_last_run
    shared.wait_time()
    assert one._cp_last_run > before
    after = one._cp_last_run
    own.wait_time()
    assert one._cp_last_run == after
    with pytest.raises(ValueError, match=r"rate|zero"):
        constant_throughput(0)


def test_19_the_wait_is_zero_by_default(environment):
    assert User(environment).wait_time() == 0
    assert TaskSet(User(environment)).wait_time() == 0


def test_20_a_task_sets_wait_time_wins_over_the_users(environment):
    class Person(User):
        wait_time = between(3, 9)

    class Own(TaskSet):
        wait_time = constant(1)

    class Method(TaskSet):
        def wait_time(self):
            return self.user.wait_time() + 10

    user = Person(environment)
    assert Own(user).wait_time() == 1
    assert 13 <= Method(user).wait_time() <= 19
    random.seed(7)
    waits = [TaskSet(user).wait_time() for _ in range(500)]
    assert 3 <= min(waits) < 3.2
    assert 8.8 < max(waits) <= 9


def test_21_a_task_cannot_be_named_run(caplog):
    def run(self): ...

    def on_start(self): ...

    with pytest.raises(Exception, match="run"):
        task(run)
    with pytest.raises(Exception, match="run"):
        task(2)(run)
    task(on_start)
    assert [(record.name, record.levelname) for record in caplog.records] == [("root", "WARNING")]


def test_22_a_forgotten_base_constructor_is_explained(run_with):
    class Person(User):
        def __init__(self, environment):
            pass

        @task
        def never(self): ...

    with pytest.raises(AssertionError, match=r"super\(\)\.__init__\(\*args, \*\*kwargs\)"):
        run_with(Person).spawn_users({"Person": 1})


@pytest.mark.parametrize("stop_timeout", [None, 5], ids=["kill", "stop_timeout"])
@pytest.mark.parametrize("count", [1, 5])
def test_23_a_task_can_quit_the_runner(run_with, until, stop_timeout, count):
    events = []

    class Quitter(User):
        @task
        def quit(self):
            self.environment.runner.quit()

    runner = run_with(Quitter, stop_timeout=stop_timeout)
    runner.environment.events.test_stop.add_listener(lambda **kwargs: events.append("test_stop"))
    runner.start(count, spawn_rate=100)
    runner.greenlet.join()
    assert runner.user_count == 0
    assert events == ["test_stop"]


def test_24_many_users_run_their_on_stop_at_once(run_with, until):
    class Person(User):
        wait_time = constant(3600)
        inside = 0
        most = 0

        @task
        def work(self): ...

        def on_stop(self):
            Person.inside += 1
            Person.most = max(Person.most, Person.inside)
            gevent.sleep(0.1)
            Person.inside -= 1

    runner = run_with(Person)
    runner.start(10, spawn_rate=100)
    until(lambda: runner.user_count == 10)
    runner.quit()
    assert Person.most == 10
    assert Person.inside == 0


def test_25_a_waiting_user_stops_at_once_whatever_the_stop_timeout(run_with, until):
    class Person(User):
        wait_time = constant(3600)
        stopped = 0

        @task
        def work(self): ...

        def on_stop(self):
            Person.stopped += 1

    runner = run_with(Person, stop_timeout=3600)
    runner.start(3, spawn_rate=100)
    until(lambda: [user.args[0]._state for user in runner.user_greenlets] == ["waiting"] * 3)
    with gevent.Timeout(10):
        runner.quit()
    assert Person.stopped == 3


def test_26_a_stop_timeout_lets_on_start_finish_but_no_task_start(run_with):
    told = []
    inside, go_on = Event(), Event()

    class Person(User):
        def on_start(self):
            inside.set()
            go_on.wait()
            told.append("started")

        @task
        def work(self):
            told.append("work")

        def on_stop(self):
            told.append("stopped")

    runner = run_with(Person, stop_timeout=3600)
    runner.start(1, spawn_rate=1)
    inside.wait()
    gevent.spawn_later(0.1, go_on.set)
    runner.quit()
    assert told == ["started", "stopped"]


@pytest.mark.parametrize("stubborn", [False, True], ids=["finishes", "is killed"])
def test_27_a_ramp_down_waits_for_tasks_but_no_longer_than_the_stop_timeout(run_with, until, stubborn):
    finished, stopped = [], []

    class Person(User):
        @task
        def work(self):
            gevent.sleep(3600 if stubborn else 0.3)
            finished.append(self)

        def on_stop(self):
            stopped.append(self)

    runner = run_with(Person, stop_timeout=0.5 if stubborn else 3600)
    runner.start(4, spawn_rate=100)
    until(lambda: runner.user_count == 4 and runner.state == "running")
    finished.clear()
    runner.start(1, spawn_rate=100)
    until(lambda: runner.user_count == 1 and len(stopped) == 3)
    if stubborn:
        assert finished == []
    else:
        assert set(stopped) <= set(finished)


class TestTags:
    """28: what the tags leave."""

    @pytest.fixture
    def person(self):
        @tag("a")
        @task
        def shared(_): ...

        class Inner(TaskSet):
            @tag("a", "b")
            @task(2)
            def both(self): ...

            @tag("b")
            @task
            def b(self): ...

        class Untagged(TaskSet):
            @task
            def plain(self): ...

        @tag("whole")
        class Whole(TaskSet):
            @task
            def inside(self): ...

        class Person(User):
            tasks = {Inner: 2, Untagged: 1, shared: 3, Whole: 1}

        return Person

    def test_28_a_wanted_tag_keeps_weights_and_drops_empty_sets(self, person):
        filter_tasks_by_tags(person, {"a"}, None)
        assert names(person.tasks) == ["Inner", "Inner", "shared", "shared", "shared"]
        assert names(person.tasks[0].tasks) == ["both", "both"]

    def test_28_an_excluded_tag_wins(self, person):
        filter_tasks_by_tags(person, {"a"}, {"b"})
        assert names(person.tasks) == ["shared"] * 3

    def test_28_exclusion_alone_keeps_what_has_no_tag(self, person):
        filter_tasks_by_tags(person, None, {"b", "whole"})
        assert names(person.tasks) == ["Untagged", "shared", "shared", "shared"]

    def test_28_a_tagged_set_tags_its_tasks(self, person):
        filter_tasks_by_tags(person, {"whole"}, None)
        assert names(person.tasks) == ["Whole"]

    def test_28_nothing_left_is_warned_of(self, person, caplog):
        filter_tasks_by_tags(person, {"unknown"}, None)
        assert person.tasks == []
        assert "Person had no tasks left after filtering, instantiating it will fail!" in caplog.text

    @pytest.mark.parametrize("misuse", [lambda: tag(), lambda: tag(lambda self: None)])
    def test_28_a_tag_needs_a_name(self, misuse):
        with pytest.raises(ValueError, match="tag name"):
            misuse()


def test_29_tags_are_applied_once_at_the_first_start(run_with, until):
    class Person(User):
        wait_time = constant(0.01)

        @tag("yes")
        @task
        def wanted(self): ...

        @tag("no")
        @task
        def unwanted(self): ...

    runner = run_with(Person, tags=["yes"])
    assert names(Person.tasks) == ["wanted", "unwanted"]
    runner.start(1, spawn_rate=1)
    until(lambda: runner.state == "running")
    assert names(Person.tasks) == ["wanted"]
    runner.stop()
    runner.environment.tags = ["no"]
    runner.start(1, spawn_rate=1)
    until(lambda: runner.state == "running")
    assert names(Person.tasks) == ["wanted"]


def test_29_a_set_without_tasks_is_left_out_even_without_tags(run_with, until, caplog):
    class Person(User):
        wait_time = constant(3600)
        done = False

        @task
        class Empty(TaskSet): ...

        @task
        def work(self):
            Person.done = True

    runner = run_with(Person)
    runner.start(1, spawn_rate=1)
    until(lambda: Person.done)
    assert names(Person.tasks) == ["work"]
    assert "Empty had no tasks left after filtering" in caplog.text


def test_30_classes_of_weight_zero_are_left_out_unless_their_count_is_fixed():
    class Light(User):
        weight = 0

    class Fixed(User):
        weight = 0
        fixed_count = 2

    class Usual(User): ...

    assert Environment(user_classes=[Light, Fixed, Usual]).user_classes == [Fixed, Usual]
    assert Environment(user_classes=[Light, Fixed]).user_classes == [Fixed]
    with pytest.raises(ValueError, match=r"There are no users with weight > 0\."):
        Environment(user_classes=[Light])


def test_31_equal_weights_flattens_nested_sets():
    class Deep(TaskSet):
        @task(9)
        def deepest(self): ...

    class Inner(TaskSet):
        tasks = {Deep: 2}

        @task(4)
        def deep(self): ...

    class Heavy(User):
        weight = 7
        tasks = [Inner]

        @task(3)
        def flat(self): ...

    class Light(User):
        @task(5)
        def only(self): ...

    Environment(user_classes=[Heavy, Light]).assign_equal_weights()
    assert (Heavy.weight, Light.weight) == (1, 1)
    assert sorted(names(Heavy.tasks)) == ["deep", "deepest", "flat"]
    assert names(Light.tasks) == ["only"]


def test_the_logger_of_a_failing_task_is_that_of_the_module(diary, live, caplog):
    class Person(diary):
        length = 1

        @task
        def work(self):
            self.note("work")
            raise ValueError("bad")

    with caplog.at_level(logging.ERROR):
        live(Person)
    assert [record.name for record in caplog.records] == ["locust.user.task"]
