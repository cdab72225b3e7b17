"""Starting, changing and stopping users by hand, with the attributes of a runner meanwhile."""
# run: python

import gevent
from locust import User, constant, task
from locust.env import Environment
from locust.exception import RunnerAlreadyExistsError

from watch import say


class One(User):
    wait_time = constant(100)

    @task
    def nothing(self):
        pass

    def on_stop(self):
        stopped.append(type(self).__name__)


class Two(One):
    weight = 2


stopped = []
environment = Environment(user_classes=[One, Two])
runner = environment.create_local_runner()
for make in (environment.create_local_runner, environment.create_local_runner):
    try:
        make()
    except RunnerAlreadyExistsError as error:
        say(error=type(error).__name__)


def show(label):
    say(
        label=label,
        state=runner.state,
        users=runner.user_count,
        counts=runner.user_classes_count,
        target=runner.target_user_count,
        classes=[cls.__name__ for cls in runner.user_classes],
        stopped=len(stopped),
    )


def settle():
    """Until the ramp is over."""
    gevent.sleep(0.1)
    while runner.state == "spawning":
        gevent.sleep(0.05)
    gevent.sleep(0.1)


show("ready")
runner.start(6, spawn_rate=100)
settle()
show("six")
runner.start(3, spawn_rate=100)
settle()
show("three")
runner.start(9, spawn_rate=100)
settle()
show("nine")
runner.start(4, 100, user_classes=[One])
settle()
show("four of one class")
runner.stop()
show("stopped")
users = runner.spawn_users({"One": 2, "Two": 1})
say(spawned=[type(user).__name__ for user in users], greenlets=len(runner.user_greenlets))
gevent.sleep(0.05)
runner.stop_users({"One": 1})
show("by hand")
runner.quit()
show("quit")
say(errors=len(runner.errors), exceptions=len(runner.exceptions), host=environment.host)
