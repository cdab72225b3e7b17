"""Users that make one request and then wait: what one of them costs in memory."""

import os

from locust import HttpUser, constant, events, task


class Bench(HttpUser):
    wait_time = constant(3600)

    @task
    def get(self):
        self.client.get("/")


def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@events.test_start.add_listener
def before(environment, **kwargs):
    environment.resident_before = resident()


@events.test_stopping.add_listener
def at_rest(environment, **kwargs):
    users = environment.runner.user_count
    if users:
        print(f"MEMORY {users} users, {(resident() - environment.resident_before) / users / 1024:.1f} KB each")
