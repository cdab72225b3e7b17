"""Where runs are kept: ``--store`` and ``--no-store``."""

from __future__ import annotations

import hashlib
import os
from argparse import Namespace
from pathlib import Path


def path(options: Namespace) -> Path | None:
    """The file that runs are kept in, or none if they are not.

    Args:
        options: The parsed command line.
    """
    if getattr(options, "no_store", False):
        return None
    given = getattr(options, "store", None)
    if given:
        return Path(given).expanduser()
    data = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(data).expanduser() / "katydid" / "runs.db"


def name_of_run(port: int, scripts: list[str] | None) -> str:
    """What tells a master's run from others of this machine, also for the process that goes on with it.

    Args:
        port: The port that its workers connect to.
        scripts: Its scripts, by path.
    """
    digest = hashlib.sha256()
    for script in scripts or ():
        digest.update(Path(script).read_bytes())
    return f"master:{port}:{digest.hexdigest()}"
