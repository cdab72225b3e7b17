"""StopTest and StopUser in tasks end only that user, after its on_stop."""
# args: --headless -u 3 -r 3 -H {target}

import gevent
from locust import User, constant, task
from locust.exception import StopTest, StopUser

from watch import say, watch

watch("user_error")


class Ends(User):
    abstract = True
    wait_time = constant(0)
    fixed_count = 1

    def on_stop(self):
        say(at=f"{type(self).__name__}.on_stop")


class InTask(Ends):
    @task
    def stop(self):
        raise StopTest("from a task")


class StopsUser(Ends):
    @task
    def stop(self):
        raise StopUser()


class Last(User):
    wait_time = constant(0.01)
    fixed_count = 1

    @task
    def look(self):
        runner = self.environment.runner
        if runner.state == "running" and runner.user_count == 1:
            say(state=runner.state, counts=runner.user_classes_count)
            gevent.spawn(runner.quit)
            gevent.sleep(5)
