"""process_exit_code, set in a quitting listener, wins over failures."""

from locust import HttpUser, constant, events, task

from watch import say


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    say(ratio=environment.stats.total.fail_ratio, code=environment.process_exit_code)
    if environment.stats.total.fail_ratio > 0.2:
        environment.process_exit_code = 7


@events.quit.add_listener
def on_quit(exit_code, **kwargs):
    say(exit_code=exit_code)


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def fail(self):
        self.client.get("/status/500")
        self.client.get("/bytes/1")
        self.environment.runner.quit()
