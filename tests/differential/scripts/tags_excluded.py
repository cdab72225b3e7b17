"""--exclude-tags wins over --tags; users left without tasks are told of."""
# args: --headless -u 1 -H {target} --tags keep -E drop -L WARNING

from locust import User, constant, tag, task

from watch import finish, say


class Empty(User):
    weight = 0

    @tag("drop", "keep")
    @task
    def both(self):
        say(at="never")


class Visitor(User):
    fixed_count = 1
    wait_time = constant(0)

    @tag("keep")
    @task
    def kept(self):
        say(tasks=[item.__name__ for item in self.tasks], empty=len(Empty.tasks))
        finish(self)

    @tag("keep", "drop")
    @task
    def both(self):
        say(at="never")
