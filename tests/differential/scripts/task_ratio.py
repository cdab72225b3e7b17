"""--show-task-ratio prints the tree."""
# args: --show-task-ratio -u 10

from locust import TaskSet, User, task


class One(User):
    weight = 3

    @task(3)
    def often(self):
        pass

    @task
    def seldom(self):
        pass

    @task(2)
    class Inner(TaskSet):
        @task
        def a(self):
            pass

        @task(3)
        def b(self):
            pass


class Two(User):
    @task
    def only(self):
        pass
