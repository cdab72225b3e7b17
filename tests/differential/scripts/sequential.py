"""Sequential task sets: order, weights, position of `tasks`, inheritance, loops."""

from locust import SequentialTaskSet, TaskSet, User, constant, task

from watch import say

calls = []


def free(sequence):
    sequence.note("free")


class Base(SequentialTaskSet):
    @task
    def base_first(self):
        self.note("base_first")

    @task(2)
    def base_second(self):
        self.note("base_second")

    def note(self, name):
        calls.append(name)
        if len(calls) == 24:
            say(calls=calls)
            self.user.environment.runner.quit()


class Steps(Base):
    @task
    def before(self):
        self.note("before")

    tasks = {free: 2}

    @task
    class Nested(TaskSet):
        @task
        def inside(self):
            self.parent.note("inside")
            self.interrupt()

    @task
    def after(self):
        self.note("after")


class Visitor(User):
    wait_time = constant(0)
    tasks = [Steps]

    def on_start(self):
        say(tasks=[item.__name__ for item in Steps.tasks])
        for wrong in (5, "text", (1, 2)):
            try:
                type("Wrong", (SequentialTaskSet,), {"tasks": wrong})
            except Exception as error:
                say(wrong=type(wrong).__name__, error=type(error).__name__)
