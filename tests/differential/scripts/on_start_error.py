"""Exceptions in on_start and on_stop of users."""
# args: --headless -u 3 -r 3 -H {target}

import gevent
from locust import User, constant, task

from watch import say, watch

watch("user_error", "test_stopping", "test_stop")


class StartFails(User):
    wait_time = constant(0)
    fixed_count = 1

    def on_start(self):
        raise RuntimeError("in on_start")

    def on_stop(self):
        say(at="never")

    @task
    def never(self):
        say(at="never")


class StopFails(User):
    wait_time = constant(100)
    fixed_count = 1

    def on_stop(self):
        say(at="StopFails.on_stop")
        raise RuntimeError("in on_stop")

    @task
    def nothing(self):
        pass


class Last(User):
    wait_time = constant(0.01)
    fixed_count = 1

    @task
    def look(self):
        runner = self.environment.runner
        if runner.state == "running" and runner.user_count == 2:
            say(counts=runner.user_classes_count)
            gevent.spawn(runner.quit)
            gevent.sleep(5)
