"""StopUser and quit run on_stop of every level, the innermost first."""

# args: --headless -u 2 -r 1 -H {target}
from locust import TaskSet, User, constant, task
from locust.exception import StopUser

from watch import finish, say, watch

watch("user_error", "test_stopping", "test_stop")


class Level(TaskSet):
    def on_start(self):
        say(at=f"{type(self).__name__}.on_start", user=self.user.name)

    def on_stop(self):
        say(at=f"{type(self).__name__}.on_stop", user=self.user.name)


class Stops(User):
    name = "stops"
    wait_time = constant(0)
    fixed_count = 1

    def on_stop(self):
        say(at="User.on_stop", user=self.name)

    @task
    class Outer(Level):
        @task
        class Middle(Level):
            @task
            class Inner(Level):
                @task
                def stop(self):
                    self.user.end()

    def end(self):
        raise StopUser()


class Quits(Stops):
    name = "quits"

    def on_start(self):
        if self.environment.runner.user_count < 2:
            say(at="too early")

    def end(self):
        finish(self)


class Fails(Stops):
    name = "fails in on_stop"

    def on_stop(self):
        say(at="User.on_stop", user=self.name)
        raise RuntimeError("on_stop")


Fails.fixed_count = 0
Fails.weight = 0
Quits.tasks = Stops.tasks
