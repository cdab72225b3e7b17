"""Says what to install, where an optional library is missing."""

from __future__ import annotations

import importlib
from types import ModuleType


def needs(module: str, extra: str) -> ModuleType:
    """Imports a library that Katydid does without.

    Args:
        module: The library.
        extra: The extra of Katydid that installs it.

    Raises:
        ImportError: It is not installed; the message says how to install it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            # Something that the library itself needs.
            raise
        raise ImportError(
            f"katydid.contrib.{extra} needs {module.partition('.')[0]}: pip install 'katydid[{extra}]'",
            name=error.name,
        ) from None
