"""What the engine is told about a script: it stands on the page, in reports and in the names of downloads."""

from __future__ import annotations

import math
import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from katydid import _template_args, stats
from katydid.stages import Stages

if TYPE_CHECKING:
    from katydid.env import Environment
    from katydid.user.users import User


def of(environment: Environment) -> dict[str, Any]:
    """What the engine is to know about an environment.

    Args:
        environment: The environment.
    """
    options = environment.parsed_options or Namespace()
    shape = environment.shape_class
    rate = getattr(options, "spawn_rate", None) or 1
    return {
        "locustfile": environment.locustfile or "",
        "host": environment.host,
        "stages": [[stage.seconds, stage.users] for stage in shape.stages] if isinstance(shape, Stages) else None,
        "shape": type(shape).__name__ if shape is not None else None,
        "tags": {
            "known": environment._known_tags(),
            "only": list(environment.tags or ()),
            "without": list(environment.exclude_tags or ()),
        },
        "user_classes": user_classes(environment.user_classes),
        "defaults": {
            # A form that was refused may have left anything behind.
            "users": max(1, getattr(options, "num_users", None) or 1),
            "spawn_rate": rate if math.isfinite(rate) and rate > 0 else 1,
            "run_time": getattr(options, "run_time", None) or None,
        },
        "options": [
            {
                "name": name,
                "help": option["help_text"],
                "value": option["default_value"],
                "choices": [str(choice) for choice in option["choices"] or ()],
                "is_secret": option["is_secret"],
                "is_required": option["is_required"],
            }
            for name, option in _template_args.extra_options(environment.parsed_options).items()
        ],
        "percentiles_to_chart": stats.PERCENTILES_TO_CHART,
        "percentiles_to_statistics": stats.PERCENTILES_TO_STATISTICS,
        "percentiles_to_report": stats.PERCENTILES_TO_REPORT,
        "utc_offset": time.localtime().tm_gmtoff,
        "is_old": _is_old(environment.user_classes),
    }


def _is_old(classes: list[type[User]]) -> bool:
    """Whether a script is of the 0.14 generation, whose classes need a module that no other script loads."""
    legacy = sys.modules.get("katydid.legacy")
    return legacy is not None and any(issubclass(cls, legacy.Locust) for cls in classes)


def user_classes(classes: Iterable[type[User]]) -> list[dict[str, Any]]:
    """What the engine is to know about classes of users.

    Args:
        classes: The classes.
    """
    return [_user_class(cls) for cls in classes]


def _user_class(cls: Any) -> dict[str, Any]:
    weights: dict[str, int] = {}
    for item in cls.tasks:
        name = getattr(item, "__name__", str(item))
        weights[name] = weights.get(name, 0) + 1
    return {
        "name": cls.__name__,
        "weight": cls.weight,
        "fixed_count": cls.fixed_count,
        "host": None if cls.host is None else str(cls.host),
        "tasks": [{"name": name, "weight": weight} for name, weight in weights.items()],
    }
