"""Who may use the web page: users with passwords, and programs with a token."""

from __future__ import annotations

import getpass
import os
import sys
from argparse import Namespace
from pathlib import Path

from katydid import _core
from katydid.locustfiles import give_up

USERS = "KATYDID_WEB_USERS"
"""Environment variable with the lines of a file of users."""
TOKEN = "KATYDID_WEB_TOKEN"
"""Environment variable with the token."""


def settings(options: Namespace | None) -> dict[str, str]:
    """What the server is told of who may come in; empty for everybody. The process ends if it cannot be used.

    Args:
        options: The parsed command line, if there is one.
    """
    if options is None:
        return {}
    users, whence = _given(getattr(options, "web_users", None), USERS)
    token, token_whence = _given(getattr(options, "web_token", None), TOKEN)
    for lines, secret, source in ((users, "", whence), ("", token, token_whence)):
        try:
            named = _core.check_web_access(lines, secret)
        except ValueError as error:
            give_up(f"{source}: {error}")
        if source and not named:
            # An empty file would open the page to everybody.
            give_up(f"{source} names nobody")
    if users and getattr(options, "web_login", False):
        give_up("--web-users and --web-login are two ways of asking visitors who they are; choose one")
    return {key: text for key, text in (("users", users), ("token", token)) if text}


def _given(path: str | None, variable: str) -> tuple[str, str]:
    """The text in a file or an environment variable, and which of them it was; empty if neither was given."""
    if path:
        try:
            return Path(path).read_text(encoding="utf-8"), path
        except (OSError, UnicodeError) as error:
            give_up(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}")
    return os.environ.get(variable, ""), variable if variable in os.environ else ""


def print_line(arguments: list[str]) -> None:
    """``katydid web-user NAME [--role viewer|operator]``: asks for a password, prints a line for the file of users.

    Args:
        arguments: What follows ``web-user``.
    """
    match arguments:
        case [name] if not name.startswith("-"):
            role = "operator"
        case [name, "--role", role] | ["--role", role, name]:
            pass
        case _:
            give_up("usage: katydid web-user NAME [--role viewer|operator]")
    if sys.stdin.isatty():
        password = getpass.getpass(f"Password for {name}: ")
        if getpass.getpass("Once more: ") != password:
            give_up("That was not the same twice.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    try:
        print(_core.web_user_line(name, role, password))
    except ValueError as error:
        give_up(str(error))
