"""Old min_wait and max_wait, and no wait time at all."""

from locust import TaskSet, User, constant, task

from watch import say


class Visitor(User):
    wait_time = constant(0)

    @task
    def step(self):
        class Old(TaskSet):
            min_wait = 1000
            max_wait = 1000

        class Missing(TaskSet):
            pass

        self.wait_time = None
        say(old=Old(self).wait_time())
        try:
            Missing(self).wait_time()
        except Exception as error:
            say(error=type(error).__name__)
        self.environment.runner.quit()
