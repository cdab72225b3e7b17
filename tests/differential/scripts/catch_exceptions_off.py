"""With catch_exceptions off an exception ends its user."""
# args: --headless -u 2 -r 2 -H {target}

from locust import User, constant, events, task

from watch import say, watch

watch("user_error")


@events.init.add_listener
def on_init(environment, **kwargs):
    environment.catch_exceptions = False


class Fails(User):
    wait_time = constant(0)
    fixed_count = 1

    def on_stop(self):
        say(at="Fails.on_stop")

    @task
    def fail(self):
        raise RuntimeError("not caught")


class Watches(User):
    wait_time = constant(0.05)
    fixed_count = 1

    @task
    def look(self):
        runner = self.environment.runner
        if runner.state == "running" and runner.user_count == 1:
            say(left=runner.user_classes_count)
            runner.quit()
