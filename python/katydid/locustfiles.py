"""Where the script is: files, directories, addresses."""

from __future__ import annotations

import ast
import atexit
import os
import sys
import tempfile
from argparse import Namespace
from typing import NoReturn

from katydid.util.directory import get_abspaths_in
from katydid.util.url import is_url


def get_locustfiles_locally(options: Namespace) -> list[str]:
    """The files that ``--locustfile`` names.

    Args:
        options: The parsed command line.
    """
    return parse_locustfile_paths(options.locustfile.split(","))


def parse_locustfile_paths(paths: list[str]) -> list[str]:
    """The files that names stand for. The process ends, with a word about it, if there is none.

    Args:
        paths: Files, directories and addresses.
    """
    return [path for item in paths for path in _parse_locustfile_path(item.strip())]


def _parse_locustfile_path(path: str) -> list[str]:
    if is_url(path):
        return [download_locustfile_from_url(path)]
    found = _find(os.path.expanduser(path))
    if found is None:
        give_up(
            f"Could not find '{path}'. Ensure your locustfile ends with '.py' or is a directory with "
            "locustfiles. See --help for available options."
        )
    if not os.path.isdir(found):
        return [found]
    inside = sorted(get_abspaths_in(found, extension=".py"))
    if not inside:
        give_up(f"Could not find any locustfiles in directory '{path}'")
    return inside


def download_locustfile_from_url(url: str) -> str:
    """Fetches a script, and returns the path of a copy that is removed when the process ends.

    Args:
        url: Its address.
    """
    # It costs more than everything else here, and is seldom needed.
    import requests

    try:
        response = requests.get(url, timeout=60)
        response.raise_for_status()
    except requests.exceptions.RequestException as error:
        give_up(f"Failed to get locustfile from: {url}. Exception: {error}")
    try:
        ast.parse(response.text)
    except (SyntaxError, ValueError):
        begin = response.text[:100]
        give_up(f"Failed to get locustfile from: {url}. Response was not valid python code: {begin!r}")
    name = os.path.basename(url.partition("?")[0]) or "locustfile.py"
    directory = tempfile.mkdtemp(prefix="katydid-")
    path = os.path.join(directory, name if name.endswith(".py") else f"{name}.py")
    with open(path, "w", encoding="utf-8") as file:
        file.write(response.text)
    atexit.register(exit_handler, path)
    return path


def exit_handler(filename: str) -> None:
    """Removes a script that was fetched, and its directory."""
    try:
        os.remove(filename)
        os.rmdir(os.path.dirname(filename))
    except OSError:
        # Somebody was faster, or keeps something there.
        return


def _find(item: str) -> str | None:
    """A script by its name, as 0.14 looked for it: without ``.py`` too, and upward from here."""
    directory = os.getcwd()
    while True:
        for name in dict.fromkeys([item, item if item.endswith(".py") else f"{item}.py"]):
            path = os.path.join(directory, name)
            if os.path.isfile(path) and name.endswith(".py"):
                return name if os.path.exists(name) else path
        if os.path.isdir(item):
            return item
        parent = os.path.dirname(directory)
        if parent == directory or os.path.dirname(item):
            return None
        directory = parent


def give_up(message: str) -> NoReturn:
    """Says why there will be no test, and ends the process."""
    sys.stderr.write(f"{message}\n")
    sys.exit(1)
