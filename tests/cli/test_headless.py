"""Runs without a page: log lines, tables, events and exit codes."""

import re
import signal
import time

import pytest

SHOP = """
from locust import HttpUser, constant, events, task

class Visitor(HttpUser):
    wait_time = constant(0.05)

    @task
    def front_page(self):
        self.client.get("/")
"""


def test_a_whole_run(katydid, locustfile, target, table):
    done = katydid("-f", locustfile(SHOP), "--headless", "-u", 3, "-r", 3, "-t", "2s", "-H", target.url)
    assert done.returncode == 0
    assert done.stdout == ""
    lines = [line.partition("/")[2] for line in done.stderr.splitlines() if line.startswith("[")]
    assert lines == [
        lines[0],
        "INFO/locust.main: Run time limit set to 2 seconds",
        "INFO/locust.runners: Ramping to 3 users at a rate of 3.00 per second",
        'INFO/locust.runners: All users spawned: {"Visitor": 3} (3 total users)',
        "INFO/locust.main: --run-time limit reached, shutting down",
        "INFO/locust.main: Shutting down (exit code 0)",
    ]
    assert re.fullmatch(r"INFO/locust.main: Starting Locust 2\.47\.0 \(Katydid \S+\)", lines[0])
    # One table at the start, at least one on the way, and the final three.
    assert done.stderr.count("# fails") >= 2
    final = done.stderr.partition("Shutting down")[2]
    assert "Response time percentiles (approximated)" in final
    assert "Error report" not in final
    requests = target.truth()["by_path"]["GET /"]
    assert table(final) == {"GET /": (requests, 0), "Aggregated": (requests, 0)}


def test_only_summary_prints_the_tables_once(katydid, locustfile, target):
    done = katydid("-f", locustfile(SHOP), "--headless", "-t", "1s", "-H", target.url, "--only-summary")
    assert done.stderr.count("# fails") == 1


def test_failed_requests_make_the_exit_code(katydid, locustfile, target, table):
    path = locustfile(SHOP.replace('get("/")', 'get("/item/999", name="item")'))
    options = ["-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary"]
    done = katydid(*options)
    assert done.returncode == 1
    requests, failures = table(done.stderr)["GET item"]
    assert requests == failures == target.truth()["by_path"]["GET /item/999"]
    assert "GET item: HTTPError('404 Client Error: Not Found for url: item')" in done.stderr
    assert katydid(*options, "--exit-code-on-error", "7").returncode == 7


def test_an_exception_in_a_task_makes_the_exit_code_and_is_logged_from_the_scripts_line_on(katydid, locustfile):
    path = locustfile(
        """
        from locust import User, constant, task

        class Person(User):
            wait_time = constant(10)

            @task
            def work(self):
                raise ValueError("bad")
        """
    )
    done = katydid("-f", path, "--headless", "-t", "1s", "--only-summary")
    assert done.returncode == 1
    assert "/ERROR/locust.user.task: bad" in done.stderr
    assert f'File "{path}", line 9, in work' in done.stderr
    assert "python/katydid" not in done.stderr


def test_a_script_can_choose_the_exit_code(katydid, locustfile, target):
    path = locustfile(
        SHOP
        + """
@events.quitting.add_listener
def choose(environment, **kwargs):
    environment.process_exit_code = 3

@events.quit.add_listener
def told(exit_code, **kwargs):
    print("code", exit_code)
"""
    )
    done = katydid("-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary")
    assert done.returncode == 3
    assert done.stdout == "code 3\n"


def test_a_failing_listener_makes_the_exit_code_2(katydid, locustfile, target):
    path = locustfile(SHOP + "\n@events.test_start.add_listener\ndef fail(**kwargs): 1 / 0\n")
    done = katydid("-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary")
    assert done.returncode == 2


def test_events_come_in_order_with_their_arguments(katydid, locustfile, target):
    path = locustfile(
        SHOP.replace("class Visitor(HttpUser):", "class Visitor(HttpUser):\n    def on_stop(self): print('on_stop')\n")
        + """
for name in "init test_start spawning_complete test_stopping test_stop quitting quit".split():
    getattr(events, name).add_listener(lambda name=name, **kwargs: print(name, *sorted(kwargs)))
"""
    )
    done = katydid("-f", path, "--headless", "-u", 2, "-r", 2, "-t", "1s", "-H", target.url, "--only-summary")
    assert done.stdout.splitlines() == [
        "init environment runner web_ui",
        "test_start environment",
        "spawning_complete user_count",
        "test_stopping environment",
        "on_stop",
        "on_stop",
        "test_stop environment",
        "quitting environment",
        "quit exit_code",
    ]


def test_a_request_event_counts_once_and_carries_everything(katydid, locustfile, target, table):
    path = locustfile(
        SHOP
        + """
@events.request.add_listener
def told(**kwargs):
    if not seen:
        seen.append(1)
        print(*sorted(kwargs))

seen = []
"""
    )
    done = katydid("-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary")
    assert done.stdout == (
        "context exception name request_type response response_length response_time start_time url\n"
    )
    assert table(done.stderr)["GET /"] == (target.truth()["by_path"]["GET /"], 0)


def test_a_client_of_ones_own_only_fires_the_event(katydid, locustfile, table):
    path = locustfile(
        """
        from locust import User, constant, task
        from locust.exception import StopUser

        class Person(User):
            @task
            def work(self):
                fire = self.environment.events.request.fire
                same = {"request_type": "SQL", "name": "select", "response_length": 5}
                fire(**same, response_time=12.5)
                fire(**same, response_time=None, exception=ValueError("x"))
                raise StopUser
        """
    )
    done = katydid("-f", path, "--headless", "-u", 2, "-r", 2, "-t", "1s", "--only-summary")
    assert done.returncode == 1
    assert table(done.stderr)["SQL select"] == (4, 2)
    assert "SQL select: ValueError('x')" in done.stderr


