"""FastHttpUser.rest: JSON answers, assertions and exceptions in its block."""

from locust import FastHttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)

    def context(self):
        return {"user": "ann"}

    @task
    def rest_calls(self):
        with self.rest("GET", "/item/1") as response:
            say(js=response.js, type=type(response).__name__)
        with self.rest("POST", "/echo", json={"a": 1}) as response:
            sent = response.js["headers"]
            say(type=sent["content-type"], accept=sent["accept"], body=response.js["body"])
        with self.rest("GET", "/item/1") as response:
            assert response.js["id"] == 2, f"wrong id {response.js['id']}"
        with self.rest("GET", "/item/1") as response:
            assert response.js["id"] == 2, "with its text,"
        with self.rest("GET", "/item/1") as response:
            assert not response.js
        with self.rest("GET", "/item/1", name="named", context={"c": 1}) as response:
            pass
        with self.rest("GET", "/item/999") as response:
            say(js=response.js)
        with self.rest("GET", "http://127.0.0.1:1/") as response:
            say(js=response.js, status=response.status_code)
        with self.rest("DELETE", "/echo") as response:
            response.js["nothing there"]
        with self.rest_("GET", "/echo") as response:
            say(query=response.js["query"][:2])
        self.environment.runner.quit()
