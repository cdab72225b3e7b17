"""success() and failure() where they cannot work."""

import requests
from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def misuse(self):
        self.attempt("success without catch_response", lambda: self.client.get("/bytes/1").success())
        self.attempt("failure without catch_response", lambda: self.client.get("/bytes/1").failure("x"))
        self.attempt("success outside the block", lambda: self.client.get("/bytes/1", catch_response=True).success())
        self.attempt("with without catch_response", self.enter)
        self.attempt("plain requests", lambda: requests.Response().success())
        self.attempt("plain requests", lambda: requests.Response().failure("x"))
        response = self.client.get("/bytes/1", catch_response=True, name="never entered")
        say(response=response, isinstance=isinstance(response, requests.Response))
        with self.client.get("/bytes/9", catch_response=True, name="late") as response:
            pass
        self.attempt("after the block", lambda: response.failure("late"))
        self.environment.runner.quit()

    def enter(self):
        with self.client.get("/bytes/1"):
            say(at="never")

    def attempt(self, label, action):
        try:
            action()
        except Exception as error:
            say(label=label, error=type(error).__name__)
        else:
            say(label=label, error=None)
