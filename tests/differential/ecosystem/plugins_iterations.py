"""locust-plugins: -i ends the run after so many tasks, those of task sets too."""
# args: --headless -H {target} -i 5

import locust_plugins  # noqa: F401
from locust import HttpUser, SequentialTaskSet, constant, task

from watch import say


class Steps(SequentialTaskSet):
    @task
    def first(self):
        self.client.get("/bytes/1", name="first")

    @task
    def second(self):
        self.client.get("/bytes/2", name="second")
        self.interrupt()


class Visitor(HttpUser):
    wait_time = constant(0.05)
    tasks = [Steps]

    def on_stop(self):
        say(tasks=self.environment.runner.iterations_started)
