"""A pool manager shared by users, and connections of each user's own."""

import urllib3
from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)
    pool_manager = urllib3.PoolManager(maxsize=1, block=True)

    @task
    def share(self):
        self.client.get("/bytes/1")
        self.client.get("/redirect/1")
        self.client.post("/echo", json={"a": 1})
        self.client.get("http://127.0.0.1:1/", name="refused")
        say(pools=self.pool_manager is Visitor.pool_manager)
        self.environment.runner.quit()
