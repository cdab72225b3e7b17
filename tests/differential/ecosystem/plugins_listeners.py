"""locust-plugins: what its listeners do when a request fails or a task raises."""
# args: --headless -H {target}

from locust import HttpUser, TaskSet, constant, events, task
from locust_plugins.listeners import (
    InterruptTaskOnFail,
    QuitOnFail,
    RescheduleTaskOnFail,
    RunOnFail,
    RunOnUserError,
    StopUserOnFail,
)

from watch import say, watch

watch("user_error", "quit")
steps = iter(["reschedule", "interrupt", "raise", "quit"])
ENDS = {"reschedule": RescheduleTaskOnFail, "interrupt": InterruptTaskOnFail, "quit": StopUserOnFail}


@events.init.add_listener
def on_init(environment, **kwargs):
    RunOnFail(environment, lambda exception, **kwargs: say(failed=kwargs["name"], exception=exception))
    RunOnUserError(environment, lambda user, exception, tb, **kwargs: say(user=user, raised=exception))
    QuitOnFail(environment, name="quit")


class Inner(TaskSet):
    def on_start(self):
        say(at="on_start of the task set")

    def on_stop(self):
        say(at="on_stop of the task set")

    @task
    def fail(self):
        step = next(steps)
        if step == "raise":
            raise ValueError("of the task")
        hook = self.user.environment.events.request
        ours = ENDS[step](self.user.environment)
        try:
            self.client.get("/status/404", name=step)
        finally:
            hook.remove_listener(ours.request)
            say(after=step)
        say(at="not reached")


class Visitor(HttpUser):
    wait_time = constant(0)
    tasks = [Inner]
