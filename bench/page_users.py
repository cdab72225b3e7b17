"""Users of the page's budgets: as many names as NAMES says, each asked for about once a second."""

import itertools
import os

from locust import HttpUser, constant_throughput, task

NAMES = int(os.environ.get("NAMES", "100"))
USERS = 10

paths = itertools.cycle(f"/catalogue/section/item_{number}" for number in range(NAMES))


class Reader(HttpUser):
    wait_time = constant_throughput(1)

    @task
    def round(self):
        for _ in range(NAMES // USERS):
            self.client.get("/", name=next(paths))
