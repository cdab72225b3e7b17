"""Two environments in one process, whose tests run at the same time."""
# run: python
# args: {target}

import sys

import gevent
from locust import FastHttpUser, HttpUser, constant, task
from locust.env import Environment
from locust.exception import StopUser
from locust.log import setup_logging

from watch import say

setup_logging("WARNING")


class Reader(HttpUser):
    host = sys.argv[1]
    wait_time = constant(0)
    reads = 0

    @task
    def read(self):
        if Reader.reads >= 5:
            raise StopUser
        Reader.reads += 1
        self.client.get("/items")
        with self.client.get("/status/404", name="lost", catch_response=True) as response:
            response.failure("as wanted")
        self.client.get("/bytes/50000", name="streamed", stream=True).close()


class Buyer(FastHttpUser):
    host = sys.argv[1]
    wait_time = constant(0)
    buys = 0

    @task
    def buy(self):
        if Buyer.buys >= 8:
            raise StopUser
        Buyer.buys = number = Buyer.buys + 1
        self.client.get("/item/7")
        if number == 3:
            raise ValueError("sold out")


def counted(environment):
    return {
        "entries": {name: entry.num_requests for (name, _), entry in sorted(environment.stats.entries.items())},
        "failures": [error.error for error in environment.stats.errors.values()],
        "total": environment.stats.total.num_requests,
        "told": environment.told,
        "exceptions": [row["msg"] for row in environment.runner.exceptions.values()],
    }


environments = [Environment(user_classes=[cls]) for cls in (Reader, Buyer)]
for environment in environments:
    environment.told = 0
    environment.create_local_runner()

    def count(_environment=environment, **kwargs):
        _environment.told += 1

    environment.events.request.add_listener(count)
readers, buyers = (environment.runner for environment in environments)
readers.start(2, spawn_rate=100)
buyers.start(3, spawn_rate=100)
for runner in (readers, buyers):
    while runner.state != "running" or runner.user_count:
        gevent.sleep(0.01)
say(states=[readers.state, buyers.state], counted=[counted(environment) for environment in environments])
readers.stop()
say(states=[readers.state, buyers.state])
Buyer.buys = 7
buyers.start(4, spawn_rate=100)
while Buyer.buys < 8 or buyers.user_count:
    gevent.sleep(0.01)
buyers.quit()
say(states=[readers.state, buyers.state], counted=[counted(environment) for environment in environments])
Reader.reads = 4
readers.start(1, spawn_rate=1)
while Reader.reads < 5 or readers.user_count:
    gevent.sleep(0.01)
readers.quit()
say(states=[readers.state, buyers.state], counted=[counted(environment) for environment in environments])
