"""`katydid-locust`: the name `locust` where Katydid does not run the script itself.

It is installed into an environment of its own, which sees Katydid and its dependencies as they are here.
"""

import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from pathlib import Path

import pytest

import katydid as installed

ROOT = Path(__file__).parents[2]
DISTRIBUTION = ROOT / "python-locust"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """The directory of the environment's commands."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home, with_pip=False)
    (site,) = home.glob("lib/python*/site-packages")
    seen = [str(Path(installed.__file__).parents[1]), sysconfig.get_path("purelib")]
    (site / "katydid.pth").write_text("".join(f"{directory}\n" for directory in seen))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run(
        [*pip, "--python", home / "bin" / "python", "install", "--no-deps", DISTRIBUTION], check=True, timeout=120
    )
    return home / "bin"


@pytest.fixture
def run(environment, tmp_path):
    """Runs a command of the environment in an empty directory."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(command, *arguments):
        return subprocess.run(
            [environment / command, *map(str, arguments)],
            cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    return run


def test_a_program_imports_it(run, tmp_path, target):
    (tmp_path / "program.py").write_text(
        f"""
import locust
from gevent import monkey
print(monkey.is_module_patched("socket"))

import gevent
import katydid
import locust.contrib.fasthttp
import locust.main
from locust import FastHttpUser, HttpUser, events, task
from locust.env import Environment
from locust.user.task import TaskSet
import locust.events

print(locust.HttpUser is katydid.HttpUser, HttpUser is katydid.HttpUser, TaskSet is katydid.TaskSet)
print(locust.contrib.fasthttp.FastHttpUser is FastHttpUser, locust.main is katydid.main, locust.__version__)
print(locust.events is events, events is katydid.events)

class Visitor(HttpUser):
    host = {target.url!r}

    @task
    def front_page(self):
        self.client.get("/")
        self.environment.runner.quit()

environment = Environment(user_classes=[Visitor], events=events)
environment.create_local_runner().start(1, 1)
environment.runner.greenlet.join()
print(environment.stats.get("/", "GET").num_requests)
"""
    )
    done = run("python", "program.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["True", "True True True", "True True 2.47.0", "True True", "1"]


def test_a_run_by_its_name(run, tmp_path, target):
    (tmp_path / "visitor.py").write_text(
        """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def front_page(self):
        self.client.get("/")
        self.environment.runner.quit()
"""
    )
    for command in (["locust"], ["python", "-m", "locust"]):
        done = run(*command, "-f", "visitor", "--headless", "-H", target.url, "--only-summary")
        assert done.returncode == 0, done.stderr
    assert target.truth()["by_path"] == {"GET /": 2}


@pytest.mark.parametrize("command", ["locust", "python -m locust"])
def test_it_calls_itself_by_the_name_it_was_called_by(run, locustfile, command):
    done = run(*command.split(), "--version")
    assert done.stdout.startswith(f"locust 2.47.0 (Katydid {installed.__version__}) from "), done.stderr
    assert run(*command.split(), "--help").stdout.startswith("Usage: locust [options] [UserClass ...]")
    locustfile("from locust import User\n")
    assert run(*command.split(), "--bogus").stderr.startswith("locust: error: unrecognized arguments: --bogus")


def test_katydid_keeps_its_own_name(run):
    assert run("python", "-m", "katydid", "--version").stdout.startswith("katydid ")


def test_types_are_known(run, tmp_path):
    script = (ROOT / "tests" / "typing" / "modern.py").read_text().replace("from katydid", "from locust")
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "mistaken.py").write_text(
        "from locust import HttpUser, constant, task\n"
        "from locust.runners import MasterRunner\n"
        "from locust.user.users import PytestUser, RestMixin\n\n"
        "class Visitor(HttpUser):\n"
        "    wait_time = constant('long')\n\n"
        "    @task\n"
        "    def visit(self) -> None:\n"
        "        self.client.get('/').nothing\n"
    )
    done = run("python", "-m", "mypy", "--strict", "script.py")
    assert done.returncode == 0, done.stdout
    done = run("python", "-m", "mypy", "--strict", "mistaken.py")
    assert [line.split(": error: ")[0] for line in done.stdout.splitlines()[:-1]] == ["mistaken.py:6", "mistaken.py:10"]


def test_every_module_has_its_types():
    """Locust's modules are those that the stubs name; one of ours by such a name must be named, too."""
    named = {path.relative_to(DISTRIBUTION / "locust") for path in (DISTRIBUTION / "locust").rglob("*.pyi")}
    locusts = next((ROOT / ".stamps" / "locust").glob("lib/python*/site-packages/locust"))
    package = Path(installed.__file__).parent
    both = {path.relative_to(locusts).with_suffix(".pyi") for path in locusts.rglob("*.py")} & {
        path.relative_to(package).with_suffix(".pyi") for path in package.rglob("*.py")
    }
    assert both - named <= {Path("__main__.pyi")}


def test_the_versions_agree():
    project = tomllib.loads((DISTRIBUTION / "pyproject.toml").read_text())["project"]
    assert project["version"] == installed.__version__
