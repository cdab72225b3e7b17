"""What an environment accepts and refuses."""
# run: python

from locust import LoadTestShape, TaskSet, User, task
from locust.env import Environment

from watch import say


class One(User):
    weight = 3

    @task(4)
    def first(self):
        pass

    @task
    class Inner(TaskSet):
        @task(2)
        def inside(self):
            pass


class Never(User):
    weight = 0


class Fixed(User):
    weight = 0
    fixed_count = 2


class Shape(LoadTestShape):
    def tick(self):
        return None


def attempt(label, **arguments):
    try:
        environment = Environment(**arguments)
    except Exception as error:
        say(label=label, error=type(error).__name__)
        return None
    say(
        label=label,
        classes=[cls.__name__ for cls in environment.user_classes],
        names=list(environment.user_classes_by_name),
    )
    return environment


attempt("nothing")
attempt("one", user_classes=[One])
attempt("zero", user_classes=[Never])
attempt("mixed", user_classes=[One, Never, Fixed])
attempt("twice the same", user_classes=[One, One])
attempt("same name", user_classes=[One, type("One", (User,), {})])
attempt("shape class", user_classes=[One], shape_class=Shape)
attempt("shape", user_classes=[One], shape_class=Shape())
environment = attempt(
    "values", user_classes=[One, Fixed], host="http://h", stop_timeout=3, tags=["a"], reset_stats=True
)
say(
    host=environment.host,
    stop_timeout=environment.stop_timeout,
    reset=environment.reset_stats,
    catch=environment.catch_exceptions,
    code=environment.process_exit_code,
    options=environment.parsed_options,
    locustfile=environment.locustfile,
    logs=environment.worker_logs,
)
environment.available_user_classes = {"One": One}
environment.available_user_tasks = {"One": list(One.tasks)}
environment.update_user_class({"user_class_name": "One", "host": "http://x", "weight": 7, "tasks": ["first"]})
say(host=One.host, weight=One.weight, tasks=[item.__name__ for item in One.tasks])
environment.assign_equal_weights()
say(weights=[cls.weight for cls in (One, Fixed)], tasks=[item.__name__ for item in One.tasks])
other = Environment(user_classes=[One])
say(own_events=other.events is not environment.events, own_stats=other.stats is not environment.stats)
