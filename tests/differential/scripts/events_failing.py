"""Listeners that raise: the run goes on, the exit code says so."""

from locust import HttpUser, constant, events, task

from watch import say, watch

watch("request", "test_start", "test_stop", "quit")


def failing(name):
    def on_event(**kwargs):
        raise RuntimeError(f"in {name}")

    return on_event


for name in ("test_start", "spawning_complete", "request", "test_stopping", "test_stop", "quitting"):
    getattr(events, name).add_listener(failing(name))


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/bytes/1")
        say(at="after the request")
        self.environment.runner.quit()
