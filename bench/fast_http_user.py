"""One request per task, as fast as it goes, with the fast client."""

from locust import FastHttpUser, task


class Bench(FastHttpUser):
    @task
    def get(self):
        self.client.get("/")
