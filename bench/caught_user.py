"""One request per task whose `with` block judges it, as fast as it goes."""

from locust import HttpUser, task


class Bench(HttpUser):
    @task
    def get(self):
        with self.client.get("/", catch_response=True) as response:
            response.success()
