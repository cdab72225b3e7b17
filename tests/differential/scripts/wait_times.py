"""The wait-time functions, with a seed; sleeping is recorded instead of done."""

import random

from locust import TaskSet, User, between, constant, constant_pacing, constant_throughput, poisson, task

from watch import say

waits = []


class Recorder(TaskSet):
    def on_start(self):
        random.seed(5)

    def _sleep(self, seconds):
        waits.append(round(seconds, 3) if self.exact else round(seconds, 1))
        if len(waits) == 5:
            say(name=type(self).__name__, waits=waits)
            waits.clear()
            self.interrupt(reschedule=True)

    exact = True

    @task
    def nothing(self):
        pass


class Between(Recorder):
    wait_time = between(1, 3)


class Constant(Recorder):
    wait_time = constant(1.5)


class Poisson(Recorder):
    wait_time = poisson(2)


class Method(Recorder):
    def wait_time(self):
        return len(waits)


class Lambda(Recorder):
    wait_time = lambda self: 0.125  # noqa: E731


class OfUser(Recorder):
    pass


class Pacing(Recorder):
    wait_time = constant_pacing(4)
    exact = False


class Throughput(Recorder):
    wait_time = constant_throughput(0.1)
    exact = False


class Visitor(User):
    wait_time = between(10, 20)

    @task
    class Root(TaskSet):
        def on_start(self):
            self.rest = iter([Between, Constant, Poisson, Method, Lambda, OfUser, Pacing, Throughput])

        def get_next_task(self):
            following = next(self.rest, None)
            if following is None:
                self.user.environment.runner.quit()
            return following

        tasks = [OfUser]

    def on_start(self):
        for make, value in ((poisson, 0), (poisson, -1), (constant_throughput, 0), (constant_throughput, -2)):
            try:
                make(value)
            except Exception as error:
                say(make=make.__name__, value=value, error=error)
