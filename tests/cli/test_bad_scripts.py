"""Scripts that cannot run: the message leads to the line, and shows no line of ours."""

SHOP = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def front_page(self):
        self.client.get("/")
"""


def assert_no_traceback_of_ours(done):
    assert "python/katydid" not in done.stderr
    assert "site-packages" not in done.stderr
    assert "frozen importlib" not in done.stderr


def test_no_script_at_all(katydid):
    done = katydid()
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
