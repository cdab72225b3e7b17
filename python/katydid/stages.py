"""Load in stages, without a script having to say so: ``--stages 30s:10,5m:10,1m:0``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from katydid.shape import LoadTestShape, Tick
from katydid.util.timespan import parse_timespan

if TYPE_CHECKING:
    from katydid.user.users import User


@dataclass(frozen=True)
class Stage:
    """A part of a test.

    Attributes:
        seconds: How long it lasts.
        users: How many users there are at its end; from the number before it goes there in a straight line.
    """

    seconds: int
    users: int


def parse(text: str) -> list[Stage]:
    """Reads stages.

    Args:
        text: Times and numbers of users: ``30s:10,5m:10,1m:0``.

    Raises:
        ValueError: It is not written that way.
    """
    stages = [_stage(part.strip()) for part in text.split(",") if part.strip()]
    if not any(stage.users for stage in stages):
        raise ValueError(f"{text!r} has no stage with users; write a time and a number for each: 30s:10,5m:10,1m:0")
    return stages


def _stage(text: str) -> Stage:
    time, _, users = text.partition(":")
    try:
        stage = Stage(parse_timespan(time.strip()), int(users))
    except ValueError:
        raise ValueError(f"{text!r} is no stage; write its time and its users, as in 30s:10") from None
    if stage.seconds < 1 or stage.users < 0:
        raise ValueError(f"{text!r} is no stage: it lasts at least 1s and has 0 or more users")
    return stage


class Stages(LoadTestShape):
    """Users over time, stage by stage; after the last one the test ends.

    Args:
        stages: The stages.
        classes: The classes of the users; by default all.
    """

    def __init__(self, stages: list[Stage], classes: list[type[User]] | None = None) -> None:
        super().__init__()
        self.stages = stages
        self.classes = classes

    def tick(self) -> Tick:
        """Where the present stage leads, and how fast."""
        passed = self.get_run_time()
        before = 0
        for stage in self.stages:
            if passed < stage.seconds:
                return stage.users, abs(stage.users - before) / stage.seconds or 1, self.classes
            passed -= stage.seconds
            before = stage.users
        return None
