"""tag and filter_tasks_by_tags called by hand."""

from locust import TaskSet, User, constant, tag, task
from locust.user.task import filter_tasks_by_tags

from watch import say


class Holder(TaskSet):
    @tag("x")
    @task(2)
    def with_x(self):
        pass

    @tag("x", "y")
    @task
    def with_both(self):
        pass

    @task
    def without(self):
        pass


class Visitor(User):
    wait_time = constant(0)

    @task
    def report(self):
        for wrong in (lambda: tag(), lambda: tag(self.report)):
            try:
                wrong()
            except Exception as error:
                say(error=type(error).__name__)
        say(tags=sorted(Holder.with_both.locust_tag_set), none=hasattr(Holder.without, "locust_tag_set"))
        tasks = Holder.tasks
        for wanted, unwanted in (({"x"}, None), (None, {"x"}), ({"x"}, {"y"}), ({"z"}, None), (None, None)):
            Holder.tasks = list(tasks)
            filter_tasks_by_tags(Holder, wanted, unwanted)
            say(wanted=wanted, unwanted=unwanted, left=[item.__name__ for item in Holder.tasks])
        self.environment.runner.quit()
