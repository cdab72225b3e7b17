"""Tasks picked at random follow the seed and the weights."""

import random

from locust import TaskSet, User, constant, task

from watch import say

picked = []


class Shopper(User):
    wait_time = constant(0)

    def on_start(self):
        random.seed(7)

    @task(5)
    def often(self):
        self.pick("often")

    @task
    def seldom(self):
        self.pick("seldom")

    @task(2)
    class Inner(TaskSet):
        @task(3)
        def inside(self):
            self.user.pick("inside")

        @task
        def leave(self):
            self.user.pick("leave")
            self.interrupt(reschedule=random.random() < 0.5)

    def pick(self, name):
        picked.append(name)
        if len(picked) == 60:
            say(picked=picked)
            self.environment.runner.quit()
