"""User classes chosen on the command line."""
# args: --headless -u 4 -r 100 -H {target} Second Third

import gevent
from locust import User, constant, events, task

from watch import say


class Base(User):
    abstract = True
    wait_time = constant(100)

    @task
    def nothing(self):
        pass


class First(Base):
    pass


class Second(Base):
    pass


class Third(Base):
    pass


@events.spawning_complete.add_listener
def on_complete(user_count, **kwargs):
    gevent.spawn(lambda: (say(counts=sorted(env.runner.user_classes_count.items())), env.runner.quit()))


@events.init.add_listener
def on_init(environment, **kwargs):
    global env
    env = environment
    say(
        classes=sorted(cls.__name__ for cls in environment.user_classes),
        options=environment.parsed_options.user_classes,
    )
