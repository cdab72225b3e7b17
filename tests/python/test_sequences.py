"""Task sets with an order."""

import pytest

from katydid.exception import LocustError
from katydid.user.markov_taskset import (
    InvalidTransitionError,
    MarkovTaskSet,
    MarkovTaskTagError,
    NoMarkovTasksError,
    NonMarkovTaskTransitionError,
    transition,
    transitions,
)
from katydid.user.sequential_taskset import SequentialTaskSet
from katydid.user.task import tag, task
from katydid.user.users import User


def picks(taskset, count):
    return [taskset.get_next_task().__name__ for _ in range(count)]


def test_tasks_run_in_the_order_of_the_body_and_start_over(environment):
    def listed(_): ...

    class Base(SequentialTaskSet):
        @task
        def inherited(self): ...

    class Steps(Base):
        @task(2)
        def first(self): ...

        tasks = [listed]

        @task
        def last(self): ...

    steps = Steps(User(environment))
    assert picks(steps, 6) == ["inherited", "first", "first", "listed", "last", "inherited"]


def test_two_users_are_at_different_steps(environment):
    class Steps(SequentialTaskSet):
        @task
        def one(self): ...

        @task
        def two(self): ...

    ahead, behind = Steps(User(environment)), Steps(User(environment))
    assert picks(ahead, 1) == ["one"]
    assert picks(ahead, 1) == ["two"]
    assert picks(behind, 1) == ["one"]


def test_tasks_must_have_an_order():
    with pytest.raises(ValueError, match="list or a dict"):

        class Steps(SequentialTaskSet):
            tasks = {1}


def test_an_empty_sequence_says_so(environment):
    with pytest.raises(LocustError, match="No tasks defined"):
        SequentialTaskSet(User(environment)).get_next_task()


def test_a_chain_follows_its_transitions(environment):
    class Chain(MarkovTaskSet):
        @transition("two")
        def one(self): ...

        @transitions(["three"])
        def two(self): ...

        @transitions({"one": 3})
        def three(self): ...

    assert picks(Chain(User(environment)), 5) == ["one", "two", "three", "one", "two"]
    assert picks(Chain(User(environment)), 1) == ["one"]


def test_weights_of_transitions_repeat_names():
    @transition("a", 2)
    @transition("b")
    def step(self): ...

    assert step.transitions == ["b", "a", "a"], "decorators apply from the bottom up"


def test_a_chain_that_cannot_run_forever_is_refused():
    with pytest.raises(NoMarkovTasksError):
        type("Empty", (MarkovTaskSet,), {})

    @transition("nowhere")
    def lost(self): ...

    with pytest.raises(InvalidTransitionError):
        type("Lost", (MarkovTaskSet,), {"lost": lost})

    @transition("end")
    def start(self): ...

    def end(self): ...

    with pytest.raises(NonMarkovTaskTransitionError):
        type("Ends", (MarkovTaskSet,), {"start": start, "end": end})

    @tag("x")
    @transition("loop")
    def loop(self): ...

    with pytest.raises(MarkovTaskTagError):
        type("Tagged", (MarkovTaskSet,), {"loop": loop})


def test_an_abstract_chain_is_not_checked():
    class Base(MarkovTaskSet):
        abstract = True

    assert Base.abstract
