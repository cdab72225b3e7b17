"""With a stop timeout a running task ends in peace and no other begins."""
# args: --headless -u 1 -s 5 -H {target}

import gevent
from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)
    runs = 0

    def on_stop(self):
        say(at="on_stop", runs=self.runs, state=self._state)

    @task
    def slow(self):
        self.runs += 1
        gevent.spawn(self.environment.runner.quit)
        self.client.get("/latency?ms=300")
        say(at="end of the task", state=self._state)
