"""Options kept in files: lines such as ``users = 10``, or tables of a TOML file."""

from __future__ import annotations

import io
import os
import re
import tomllib
from collections import OrderedDict
from typing import Any

import configargparse  # type: ignore[import-untyped]

DEFAULT_CONFIG_FILES = ("~/.locust.conf", "~/.katydid.conf", "locust.conf", "katydid.conf", "pyproject.toml")
"""Where options may be kept, the later file winning over the earlier."""

TABLES = ("tool.locust", "tool.katydid")
"""Where a TOML file keeps options, the later table winning over the earlier."""

Items = OrderedDict[str, Any]


class LocustTomlConfigParser(configargparse.TomlConfigParser):  # type: ignore[misc]  # configargparse has no types
    """Reads the options in the tables of a TOML file.

    Args:
        sections: The tables, dots between the levels.
    """

    def parse(self, stream: Any) -> Items:
        """The options of all the tables; lists stay lists, everything else becomes text."""
        try:
            content = tomllib.loads(stream.read())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise configargparse.ConfigFileParserException(f"{stream.name} is not valid TOML: {error}") from None
        items: Items = OrderedDict()
        for section in self.sections:
            for key, value in (configargparse.get_toml_section(content, section) or {}).items():
                items[key] = value if isinstance(value, list) else str(value)
        return items


class LocustConfigParser(configargparse.ConfigFileParser):  # type: ignore[misc]  # configargparse has no types
    """Reads a file of options, and remembers where each stands.

    Attributes:
        places: For each key the file and the line that set it last.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: dict[str, str] = {}

    def parse(self, stream: Any) -> Items:
        """The options of a file, which its name says how to read."""
        try:
            text = stream.read()
        except UnicodeDecodeError:
            raise configargparse.ConfigFileParserException(f"{stream.name} is not a text file") from None
        lines = text.splitlines()
        if stream.name.endswith(".toml"):
            items = LocustTomlConfigParser(list(TABLES)).parse(_named(text, stream.name))
            for number, line in enumerate(lines, 1):
                key = re.match(r"""["']?([\w.-]+)["']?\s*=""", line.strip())
                if key and key[1] in items:
                    self.places[key[1]] = f"{stream.name}, line {number}"
            return items
        items = OrderedDict()
        for number, line in enumerate(lines, 1):
            place = f"{stream.name}, line {number}"
            try:
                found = configargparse.DefaultConfigFileParser().parse([line])
            except configargparse.ConfigFileParserException:
                raise configargparse.ConfigFileParserException(
                    f"{place}: {line.strip()!r} is not an option; write it like users = 10"
                ) from None
            items.update(found)
            self.places.update(dict.fromkeys(found, place))
        return items

    def get_syntax_description(self) -> str:
        """How such files are written, for the help text."""
        return "Options may also be kept in files, in lines such as users = 10."

    def place_of(self, names: list[str]) -> str | None:
        """Where the file is that set an option.

        Args:
            names: The option's names, with or without their dashes.
        """
        places = (self.places.get(form) for name in names for form in (name.lstrip("-"), name))
        return next((place for place in places if place), None)


def _named(text: str, name: str) -> Any:
    stream = io.StringIO(text)
    stream.name = name
    return stream


def open_config_file(path: str) -> Any:
    """Opens a file of options.

    Raises:
        ConfigFileParserException: It cannot be read; the message says which file, and why.
    """
    try:
        return open(os.path.expanduser(path), encoding="utf-8")
    except OSError as error:
        raise configargparse.ConfigFileParserException(f"{path}: {error.strerror}") from None
