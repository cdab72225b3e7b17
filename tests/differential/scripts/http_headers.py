"""The headers HttpUser's client sends, of the session and of the call."""

from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)

    def on_start(self):
        self.client.headers.update({"X-Session": "one", "X-Both": "session"})
        self.client.headers["Accept-Language"] = "de"

    @task
    def headers(self):
        self.show("session", self.client.get("/echo"))
        self.show("call", self.client.get("/echo", headers={"X-Both": "call", "x-session": None, "X-Number": "5"}))
        self.show("bytes", self.client.get("/echo", headers={"X-Bytes": b"raw"}))
        del self.client.headers["X-Session"]
        self.client.headers["User-Agent"] = "differential"
        self.show("changed", self.client.get("/echo"))
        for wrong in ({"X-Number": 5}, {"X": "a\nb"}):
            try:
                self.client.get("/echo", headers=wrong)
            except Exception as error:
                say(error=type(error).__name__)
        say(headers=sorted(self.client.headers))
        self.environment.runner.quit()

    def show(self, label, response):
        say(label=label, raw=sorted(pair for pair in response.json()["raw_headers"] if pair[0] != "User-Agent"))
        say(sent=sorted(pair[0] for pair in response.request.headers.items() if pair[0] != "User-Agent"))
        agent = response.json()["headers"].get("user-agent", "")
        say(agent=agent.split("/")[0])
