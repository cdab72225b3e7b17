"""Limiting a run to the tasks with certain tags."""

import pytest

from katydid.env import Environment
from katydid.user.sequential_taskset import SequentialTaskSet
from katydid.user.task import TaskSet, filter_tasks_by_tags, tag, task
from katydid.user.users import User


def names(holder):
    return [item.__name__ for item in holder.tasks]


def shop():
    class Checkout(TaskSet):
        @tag("slow")
        @task
        def pay(self): ...

        @task
        def cancel(self): ...

    class Shop(User):
        tasks = [Checkout]

        @tag("fast", "read")
        @task(2)
        def front(self): ...

        @tag("slow", "read")
        @task
        def search(self): ...

    return Shop


def test_only_wanted_tasks_stay_with_their_weights():
    cls = shop()
    filter_tasks_by_tags(cls, tags={"fast"})
    assert names(cls) == ["front", "front"]


def test_nested_sets_are_filtered_too():
    cls = shop()
    filter_tasks_by_tags(cls, tags={"slow"})
    assert names(cls) == ["Checkout", "search"]
    assert names(cls.tasks[0]) == ["pay"]


def test_excluding_wins_over_including():
    cls = shop()
    filter_tasks_by_tags(cls, tags={"read"}, exclude_tags={"slow"})
    assert names(cls) == ["front", "front"]


def test_nothing_left_warns(caplog):
    cls = shop()
    filter_tasks_by_tags(cls, tags={"absent"})
    assert cls.tasks == []
    assert "Shop had no tasks left after filtering" in caplog.text


def test_a_tag_on_a_set_is_a_tag_on_all_its_tasks():
    @tag("all")
    class Steps(SequentialTaskSet):
        @tag("own")
        @task
        def one(self): ...

        @task
        class Inner(TaskSet):
            @task
            def two(self): ...

    assert Steps.tasks[0].locust_tag_set == {"all", "own"}
    assert Steps.tasks[1].tasks[0].locust_tag_set == {"all"}


def test_a_tag_needs_a_name():
    with pytest.raises(ValueError, match="tag"):
        tag()
    with pytest.raises(ValueError, match="tag"):

        @tag
        def work(self): ...


def test_an_environment_filters_once():
    cls = shop()
    environment = Environment(user_classes=[cls], tags=["read"])
    environment._filter_tasks_by_tags()
    cls.tasks = [*cls.tasks, lambda user: None]
    environment._filter_tasks_by_tags()
    assert len(cls.tasks) == 4
