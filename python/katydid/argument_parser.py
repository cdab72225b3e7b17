"""The command line, built from the engine's table of options; scripts add their own to it."""

from __future__ import annotations

import argparse
import difflib
import json
import math
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import configargparse  # type: ignore[import-untyped]

import katydid
from katydid import _core, cli, push, stages
from katydid.config_files import DEFAULT_CONFIG_FILES as DEFAULT_CONFIG_FILES
from katydid.config_files import LocustConfigParser as LocustConfigParser
from katydid.config_files import LocustTomlConfigParser as LocustTomlConfigParser
from katydid.config_files import open_config_file
from katydid.download import download_locustfile_from_master as download_locustfile_from_master
from katydid.download import parse_locustfiles_from_master as parse_locustfiles_from_master
from katydid.download import retrieve_locustfiles_from_master as retrieve_locustfiles_from_master
from katydid.locustfiles import download_locustfile_from_url as download_locustfile_from_url
from katydid.locustfiles import exit_handler as exit_handler
from katydid.locustfiles import get_locustfiles_locally as get_locustfiles_locally
from katydid.locustfiles import parse_locustfile_paths as parse_locustfile_paths
from katydid.rpc import Message as Message
from katydid.util.sizes import parse_size
from katydid.util.timespan import parse_timespan
from katydid.util.url import is_url as is_url

_EARLY = frozenset({"locustfile", "config", "master", "join_secret", "worker", "master_host", "master_port"})
"""Options that are needed before the script is imported."""

_used: list[LocustArgumentParser] = []
"""The parser that read the command line last, if any did."""

version = katydid.LOCUST_VERSION

_USAGE = "\n       ".join(
    f"%(prog)s {rest}"
    for rest in (
        "[options] [UserClass ...]",
        f"{'|'.join(cli.RUNS)} [options]",
        "target [options]",
        "web-user NAME",
        "completions bash|zsh|fish",
        "man",
    )
)


class LocustArgumentParser(configargparse.ArgumentParser):  # type: ignore[misc]  # configargparse has no types
    """A parser whose options may also be offered on the page.

    Example:
        ```python
        @events.init_command_line_parser.add_listener
        def add_options(parser, **kwargs):
            parser.add_argument("--shop", default="books", help="Which shop to visit")
        ```
    """

    def add_argument(self, *args: Any, **kwargs: Any) -> argparse.Action:
        """Adds an option, with `argparse`'s arguments and these:

        Args:
            *args: Its names.
            **kwargs: ``include_in_web_ui`` (True), whether the page offers it; ``is_secret``, whether the page hides
                what is typed; ``is_required``, whether the page insists on it; ``is_multiple``, whether several of
                its choices may be picked; ``env_var``, the environment variable that may give it.
        """
        marks = {
            name: kwargs.pop(name, default)
            for name, default in (
                ("include_in_web_ui", True),
                ("is_secret", False),
                ("is_required", False),
                ("is_multiple", False),
            )
        }
        action: Any = super().add_argument(*args, **kwargs)
        for name, value in marks.items():
            setattr(action, name, value)
        return action  # type: ignore[no-any-return]  # configargparse has no types

    @property
    def args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """The options that the page may offer, by destination."""
        return self._marked("include_in_web_ui")

    @property
    def secret_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those of them whose value is not to be shown."""
        return self._marked("is_secret")

    @property
    def required_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those of them that must be filled in."""
        return self._marked("is_required")

    @property
    def multiple_args_included_in_web_ui(self) -> dict[str, argparse.Action]:
        """Those of them of which several choices may be picked."""
        return self._marked("is_multiple")

    def _marked(self, mark: str) -> dict[str, argparse.Action]:
        return {
            action.dest: action
            for action in self._actions
            if getattr(action, "include_in_web_ui", False) and getattr(action, mark, False)
        }

    def error(self, message: str) -> NoReturn:
        """Says what is wrong with the command line, and what may have been meant, and ends the process."""
        unknown = message.removeprefix("unrecognized arguments: ")
        hint = ""
        place = self._config_file_parser.place_of(_named_in(message))
        if place is not None:
            message = f"{place}: {message}"
        if unknown in message and message != unknown:
            names = [name for action in self._actions for name in action.option_strings if _is_shown(action)]
            close = difflib.get_close_matches(unknown.split()[0].split("=")[0], names, n=1)
            hint = f"Did you mean '{close[0]}'?\n" if close else ""
        sys.stderr.write(f"{self.prog}: error: {message}\n{hint}")
        sys.exit(2)


