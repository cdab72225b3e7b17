"""locust-plugins: a user's requests go through several sessions of its own, or a new one each."""
# args: --headless -H {target} -u 2 -r 2 --pool_size 2

import gevent
from locust import FastHttpUser, HttpUser, constant, events, task
from locust_plugins.connection_pools import FastHttpPool, ForceNewRequestObj, RequestPool

from watch import finish, say


class Fast(FastHttpUser):
    fixed_count = 1
    wait_time = constant(0)

    @task
    def look(self):
        pool = FastHttpPool(user=self)
        for number in range(3):
            pool.get(f"/bytes/{number}", name="fast")
        with pool.rename_request("renamed"):
            pool.post("/bytes/1", data="text")
        Slow.go = True
        gevent.sleep(60)


class Slow(HttpUser):
    fixed_count = 1
    wait_time = constant(0.01)
    go = False

    @task
    def look(self):
        if not Slow.go:
            return
        for pool in (RequestPool(user=self, size=3), ForceNewRequestObj(user=self)):
            for number in range(3):
                say(status=pool.get(f"/bytes/{number}", name="slow").status_code)
            with pool.rename_request("renamed too"):
                pool.put("/status/404", data="text")
        finish(self)


@events.quitting.add_listener
def on_quitting(environment, **kwargs):
    entries = environment.stats.entries.values()
    say(counted=sorted((entry.method, entry.name, entry.num_requests, entry.num_failures) for entry in entries))
