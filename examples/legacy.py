"""A script as it was written for Locust 0.14, which runs here as it is.

katydid target
katydid -f examples/legacy.py --no-web -c 10 -r 5 -t 10s -H http://127.0.0.1:9080
"""

from locust import HttpLocust, TaskSequence, TaskSet, between, events, seq_task, task


class Browsing(TaskSet):
    def on_start(self):
        self.client.get("/")

    @task(3)
    def items(self):
        self.client.get("/items?page=1")

    @task(1)
    def item(self):
        response = self.client.get("/item/7")
        if response.status_code != 200:
            print("user %r got %d" % (self.locust, response.status_code))  # noqa: UP031  of its time


class Buying(TaskSequence):
    min_wait = 100
    max_wait = 500

    @seq_task(1)
    def log_in(self):
        self.client.post("/login", {"username": "buyer", "password": "secret"})

    @seq_task(2)
    @task(2)
    def put_into_cart(self):
        self.client.post("/cart", {"item": 7})

    @seq_task(3)
    def look(self):
        with self.client.get("/cart", catch_response=True) as response:
            if response.status_code == 200:
                response.success()
            else:
                response.failure("no cart")


class Browser(HttpLocust):
    task_set = Browsing
    wait_time = between(0.5, 2)
    weight = 3
    host = "http://127.0.0.1:9080"


class Buyer(HttpLocust):
    task_set = Buying
    min_wait = 500
    max_wait = 2000
    weight = 1
    host = "http://127.0.0.1:9080"


slow = []


def remember_slow(request_type, name, response_time, response_length):
    if response_time > 100:
        slow.append(name)


def report(**kwargs):
    print("%d requests took more than 100 ms" % len(slow))  # noqa: UP031  of its time


events.request_success += remember_slow
events.quitting += report
