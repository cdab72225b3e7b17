"""A whole shop visit as scripts usually are: log in, browse by weight, fill the cart, check out."""
# args: --headless -u 1 -H {target}

import random

from locust import HttpUser, SequentialTaskSet, TaskSet, constant, task

from watch import say, watch

watch("request")
visits = []


class Buying(SequentialTaskSet):
    @task
    def add(self):
        item = random.randint(1, 100)
        with self.client.post("/cart", json={"item": item, "quantity": 2}, catch_response=True) as response:
            if response.status_code != 201:
                response.failure(f"cart said {response.status_code}")

    @task
    def look(self):
        say(items=len(self.client.get("/cart").json()["items"]))

    @task
    def check_out(self):
        self.client.post("/checkout", name="/checkout")
        self.interrupt(reschedule=False)


class Browsing(TaskSet):
    @task(5)
    def item(self):
        self.client.get(f"/item/{random.randint(1, 110)}", name="/item/[id]")

    @task(2)
    def search(self):
        found = self.client.get("/search", params={"q": random.choice(["lamp", "mug"])}, name="/search").json()["items"]
        say(found=len(found))

    @task(1)
    def stop(self):
        self.interrupt()


class Shopper(HttpUser):
    wait_time = constant(0)
    tasks = {Browsing: 3, Buying: 1}

    def on_start(self):
        random.seed(4)
        self.client.post("/login", {"username": "ann", "password": "x"})

    @task
    def account(self):
        visits.append(self.client.get("/account").json()["user"])
        if len(visits) == 4:
            say(visits=visits)
            self.environment.runner.quit()
