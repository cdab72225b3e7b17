"""Query parameters and unusual URLs with HttpUser's client: names, URLs and what arrives."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def queries(self):
        get = self.client.get
        self.show(get("/echo", params={"a": 1, "b": "x y", "c": ["1", "2"], "d": None}))
        self.show(get("/echo?z=0", params={"a": 1}))
        self.show(get("/echo", params="raw=1&two"))
        self.show(get("/echo", params=[("a", "ä"), ("a", "&")]))
        self.show(get("/echo?q=ä ö&x=%20", name="unicode"))
        self.show(get("/echo?a=[1]{2}|3"))
        self.show(get("/echo?", params={}))
        self.show(get("/./echo"))
        self.show(get("/item/../echo"))
        get("//echo")
        get("")
        get("?x=1")
        self.environment.runner.quit()

    def show(self, response):
        if response.status_code == 200:
            say(query=response.json()["query"], path=response.json()["path"], url=response.url)
