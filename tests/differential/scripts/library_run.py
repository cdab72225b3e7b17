"""A run from a program: environment, local runner, events, statistics."""
# run: python
# args: {target}

import sys

import gevent
from locust import HttpUser, constant, events, task
from locust.env import Environment
from locust.log import setup_logging

from watch import RUN, say, watch

setup_logging("WARNING")
watch(*RUN, "request")


class Visitor(HttpUser):
    host = sys.argv[1]
    wait_time = constant(0)
    looks = 0

    @task
    def look(self):
        self.client.get("/bytes/5")
        Visitor.looks += 1
        if Visitor.looks >= 4:
            enough.set()
            gevent.sleep(5)


enough = gevent.event.Event()
environment = Environment(user_classes=[Visitor], events=events)
say(runner=environment.runner, web_ui=environment.web_ui, host=environment.host, tags=environment.tags)
runner = environment.create_local_runner()
environment.events.init.fire(environment=environment, runner=runner, web_ui=None)
say(state=runner.state, same=environment.runner is runner, users=runner.user_count, index=runner.worker_index)
runner.start(1, spawn_rate=1)
enough.wait()
say(state=runner.state, users=runner.user_count, count=environment.stats.total.num_requests)
runner.stop()
say(state=runner.state, users=runner.user_count, final=runner.final_user_classes_count)
Visitor.looks = 0
enough.clear()
runner.start(1, spawn_rate=10)
enough.wait()
gevent.spawn_later(0.1, runner.quit)
runner.greenlet.join()
say(state=runner.state, requests=environment.stats.get("/bytes/5", "GET").num_requests)
