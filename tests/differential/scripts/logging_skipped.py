"""--skip-log-setup leaves logging to the script."""
# args: --headless -u 1 -H {target} --skip-log-setup

import logging
import sys

from locust import User, constant, task

logging.basicConfig(stream=sys.stdout, level=logging.WARNING, format="%(levelname)s %(message)s")


class Visitor(User):
    wait_time = constant(0)

    @task
    def talk(self):
        logging.getLogger("script").warning("in the script's own format")
        logging.getLogger("script").info("too little")
        self.environment.runner.quit()
