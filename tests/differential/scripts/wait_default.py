"""A user without wait_time does not wait; gevent.sleep and time.sleep are what a script may replace."""

import time

import gevent
from locust import User, task

from watch import say

slept = []


class Visitor(User):
    @task
    def nap(self):
        say(wait=self.wait_time())
        before = time.sleep, gevent.sleep
        time.sleep = gevent.sleep = slept.append
        try:
            time.sleep(3)
            gevent.sleep(4)
            self.wait()
        finally:
            time.sleep, gevent.sleep = before
        say(slept=slept[:2], cooperative=before[0].__module__)
        self.environment.runner.quit()
