"""A script as most are written, without annotations; it is checked leniently, never run."""

# mypy: check-untyped-defs, allow-untyped-defs, allow-untyped-calls, allow-untyped-decorators

from katydid import HttpUser, TaskSet, between, events, task


class Shop(TaskSet):
    @task(3)
    def browse(self):
        self.client.get("/", headers={"Accept": "text/html"})
        self.user.orders += 1  # type: ignore[attr-defined]  # mypy knows of the base class only

    @task
    def leave(self):
        self.interrupt()


class Customer(HttpUser):
    wait_time = between(1, 3)
    tasks = [Shop]
    orders = 0

    def on_start(self):
        token = self.client.post("/login", data={"user": "u"}).json()["token"]
        self.client.headers.update({"Authorization": f"Bearer {token}"})

    @task
    def order(self):
        with self.client.post("/order", json={"n": self.orders}, catch_response=True) as response:
            if "id" not in response.json():
                response.failure("no id")


@events.test_start.add_listener
def started(environment, **kwargs):
    print(environment.host, environment.parsed_options)
