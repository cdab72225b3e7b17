"""--reset-stats forgets what was counted while users were started."""
# args: --headless -u 2 -r 1 -H {target} --reset-stats
# compare: code output

from locust import HttpUser, constant, events, task

from watch import finish, say


class Visitor(HttpUser):
    wait_time = constant(0.1)

    @task
    def look(self):
        before = self.environment.runner.state
        self.client.get(f"/bytes/1?{before}", name=before)
        if before == "running":
            finish(self)


@events.spawning_complete.add_listener
def on_complete(**kwargs):
    say(at="spawning_complete")
