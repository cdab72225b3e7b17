"""Sessions as pytest's fixtures, so that one function is a test under pytest and a user of a load test.

Under pytest nothing is counted, and ``--host`` says what is tested. A locustfile without user classes makes users of
its test functions (`katydid.user.pytest_user`), whose sessions count as any user's do.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from katydid.clients import HttpSession
    from katydid.contrib.fasthttp import FastHttpSession
    from katydid.user.users import User

_host: str | None = None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--host``, unless another plugin has it."""
    try:
        parser.addoption("--host", "-H", action="store", default=None, help="The host that sessions talk to")
    except ValueError as error:
        if "already added" not in str(error):
            raise


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the host for the fixtures, which Katydid's users call with nothing but themselves."""
    global _host
    _host = config.getoption("--host", default=None)


@pytest.fixture
def session(user: User | None = None) -> Iterator[HttpSession]:
    """A session as `HttpUser.client` is one, closed after the test.

    Args:
        user: The user it is for; none under pytest.
    """
    # Not above: it patches the standard library, which tests that do not use it need not have.
    from katydid.clients import HttpSession

    made = HttpSession(user=user, **_told(user))
    yield made
    made.close()


@pytest.fixture
def fastsession(user: User | None = None) -> Iterator[FastHttpSession]:
    """A session as `FastHttpUser.client` is one, closed after the test.

    Args:
        user: The user it is for; none under pytest.
    """
    from katydid.contrib.fasthttp import FastHttpSession

    made = FastHttpSession(user=user, **_told(user))
    yield made
    made.client.close()


def _told(user: User | None) -> dict[str, Any]:
    """Where a session goes, and whom it tells of its requests."""
    if user is not None:
        return {"base_url": user.host, "request_event": user.environment.events.request}
    from katydid.event import EventHook

    return {"base_url": _host or "", "request_event": EventHook()}
