"""A script of today with annotations; it is checked, never run."""

from __future__ import annotations

from typing import Any

from katydid import (
    FastHttpUser,
    HttpUser,
    LoadTestShape,
    MarkovTaskSet,
    SequentialTaskSet,
    TaskSet,
    User,
    between,
    constant,
    constant_pacing,
    constant_throughput,
    events,
    poisson,
    run_single_user,
    tag,
    task,
    transition,
    transitions,
)
from katydid.argument_parser import LocustArgumentParser
from katydid.clients import HttpSession
from katydid.env import Environment
from katydid.event import EventHook, Events
from katydid.exception import InterruptTaskSet, RescheduleTask, StopUser
from katydid.runners import LocalRunner, Runner


class Forum(TaskSet):
    wait_time = between(1, 2.5)

    @task(10)
    def read(self) -> None:
        response = self.client.get("/thread", name="thread")
        if response.status_code != 200:
            self.interrupt(reschedule=False)

    @tag("slow", "write")
    @task
    def post(self) -> None:
        self.schedule_task(self.read, first=True)
        raise InterruptTaskSet

    def on_start(self) -> None:
        self.user.environment.events.request.fire(
            request_type="X", name="y", response_time=1.5, response_length=0, exception=None, context={}
        )


class Order(SequentialTaskSet):
    @task
    def put_in_cart(self) -> None: ...

    @task(2)
    def pay(self) -> None:
        raise RescheduleTask


class Browse(MarkovTaskSet):
    @transition("item", 3)
    @transition("leave")
    def start(self) -> None: ...

    @transitions({"start": 1})
    def item(self) -> None: ...

    @transitions(["start", ("item", 2)])
    def leave(self) -> None: ...


class Visitor(HttpUser):
    host = "http://127.0.0.1:1"
    wait_time = constant_pacing(1)
    weight = 3
    fixed_count = 0
    tasks = {Forum: 3, Order: 1, Browse: 1}

    def context(self) -> dict[str, Any]:
        return {"of": self.fullname()}

    @task
    def front_page(self) -> None:
        with self.client.get("/", catch_response=True, headers={"X-Tag": "1"}, params={"a": 1}) as response:
            if response.status_code != 200:
                response.failure(f"bad status {response.status_code}")
            else:
                response.success()
        self.client.post("/orders", json={"book": 1}, timeout=(1, 2))
        with self.client.rename_request("renamed"):
            self.client.get("/")
        with self.rest("GET", "/json") as answer:
            assert answer.js is not None

    def on_stop(self) -> None:
        session: HttpSession = self.client
        session.cookies.clear()


class Quick(FastHttpUser):
    wait_time = constant_throughput(0.5)
    network_timeout = 5.0

    @task
    def front_page(self) -> None:
        response = self.client.get("/", name="front")
        if response.text is None:
            raise StopUser


class Custom(User):
    abstract = True
    wait_time = constant(1)

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.seen: list[str] = []

    @task
    def measured(self) -> None:
        with self.environment.events.request.measure("SQL", "select") as event:
            event["response_length"] = 3


class Derived(Custom):
    wait_time = poisson(2)


class Stairs(LoadTestShape):
    def tick(self) -> tuple[int, float] | None:
        seconds = self.get_run_time()
        return (self.get_current_user_count() + 1, 1.5) if seconds < 60 else None


class MoreEvents(Events):
    ordered: EventHook


@events.init_command_line_parser.add_listener
def add_arguments(parser: LocustArgumentParser, **kwargs: Any) -> None:
    parser.add_argument("--shop", default="books", env_var="SHOP", include_in_web_ui=True)


@events.init.add_listener
def on_init(environment: Environment, runner: Runner | None, **kwargs: Any) -> None:
    if isinstance(runner, LocalRunner):
        runner.register_message("hello", lambda environment, msg, **kwargs: print(msg.data))
        runner.send_message("hello", {"a": 1})


@events.request.add_listener
def on_request(name: str, response_time: float, exception: Exception | None, **kwargs: Any) -> None:
    print(name, response_time, exception)


@events.quitting.add_listener
def judge(environment: Environment, **kwargs: Any) -> None:
    total = environment.stats.total
    if total.fail_ratio > 0.01 or total.avg_response_time > 200 or total.get_response_time_percentile(0.95) > 800:
        environment.process_exit_code = 1


def library() -> None:
    environment = Environment(user_classes=[Visitor, Quick], events=events, host="http://127.0.0.1:1")
    runner = environment.create_local_runner()
    runner.start(10, spawn_rate=2.5)
    runner.greenlet.join()
    more: Events = MoreEvents()
    assert more is not events


if __name__ == "__main__":
    run_single_user(Visitor, include_time=True)
