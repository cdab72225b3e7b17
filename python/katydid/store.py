"""Where runs are kept, what is known of each, and how many: ``--store`` and what goes with it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from katydid import _about, _core, _template_args
from katydid._core import __version__
from katydid.stages import Stages

if TYPE_CHECKING:
    from katydid.env import Environment

_LONGEST_SCRIPT = 1_000_000


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


def about(options: Namespace, scripts: list[str], environment: Environment) -> str:
    """What is known of every run of this process, as JSON.

    Secrets among the options and in the scripts are hidden when it is written.

    Args:
        options: The parsed command line.
        scripts: The scripts, by path.
        environment: The test's environment.
    """
    shape = environment.shape_class
    files = [path for path in map(Path, scripts) if path.is_file()]
    contents = [path.read_bytes() for path in files]
    known = {
        "name": ", ".join(Path(script).name for script in scripts),
        "script_sha256": hashlib.sha256(b"".join(contents)).hexdigest(),
        "scripts": [
            {
                "name": path.name,
                "sha256": hashlib.sha256(content).hexdigest(),
                "text": content[:_LONGEST_SCRIPT].decode(errors="replace"),
            }
            for path, content in zip(files, contents, strict=True)
        ],
        "user_classes": [cls.__name__ for cls in environment.user_classes],
        "classes": _about.user_classes(environment.user_classes),
        "shape": type(shape).__name__ if shape is not None else None,
        "stages": [[stage.seconds, stage.users] for stage in shape.stages] if isinstance(shape, Stages) else None,
        "version": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "memory_bytes": _memory(),
        "cores": os.cpu_count(),
        "options": _options(options),
        "tags": getattr(options, "tags", None),
        "exclude_tags": getattr(options, "exclude_tags", None),
    }
    return json.dumps(known)


def _options(options: Namespace) -> dict[str, Any]:
    """The options that were given, and those that the script adds and that are no secret."""
    table = _core.option_table()
    given = {
        option["dest"]: value
        for option in table
        if (value := getattr(options, option["dest"], None)) not in (None, False, option["default"], [])
        and isinstance(value, (str, int, float, list))
    }
    added = _template_args.extra_options(options)
    given |= {name: option["default_value"] for name, option in added.items() if not option["is_secret"]}
    return given


def _cpu() -> str | None:
    """What the processor calls itself."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return platform.processor() or None
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, None) or platform.processor() or None


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return None


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
