"""--csv writes its files: names, headers and counts."""
# args: --headless -u 1 -H {target} --csv run --only-summary

import csv
import glob

import gevent
from locust import HttpUser, constant, events, task

from watch import say


@events.quit.add_listener
def on_quit(**kwargs):
    for name in sorted(glob.glob("run*")):
        with open(name, newline="") as file:
            rows = list(csv.reader(file))
        say(file=name, header=rows[0] if rows else None)
        if name == "run_failures.csv":
            say(failures=[row[:4] for row in rows[1:]])
        if name == "run_exceptions.csv":
            say(exceptions=[(row[0], row[1], row[3]) for row in rows[1:]])


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/bytes/10")
        self.client.get("/status/404")
        if not self.environment.runner.exceptions:
            raise ValueError("once, with a comma")
        gevent.sleep(1.5)
        self.environment.runner.quit()
