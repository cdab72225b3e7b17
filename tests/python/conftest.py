"""What the tests of the Python modules share."""

import pytest

from katydid.env import Environment
from katydid.exception import StopUser
from katydid.user.users import User


@pytest.fixture
def environment():
    """An environment of its own, without users or runner."""
    return Environment()


@pytest.fixture
def live(environment):
    """Runs one user of a class in the test's own greenlet, until it stops itself, and returns it."""

    def live(user_class, catch_exceptions=True):
        environment.catch_exceptions = catch_exceptions
        user = user_class(environment)
        user.run()
        return user

    return live


class Diary(User):
    """A user that writes down what happens to it, and stops after so many entries."""

    abstract = True
    length = 6

    def __init__(self, environment):
        super().__init__(environment)
        self.entries = []

    def note(self, entry):
        if len(self.entries) >= self.length:
            raise StopUser
        self.entries.append(entry)


@pytest.fixture
def diary():
    """The class `Diary`."""
    return Diary
