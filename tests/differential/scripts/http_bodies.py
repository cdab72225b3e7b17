"""Bodies as HttpUser's client sends them: forms, text, bytes, JSON, files, generators."""

import io

from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def bodies(self):
        post = self.client.post
        self.show("dict", post("/echo", {"a": 1, "b": ["x", "y"], "none": None}))
        self.show("pairs", post("/echo", data=[("a", "1"), ("a", "2")]))
        self.show("text", post("/echo", data="plain"))
        self.show("unicode", post("/echo", data="ärger"))
        self.show("bytes", post("/echo", data=b"\xff\x00"))
        self.show("json", post("/echo", json={"a": [1, None, "ä"]}))
        self.show("json and data", post("/echo", data={"a": 1}, json={"b": 2}))
        self.show("empty json", post("/echo", json={}))
        self.show("json list", post("/echo", json=[]))
        self.show("no body", post("/echo"))
        self.show("empty data", post("/echo", data=""))
        self.show("file", post("/echo", data=io.BytesIO(b"from a file")))
        self.show("generator", post("/echo", data=(part for part in (b"one", b"two"))))
        self.show("own type", post("/echo", data="<a/>", headers={"Content-Type": "text/xml"}))
        self.show("put json", self.client.put("/echo", json={"a": 1}))
        self.show("patch", self.client.patch("/echo", data={"a": 1}))
        self.show("get with body", self.client.get("/echo", json={"a": 1}))
        answer = post("/echo", files={"upload": ("a.txt", b"content", "text/plain")}, data={"field": "v"}).json()
        say(multipart=answer["headers"]["content-type"].split(";")[0], parts=answer["body"].count("form-data"))
        self.environment.runner.quit()

    def show(self, label, response):
        answer = response.json()
        headers = {
            k: v for k, v in answer["headers"].items() if k in ("content-type", "content-length", "transfer-encoding")
        }
        say(label=label, body=answer["body"], base64=answer["body_base64"], headers=headers, sent=response.request.body)
