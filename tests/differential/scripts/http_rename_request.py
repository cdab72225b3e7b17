"""rename_request, request_name and explicit names."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def rename(self):
        client = self.client
        with client.rename_request("/item/[id]"):
            client.get("/item/1")
            client.get("/item/2", name="explicit")
            with client.rename_request("inner"):
                client.get("/item/3")
            client.get("/item/4")
            say(request_name=client.request_name)
        client.get("/item/5")
        client.request_name = "sticky"
        client.get("/status/500")
        client.get("/item/7")
        client.request_name = None
        client.get("/item/8", name=None)
        client.get("/item/9", name="")
        try:
            with client.rename_request("raises"):
                client.get("/item/10")
                raise ValueError
        except ValueError:
            say(request_name=client.request_name)
        self.environment.runner.quit()
