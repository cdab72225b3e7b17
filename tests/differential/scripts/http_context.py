"""The context of requests: of the user, of the call, and both."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)
    number = 0

    def context(self):
        self.number += 1
        return {"user": "ann", "number": self.number}

    @task
    def contexts(self):
        self.client.get("/bytes/1")
        self.client.get("/bytes/1", context={"call": True})
        self.client.get("/bytes/1", context={"user": "bob"})
        with self.client.get("/bytes/1", context={"a": 1}, catch_response=True) as response:
            say(meta=response.request_meta["context"])
        with self.environment.events.request.measure("MINE", "measured", context={"m": 1}):
            pass
        self.environment.runner.quit()
