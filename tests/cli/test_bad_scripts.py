"""Scripts that cannot run: the message leads to the line, and shows no line of ours."""

import pytest

SHOP = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def front_page(self):
        self.client.get("/")
"""


def assert_no_traceback_of_ours(done):
    frames = [line for line in done.stderr.splitlines() if line.startswith('  File "')]
    assert not [frame for frame in frames if "katydid/" in frame or "site-packages" in frame or "<frozen" in frame]


def test_no_script_at_all(katydid):
    # Folders above are searched, too: only the root has none that another program could have written to.
    done = katydid(cwd="/")
    assert done.returncode == 1
    assert done.stderr.startswith("Could not find 'locustfile.py'.")


def test_a_syntax_error_is_told_with_file_and_line(katydid, locustfile):
    path = locustfile("x = 1\ndef broken(:\n    pass\n")
    done = katydid("-f", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Could not load {path}: line 2 is not valid Python.\n")
    assert f'File "{path}", line 2' in done.stderr
    assert "SyntaxError: invalid syntax" in done.stderr
    assert "Traceback" not in done.stderr
    assert_no_traceback_of_ours(done)


def test_an_exception_at_import_is_told_with_the_scripts_own_lines(katydid, locustfile):
    path = locustfile("from locust import User\n\ndef fail():\n    return 1 / 0\n\nfail()\n")
    done = katydid("-f", path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"Could not load {path}, it raised an exception:\n")
    assert f'File "{path}", line 6, in <module>' in done.stderr
    assert f'File "{path}", line 4, in fail' in done.stderr
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert_no_traceback_of_ours(done)


def test_two_scripts_with_a_class_of_the_same_name(katydid, locustfile):
    one, two = locustfile(SHOP, "one.py"), locustfile(SHOP, "two.py")
    done = katydid("-f", f"{one},{two}")
    assert done.returncode == 1
    assert done.stderr == f"Duplicate user class names: Visitor is defined in both {one} and {two}\n"


def test_a_user_whose_constructor_fails_ends_the_test(katydid, locustfile):
    path = locustfile(
        """
        from locust import User, task

        class Person(User):
            def __init__(self, environment):
                super().__init__(environment)
                raise ValueError("not today")
        """
    )
    done = katydid("-f", path, "--headless", "-t", "30s", "--only-summary")
    assert done.returncode == 2
    assert "Could not start a user: not today" in done.stderr
    assert f'File "{path}", line 7, in __init__' in done.stderr
    assert_no_traceback_of_ours(done)


def test_a_forgotten_base_constructor_is_explained(katydid, locustfile):
    path = locustfile("from locust import User\nclass Person(User):\n    def __init__(self, environment): pass\n")
    done = katydid("-f", path, "--headless", "-t", "30s", "--only-summary")
    assert done.returncode == 2
    assert "super().__init__(*args, **kwargs)" in done.stderr


def test_an_init_listener_that_fails(katydid, locustfile):
    path = locustfile(SHOP + "\nfrom locust import events\n\n@events.init.add_listener\ndef fail(**kwargs): 1 / 0\n")
    done = katydid("-f", path, "--headless", "-H", "http://127.0.0.1:1")
    assert done.returncode == 1
    assert "Uncaught exception in event handler" in done.stderr


HEAD = "from locust import *\n"
"""One line, so that the mistakes below are at the lines they seem to be."""

AT_IMPORT = {
    "an import of what is not there": (
        "import nowhere_to_be_found\n",
        1,
        "ModuleNotFoundError: No module named 'nowhere_to_be_found'",
    ),
    "an import of a name that is not there": (
        "from locust import NoSuchUser\n",
        1,
        "ImportError: cannot import name 'NoSuchUser'",
    ),
    "a weight that is a text": (
        HEAD + "class Person(User):\n    @task('x')\n    def work(self): pass\n",
        3,
        "TypeError: @task: a task's weight is a whole number, not 'x'",
    ),
    "a weight below zero": (
        HEAD + "class Person(User):\n    @task(-1)\n    def work(self): pass\n",
        3,
        "ValueError: @task: a task's weight cannot be below zero, and is -1",
    ),
    "a task named run": (
        HEAD + "class Person(User):\n    @task\n    def run(self): pass\n",
        3,
        "Exception: A task cannot be named 'run'",
    ),
    "a tag without a name": (
        HEAD + "class Person(User):\n    @tag\n    @task\n    def work(self): pass\n",
        3,
        "ValueError: No tag name was supplied: write @tag('name')",
    ),
    "a tag that is no text": (
        HEAD + "class Person(User):\n    @tag(1)\n    @task\n    def work(self): pass\n",
        3,
        "ValueError: A tag is a text, and 1 is none",
    ),
    "a user's weight below zero": (
        HEAD + "class Person(User):\n    weight = -1\n",
        2,
        "ValueError: Person.weight cannot be below zero, and is -1",
    ),
    "a user's weight that is a text": (
        HEAD + "class Person(User):\n    weight = '3'\n",
        2,
        "TypeError: Person.weight is a number, not '3'",
    ),
    "a fixed count that is a text": (
        HEAD + "class Person(User):\n    fixed_count = '3'\n",
        2,
        "TypeError: Person.fixed_count is a number, not '3'",
    ),
    "a host that is a number": (
        HEAD + "class Person(HttpUser):\n    host = 8080\n",
        2,
        "TypeError: Person.host is a text such as 'http://127.0.0.1:8080', not 8080",
    ),
    "a wait time that is a number": (
        HEAD + "class Person(User):\n    wait_time = 5\n",
        2,
        "TypeError: Person.wait_time is a function, such as constant(5), not 5",
    ),
    "a task set's wait time that is a text": (
        HEAD + "class Set(TaskSet):\n    wait_time = '5'\n",
        2,
        "TypeError: Set.wait_time is a function, not '5'",
    ),
    "bounds that are texts": (
        HEAD + "class Person(User):\n    wait_time = between('1', 2)\n",
        3,
        "TypeError: between() takes numbers, and '1' is none",
    ),
    "a throughput of nothing": (
        HEAD + "class Person(User):\n    wait_time = constant_throughput(0)\n",
        3,
        "ValueError: constant_throughput() requires a positive rate, got: 0",
    ),
    "tasks that are a number": (
        HEAD + "class Person(User):\n    tasks = 3\n",
        2,
        "TypeError: Person.tasks is a list, or a dict of weights, not 3",
    ),
    "tasks that are a task set": (
        HEAD + "class Set(TaskSet): pass\nclass Person(User):\n    tasks = Set\n",
        3,
        "write tasks = [Set]",
    ),
    "a task that was called": (
        HEAD + "def work(user): pass\nclass Person(User):\n    tasks = [work(None)]\n",
        3,
        "TypeError: Person.tasks holds None, which is neither a function nor a task set",
    ),
    "a task's weight in a dict": (
        HEAD + "def work(user): pass\nclass Person(User):\n    tasks = {work: 'x'}\n",
        3,
        "TypeError: tasks: a task's weight is a whole number, not 'x'",
    ),
    "a sequence of a number": (
        HEAD + "class Steps(SequentialTaskSet):\n    tasks = 3\n",
        2,
        "ValueError: On SequentialTaskSet the 'tasks' attribute must be a list or a dict",
    ),
    "a chain that leads nowhere": (
        HEAD + "class Chain(MarkovTaskSet):\n    @transition('nowhere')\n    def step(self): pass\n",
        2,
        "InvalidTransitionError: Transition to nowhere from Chain.step: no such member",
    ),
    "a shape that cannot be made": (
        HEAD + "class Shape(LoadTestShape):\n    def __init__(self): 1 / 0\n    def tick(self): pass\n",
        3,
        "ZeroDivisionError: division by zero",
    ),
    "a shape that is made with arguments": (
        HEAD + "class Shape(LoadTestShape):\n    def __init__(self, top): pass\n    def tick(self): pass\n",
        3,
        "The load shape Shape: Shape.__init__() missing 1 required positional argument: 'top'",
    ),
    "a shape without tick": (
        HEAD + "class Shape(LoadTestShape): pass\n",
        None,
        "The load shape Shape has no method tick",
    ),
    "an event that there is not": (
        HEAD + "@events.nothing.add_listener\ndef on(**kwargs): pass\n",
        2,
        "AttributeError: 'Events' object has no attribute 'nothing'",
    ),
}


@pytest.mark.parametrize("case", AT_IMPORT)
def test_a_mistake_is_told_where_it_is_written(katydid, locustfile, case):
    text, line, words = AT_IMPORT[case]
    path = locustfile(text)
    done = katydid("-f", path, "--headless", "-t", "1s")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Could not load {path}, it raised an exception:\n")
    assert words in done.stderr
    if line is not None:
        assert f'File "{path}", line {line}' in done.stderr
    assert_no_traceback_of_ours(done)


IN_TASK = {
    "a task that fails": ("self.fail()", "ZeroDivisionError: division by zero", 1),
    "an address that is a number": ("self.client.get(5)", "TypeError", 1),
    "a request without a scheme": (
        "self.client.base_url = 'example.test'\n        self.client.get('/')",
        "MissingSchema: Invalid URL 'example.test/': No scheme supplied",
        1,
    ),
    "an unknown argument": ("self.client.get('/', colour='red')", "TypeError", 1),
    "success without catch_response": ("self.client.get('/').success()", "catch_response=True", 1),
    "interrupt in a task of the user": (
        "from locust.exception import InterruptTaskSet\n        raise InterruptTaskSet",
        "Visitor ended: a task of the user itself, outside any task set, was interrupted",
        0,
    ),
    "a greenlet of the script's own": (
        "gevent.spawn(self.fail)\n        gevent.sleep(0.1)",
        "ZeroDivisionError: division by zero",
        0,
    ),
    "a timeout of gevent's": (
        "with gevent.Timeout(0.01): gevent.sleep(5)",
        "Visitor ended: 0.01 seconds",
        0,
    ),
}


@pytest.mark.parametrize("case", IN_TASK)
def test_a_mistake_in_a_task_is_told_with_the_scripts_own_lines(katydid, locustfile, case):
    statement, words, code = IN_TASK[case]
    path = locustfile(
        f"""
