"""--json prints the statistics; what is stable of them."""
# args: --headless -u 1 -H {target} --json --only-summary
# compare: code target

from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/bytes/10")
        self.client.get("/status/404")
        self.environment.runner.quit()
