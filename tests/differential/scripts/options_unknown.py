"""An unknown option ends the command with a hint."""
# args: --headless -u 1 --spawn-rat 3 --nothing-like-it
# compare: code output target

from locust import User, task


class Visitor(User):
    @task
    def nothing(self):
        pass
