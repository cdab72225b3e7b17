"""sys.exit in a task ends the process with its code."""
# compare: code output target

import sys

from locust import User, constant, task


class Visitor(User):
    wait_time = constant(0)

    @task
    def leave(self):
        sys.exit(3)