class _HelpFormatter(argparse.HelpFormatter):
    """Begins as Locust's help text does."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")


def _named_in(message: str) -> list[str]:
    """The options that an error of the parser is about."""
    unknown = message.removeprefix("unrecognized arguments: ")
    if unknown != message:
        return [word.split("=")[0] for word in unknown.split()]
    names = message.removeprefix("argument ").partition(":")[0]
    return names.split("/") if names != message else []


class _Gone(argparse.Action):
    """An option that is not understood any more."""

    def __init__(self, *args: Any, what: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.what = what

    def __call__(self, *_: Any) -> NoReturn:
        """Refuses it."""
        raise argparse.ArgumentError(self, self.what)


def _is_shown(action: argparse.Action) -> bool:
    return action.help is not argparse.SUPPRESS


def raise_argument_type_error(err_msg: str) -> NoReturn:
    """Refuses a value on the command line.

    Raises:
        ArgumentTypeError: Always, with this message.
    """
    raise argparse.ArgumentTypeError(err_msg)


def timespan(time_str: str) -> int:
    """A time span on the command line, in seconds."""
    try:
        return parse_timespan(time_str)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def gt_zero(t: str) -> float:
    """A number above zero on the command line."""
    number = float(t)
    if not math.isfinite(number) or number <= 0:
        raise argparse.ArgumentTypeError(f"must be a number above zero, not {t}")
    return number


def positive_integer(string: str) -> int:
    """A whole number above zero on the command line."""
    number = int(string)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number above zero, not {string}")
    return number


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None


def _users(text: str) -> int:
    number = _integer(text)
    if not 0 <= number < 1 << 32:
        raise argparse.ArgumentTypeError(f"must be a number of users, and not {text}")
    return number


def _rate(text: str) -> float:
    try:
        return gt_zero(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid float value: {text!r}") from None


def json_user_config(string: str) -> list[dict[str, Any]]:
    """Settings of user classes on the command line.

    Args:
        string: JSON, or the name of a file of it that ends in ``.json``: an object with a ``user_class_name`` and
            what is to be changed, or a list of such objects.
    """
    try:
        if string.endswith(".json"):
            with open(string, encoding="utf-8") as file:
                found = json.load(file)
        else:
            found = json.loads(string)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(
            f"The --config-users argument must be a valid JSON string or file: {error}"
        ) from None
    except OSError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    configs = found if isinstance(found, list) else [found]
    if not all(isinstance(config, dict) and "user_class_name" in config for config in configs):
        raise argparse.ArgumentTypeError("The user config must specify a user_class_name")
    return configs


def _count(text: str) -> int:
    try:
        return positive_integer(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None


def _threshold(text: str) -> str:
    try:
        _core.check_thresholds([text])
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"\n{error}") from None
    return text


def _stages(text: str) -> str:
    try:
        stages.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _schedule(text: str) -> str:
    try:
        _core.schedule(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text


_TYPES: dict[str, Callable[[str], Any]] = {
    "int": _integer,
    "users": _users,
    "count": _count,
    "float": _rate,
    "time_span": timespan,
    "size": _size,
    "stages": _stages,
    "schedule": _schedule,
    "user_configs": json_user_config,
}


def get_empty_argument_parser(
    add_help: bool = True, default_config_files: tuple[str, ...] | list[str] = DEFAULT_CONFIG_FILES
) -> LocustArgumentParser:
    """A parser that knows only where the script is.

    Args:
        add_help: Whether ``--help`` works.
        default_config_files: Where options may be kept.
    """
    parser = LocustArgumentParser(
        prog=cli.program(),
        usage=_USAGE,
        default_config_files=list(default_config_files),
        add_env_var_help=False,
        add_config_file_help=False,
        add_help=False,
        config_file_parser_class=LocustConfigParser,
        config_file_open_func=open_config_file,
        formatter_class=lambda prog: _HelpFormatter(prog, max_help_position=32),
        description="Runs the users of a locustfile against a system, and measures it.",
    )
    for option in _core.option_table():
        if option["dest"] in _EARLY:
            _add(parser, option)
    if add_help:
        parser.add_argument("-h", "--help", action="help", help="Print this text and exit")
    return parser


def get_parser(default_config_files: tuple[str, ...] | list[str] = DEFAULT_CONFIG_FILES) -> LocustArgumentParser:
    """The whole parser, with what scripts add to it.

    Args:
        default_config_files: Where options may be kept.
    """
    parser = get_empty_argument_parser(add_help=False, default_config_files=default_config_files)
    _add_all(parser, ours=False)
    katydid.events.init_command_line_parser.fire(parser=parser)
    # Last: what Locust has not gives way to what a script or a plugin calls the same.
    _add_all(parser, ours=True)
    return parser


def used_parser() -> LocustArgumentParser:
    """The parser that read the command line; a new one only where none did, since scripts are told of each."""
    return _used[0] if _used else get_parser()


def setup_parser_arguments(parser: LocustArgumentParser) -> None:
    """Adds all of Katydid's own options to a parser, under the headings of the help text."""
    _add_all(parser, ours=False)
    _add_all(parser, ours=True)


