"""A worker's script, from its master: ``-f -``."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import sys
import tempfile
from typing import Any, NoReturn
from uuid import uuid4

from katydid import _core, runners

TRY_SECONDS = 2.0
"""How long one question waits for its answer."""


def locustfile_of_master(host: str, port: int) -> list[str]:
    """Gets the scripts of a master and returns their paths, which are removed at the end of the process.

    Args:
        host: Where the master is.
        port: Its port.
    """
    identity = f"{socket.gethostname()}_download_locustfile_{uuid4().hex}"
    tries = int(runners.CONNECT_TIMEOUT * runners.CONNECT_RETRY_COUNT / TRY_SECONDS)
    answer = None
    for attempt in range(tries):
        answer = _core.fetch_locustfile(host, port, identity, TRY_SECONDS)
        if answer is not None:
            break
        if attempt * TRY_SECONDS in (10, 60, 120, 180, 240):
            sys.stderr.write(f"Waiting for the master at {host}:{port} to send its locustfile...\n")
    else:
        _give_up(f"The master at {host}:{port} did not send its locustfile. Is it running, and is it reachable?")
    return _kept(answer)


def _kept(answer: dict[str, Any]) -> list[str]:
    """Writes what the master sent to files."""
    if answer.get("error"):
        _give_up(str(answer["error"]))
    directory = tempfile.mkdtemp(prefix="katydid-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    paths = []
    for source in answer.get("locustfiles") or []:
        if isinstance(source, str):
            _give_up(f"The master's locustfile is at {source}; start the worker with -f {source}")
        # Only the name: wherever the master has it, here it goes into the directory.
        path = os.path.join(directory, os.path.basename(source["filename"]) or "locustfile.py")
        with open(path, "w", encoding="utf-8") as file:
            file.write(source["contents"])
        paths.append(path)
    if not paths:
        _give_up("The master has no locustfile to send")
    return paths


def _give_up(message: str) -> NoReturn:
    sys.stderr.write(f"{message}\n")
    sys.exit(1)
