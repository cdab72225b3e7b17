"""Threads and thread pools of a script, which gevent makes greenlets of."""

import queue
import threading
from concurrent.futures import ThreadPoolExecutor

from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def in_threads(self):
        found = queue.Queue()
        threads = [
            threading.Thread(target=lambda n=n: found.put(self.client.get(f"/item/{n}").json()["id"]))
            for n in (1, 2, 3)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        say(found=sorted(found.get() for _ in threads), lock=type(threading.Lock()).__module__)
        with ThreadPoolExecutor(2) as pool:
            say(pooled=list(pool.map(lambda n: self.client.get(f"/bytes/{n}").text, (1, 2, 3))))
        done = threading.Event()
        threading.Timer(0.01, done.set).start()
        say(timer=done.wait(5), local=threading.local() is not None)
        self.environment.runner.quit()
