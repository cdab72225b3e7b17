"""locust-plugins: its options are taken, its conditions set the exit code, users wait for one rate together."""
# args: --headless -H {target} --check-fail-ratio 0.1 --check-avg-response-time 9999 --check-rps 0 --ips 90 --test-env x

import locust_plugins  # noqa: F401
from locust import HttpUser, events, task

from watch import finish, say


class Visitor(HttpUser):
    @task
    def look(self):
        self.client.get("/bytes/1")
        self.client.get("/status/500", name="broken")
        say(waits=self.wait_time.__qualname__, under=self.environment.parsed_options.test_env)
        finish(self)


@events.quit.add_listener
def on_quit(exit_code, **kwargs):
    say(exit_code=exit_code)