def _add_all(parser: LocustArgumentParser, ours: bool) -> None:
    """Adds those of the options that Locust has, or those that it has not."""
    before = list(parser._actions)
    groups: dict[str, Any] = {group.title: group for group in parser._action_groups}
    for option in _core.option_table():
        if option["ours"] != ours:
            continue
        if option["group"] not in groups:
            groups[option["group"]] = parser.add_argument_group(option["group"])
        if option["dest"] in _EARLY:
            # The parser has it, but not where the help text should show it.
            _move(parser, option["dest"], groups[option["group"]])
            continue
        if set(option["flags"]) & set(parser._option_string_actions):
            continue
        _add(groups[option["group"]], option)
    if not ours:
        groups["Other options"].add_argument("-h", "--help", action="help", help="Print this text and exit")
        before = []
    for action in parser._actions:
        if action not in before:
            # The page has its own places for these.
            action.include_in_web_ui = False


def _move(parser: LocustArgumentParser, dest: str, group: Any) -> None:
    """Has the help text show options of a parser in one of its groups."""
    plain = parser._optionals._group_actions
    for action in [action for action in plain if action.dest == dest]:
        plain.remove(action)
        group._group_actions.append(action)


class UIExtraArgOptions(NamedTuple):
    """An option of the script's own, as the page shows it."""

    default_value: Any
    is_secret: bool
    is_required: bool
    help_text: str
    is_multiple: bool
    choices: list[str] | None = None


