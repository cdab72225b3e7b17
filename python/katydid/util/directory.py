"""Finding locustfiles in a directory."""

from __future__ import annotations

import os


def get_abspaths_in(path: str, extension: str | None = None) -> list[str]:
    """The absolute paths of all files below a directory, except those whose name starts with ``_``.

    Args:
        path: The directory.
        extension: Only files whose name ends with this.
    """
    return [
        os.path.abspath(os.path.join(root, name))
        for root, _, names in os.walk(path)
        for name in names
        if not name.startswith("_") and name.endswith(extension or "")
    ]
