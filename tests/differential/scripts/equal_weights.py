"""--equal-weights and what the environment makes of it."""
# args: --headless -u 1 -H {target} --equal-weights

from locust import TaskSet, User, constant, task

from watch import say


class Visitor(User):
    weight = 5
    wait_time = constant(0)

    @task(5)
    def report(self):
        say(weight=self.weight, tasks=[item.__name__ for item in self.tasks], other=Other.weight)
        self.environment.runner.quit()

    @task
    class Inner(TaskSet):
        @task(3)
        def inside(self):
            self.user.report()


class Other(User):
    weight = 3
    tasks = [Visitor.report]
    report = Visitor.report
