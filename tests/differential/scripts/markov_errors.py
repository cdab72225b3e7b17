"""What is wrong with a Markov task set is said when the class is made."""

from locust import MarkovTaskSet, User, constant, tag, task, transition
from locust.user import markov_taskset

from watch import say


def attempt(name, body, base=MarkovTaskSet):
    try:
        made = type(name, (base,), body)
    except Exception as error:
        say(name=name, error=type(error).__name__)
    else:
        say(name=name, made=made.__name__, tasks=len(made.tasks), abstract=made.abstract)


def link(target, name="step"):
    def step(self):
        pass

    step.__name__ = name
    return transition(target)(step)


def plain(self):
    pass


plain.__name__ = "plain"


class Visitor(User):
    wait_time = constant(0)

    @task
    def report(self):
        attempt("Empty", {})
        attempt("Abstract", {"abstract": True})
        attempt("Unknown", {"a": link("b", "a")})
        attempt("NoWayOn", {"a": link("plain", "a"), "plain": plain})
        attempt("Tagged", {"a": tag("x")(link("a", "a"))})
        attempt("Fine", {"a": link("b", "a"), "b": link("a", "b")})
        try:
            transition("a")(link("a", "run"))
        except Exception as error:
            say(error=type(error).__name__)
        names = sorted(n for n in dir(markov_taskset) if n.endswith("Error"))
        say(names=names)
        self.environment.runner.quit()
