"""A script of the 0.14 generation with annotations; it is checked, never run."""

from __future__ import annotations

from katydid import HttpLocust, Locust, TaskSequence, TaskSet, events, seq_task, task
from katydid.exception import StopLocust


class Steps(TaskSequence):
    min_wait = 100
    max_wait = 200

    @seq_task(2)
    def second(self) -> None:
        self.client.get("/2")

    @seq_task(1)
    @task(3)
    def first(self) -> None:
        print(self.locust.host)
        raise StopLocust


class Visit(TaskSet):
    tasks = [Steps]

    def setup(self) -> None: ...


class Visitor(HttpLocust):
    task_set = Visit
    min_wait = 1000
    max_wait = 2000
    trust_env = True


class Custom(Locust):
    task_set = Visit


def success(request_type: str, name: str, response_time: float, response_length: int) -> None:
    print(request_type, name, response_time, response_length)


events.request_success += success
events.hatch_complete += lambda user_count: print(user_count)
