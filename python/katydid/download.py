"""A worker's script, from its master: ``-f -``."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
from argparse import Namespace
from typing import Any
from uuid import uuid4

from katydid import _core, join, runners
from katydid._core import JoinSecret
from katydid.locustfiles import download_locustfile_from_url, give_up
from katydid.rpc import Message

TRY_SECONDS = 2.0
"""How long one question waits for its answer."""


def retrieve_locustfiles_from_master(options: Namespace) -> list[str]:
    """Gets the scripts of the master and returns their paths, which are removed when the process ends.

    Args:
        options: The parsed command line, which says where the master is.
    """
    answer = download_locustfile_from_master(options.master_host, options.master_port, join.secret(options)).data
    if answer.get("error"):
        give_up(str(answer["error"]))
    return parse_locustfiles_from_master(answer.get("locustfiles") or [])


def download_locustfile_from_master(
    master_host: str, master_port: int, join_secret: JoinSecret | None = None
) -> Message:
    """Asks a master for its scripts and returns its answer. The process ends, with a word about it, if none comes.

    Args:
        master_host: Where the master is.
        master_port: Its port.
        join_secret: What the master knows, too, if it wants to be asked for it.
    """
    identity = f"{socket.gethostname()}_download_locustfile_{uuid4().hex}"
    tries = int(runners.CONNECT_TIMEOUT * runners.CONNECT_RETRY_COUNT / TRY_SECONDS)
    answer = None
    for attempt in range(tries):
        try:
            answer = _core.fetch_locustfile(master_host, master_port, identity, TRY_SECONDS, join_secret)
        except PermissionError as refusal:
            give_up(join.REFUSALS[str(refusal)])
        if answer is not None:
            break
        if attempt * TRY_SECONDS in (10, 60, 120, 180, 240):
            sys.stderr.write(f"Waiting for the master at {master_host}:{master_port} to send its locustfile...\n")
    else:
        where = f"{master_host}:{master_port}"
        give_up(f"The master at {where} did not send its locustfile. Is it running, and is it reachable?")
    return Message("locustfile", answer, identity)


def parse_locustfiles_from_master(locustfile_sources: list[Any]) -> list[str]:
    """Writes scripts that a master sent to files, and returns their paths.

    Args:
        locustfile_sources: Addresses, or dicts of a ``filename`` and its ``contents``.
    """
    directory = tempfile.mkdtemp(prefix="katydid-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    paths = []
    for source in locustfile_sources:
        if isinstance(source, str):
            paths.append(download_locustfile_from_url(source))
            continue
        # Only the name: wherever the master has it, here it goes into the directory.
        path = os.path.join(directory, os.path.basename(source["filename"]) or "locustfile.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source["contents"])
        paths.append(path)
    if not paths:
        give_up("The master has no locustfile to send")
    return paths
