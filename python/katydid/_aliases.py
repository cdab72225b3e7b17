"""Makes ``import locust`` mean Katydid, where Katydid runs the script or ``katydid-locust`` is installed.

``locust`` becomes a module of its own whose names are Katydid's; ``locust.x`` is the very same module as
``katydid.x``. Nothing is written to disk, so an installed Locust is left alone. The modules that only the
0.14 generation had are mapped to where their names live now.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import katydid

_OLD_MODULES = {
    "locust.core": "katydid.legacy",
    "locust.inspectlocust": "katydid.user.inspectuser",
    "locust.wait_time": "katydid.user.wait_time",
}

# An object in today's generation, a module in 0.14's: both ways of importing it lead to the object.
_EVENTS = "locust.events"


class LocustModule(ModuleType):
    """``locust`` itself: reads and writes go to ``katydid``, except what makes it a module of its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(katydid, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("__"):
            super().__setattr__(name, value)
        else:
            setattr(katydid, name, value)

    def __dir__(self) -> list[str]:
        return dir(katydid)


class _Loader(importlib.abc.Loader):
    """Loads ``locust`` and everything below it."""

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        if spec.name == "locust":
            return LocustModule("locust", katydid.__doc__)
        if spec.name == _EVENTS:
            return ModuleType(_EVENTS)
        module = importlib.import_module(_target(spec.name))
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        if isinstance(module, LocustModule):
            module.__path__ = list(katydid.__path__)
            module.__file__ = katydid.__file__
            module.__version__ = katydid.LOCUST_VERSION
            module.__all__ = katydid.__all__
            # Importing Locust makes the standard library cooperate, before anything else can bind the originals.
            importlib.import_module("katydid._patch")
        elif module.__name__ == _EVENTS:
            sys.modules[_EVENTS] = katydid.events  # type: ignore[assignment]  # what the importing script gets
        elif module.__spec__ is not None:
            # The import system has put the alias's spec on a module that has its own.
            module.__spec__ = module.__spec__.loader_state


class _Finder(importlib.abc.MetaPathFinder):
    """Answers for ``locust`` and ``locust.*``."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname == "locust":
            return ModuleSpec("locust", _LOADER, origin=katydid.__file__, is_package=True)
        if fullname == _EVENTS:
            return ModuleSpec(fullname, _LOADER)
        if not fullname.startswith("locust."):
            return None
        home = importlib.util.find_spec(_target(fullname))
        if fullname == "locust.__main__" and home is not None and home.origin is not None:
            # It is run, not imported, and knows by its own name that it was called so.
            return importlib.util.spec_from_file_location(fullname, home.origin)
        return None if home is None else ModuleSpec(fullname, _LOADER, origin=home.origin)


_LOADER = _Loader()
_FINDER = _Finder()


def _target(name: str) -> str:
    """The module behind a name below ``locust``."""
    return _OLD_MODULES.get(name) or f"katydid{name.removeprefix('locust')}"


def install() -> None:
    """Makes ``import locust`` mean Katydid from now on."""
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
