"""StopTest in a task ends its user only; in test_start it ends the test."""
# compare: code output target

from locust import User, constant, events, task
from locust.exception import StopTest

from watch import RUN, say, watch

watch(*RUN, "user_error")


@events.test_start.add_listener
def on_start(environment, **kwargs):
    raise StopTest("not today")


class Visitor(User):
    wait_time = constant(0)

    @task
    def never(self):
        say(at="never")
