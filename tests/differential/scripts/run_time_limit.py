"""-t ends the run; users that wait are stopped, on_stop runs."""
# args: --headless -u 2 -r 10 -t 1s -H {target}

from locust import User, constant, task

from watch import RUN, say, watch

watch(*RUN)


class Visitor(User):
    wait_time = constant(100)

    def on_stop(self):
        say(at="on_stop")

    @task
    def look(self):
        pass
