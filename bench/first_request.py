"""Prints when its first request is about to be made."""

import time

from locust import HttpUser, constant, task


class First(HttpUser):
    wait_time = constant(3600)

    @task
    def get(self):
        print(f"FIRST {time.time():.6f}", flush=True)
        self.client.get("/")
