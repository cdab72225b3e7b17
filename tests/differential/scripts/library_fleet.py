"""A master and its workers as objects of one program."""
# run: python
# compare: code output

import gevent
import locust.runners
from locust import User, constant, task
from locust.env import Environment

from watch import say

locust.runners.WORKER_REPORT_INTERVAL = 0.2
locust.runners.CONNECT_TIMEOUT = 1


class Person(User):
    wait_time = constant(0)
    asked = 0

    @task
    def ask(self):
        if self.asked == 3:
            gevent.sleep(100)
        self.asked += 1
        with self.environment.events.request.measure("X", "asked") as event:
            event["response_length"] = 7


def until(condition):
    while not condition():
        gevent.sleep(0.02)


told = []


def listen(environment):
    role = type(environment.runner).__name__
    events = environment.events
    events.test_start.add_listener(lambda environment: told.append(f"{role} starts"))
    events.spawning_complete.add_listener(lambda user_count: told.append(f"{role} has {user_count}"))
    events.test_stop.add_listener(lambda environment: told.append(f"{role} stops"))
    environment.runner.register_message("greet", lambda environment, msg: told.append(f"{role} hears {msg.data}"))


main = Environment(user_classes=[Person])
master = main.create_master_runner("127.0.0.1", 0)
listen(main)
workers = []
for _ in range(2):
    environment = Environment(user_classes=[Person])
    workers.append(environment.create_worker_runner("127.0.0.1", master.server.port))
    listen(environment)
say(indexes=[worker.worker_index for worker in workers], count=master.worker_count, ready=len(master.clients.ready))
master.start(4, spawn_rate=100)
until(lambda: main.stats.total.num_requests == 12 and master.state == "running" and master.user_count == 4)
say(
    users=[worker.user_count for worker in workers],
    states=[master.state, *(worker.state for worker in workers)],
    entries=[(key, entry.num_requests, entry.total_content_length) for key, entry in main.stats.entries.items()],
    classes=master.reported_user_classes_count,
)
master.send_message("greet", "you")
workers[1].send_message("greet", "me")
until(lambda: sum("hears" in line for line in told) == 3)
master.stop()
until(lambda: all(worker.state in ("stopped", "ready") for worker in workers))
say(users=[worker.user_count for worker in workers], state=master.state)
until(lambda: len(master.clients.ready) == 2)
master.quit()
until(lambda: not any(worker.user_count for worker in workers))
say(told=sorted(told))
