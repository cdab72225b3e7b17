"""A user class that does not exist."""
# args: --headless -u 1 -H {target} Missing
# compare: code output target

from locust import User, task


class Visitor(User):
    @task
    def nothing(self):
        pass
