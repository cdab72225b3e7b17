"""--tags keeps tagged tasks, in nested task sets too."""
# args: --headless -u 1 -H {target} --tags a b

import random

from locust import TaskSet, User, constant, tag, task

from watch import say

ran = []


class Visitor(User):
    wait_time = constant(0)

    def on_start(self):
        random.seed(2)
        say(tasks=[item.__name__ for item in self.tasks], inner=[item.__name__ for item in Inner.tasks])

    @tag("a")
    @task(2)
    def with_a(self):
        self.note("with_a")

    @tag("b", "c")
    @task
    def with_b_and_c(self):
        self.note("with_b_and_c")

    @tag("c")
    @task
    def with_c(self):
        self.note("with_c")

    @task
    def without(self):
        self.note("without")

    def note(self, name):
        ran.append(name)
        if len(ran) == 20:
            say(ran=ran)
            self.environment.runner.quit()


@tag("d")
class Inner(TaskSet):
    @tag("a")
    @task
    def inner_a(self):
        self.user.note("inner_a")
        self.interrupt()

    @task
    def inner_without(self):
        self.user.note("inner_without")


class Dropped(TaskSet):
    @task
    def never(self):
        self.user.note("never")


Visitor.tasks += [Inner, Dropped]
