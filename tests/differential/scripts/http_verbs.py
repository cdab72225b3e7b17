"""Every verb of HttpUser's client, with names, and what each event says."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def verbs(self):
        client = self.client
        for verb in ("get", "options", "head", "delete"):
            response = getattr(client, verb)(f"/echo?verb={verb}")
            say(verb=verb, ok=response.ok, length=len(response.content), url=response.url, reason=response.reason)
        for verb in ("post", "put", "patch"):
            response = getattr(client, verb)("/echo", data={"a": "1 & 2"})
            say(verb=verb, answer=response.json()["body"], type=response.json()["headers"]["content-type"])
        client.request("get", "/bytes/10", name="lower case")
        client.request("PROPFIND", "/echo", name="another verb")
        client.request(method="GET", url="/echo", name="keywords")
        client.get(self.host + "/item/2")
        client.get(url="/item/3?x=1&y=2", name="/item/[id]")
        client.get("/item/4#fragment")
        self.environment.runner.quit()
