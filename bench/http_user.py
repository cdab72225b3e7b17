"""One request per task, as fast as it goes."""

from locust import HttpUser, task


class Bench(HttpUser):
    @task
    def get(self):
        self.client.get("/")
