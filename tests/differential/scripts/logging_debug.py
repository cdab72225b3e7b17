"""-L DEBUG shows the script's own debug lines."""
# args: --headless -u 1 -H {target} -L debug
# compare: code output target

import logging

from locust import User, constant, task
from locust.log import get_logs

from watch import say


class Visitor(User):
    wait_time = constant(0)

    @task
    def talk(self):
        logging.getLogger("script").debug("debug line")
        lines = [line for line in get_logs() if "debug line" in line]
        say(lines=[line.split(": ", 1)[1] for line in lines], level=logging.getLogger("locust").level)
        self.environment.runner.quit()
