"""The join secret: what masters and workers know and strangers do not."""

from __future__ import annotations

import os
from argparse import Namespace
from functools import cache

from katydid._core import JoinSecret
from katydid.locustfiles import give_up

VARIABLE = "KATYDID_JOIN_SECRET"
"""Environment variable that holds the secret itself, where ``--join-secret`` names a file."""

REFUSALS = {
    "unarmed": "The master has no join secret, and this worker has one: "
    f"start the master with --join-secret FILE (or {VARIABLE}), or this worker without",
    "wanted": f"The master wants a join secret: start this worker with --join-secret FILE (or {VARIABLE})",
    "mismatch": "The master has another join secret than this worker: give both the same file",
}
"""What a worker's user is told, by what is wrong."""


def secret(options: Namespace | None) -> JoinSecret | None:
    """The secret that was given, or none. The process ends, with a word about it, if it is none.

    Args:
        options: The parsed command line, if there is one.
    """
    path = getattr(options, "join_secret", None)
    if path:
        return _read(path)
    text = os.environ.get(VARIABLE)
    return None if text is None else _take(text)


# A secret is made to take time: once is enough.
@cache
def _read(path: str) -> JoinSecret:
    try:
        return JoinSecret.read(path)
    except OSError as error:
        give_up(f"The join secret in {path} cannot be read: {error.strerror or error}")
    except ValueError as error:
        give_up(f"The join secret in {path} {error}")


@cache
def _take(text: str) -> JoinSecret:
    try:
        return JoinSecret(text)
    except ValueError as error:
        give_up(f"The join secret in {VARIABLE} {error}")
