"""One request per task while a script listens to every request, as fast as it goes."""

from locust import HttpUser, events, task


@events.request.add_listener
def on_request(name, response_time, **kwargs):
    pass


class Bench(HttpUser):
    @task
    def get(self):
        self.client.get("/")
