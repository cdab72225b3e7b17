"""Where runs are kept: ``--store`` and ``--no-store``."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from argparse import Namespace
from pathlib import Path
from typing import Any

from katydid._core import __version__


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


def about(options: Namespace, scripts: list[str], environment: Any) -> str:
    """What is known of every run of this process, as JSON; nothing of it is secret.

    Args:
        options: The parsed command line.
        scripts: The scripts, by path.
        environment: The test's environment.
    """
    digest = hashlib.sha256()
    for script in scripts:
        if Path(script).is_file():
            digest.update(Path(script).read_bytes())
    shape = environment.shape_class
    known = {
        "name": ", ".join(Path(script).name for script in scripts),
        "script_sha256": digest.hexdigest(),
        "user_classes": [cls.__name__ for cls in environment.user_classes],
        "shape": type(shape).__name__ if shape is not None else None,
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "tags": getattr(options, "tags", None),
        "exclude_tags": getattr(options, "exclude_tags", None),
    }
    return json.dumps(known)


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
