"""Answers that break off or are no HTTP, seen by HttpUser's client."""
# compare: code output target

from locust import HttpUser, constant, events, task

from watch import say


@events.request.add_listener
def on_request(request_type, name, exception, response, response_length, **kwargs):
    say(name=name, failed=exception is not None, status=response.status_code, length=response_length)


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def fail(self):
        for kind in (
            "close",
            "reset",
            "garbage",
            "cut-length",
            "cut-chunk",
            "bad-chunk",
            "bad-gzip",
            "freeze",
        ):
            response = self.client.get(f"/broken/{kind}", timeout=0.3)
            say(kind=kind, content=response.content, error=bool(getattr(response, "error", None)))
        self.client.get("/close-delimited")
        self.client.get("/chunked?chunks=3")
        self.client.get("/drop-after/1")
        self.client.get("/drop-after/1")
        self.client.get("/slow-body?bytes=10&chunks=3&ms=5")
        self.environment.runner.quit()
