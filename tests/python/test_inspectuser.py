"""Shares of tasks."""

import json

from katydid.env import Environment
from katydid.user.inspectuser import get_ratio, print_task_ratio, print_task_ratio_json
from katydid.user.task import TaskSet, task
from katydid.user.users import User


class Inner(TaskSet):
    @task(3)
    def often(self): ...

    @task
    def seldom(self): ...


class One(User):
    tasks = {Inner: 2}

    @task
    def own(self): ...


class Two(User):
    weight = 3

    @task
    def only(self): ...


def test_shares_are_of_the_set_or_of_everything():
    inner = {"often": {"ratio": 0.75}, "seldom": {"ratio": 0.25}}
    assert get_ratio([One], {"One": 4}, total=False) == {
        "One": {"ratio": 1.0, "tasks": {"Inner": {"ratio": 2 / 3, "tasks": inner}, "own": {"ratio": 1 / 3}}}
    }
    total = get_ratio([One, Two], {"One": 1, "Two": 3}, total=True)
    assert total["One"]["tasks"]["Inner"]["tasks"]["often"]["ratio"] == 0.25 * 2 / 3 * 0.75
    assert total["Two"] == {"ratio": 0.75, "tasks": {"only": {"ratio": 0.75}}}


def test_the_printed_tree_is_locusts(capsys):
    print_task_ratio([One, Two], 4, total=True)
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert printed == [
        " 25.0       One",
        "   16.7       Inner",
        "     12.5       often",
        "     4.2        seldom",
        "   8.3        own",
        " 75.0       Two",
        "   75.0       only",
    ]


def test_the_printed_json_has_both_kinds(capsys):
    print_task_ratio_json([One, Two], 4)
    printed = json.loads(capsys.readouterr().out)
    assert printed["per_class"]["Two"]["tasks"]["only"]["ratio"] == 1
    assert printed["total"]["Two"]["tasks"]["only"]["ratio"] == 0.75


def test_equal_weights_flatten_nested_sets():
    one = type("One", (One,), {})
    two = type("Two", (Two,), {})
    Environment(user_classes=[one, two]).assign_equal_weights()
    assert (one.weight, two.weight) == (1, 1)
    assert [item.__name__ for item in one.tasks] == ["often", "seldom", "own"]