from locust import *
import gevent

class Visitor(HttpUser):
    host = "http://127.0.0.1:1"
    wait_time = constant(3600)

    def on_start(self):
        gevent.spawn_later(0.5, self.environment.runner.quit)

    def fail(self):
        1 / 0

    @task
    def work(self):
        {statement}
"""
    )
    done = katydid("-f", path, "--headless", "--only-summary")
    # The script never succeeds in a request: there is nothing to reach.
    assert done.returncode == (code or int("1(100.00%)" in done.stderr))
    assert words in done.stderr
    assert f'File "{path}", line' in done.stderr
    assert_no_traceback_of_ours(done)


ELSEWHERE = {
    "on_start": ("    def on_start(self): 1 / 0\n", 1, ["locust.user.users: division by zero"]),
    "on_stop": ("    def on_stop(self): 1 / 0\n", 0, ["Person ended: division by zero"]),
    "wait_time": ("    def wait_time(self): 1 / 0\n", 1, ["locust.user.task: division by zero"]),
    "wait_time's value": (
        "    def wait_time(self): return 'long'\n",
        1,
        ["Person.wait_time returned 'long'; it returns seconds, a number"],
    ),
    "no tasks": ("    tasks = []\n    task = None\n", 1, ["No tasks defined on Person"]),
    "test_start": (
        "@events.test_start.add_listener\ndef fail(**kwargs): 1 / 0\n",
        2,
        ["Uncaught exception in event handler"],
    ),
    "test_stop": (
        "@events.test_stop.add_listener\ndef fail(**kwargs): 1 / 0\n",
        2,
        ["Uncaught exception in event handler"],
    ),
    "quitting": (
        "@events.quitting.add_listener\ndef fail(**kwargs): 1 / 0\n",
        2,
        ["Uncaught exception in event handler"],
    ),
    "init": (
        "@events.init.add_listener\ndef fail(**kwargs): 1 / 0\n",
        1,
        ["Uncaught exception in event handler"],
    ),
    "spawning_complete": (
        "@events.spawning_complete.add_listener\ndef fail(**kwargs): 1 / 0\n",
        2,
        ["Uncaught exception in event handler"],
    ),
    "a listener that takes too little": (
        "@events.test_start.add_listener\ndef fail(): pass\n",
        2,
        ["fail() got an unexpected keyword argument 'environment'"],
    ),
    "a command-line listener": (
        "@events.init_command_line_parser.add_listener\ndef fail(parser): 1 / 0\n",
        1,
        ["Uncaught exception in event handler"],
    ),
    "tick": (
        "class Shape(LoadTestShape):\n    def tick(self): 1 / 0\n",
        2,
        ["The load shape failed: division by zero"],
    ),
    "tick's value": (
        "class Shape(LoadTestShape):\n    def tick(self): return 5\n",
        2,
        ["Shape.tick returned 5; it returns the number of users and a spawn rate above zero"],
    ),
    "tick's values": (
        "class Shape(LoadTestShape):\n    def tick(self): return ('a', -1)\n",
        2,
        ["Shape.tick returned ('a', -1)"],
    ),
    "tick's classes": (
        "class Shape(LoadTestShape):\n    def tick(self): return (1, 1, ['Person'])\n",
        2,
        ["Shape.tick returned (1, 1, ['Person']); it returns the number of users and a spawn rate above zero"],
    ),
    "a task that takes more": (
        "    @task(10**5)\n    def more(self, extra): pass\n",
        1,
        [
            "Person.more() missing 1 required positional argument: 'extra'",
            "line 6, in more\n    @task(10**5)\nTypeError: ",
        ],
    ),
    "a task set that takes no parent": (
        "    @task(10**5)\n    class Set(TaskSet):\n        def __init__(self): pass\n        tasks = [print]\n",
        1,
        ["Set.__init__() takes 1 positional argument but 2 were given", "line 8, in __init__"],
    ),
    "a user that takes no environment": (
        "    def __init__(self): pass\n",
        2,
        [
            "Could not start a user: Person.__init__() takes 1 positional argument but 2 were given",
            "line 6, in __init__",
        ],
    ),
    "an event without what it needs": (
        "    def on_start(self): self.environment.events.request.fire(name='x')\n",
        2,
        ["required positional argument", "line 6): \nTypeError: "],
    ),
    "a weight of zero": ("    weight = 0\n", 1, ["There are no users with weight > 0."]),
}


@pytest.mark.parametrize("case", ELSEWHERE)
def test_a_mistake_around_the_tasks_is_told_too(katydid, locustfile, case):
    text, code, words = ELSEWHERE[case]
    work = "" if "tasks = []" in text else "    @task\n    def work(self): pass\n"
    path = locustfile(HEAD + f"class Person(User):\n    wait_time = constant(0.1)\n{work}" + text)
    done = katydid("-f", path, "--headless", "-t", "1s", "--only-summary")
    assert done.returncode == code, done.stderr
    for each in words:
        assert each in done.stderr
    if code and "weight" not in case and case != "no tasks":
        assert str(path) in done.stderr
    assert_no_traceback_of_ours(done)


def test_at_the_level_debug_nothing_is_left_out(katydid, locustfile):
    path = locustfile(HEAD + "class Person(User):\n    @task\n    def work(self): 1 / 0\n")
    done = katydid("-f", path, "--headless", "-t", "1s", "--only-summary", "-L", "DEBUG")
    assert done.returncode == 1
    assert "user/task.py" in done.stderr
    assert f'File "{path}", line 4, in work' in done.stderr


STOPPED = {
    "test_start": 0,
    "spawning_complete": 0,
    "request": 0,
    "test_stopping": 0,
    "test_stop": 0,
    "init": 1,
    "quitting": 1,
}


@pytest.mark.parametrize("event", STOPPED)
def test_a_listener_may_stop_the_test(katydid, locustfile, event):
    path = locustfile(
        HEAD
        + f"""
