"""Metrics that go to collectors while a test runs: ``--otlp-metrics``, ``--influx``, ``--statsd``."""

from __future__ import annotations

import json
import logging
import sys
from argparse import Namespace
from contextlib import suppress
from typing import Any

import gevent

from katydid import _core, hub

logger = logging.getLogger(__name__)

_OPTIONS = {
    "push_otlp": "otlp_metrics",
    "push_influx": "influx",
    "push_statsd": "statsd",
    "push_statsd_prefix": "statsd_prefix",
    "push_statsd_tags": "statsd_tags",
    "push_tags": "push_tags",
    "push_interval": "push_interval",
}
"""What the engine calls them. Scripts may well have options named like ours; those have other destinations."""

PATIENCE = 5.0
"""Seconds that the last report may take to arrive, once the test is over."""
LAST_WORDS = 0.5
"""Seconds after which the hub is not waited for any more."""


def check(options: Namespace) -> None:
    """Looks at where metrics are to go.

    Args:
        options: The parsed command line.

    Raises:
        ValueError: If something is wrong with it, or with the variables of the environment that say more.
    """
    _core.check_push(_given(options))


def start(options: Namespace, environment: Any) -> None:
    """Has the metrics of every run of this process go where the command line says.

    Args:
        options: The parsed command line.
        environment: The test's environment.
    """
    hub.on_message("push", _told, environment)
    try:
        hub.engine(environment).push_metrics(_given(options))
    except OSError as error:
        logger.error("Metrics cannot be sent: %s", error)
        hub.close()
        sys.exit(2)


def finish(environment: Any) -> None:
    """Has the last report sent, and waits for it, though not for long.

    Args:
        environment: The test's environment.
    """
    hub.engine(environment).finish_push(PATIENCE)
    # What there is to say of it comes by way of the hub, which must have seen to it. Where a script's own greenlets
    # never wait, the hub is never idle, and has seen to it long since.
    with suppress(gevent.Timeout), gevent.Timeout(LAST_WORDS):
        gevent.idle()


def _given(options: Namespace) -> str:
    # A program's own options may lack them.
    given = {name: getattr(options, dest, None) for dest, name in _OPTIONS.items()}
    return json.dumps({name: value for name, value in given.items() if value is not None})


def _told(level: str, text: str) -> None:
    logger.log(getattr(logging, level), "%s", text[:1].upper() + text[1:])
