"""What pages of Locust's kind are told about the test: ``template_args``."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import katydid
from katydid import argument_parser, stats

if TYPE_CHECKING:
    from katydid.web import WebUI


def of(web_ui: WebUI) -> dict[str, Any]:
    """What a page of Locust's kind needs to know.

    Args:
        web_ui: The page.
    """
    from katydid import web

    environment = web_ui.environment
    runner, options, shape = environment.runner, environment.parsed_options, environment.shape_class
    host, overrides, missing = _host(environment.host, environment.user_classes)
    picked = environment.available_user_classes or None
    tasks = environment.available_user_tasks or None
    return {
        "locustfile": environment.locustfile,
        "state": getattr(runner, "state", "missing"),
        "is_distributed": hasattr(runner, "clients"),
        "user_count": getattr(runner, "user_count", 0),
        "version": katydid.LOCUST_VERSION,
        "host": host,
        "history": environment.stats.history if environment.stats.num_requests else [],
        "override_host_warning": overrides,
        "missing_host_warning": missing,
        "num_users": getattr(options, "num_users", None),
        "spawn_rate": getattr(options, "spawn_rate", None),
        "worker_count": web_ui.worker_count,
        "hide_common_options": shape is not None
        and not (web_ui.userclass_picker_is_active or shape.use_common_options),
        "shape_use_common_options": shape is not None and shape.use_common_options,
        "stats_history_enabled": getattr(options, "stats_history_enabled", None),
        "tasks": json.dumps({}),
        "extra_options": extra_options(options),
        "run_time": getattr(options, "run_time", None),
        "show_userclass_picker": web_ui.userclass_picker_is_active,
        "available_user_classes": sorted(picked) if picked else None,
        "available_shape_classes": ["Default", *sorted(environment.available_shape_classes or ())],
        "available_user_tasks": tasks
        and {name: [getattr(item, "__name__", str(item)) for item in items] for name, items in tasks.items()},
        "users": picked and {name: cls.json() for name, cls in picked.items()},
        "percentiles_to_chart": stats.PERCENTILES_TO_CHART,
        "percentiles_to_statistics": stats.PERCENTILES_TO_STATISTICS,
        "is_host_required": web.HOST_IS_REQUIRED,
        "profile": environment.profile,
    }


def _host(given: str | None, user_classes: list[Any]) -> tuple[str, bool, bool]:
    """The host to show, whether one would take the place of several, and whether a class lacks one."""
    if given:
        return given, False, False
    hosts = {cls.host for cls in user_classes}
    if len(hosts) > 1:
        from katydid.user.users import HttpUser

        # Those that do not speak HTTP need none.
        kinds: tuple[type, ...] = (HttpUser, katydid.FastHttpUser)
        return "", True, not all(cls.host for cls in user_classes if issubclass(cls, kinds))
    host = hosts.pop() if hosts else None
    return host or "", False, not host


def extra_options(options: Any) -> dict[str, dict[str, Any]]:
    """The options that scripts have added and the page may offer. A secret's value is not told.

    Args:
        options: The parsed command line.
    """
    if options is None:
        return {}
    return {
        name: {
            "default_value": "" if action.is_secret else getattr(options, name),
            "is_secret": action.is_secret,
            "is_required": action.is_required,
            "help_text": action.help,
            "is_multiple": action.is_multiple,
            "choices": action.choices,
        }
        for name, action in _added_options().items()
        if hasattr(options, name)
    }


def secret_options() -> set[str]:
    """The names of added options whose value the page is not told."""
    return {name for name, action in _added_options().items() if action.is_secret}


@functools.cache
def _added_options() -> dict[str, Any]:
    return dict(argument_parser.used_parser().args_included_in_web_ui)