from locust.exception import StopTest

class Person(User):
    wait_time = constant(0.1)

    @task
    def work(self):
        with self.environment.events.request.measure("A", "b"): pass

@events.{event}.add_listener
def stop(**kwargs):
    raise StopTest("that is enough")
"""
    )
    done = katydid("-f", path, "--headless", "-t", "1s", "--only-summary")
    assert done.returncode == STOPPED[event], done.stderr
    if event in ("test_start", "spawning_complete"):
        assert "that is enough" in done.stderr
        assert "Stopping Locust..." in done.stderr
        assert "--run-time limit reached" not in done.stderr
    assert_no_traceback_of_ours(done)


@pytest.mark.parametrize("where", ["import", "init", "test_start", "task", "quitting"])
def test_sys_exit_ends_the_process_with_its_code(katydid, locustfile, where):
    listener = f"@events.{where}.add_listener\ndef leave(**kwargs): sys.exit(5)\n"
    statement = "sys.exit(5)" if where == "task" else "pass"
    path = locustfile(
        HEAD
        + "import sys\nclass Person(User):\n    wait_time = constant(0.1)\n"
        + f"    @task\n    def work(self): {statement}\n"
        + {"import": "sys.exit(5)\n", "task": ""}.get(where, listener)
    )
    done = katydid("-f", path, "--headless", "-t", "1s", "--only-summary")
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
