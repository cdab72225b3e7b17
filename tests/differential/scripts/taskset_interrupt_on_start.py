"""Interrupting and failing in a task set's on_start."""

from locust import TaskSet, User, constant, task

from watch import say, watch

watch("user_error")
seen = []


class Leaves(TaskSet):
    reschedule = True

    def on_start(self):
        say(at=f"{type(self).__name__}.on_start")
        self.interrupt(reschedule=self.reschedule)

    def on_stop(self):
        say(at="never")

    @task
    def nothing(self):
        say(at="never")


class LeavesAndWaits(Leaves):
    reschedule = False


class Fails(TaskSet):
    def on_start(self):
        raise RuntimeError("on_start of a task set")

    def on_stop(self):
        say(at="never")

    @task
    def nothing(self):
        say(at="never")


class Visitor(User):
    wait_time = constant(0)

    def on_stop(self):
        say(at="Visitor.on_stop")

    @task
    class Root(TaskSet):
        def get_next_task(self):
            order = [Leaves, LeavesAndWaits, Fails, Leaves]
            if len(seen) == len(order):
                self.user.environment.runner.quit()
            seen.append(order[len(seen)])
            return seen[-1]

        def _sleep(self, seconds):
            say(sleeps=seconds)

        tasks = [Leaves]
