"""The latencies of the truth test."""

from locust import HttpUser, constant, task


class Fixed(HttpUser):
    wait_time = constant(0.005)

    def on_start(self):
        # Connecting counts as the client's time and the target cannot know it: it happens here.
        self.client.get("/")

    @task
    def one(self):
        self.client.get("/latency?ms=1.000")

    @task
    def many(self):
        self.client.get("/latency?ms=137")

    @task
    def long(self):
        self.client.get("/latency?ms=1050")

    @task(5)
    def mix(self):
        self.client.get("/latency?mix=web")
