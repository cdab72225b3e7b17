"""Redirects and cookies of FastHttpUser's client."""

from locust import FastHttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)
    max_redirects = 3

    @task
    def redirects(self):
        self.show(self.client.get("/redirect/2"))
        self.show(self.client.get("/redirect/2", allow_redirects=False))
        self.show(self.client.get("/redirect/1", name="named"))
        for status in (301, 302, 303, 307, 308):
            self.show(self.client.post(f"/redirect/1?status={status}", data={"a": 1}))
        self.show(self.client.get("/relative-redirect"))
        self.show(self.client.get("/redirect-to?url=/item/999"))
        self.show(self.client.get("/redirect-loop"))
        say(cookies=self.client.get("/cookies/set?a=1&b=2").json())
        say(jar=sorted((cookie.name, cookie.value) for cookie in self.client.cookiejar))
        say(again=self.client.get("/cookies").json())
        self.client.get("/cookies/delete?a=x")
        say(deleted=self.client.get("/cookies").json())
        self.client.cookiejar.clear()
        say(cleared=self.client.get("/cookies").json())
        self.environment.runner.quit()

    def show(self, response):
        say(status=response.status_code, url=response.url, length=len(response.content or b""))