@pytest.mark.parametrize(
    ("signum", "said"),
    [(signal.SIGINT, ""), (signal.SIGTERM, "Got SIGTERM signal"), (signal.SIGHUP, "Got SIGHUP signal")],
)
def test_a_signal_ends_the_run_with_the_final_tables(start, locustfile, target, table, signum, said):
    running = start("-f", locustfile(SHOP), "--headless", "-u", 2, "-r", 2, "-H", target.url, "--only-summary")
    running.wait_for("All users spawned")
    assert running.end(signum) == 0
    assert said in running.log
    assert "Shutting down (exit code 0)" in running.log
    assert "Traceback" not in running.log
    assert table(running.log)["GET /"] == (target.truth()["by_path"]["GET /"], 0)


def test_a_signal_ends_a_script_that_never_yields(start, locustfile, target):
    path = locustfile(
        """
        from locust import User, task

        class Busy(User):
            @task
            def spin(self):
                print("spinning", flush=True)
                while True: ...
        """
    )
    running = start("-f", path, "--headless", "--only-summary")
    running.process.stdout.readline()
    running.process.send_signal(signal.SIGINT)
    deadline = time.monotonic() + 30
    while running.process.poll() is None and time.monotonic() < deadline:
        # The first asks, a second insists; when the first has arrived is the process's own affair.
        running.process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert running.process.poll() is not None


def test_stopped_users_finish_their_task_within_the_time_out(katydid, locustfile, target):
    path = locustfile(
        """
        import time
        from locust import HttpUser, task

        class Slow(HttpUser):
            def on_stop(self):
                print("stopped")

            @task
            def work(self):
                time.sleep(2)
                self.client.get("/")
                print("finished")
        """
    )
    options = ["-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary"]
    assert katydid(*options).stdout == "stopped\n"
    assert katydid(*options, "-s", "20s").stdout == "finished\nstopped\n"


def test_a_user_may_end_the_run_from_a_task(katydid, locustfile, target):
    path = locustfile(
        SHOP.replace('self.client.get("/")', 'self.client.get("/"); self.environment.runner.quit(); print("never")')
    )
    for timeout in ("0", "30s"):
        done = katydid("-f", path, "--headless", "-u", 3, "-r", 3, "-s", timeout, "-H", target.url, "--only-summary")
        assert done.returncode == 0
        assert done.stdout == ""
        assert "Shutting down (exit code 0)" in done.stderr


def test_positional_names_choose_the_classes(katydid, locustfile, target):
    path = locustfile(SHOP + '\nclass Buyer(HttpUser):\n    @task\n    def buy(self): self.client.get("/cart")\n')
    katydid("-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary", "Visitor")
    assert set(target.truth()["by_path"]) == {"GET /"}


def test_tags_choose_the_tasks(katydid, locustfile, target):
    path = locustfile(
        """
        from locust import HttpUser, constant, tag, task

        class Visitor(HttpUser):
            wait_time = constant(0.01)

            @tag("a")
            @task
            def one(self):
                self.client.get("/item/1")

            @tag("b")
            @task
            def two(self):
                self.client.get("/item/2")
        """
    )
    katydid("-f", path, "--headless", "-t", "1s", "-H", target.url, "--only-summary", "--tags", "a")
    assert set(target.truth()["by_path"]) == {"GET /item/1"}


def test_a_fixed_count_comes_on_top_of_weights(katydid, locustfile):
    path = locustfile(
        """
        from locust import User, constant, task

        class Base(User):
            abstract = True
            wait_time = constant(10)

            @task
            def work(self): ...

        class Fixed(Base):
            fixed_count = 2

        class Heavy(Base):
            weight = 3

        class Light(Base): ...
        """
    )
    done = katydid("-f", path, "--headless", "-u", 10, "-r", 100, "-t", "1s", "--only-summary")
    assert 'All users spawned: {"Fixed": 2, "Heavy": 6, "Light": 2} (10 total users)' in done.stderr


def test_a_load_shape_decides_and_ends_the_run(katydid, locustfile):
    path = locustfile(
        """
        from locust import LoadTestShape, User, constant, task

        class Person(User):
            wait_time = constant(10)

            @task
            def work(self): ...

        class Stairs(LoadTestShape):
            steps = iter([(2, 10), (2, 10), (4, 10), None])

            def tick(self):
                return next(self.steps)
        """
    )
    done = katydid("-f", path, "--headless", "--only-summary")
    assert done.returncode == 0
    assert re.findall(r"Shape test updating to (\d+) users", done.stderr) == ["2", "4"]
    assert "Shape test stopping" in done.stderr


def test_a_log_file_takes_the_lines_but_not_the_tables(katydid, locustfile, target, tmp_path):
    done = katydid("-f", locustfile(SHOP), "--headless", "-t", "1s", "-H", target.url, "--logfile", "run.log")
    assert done.stderr.startswith("Type ")
    assert "Ramping" not in done.stderr
    assert "Ramping to 1 users" in (tmp_path / "run.log").read_text()


def test_sys_exit_in_a_task_ends_the_run_in_the_usual_way(katydid, locustfile):
    path = locustfile(
        """
        import sys
        from locust import User, task

        class Person(User):
            @task
            def work(self):
                sys.exit(5)
        """
    )
    done = katydid("-f", path, "--headless", "-u", 3, "-r", 3, "--only-summary")
    assert done.returncode == 5
    assert "Shutting down (exit code 5)" in done.stderr
    assert "Traceback" not in done.stderr
