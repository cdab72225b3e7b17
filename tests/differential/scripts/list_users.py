"""--list names the users."""
# args: --list

from locust import User, task


class One(User):
    @task
    def nothing(self):
        pass


class Two(One):
    pass


class Hidden(One):
    abstract = True
