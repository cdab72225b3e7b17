"""Redirects with HttpUser's client: history, methods, loops, names."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def redirects(self):
        self.show(self.client.get("/redirect/3"))
        self.show(self.client.get("/redirect/2", allow_redirects=False))
        self.show(self.client.get("/redirect/2", name="named"))
        self.show(self.client.head("/redirect/1"))
        self.show(self.client.head("/redirect/1", allow_redirects=True))
        for status in (301, 302, 303, 307, 308):
            self.show(self.client.post(f"/redirect/1?status={status}", data={"a": 1}))
            self.show(self.client.put(f"/redirect/1?status={status}", data="x"))
        self.show(self.client.get("/relative-redirect"))
        self.show(self.client.get("/redirect-to?url=/item/999"))
        self.show(self.client.get("/redirect-loop"))
        self.show(self.client.get("/redirect/2"))
        response = self.client.get("/redirect/2", allow_redirects=False)
        say(is_redirect=response.is_redirect, permanent=response.is_permanent_redirect)
        self.environment.runner.quit()

    def show(self, response):
        say(
            status=response.status_code,
            url=response.url,
            history=[(old.status_code, old.url) for old in response.history if response.status_code],
            method=response.request.method if response.request else None,
            body=response.request.body if response.request else None,
            location=response.headers.get("location"),
        )
