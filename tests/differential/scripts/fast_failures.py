"""Failing requests of FastHttpUser's client: statuses, refused connections, time-outs, error responses."""

from locust import FastHttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)
    network_timeout = 0.2

    @task
    def fail(self):
        client = self.client
        for status in (200, 201, 204, 226, 304, 400, 404, 418, 500, 503):
            self.show(client.get(f"/status/{status}"))
        self.show(client.get("/item/999", name="named"))
        self.show(client.get("http://127.0.0.1:1/nothing", name="refused"))
        self.show(client.get("/latency?ms=5000", name="slow"))
        self.show(client.get("/bytes/3"))
        say(total=self.environment.stats.total.num_requests, failed=self.environment.stats.total.num_failures)
        self.environment.runner.quit()

    def show(self, response):
        try:
            response.raise_for_status()
        except Exception as error:
            raised = type(error).__name__
        else:
            raised = None
        say(
            status=response.status_code,
            content=response.content,
            text=response.text,
            error=type(getattr(response, "error", None)).__name__,
            raised=raised,
        )