def ui_extra_args_dict(args: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """The options of the script's own that the page offers, by destination.

    Args:
        args: The command line that gives their values; that of the process by default.
    """
    own = default_args_dict()
    parser = get_parser()
    shown = parser.args_included_in_web_ui
    return {
        dest: UIExtraArgOptions(
            default_value=value,
            is_secret=dest in parser.secret_args_included_in_web_ui,
            is_required=dest in parser.required_args_included_in_web_ui,
            help_text=shown[dest].help or "",
            is_multiple=dest in parser.multiple_args_included_in_web_ui,
            choices=shown[dest].choices,  # type: ignore[arg-type]
        )._asdict()
        for dest, value in vars(parser.parse_args(args)).items()
        if dest not in own and dest in shown
    }


def default_args_dict() -> dict[str, Any]:
    """Katydid's own options with their defaults, without those that scripts add."""
    parser = get_empty_argument_parser(add_help=False, default_config_files=[])
    setup_parser_arguments(parser)
    defaults: Namespace = parser.parse_args([])
    return vars(defaults)


def _add(container: Any, option: dict[str, Any]) -> None:
    """Adds one option of the table to a parser or group, and its names of the 0.14 generation, unseen."""
    kind = option["kind"]
    names = option["flags"]
    hint = argparse.SUPPRESS if option["hidden"] else option["help"].replace("%", "%%")
    if kind == "version":
        from katydid import cli

        container.add_argument(*names, action="version", version=cli.version(), help=hint)
        return
    if not names:
        own = os.environ.get("KATYDID_USER_CLASSES")
        words = (own if own is not None else os.environ.get(option["env"] or "", "")).split()
        container.add_argument(
            option["dest"], nargs="*", metavar=option["metavar"], default=words or option["default"], help=hint
        )
        return
    settings: dict[str, Any] = {"dest": option["dest"]}
    if kind == "flag":
        settings["action"] = "store_true"
    elif kind in ("gone", "gone_flag"):
        settings["action"] = _Gone
        settings["nargs"] = "?" if kind == "gone" else 0
        settings["what"] = option["help"]
    else:
        settings["metavar"] = option["metavar"]
        if kind in ("words", "user_configs"):
            settings["nargs"] = "*"
        if kind == "choice":
            settings["choices"] = option["choices"]
            settings["type"] = str.upper
        if kind in _TYPES:
            settings["type"] = _TYPES[kind]
        if kind == "threshold":
            settings["action"] = "append"
            settings["type"] = _threshold
        if kind == "config_file":
            settings["is_config_file"] = True
    if option["aliases"]:
        container.add_argument(*option["aliases"], **settings, default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    if option["env"]:
        # The names it may go by, the strongest first.
        names_of_env = [option["env"].replace("LOCUST_", "KATYDID_", 1), option["env"], option["old_env"]]
        given = [name for name in names_of_env if name and name in os.environ]
        settings["env_var"] = given[0] if given else option["env"]
    container.add_argument(*names, **settings, default=option["default"], help=hint)


def parse_options(args: list[str] | None = None) -> Namespace:
    """Parses the whole command line; kept for scripts that call it by this name."""
    return parse_all_options(args)


def parse_all_options(args: list[str] | None = None) -> Namespace:
    """Parses the whole command line.

    Args:
        args: The arguments; those of the process by default.
    """
    parser = get_parser()
    _used[:] = [parser]
    options: Namespace = parser.parse_args(args=args)
    if getattr(options, "autoquit", -1) != -1 and not options.autostart:
        sys.stderr.write("--autoquit is only meaningful in combination with --autostart\n")
        sys.exit(1)
    if options.stats_history_enabled and options.csv_prefix is None:
        parser.error("'--csv-full-history' requires '--csv'.")
    try:
        push.check(options)
    except ValueError as error:
        parser.error(str(error))
    return options


def parse_locustfile_option(args: list[str] | None = None) -> str:
    """What the command line says about the script, before the script has added its own options.

    Args:
        args: The arguments; those of the process by default.
    """
    return str(parse_early_options(args).locustfile)


def parse_early_options(args: list[str] | None = None) -> Namespace:
    """What has to be known to find the script: where it is, and where the master is.

    Args:
        args: The arguments; those of the process by default.
    """
    arguments = sys.argv[1:] if args is None else args
    if {"-h", "--help"} & set(arguments):
        parser = get_parser()
        parser.print_help()
        parser.exit()
    options: Namespace
    options, _ = get_empty_argument_parser(add_help=False).parse_known_args(args=arguments)
    return options
