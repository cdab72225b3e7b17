"""Importing a locustfile."""

import sys

import pytest

from katydid import _aliases
from katydid.env import Environment
from katydid.shape import LoadTestShape
from katydid.user.users import User
from katydid.util.load_locustfile import load_locustfile

SCRIPT = """
from locust import HttpUser, LoadTestShape, User, task

class Base(User):
    abstract = True

class One(Base):
    @task
    def work(self): ...

class Two(HttpUser): ...

class Stairs(LoadTestShape):
    def tick(self):
        return None
"""


@pytest.fixture(autouse=True)
def _isolated(monkeypatch):
    _aliases.install()
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "modules", sys.modules)


def test_runnable_users_and_shapes_are_found(tmp_path):
    path = tmp_path / "found.py"
    path.write_text(SCRIPT)
    users, shapes = load_locustfile(str(path))
    assert list(users) == ["One", "Two"]
    assert [type(shape).__name__ for shape in shapes] == ["Stairs"]


def test_a_script_imports_its_neighbours(tmp_path):
    (tmp_path / "neighbour_of_script.py").write_text("VALUE = 7\n")
    path = tmp_path / "has_neighbour.py"
    path.write_text(
        "from neighbour_of_script import VALUE\nfrom locust import User\nclass Person(User):\n    x = VALUE\n"
    )
    users, _ = load_locustfile(str(path))
    assert users["Person"].x == 7


def test_a_script_named_locust_does_not_hide_the_package(tmp_path):
    path = tmp_path / "locust.py"
    path.write_text("from locust import User\nclass Person(User): ...\n")
    users, _ = load_locustfile(str(path))
    assert users["Person"].__module__ == "locustfile"


def test_classes_without_weight_are_dropped_unless_their_number_is_fixed():
    light = type("Light", (User,), {"weight": 0})
    fixed = type("Fixed", (User,), {"weight": 0, "fixed_count": 2})
    usual = type("Usual", (User,), {})
    assert Environment(user_classes=[light, fixed, usual]).user_classes == [fixed, usual]
    with pytest.raises(ValueError, match="no users with weight"):
        Environment(user_classes=[light])


def test_two_classes_of_one_name_are_refused():
    with pytest.raises(ValueError, match="same class name"):
        Environment(user_classes=[type("Same", (User,), {}), type("Same", (User,), {})])


def test_a_shape_is_an_instance():
    class Stairs(LoadTestShape):
        def tick(self):
            return None

    with pytest.raises(ValueError, match="instance of LoadTestShape"):
        Environment(shape_class=Stairs)
