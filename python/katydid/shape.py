"""Load shapes: a script that decides, second by second, how many users there are."""

from __future__ import annotations

import time
from abc import ABCMeta, abstractmethod
from numbers import Real
from typing import TYPE_CHECKING, Any, ClassVar

from katydid.exception import LocustError
from katydid.log import where
from katydid.rate import Rate

if TYPE_CHECKING:
    from katydid.runners import Runner
    from katydid.user.users import User

Tick = Rate | tuple[int, float] | tuple[int, float, list[type["User"]] | None] | None
"""Users, spawn rate and, if wanted, the classes; or a rate of iterations; or None to end the test."""


class LoadTestShapeMeta(ABCMeta):
    """Marks a shape usable unless its own body says ``abstract``."""

    def __new__(mcs, name: str, bases: tuple[type, ...], class_dict: dict[str, Any]) -> LoadTestShapeMeta:
        """Creates the class."""
        class_dict["abstract"] = class_dict.get("abstract", False)
        return super().__new__(mcs, name, bases, class_dict)


class LoadTestShape(metaclass=LoadTestShapeMeta):
    """Decides how many users there are. Subclass it and write `tick`; the first one found is used.

    Example:
        ```python
        class Stairs(LoadTestShape):
            def tick(self):
                step = int(self.get_run_time() // 30)
                return ((step + 1) * 10, 10) if step < 5 else None
        ```
    """

    abstract: ClassVar[bool] = True
    """Whether the class is only a base for others; not inherited."""
    use_common_options: ClassVar[bool] = False
    """Whether ``--users``, ``--spawn-rate`` and ``--run-time`` are meant for the shape."""
    runner: Runner | None = None
    """What runs the test; set before the first tick."""

    def __init__(self) -> None:
        self.start_time = time.perf_counter()

    def reset_time(self) -> None:
        """Starts the shape's clock anew."""
        self.start_time = time.perf_counter()

    def get_run_time(self) -> float:
        """Seconds since the test started."""
        return time.perf_counter() - self.start_time

    def get_current_user_count(self) -> int:
        """How many users run now."""
        return self.runner.user_count if self.runner is not None else 0

    @abstractmethod
    def tick(self) -> Tick:
        """Called about once a second; says what there should be now, or None to end the test."""


def check_tick(shape: LoadTestShape, tick: Any) -> None:
    """Checks what a shape's `tick` returned.

    Raises:
        LocustError: The runner could make nothing of it.
    """
    if tick is None or isinstance(tick, Rate):
        return
    wrong = not isinstance(tick, (tuple, list)) or len(tick) not in (2, 3)
    if not wrong:
        users, rate = tick[0], tick[1]
        classes = (tick[2] if len(tick) == 3 else None) or ()
        wrong = not isinstance(users, Real) or not isinstance(rate, Real) or users < 0 or rate <= 0
        wrong = wrong or not isinstance(classes, (list, tuple)) or not all(hasattr(cls, "weight") for cls in classes)
    if wrong:
        raise LocustError(
            f"{type(shape).__name__}.tick returned {tick!r}; it returns the number of users and a spawn rate above "
            "zero, (users, spawn_rate), perhaps with a list of user classes behind them, or a katydid.Rate of "
            "iterations, or None to end the test"
            f"{where(type(shape).tick)}"
        )
