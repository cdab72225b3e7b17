"""Users made of pytest's test functions, where a script has no user classes."""

from __future__ import annotations

import logging
import traceback
from typing import Any, NoReturn

from requests.exceptions import RequestException

from katydid.exception import CatchResponseError
from katydid.user.task import LOCUST_STATE_RUNNING, halt
from katydid.user.users import User

logger = logging.getLogger("locust.user.users")


class PytestUser(User):
    """Calls test functions again and again, without waiting, with what their fixtures give for this user.

    Attributes:
        functions: pytest's items, whose ``fixturedef`` is that of the function's one argument.
        fixtures: What the functions are called with.
    """

    abstract = True
    _has_no_tasks = True
    functions: list[Any]
    fixtures: list[Any]

    def run(self) -> NoReturn:
        """Runs the functions until the user is stopped. A request that failed does not end the user."""
        self._state = LOCUST_STATE_RUNNING
        given = [next(function.fixturedef.func(self)) for function in self.functions]
        self.fixtures = given
        while True:
            for function, fixture in zip(self.functions, given, strict=True):
                if self._state != LOCUST_STATE_RUNNING:
                    halt(self)
                try:
                    function.obj(fixture)
                except (RequestException, CatchResponseError, ConnectionError) as error:
                    if isinstance(error, ValueError):
                        # An address that is none: every try would fail the same way.
                        raise
                    logger.debug("%s\n%s", error, traceback.format_exc())
