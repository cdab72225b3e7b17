"""Log lines of a script, from all levels and places, and its prints."""
# args: --headless -u 1 -H {target} -L WARNING

import logging
import sys

from locust import User, constant, task

logging.warning("while importing")
print("printed while importing")


class Visitor(User):
    wait_time = constant(0)

    @task
    def talk(self):
        logger = logging.getLogger("script.part")
        logger.debug("debug")
        logger.info("info")
        logger.warning("a %s", "warning")
        logging.error("an error of root")
        logging.getLogger("locust.mine").warning("below locust")
        print("to stdout")
        print("to stderr", file=sys.stderr)
        try:
            raise ValueError("logged")
        except ValueError:
            logger.exception("with its traceback")
        self.environment.runner.quit()
