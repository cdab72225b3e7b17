"""InterruptTaskSet raised by a task of the user itself ends that user."""
# args: --headless -u 2 -r 2 -H {target}

import gevent
from locust import User, constant, task
from locust.exception import InterruptTaskSet

from watch import say, watch

watch("user_error")


class Interrupts(User):
    wait_time = constant(0)
    fixed_count = 1

    def on_stop(self):
        say(at="Interrupts.on_stop")

    @task
    def interrupt(self):
        raise InterruptTaskSet()


class Last(User):
    wait_time = constant(0.01)
    fixed_count = 1

    @task
    def look(self):
        runner = self.environment.runner
        if runner.state == "running" and runner.user_count == 1:
            say(counts=runner.user_classes_count)
            gevent.spawn(runner.quit)
            gevent.sleep(5)
