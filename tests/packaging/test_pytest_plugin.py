"""Sessions as fixtures, under pytest and as users: `katydid.pytest_plugin`."""

import subprocess
import sys

SHOP = """
def test_reading(session):
    assert session.get("/items").status_code == 200
    assert session.base_url

def test_reading_fast(fastsession):
    assert fastsession.get("/items").status_code == 200
"""


def pytest(directory, *arguments):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "katydid.pytest_plugin", "-p", "no:cacheprovider"]
    return subprocess.run(
        [*command, *arguments], cwd=directory, capture_output=True, text=True, check=False, timeout=60
    )


def test_functions_are_tests_under_pytest(locustfile, tmp_path, target):
    locustfile(SHOP, "test_shop.py")
    done = pytest(tmp_path, "--host", target.url)
    assert "2 passed" in done.stdout, done.stdout
    assert target.truth()["by_path"] == {"GET /items": 2}


def test_an_option_of_another_plugin_is_left_alone(locustfile, tmp_path):
    locustfile("def pytest_addoption(parser): parser.addoption('--host', default='theirs')", "theirs.py")
    locustfile("def test_it(request): assert request.config.getoption('--host') == 'theirs'", "test_shop.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "theirs", "-p", "katydid.pytest_plugin"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_121_functions_are_users_where_there_is_no_class(katydid, locustfile, target):
    path = locustfile(SHOP, "test_shop.py")
    done = katydid("-f", path, "--list")
    assert done.stdout.split() == ["Available", "Users:", "test_reading", "test_reading_fast"], done.stderr
    done = katydid("-f", path, "--headless", "-u", 2, "-r", 2, "-t", "1s", "-H", target.url, "--only-summary")
    assert done.returncode == 0, done.stderr
    assert 'All users spawned: {"test_reading": 1, "test_reading_fast": 1} (2 total users)' in done.stderr
    assert target.truth()["by_path"]["GET /items"] > 2


def test_121_they_are_not_looked_for_where_there_is_one(katydid, locustfile):
    path = locustfile(SHOP + "\nfrom locust import User\nclass Person(User): tasks = [print]\n", "test_shop.py")
    done = katydid("-f", path, "--list")
    assert done.stdout.split() == ["Available", "Users:", "Person"], done.stderr


def test_121_a_fixture_that_there_is_not_is_told(katydid, locustfile):
    path = locustfile("def test_it(nothing): pass\n", "test_shop.py")
    done = katydid("-f", path, "--list")
    assert done.returncode == 1
    assert "Could not find fixture for parameter 'nothing' in test_it" in done.stderr
    assert str(path) in done.stderr
