"""Ordinary users beside one that burns 300 ms of CPU in Python again and again."""

import time

from locust import HttpUser, constant, task


class Ordinary(HttpUser):
    wait_time = constant(0.01)

    @task
    def get(self):
        self.client.get("/latency?ms=1.000", name="ordinary")


class Burning(HttpUser):
    fixed_count = 1
    wait_time = constant(0.2)

    @task
    def burn(self):
        until = time.perf_counter() + 0.3
        while time.perf_counter() < until:
            pass
