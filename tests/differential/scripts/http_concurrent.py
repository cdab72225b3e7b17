"""One user with requests in greenlets and pools of its own."""

import gevent
from gevent.lock import Semaphore
from gevent.pool import Pool
from locust import HttpUser, constant, events, task

from watch import say

names = []
events.request.add_listener(lambda name, **kwargs: names.append(name))


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def at_once(self):
        pool = Pool(4)
        for number in range(1, 9):
            pool.spawn(self.client.get, f"/item/{number}")
        pool.join()
        greenlets = [gevent.spawn(self.client.get, f"/bytes/{number}") for number in range(3)]
        gevent.joinall(greenlets)
        say(lengths=[len(greenlet.value.content) for greenlet in greenlets])
        lock = Semaphore(1)

        def one_by_one(number):
            with lock:
                return self.client.post("/echo", data=str(number)).json()["body"]

        say(bodies=[greenlet.get() for greenlet in [gevent.spawn(one_by_one, number) for number in range(3)]])
        slow = gevent.spawn(self.client.get, "/latency?ms=5000", name="killed")
        gevent.sleep(0.05)
        slow.kill()
        with gevent.Timeout(0.05, False):
            self.client.get("/latency?ms=5000", name="timed out by gevent")
        say(names=sorted(names))
        self.environment.runner.quit()
