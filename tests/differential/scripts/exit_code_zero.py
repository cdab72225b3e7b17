"""process_exit_code 0 forgives failures."""
# args: --headless -u 1 -H {target} --exit-code-on-error 5

from locust import HttpUser, constant, task


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def fail(self):
        self.client.get("/status/500")
        self.environment.process_exit_code = 0
        self.environment.runner.quit()
