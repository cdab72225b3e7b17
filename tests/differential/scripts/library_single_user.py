"""run_single_user prints the requests of one user."""
# run: python
# args: -H {target}

import re
import sys

from locust import HttpUser, run_single_user, task
from locust.exception import StopUser

from watch import say, watch

watch("init", "test_start", "request", "test_stop", "quit")


class Visitor(HttpUser):
    host = "http://overridden"

    def on_start(self):
        say(single=self.environment.single_user_instance is self, runner=self.environment.runner)

    def on_stop(self):
        say(at="on_stop")

    @task
    def look(self):
        self.client.get("/bytes/3", context={"a": 1})
        self.client.get("/status/404", name="missing")
        raise StopUser()


class Times:
    """Keeps what is printed, to mask the times in it."""

    def write(self, text):
        self.text += text

    text = ""

    def flush(self):
        """Nothing, until the end."""


sys.stdout = Times()
run_single_user(Visitor)
run_single_user(Visitor)
for line in sys.stdout.text.split("\n"):
    words = " ".join(line.split())
    if words:
        sys.__stdout__.write(re.sub(r"(?<= )\d+(?= |$)", "N", words) + "\n")
