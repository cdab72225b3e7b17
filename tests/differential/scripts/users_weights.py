"""Users of several classes: weights, fixed counts, order of starting."""
# args: --headless -u 12 -r 100 -H {target}

import gevent
from locust import User, constant, events, task

from watch import say

order = []


class Base(User):
    abstract = True
    wait_time = constant(100)

    def on_start(self):
        order.append(type(self).__name__)

    @task
    def nothing(self):
        pass


class One(Base):
    weight = 1


class Three(Base):
    weight = 3


class Half(Base):
    weight = 0.5


class Two(Base):
    fixed_count = 2


class Never(Base):
    weight = 0


@events.spawning_complete.add_listener
def on_complete(user_count, **kwargs):
    say(user_count=user_count)
    gevent.spawn_later(0.1, done)


@events.init.add_listener
def on_init(environment, **kwargs):
    global env
    env = environment
    say(classes=[cls.__name__ for cls in environment.user_classes], names=list(environment.user_classes_by_name))


def done():
    runner = env.runner
    say(order=sorted(order), counts=runner.user_classes_count, target=runner.target_user_classes_count)
    say(users=runner.user_count, target=runner.target_user_count, state=runner.state)
    runner.quit()
    say(final=runner.final_user_classes_count, users=runner.user_count, state=runner.state)
