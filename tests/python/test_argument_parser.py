"""The command line."""

import os

import pytest

import katydid
from katydid.argument_parser import get_parser, parse_all_options, parse_locustfile_option, parse_locustfile_paths


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    """No variables and no configuration from outside."""
    for name in list(os.environ):
        if name.startswith("LOCUST_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def test_defaults_are_locusts():
    options = parse_all_options([])
    assert options.locustfile == "locustfile.py"
    assert options.host is None
    assert options.num_users is None
    assert options.spawn_rate is None
    assert options.run_time is None
    assert options.web_port == 8089
    assert options.headless is False
    assert options.stop_timeout == 0
    assert options.loglevel == "INFO"
    assert options.exit_code_on_error == 1
    assert options.user_classes == []
    assert options.tags is None


def test_values_have_their_types():
    options = parse_all_options(
        [
            "-u",
            "10",
            "-r",
            "2.5",
            "-t",
            "1h30m",
            "-s",
            "10s",
            "-P",
            "0",
            "-L",
            "debug",
            "-H",
            "http://x",
            "--headless",
            "--tags",
            "a",
            "b",
            "--",
            "One",
            "Two",
        ]
    )
    assert options.num_users == 10
    assert options.spawn_rate == 2.5
    assert options.run_time == 5400
    assert options.stop_timeout == 10
    assert options.web_port == 0
    assert options.loglevel == "DEBUG"
    assert options.host == "http://x"
    assert options.headless
    assert options.tags == ["a", "b"]
    assert options.user_classes == ["One", "Two"]


def test_names_of_old_mean_todays_options():
    options = parse_all_options(["--no-web", "-c", "10", "--hatch-rate", "3", "--port", "99"])
    assert (options.headless, options.num_users, options.spawn_rate, options.web_port) == (True, 10, 3, 99)
    assert parse_all_options(["--clients", "7"]).num_users == 7


def test_names_can_be_abbreviated():
    assert parse_all_options(["--user", "7", "--spawn", "2"]).num_users == 7


def test_variables_give_values_and_the_command_line_wins(monkeypatch):
    monkeypatch.setenv("LOCUST_USERS", "3")
    monkeypatch.setenv("LOCUST_HEADLESS", "true")
    monkeypatch.setenv("LOCUST_HATCH_RATE", "4")
    monkeypatch.setenv("LOCUST_USER_CLASSES", "One Two")
    monkeypatch.setenv("LOCUST_TAGS", "[a, b]")
    options = parse_all_options([])
    assert options.num_users == 3
    assert options.headless
    assert options.spawn_rate == 4
    assert options.user_classes == ["One", "Two"]
    assert options.tags == ["a", "b"]
    assert parse_all_options(["-u", "5"]).num_users == 5


def test_a_file_gives_values_too(tmp_path):
    (tmp_path / "locust.conf").write_text("users = 8\nheadless = true\nrun-time: 2m\n")
    options = parse_all_options([])
    assert (options.num_users, options.headless, options.run_time) == (8, True, 120)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("-u x", "argument -u/--users: invalid int value: 'x'"),
        ("-r 0", "argument -r/--spawn-rate: must be a number above zero, not 0"),
        ("-t 1m1h", "argument -t/--run-time: Invalid time span format."),
        ("--hedless", "unrecognized arguments: --hedless\nDid you mean '--headless'?"),
        ("--webport=3", "unrecognized arguments: --webport=3\nDid you mean '--web-port'?"),
        ("-L loud", "argument -L/--loglevel: invalid choice: 'LOUD'"),
    ],
)
def test_a_mistake_is_told_in_one_line_with_code_2(arguments, message, capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse_all_options(arguments.split())
    assert exit_info.value.code == 2
    told = capsys.readouterr().err
    assert told.startswith(f"katydid: error: {message}")
    assert "Traceback" not in told


def test_help_shows_the_groups_in_order_but_no_names_of_old(capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse_locustfile_option(["--help"])
    assert exit_info.value.code == 0
    shown = capsys.readouterr().out
    places = [shown.index(f"{title}:") for title in ("Common options", "Web UI options", "Other options")]
    assert places == sorted(places)
    assert "--no-web" not in shown
    assert "--hatch-rate" not in shown


def test_scripts_add_options_and_mark_them_for_the_page():
    def add(parser, **kwargs):
        parser.add_argument("--shop", default="books", env_var="SHOP")
        parser.add_argument("--secret", is_secret=True)
        parser.add_argument("--must", is_required=True)
        parser.add_argument("--hidden", include_in_web_ui=False)

    katydid.events.init_command_line_parser.add_listener(add)
    try:
        assert parse_all_options([]).shop == "books"
        parser = get_parser()
    finally:
        katydid.events.init_command_line_parser.remove_listener(add)
    assert sorted(parser.args_included_in_web_ui) == ["must", "secret", "shop"]
    assert list(parser.secret_args_included_in_web_ui) == ["secret"]
    assert list(parser.required_args_included_in_web_ui) == ["must"]


def test_the_script_is_found_before_its_options_are_known():
    assert parse_locustfile_option(["-f", "shop.py", "--unknown", "x", "One"]) == "shop.py"
    assert parse_locustfile_option([]) == "locustfile.py"


def test_autoquit_needs_autostart(capsys):
    with pytest.raises(SystemExit) as exit_info:
        parse_all_options(["--autoquit", "3"])
    assert exit_info.value.code == 1
    assert "--autostart" in capsys.readouterr().err


class TestPaths:
    """Which files ``-f`` means."""

    def test_a_name_without_its_ending(self, tmp_path):
        (tmp_path / "shop.py").touch()
        assert parse_locustfile_paths(["shop"]) == ["shop.py"]

    def test_a_file_further_up(self, tmp_path, monkeypatch):
        (tmp_path / "shop.py").touch()
        (tmp_path / "deep" / "down").mkdir(parents=True)
        monkeypatch.chdir(tmp_path / "deep" / "down")
        assert parse_locustfile_paths(["shop.py"]) == [str(tmp_path / "shop.py")]

    def test_several_and_directories(self, tmp_path):
        (tmp_path / "one.py").touch()
        (tmp_path / "more").mkdir()
        for name in ("b.py", "a.py", "_hidden.py", "notes.txt"):
            (tmp_path / "more" / name).touch()
        found = parse_locustfile_paths(["one.py", " more"])
        assert [os.path.basename(path) for path in found] == ["one.py", "a.py", "b.py"]

    def test_what_is_missing_is_named(self, capsys):
        with pytest.raises(SystemExit, match="1"):
            parse_locustfile_paths(["gone.py"])
        assert "Could not find 'gone.py'" in capsys.readouterr().err

    def test_an_empty_directory_is_named(self, tmp_path, capsys):
        (tmp_path / "empty").mkdir()
        with pytest.raises(SystemExit, match="1"):
            parse_locustfile_paths(["empty"])
        assert "directory 'empty'" in capsys.readouterr().err
