"""Every verb of FastHttpUser's client, with names, and what each event says."""

from locust import FastHttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)

    @task
    def verbs(self):
        client = self.client
        for verb in ("get", "options", "head", "delete"):
            response = getattr(client, verb)("/echo?verb=" + verb)
            say(verb=verb, ok=response.ok, length=len(response.content), url=response.url)
        for verb in ("post", "put", "patch"):
            response = getattr(client, verb)("/echo", data={"a": "1 & 2"})
            say(verb=verb, answer=response.json()["body"], type=response.json()["headers"]["content-type"])
        client.request("get", "/bytes/10", name="lower case")
        client.request(method="GET", url="/echo", name="keywords")
        client.get(self.host + "/item/2")
        client.get(url="/item/3?x=1&y=2", name="/item/[id]")
        client.get("/echo", params={"a": 1, "b": "x y"})
        client.get("/echo?q=ä ö", name="unicode")
        with client.rename_request("renamed"):
            client.get("/item/5")
            client.get("/item/6", name="explicit")
        client.request_name = "sticky"
        client.get("/item/7")
        self.environment.runner.quit()
