"""An init listener that raises ends everything."""

from locust import User, events, task

from watch import say


@events.init.add_listener
def on_init(environment, **kwargs):
    say(at="init")
    raise RuntimeError("nothing is ready")


@events.init.add_listener
def after(environment, **kwargs):
    say(at="the next listener")


class Visitor(User):
    @task
    def never(self):
        say(at="never")
