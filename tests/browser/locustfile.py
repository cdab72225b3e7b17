"""The users behind the browser tests: a steady rate, awkward names, one kind of failure."""

from locust import HttpUser, constant_throughput, events, task

MARKUP = "/a_b?x=<img src=x onerror=alert(1)>"


@events.init_command_line_parser.add_listener
def add_options(parser):
    parser.add_argument("--basket", choices=["books", "toys"], default="books", help="what goes into the basket")
    parser.add_argument("--hurry", action="store_true", help="skip the detours")


class Shopper(HttpUser):
    """Ten requests a second each."""

    weight = 3
    wait_time = constant_throughput(10)

    @task(4)
    def front_page(self):
        self.client.get("/")

    @task(3)
    def add_to_cart(self):
        self.client.get("/", name="add_to_cart")

    @task(2)
    def markup(self):
        self.client.get("/", name=MARKUP)

    @task
    def checkout(self):
        with self.client.get("/", name="/checkout", catch_response=True) as response:
            response.failure("expected an order number, got <b>none</b>")


class Visitor(HttpUser):
    """Looks around."""

    wait_time = constant_throughput(10)

    @task
    def look(self):
        self.client.get("/", name="/look")
