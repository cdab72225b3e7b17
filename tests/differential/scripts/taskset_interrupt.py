"""Leaving nested task sets, with and without the wait of the one around."""

from locust import SequentialTaskSet, TaskSet, User, constant, task

from watch import say, watch

watch("user_error", "test_stopping")


class Inner(TaskSet):
    wait_time = constant(0.25)

    def on_start(self):
        say(at="Inner.on_start", parent=self.parent, user=self.user)

    def on_stop(self):
        say(at="Inner.on_stop")

    def _sleep(self, seconds):
        say(inner_sleeps=seconds)

    @task
    def inside(self):
        say(at="inside")

    @task
    def leave(self):
        if self.user.rounds > 40:
            self.user.environment.runner.quit()
        self.interrupt(reschedule=self.user.rounds % 2 == 0)


class Outer(SequentialTaskSet):
    tasks = [Inner]

    def _sleep(self, seconds):
        say(outer_sleeps=seconds)

    @task
    def count(self):
        self.user.rounds += 1
        say(round=self.user.rounds)
        if self.user.rounds == 5:
            self.interrupt()

    def on_stop(self):
        say(at="Outer.on_stop")


class Visitor(User):
    wait_time = constant(0.5)
    rounds = 0
    visits = 0

    @task
    class Top(TaskSet):
        tasks = [Outer]

        def _sleep(self, seconds):
            say(top_sleeps=seconds)

        def on_start(self):
            import random

            random.seed(3)

        def wait_time(self):
            self.user.visits += 1
            self.user.rounds = 0
            if self.user.visits == 2:
                self.user.environment.runner.quit()
            return 1
