"""Bodies and headers as FastHttpUser's client sends them."""

from locust import FastHttpUser, constant, task

from watch import say


class Visitor(FastHttpUser):
    wait_time = constant(0)
    default_headers = {"X-Default": "d", "User-Agent": "differential"}

    @task
    def bodies(self):
        post = self.client.post
        self.show("dict", post("/echo", {"a": 1, "b": "x y"}))
        self.show("text", post("/echo", data="plain"))
        self.show("unicode", post("/echo", data="ärger"))
        self.show("bytes", post("/echo", data=b"\xff\x00"))
        self.show("json", post("/echo", json={"a": [1, None, "ä"]}))
        self.show("json and data", post("/echo", data="d", json={"b": 2}))
        self.show("empty json", post("/echo", json={}))
        self.show("no body", post("/echo"))
        self.show("own type", post("/echo", data="<a/>", headers={"Content-Type": "text/xml"}))
        self.show("own headers", self.client.get("/echo", headers={"X-Mine": "1", "x-default": "over"}))
        self.show("accept", self.client.get("/echo", headers={"Accept-Encoding": "identity", "Accept": "a/b"}))
        self.show("put", self.client.put("/echo", data={"a": 1}))
        self.show("patch", self.client.patch("/echo", json={"a": 1}))
        self.show("delete", self.client.delete("/echo", json={"a": 1}))
        self.show("basic", self.client.get("/echo", auth=("ann", "secret")))
        own = {"X-Copied": "1"}
        self.client.post("/echo", json={}, headers=own)
        say(copied=own)
        self.environment.runner.quit()

    def show(self, label, response):
        answer = response.json()
        headers = {key: value for key, value in answer["headers"].items() if key != "user-agent"}
        say(label=label, body=answer["body"], base64=answer["body_base64"], headers=headers)
