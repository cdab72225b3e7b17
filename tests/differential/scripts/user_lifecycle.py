"""The course of a run: events in order, on_start, tasks, on_stop."""

from locust import HttpUser, constant, events, task

from watch import RUN, finish, say, watch

watch(*RUN, "request")


@events.init_command_line_parser.add_listener
def on_parser(parser, **kwargs):
    say(event="init_command_line_parser", parser=parser)


class Visitor(HttpUser):
    wait_time = constant(0)
    looks = 0

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        say(at="init", host=bool(self.host), client=self.client)

    def on_start(self):
        say(at="on_start", state=self.environment.runner.state, users=self.environment.runner.user_count)
        self.client.get("/account")

    def on_stop(self):
        say(at="on_stop", state=self.environment.runner.state)
        self.client.post("/logout")

    @task
    def look(self):
        self.client.get("/item/1")
        self.looks += 1
        if self.looks == 3:
            finish(self)
