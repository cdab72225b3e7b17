"""The table of catch_response for FastHttpUser."""

from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import LocustBadStatusCode
from locust.exception import LocustError, RescheduleTask, ResponseError

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)

    @task
    def judge(self):
        get = self.client.get
        with get("/bytes/1", catch_response=True, name="unmarked"):
            pass
        with get("/status/500", catch_response=True, name="unmarked 500") as response:
            say(error=type(response.error).__name__, bad=isinstance(response.error, LocustBadStatusCode))
        with get("/status/404", catch_response=True, name="fine 404") as response:
            response.success()
        with get("/bytes/2", catch_response=True, name="failed") as response:
            response.failure("too short")
        with get("/bytes/2", catch_response=True, name="failed with an exception") as response:
            response.failure(ValueError("mine"))
        with get("/bytes/2", catch_response=True, name="last word wins") as response:
            response.failure("no")
            response.success()
        with get("/bytes/3", catch_response=True, name="raised ResponseError"):
            raise ResponseError("from the block")
        with get("http://127.0.0.1:1/", catch_response=True, name="refused but fine") as response:
            say(status=response.status_code, text=response.text, content=response.content)
            response.success()
        with get("/bytes/4", catch_response=True, name="renamed") as response:
            response.request_meta["name"] = "by the block"
            response.request_meta["response_time"] = 1234.0
        for error in (RescheduleTask(), AssertionError("unmarked"), ValueError("unmarked")):
            try:
                with get("/bytes/5", catch_response=True, name="escapes, unmarked"):
                    raise error
            except Exception as escaped:
                say(escaped=type(escaped).__name__)
            try:
                with get("/bytes/5", catch_response=True, name="escapes, marked") as response:
                    response.failure("marked first")
                    raise error
            except Exception as escaped:
                say(escaped=type(escaped).__name__)
        for action in (
            lambda: get("/bytes/6").success(),
            lambda: get("/bytes/6").failure("x"),
            lambda: get("/bytes/6", catch_response=True).success(),
        ):
            try:
                action()
            except LocustError:
                say(misuse="LocustError")
        try:
            with get("/bytes/7"):
                say(at="in the block")
        except Exception as error:
            say(error=type(error).__name__)
        self.environment.runner.quit()
