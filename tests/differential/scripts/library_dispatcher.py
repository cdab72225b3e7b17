"""Which users a dispatcher starts, in which order."""
# run: python

from locust import User
from locust.dispatch import UsersDispatcher
from locust.runners import WorkerNode

from watch import say


def classes(**weights):
    return [type(name, (User,), {"weight": weight}) for name, weight in weights.items()]


def walk(label, users, rate, made, workers=1):
    dispatcher = UsersDispatcher([WorkerNode(str(number)) for number in range(1, workers + 1)], made)
    dispatcher.new_dispatch(users, rate)
    dispatcher._wait_between_dispatch = 0
    steps = [
        {node: {name: n for name, n in counts.items() if n} for node, counts in step.items()} for step in dispatcher
    ]
    say(label=label, steps=steps)
    return dispatcher


walk("equal", 6, 2, classes(A=1, B=1, C=1))
walk("weights", 12, 3, classes(A=1, B=2, C=3))
walk("floats", 9, 4.5, classes(A=0.1, B=0.2))
walk("slow", 3, 0.5, classes(A=1))
fixed = classes(A=1, B=1)
fixed[1].fixed_count = 2
dispatcher = walk("fixed", 7, 3, fixed)
dispatcher.new_dispatch(2, 10)
say(down=[{node: dict(counts) for node, counts in step.items()} for step in dispatcher])
walk("workers", 8, 4, classes(A=1, B=3), workers=3)
