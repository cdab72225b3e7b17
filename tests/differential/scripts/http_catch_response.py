"""The table of catch_response: who marks what, when, and what is counted."""

from locust import HttpUser, constant, task
from locust.exception import CatchResponseError, RescheduleTask, ResponseError

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def judge(self):
        with self.client.get("/bytes/1", catch_response=True, name="unmarked"):
            pass
        with self.client.get("/status/500", catch_response=True, name="unmarked 500"):
            pass
        with self.client.get("/status/404", catch_response=True, name="fine 404") as response:
            response.success()
        with self.client.get("/bytes/2", catch_response=True, name="failed") as response:
            response.failure("too short")
        with self.client.get("/bytes/2", catch_response=True, name="failed with an exception") as response:
            response.failure(ValueError("mine"))
        with self.client.get("/bytes/2", catch_response=True, name="last word wins") as response:
            response.failure("no")
            response.success()
            response.failure("yes")
            response.success()
        with self.client.get("/bytes/2", catch_response=True, name="no message") as response:
            response.failure("")
        with self.client.get("/bytes/3", catch_response=True, name="raised ResponseError"):
            raise ResponseError("from the block")
        try:
            with self.client.get("/bytes/3", catch_response=True, name="raised CatchResponseError"):
                raise CatchResponseError("from the block")
        except CatchResponseError:
            say(escaped="CatchResponseError")
        with self.client.get("/status/503", catch_response=True, name="raise_for_status") as response:
            try:
                response.raise_for_status()
            except Exception as error:
                say(error=error)
            response.failure(f"status {response.status_code}")
        with self.client.get("http://127.0.0.1:1/", catch_response=True, name="refused") as response:
            say(status=response.status_code, error=type(response.error).__name__)
        with self.client.get("http://127.0.0.1:1/", catch_response=True, name="refused but fine") as response:
            response.success()
        with self.client.get("/bytes/4", catch_response=True, name="renamed") as response:
            response.request_meta["name"] = "by the block"
            response.request_meta["context"] = {"more": 1}
            response.request_meta["response_time"] = 1234.0
        for error in (RescheduleTask(), AssertionError("unmarked"), ValueError("unmarked")):
            try:
                with self.client.get("/bytes/5", catch_response=True, name="escapes, unmarked"):
                    raise error
            except Exception as escaped:
                say(escaped=type(escaped).__name__)
            try:
                with self.client.get("/bytes/5", catch_response=True, name="escapes, marked") as response:
                    response.failure("marked first")
                    raise error
            except Exception as escaped:
                say(escaped=type(escaped).__name__)
        entry = self.environment.stats.get("by the block", "GET")
        say(renamed=[entry.num_requests, entry.max_response_time])
        self.environment.runner.quit()
