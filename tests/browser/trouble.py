"""Users behind the tests of errors: failures that differ in ids, secrets in requests, and a mistake of the script."""

from uuid import uuid4

from locust import HttpUser, constant_throughput, events, task


@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("--password", is_secret=True, default="hush-hush", help="of the shop")


def look_up(prices, name):
    return prices[name]


class Troubled(HttpUser):
    wait_time = constant_throughput(20)

    @task(3)
    def order(self):
        with self.client.get("/", name="/order", catch_response=True) as response:
            response.failure(f"order {uuid4()} not found after 12 tries")

    @task(3)
    def private(self):
        self.client.get("/status/401", name="/private", headers={"Authorization": "Bearer hush-hush"})

    @task
    def mistake(self):
        look_up({}, "missing-key")
