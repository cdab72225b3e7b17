"""Exceptions in tasks are logged, counted and announced, and the user goes on."""

from locust import User, constant, task

from watch import RUN, finish, say, watch

watch("user_error", *RUN)


def deep():
    raise ValueError("deep inside")


def chain():
    try:
        deep()
    except ValueError as error:
        raise KeyError("chained") from error


class Visitor(User):
    wait_time = constant(0)
    step = 0

    def on_stop(self):
        say(at="on_stop")
        for entry in self.environment.runner.exceptions.values():
            say(count=entry["count"], msg=entry["msg"], nodes=entry["nodes"])

    @task
    def fail(self):
        self.step += 1
        if self.step == 1:
            raise RuntimeError("first")
        if self.step in (2, 3):
            deep()
        if self.step == 4:
            raise AssertionError
        if self.step == 5:
            chain()
        finish(self)
