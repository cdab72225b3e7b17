"""schedule_task, its order, get_next_task and execute_task overridden, read-only attributes."""

from locust import TaskSet, User, constant, task

from watch import say

calls = []


class Root(TaskSet):
    def on_start(self):
        self.schedule_task(self.bound)
        self.schedule_task(free)
        self.schedule_task(self.bound, first=True)
        self.schedule_task(Inner, first=True)
        say(queue=len(self._task_queue), parent=self.parent, user=self.user)
        for name in ("user", "parent"):
            try:
                setattr(self, name, None)
            except AttributeError:
                say(read_only=name)

    def bound(self):
        calls.append("bound")

    @task
    def picked(self):
        calls.append("picked")
        if calls.count("picked") == 2:
            say(calls=calls)
            self.user.environment.runner.quit()

    def execute_task(self, item):
        calls.append("execute")
        super().execute_task(item)

    def get_next_task(self):
        calls.append("next")
        return super().get_next_task()


class Inner(TaskSet):
    @task
    def leave(self):
        calls.append("inner")
        self.interrupt()


def free(task_set):
    calls.append(f"free {type(task_set).__name__}")


class Visitor(User):
    wait_time = constant(0)
    tasks = [Root]
