"""Visitors of a small web shop: most look around, some buy.

Start the shop and the test in two terminals, then open http://localhost:8089:

    katydid target
    katydid -f examples/shop.py
"""

import random

from locust import HttpUser, SequentialTaskSet, between, events, tag, task

WORDS = ["lamp", "chair", "cable", "mug", "poster"]


class Purchase(SequentialTaskSet):
    """Puts things into the cart and pays, in this order."""

    @task
    def fill_cart(self):
        for item in random.sample(range(1, 101), 2):
            self.client.post("/cart", {"item": item, "quantity": random.randint(1, 3)})

    @task
    def look_at_cart(self):
        with self.client.get("/cart", catch_response=True) as response:
            if response.ok and not response.json()["items"]:
                response.failure("what was put into the cart is gone")

    @task
    def pay(self):
        with self.client.post("/checkout", catch_response=True) as response:
            # The shop's payment service fails now and then; say so in the report's own words.
            if response.status_code == 500:
                response.failure("payment failed")
            elif response.ok and "order" not in response.json():
                response.failure("paid, but there is no order number")

    @task
    def leave(self):
        self.interrupt()


class Visitor(HttpUser):
    """Looks around."""

    host = "http://127.0.0.1:9080"
    wait_time = between(0.5, 2)
    weight = 3

    @task(2)
    def front_page(self):
        self.client.get("/")

    @task(4)
    def browse(self):
        page = random.randint(1, 5)
        items = self.client.get(f"/items?page={page}", name="/items?page=[page]").json()["items"]
        for item in random.sample(items, 2):
            self.client.get(f"/item/{item['id']}", name="/item/[id]")

    @tag("search")
    @task(2)
    def search(self):
        self.client.get("/search", params={"q": random.choice(WORDS)}, name="/search?q=[word]")


class Customer(Visitor):
    """Looks around, logged in, and buys."""

    weight = 1
    tasks = {Purchase: 2}

    def on_start(self):
        self.client.post("/login", {"username": f"customer{random.randint(1, 999)}", "password": "secret"})

    def on_stop(self):
        self.client.post("/logout")

    @task
    def account(self):
        self.client.get("/account")


@events.quitting.add_listener
def judge(environment, **kwargs):
    """Fails the build when more than every tenth request failed, and only then."""
    environment.process_exit_code = int(environment.stats.total.fail_ratio > 0.1)
