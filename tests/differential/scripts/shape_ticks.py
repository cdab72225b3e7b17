"""A load shape that goes up, down, and ends."""
# args: --headless -H {target}

from locust import LoadTestShape, User, constant, task

from watch import say, watch

watch("test_start", "spawning_complete", "test_stop", "quit")


class Steps(LoadTestShape):
    steps = [(2, 100), (2, 100), (1, 100), (4, 100), None]
    ticks = 0

    def tick(self):
        step = self.steps[self.ticks]
        self.ticks += 1
        say(tick=self.ticks, users=self.get_current_user_count(), runner=self.runner)
        return step


class Visitor(User):
    wait_time = constant(100)

    @task
    def nothing(self):
        pass
