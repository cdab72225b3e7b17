"""The report of a run as one page that stands by itself."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from katydid import _about, hub
from katydid.runners import STATE_INIT, STATE_STOPPED
from katydid.user.inspectuser import get_ratio

if TYPE_CHECKING:
    from katydid.env import Environment

PERCENTILES_FOR_HTML_REPORT = [0.50, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0]
"""Percentiles of the report's table; the engine has them built in."""

DEFAULT_BUILD_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "templates")
"""Where Katydid's own templates are."""


def get_html_report(environment: Environment, show_download_link: bool = True, theme: str = "") -> str:
    """The report of what has happened so far.

    Args:
        environment: What was run.
        show_download_link: Whether the page has a link to keep it as a file.
        theme: ``"light"``, ``"dark"``, or "" for what the reader prefers.
    """
    if environment.web_ui is None:
        hub.engine(environment).describe(json.dumps(_about.of(environment), default=str))
    telling = {
        "theme": theme,
        "show_download_link": show_download_link,
        "tasks": task_ratios(environment),
        "history": environment.stats.history,
        "profile": environment.profile,
    }
    if environment.runner is None or environment.runner.state in (STATE_INIT, STATE_STOPPED):
        # What is kept has the last second, too.
        hub.engine(environment).flush_runs()
    return hub.engine(environment).report(json.dumps(telling))


def render_template_from(file: str, build_path: str = DEFAULT_BUILD_PATH, **kwargs: Any) -> str:
    """A template as text.

    Args:
        file: Its name.
        build_path: The folder it is in.
        **kwargs: What it is told.
    """
    from flask import url_for
    from jinja2 import Environment as Templates
    from jinja2 import FileSystemLoader, select_autoescape

    templates = Templates(loader=FileSystemLoader(build_path), autoescape=select_autoescape())
    templates.globals["url_for"] = url_for
    return templates.get_template(file).render(**kwargs)


def process_html_filename(options: Any) -> None:
    """Puts the number of users, the spawn rate and the run time into ``options.html_file``, where it has tags for them.

    Args:
        options: The parsed command line, which is changed.
    """
    options.html_file = html_filename(options)


def html_filename(options: Any) -> str:
    """Where the report goes.

    Args:
        options: The parsed command line.
    """
    name = str(options.html_file)
    for tag, value in (("{u}", options.num_users), ("{r}", options.spawn_rate), ("{t}", options.run_time)):
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        name = name.replace(tag, str(value))
    return name


def task_ratios(environment: Environment) -> dict[str, Any]:
    """The share of each task, from the users that run or, after the test, have run.

    Args:
        environment: What is run.
    """
    runner = environment.runner
    counts = runner.user_classes_count if runner is not None else {}
    if runner is not None and not any(counts.values()):
        counts = runner.final_user_classes_count
    classes = environment.user_classes
    return {"per_class": get_ratio(classes, counts, False), "total": get_ratio(classes, counts, True)}
