"""Failing requests of HttpUser's client: statuses, broken answers, refused connections, time-outs."""

import requests
from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def fail(self):
        client = self.client
        for status in (200, 204, 304, 400, 404, 418, 500, 503, 599):
            self.show(client.get(f"/status/{status}"))
        self.show(client.get("/item/999", name="named"))
        self.show(client.get("http://127.0.0.1:1/nothing"))
        self.show(client.get("http://127.0.0.1:1/nothing", name="refused"))
        self.show(client.post("/latency?ms=5000", timeout=0.05))
        self.show(client.get("/latency?ms=5000", timeout=(1, 0.05), name="pair"))
        for wrong in ("ftp://127.0.0.1/", "http://", "http://[::1", "mailto:a", "http:///x"):
            try:
                client.get(wrong)
            except Exception as error:
                say(wrong=wrong, error=type(error).__name__)
            else:
                say(wrong=wrong, error=None)
        say(total=self.environment.stats.total.num_requests, failed=self.environment.stats.total.num_failures)
        self.environment.runner.quit()

    def show(self, response):
        try:
            response.raise_for_status()
        except requests.RequestException as error:
            raised = type(error).__name__
        else:
            raised = None
        say(
            status=response.status_code,
            ok=response.status_code > 0 and response.ok,
            content=response.content,
            text=response.text,
            reason=response.reason,
            error=type(getattr(response, "error", None)).__name__,
            raised=raised,
        )
