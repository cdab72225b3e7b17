"""Options that a load shape makes meaningless are warned of."""
# compare: code output target
# args: --headless -u 3 -r 5 -t 60 -H {target}

from locust import LoadTestShape, User, constant, task


class Ends(LoadTestShape):
    def tick(self):
        return None


class Visitor(User):
    wait_time = constant(100)

    @task
    def nothing(self):
        pass
