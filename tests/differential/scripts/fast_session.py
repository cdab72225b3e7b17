"""FastHttpSession made by the script, its attributes and options."""

from locust import FastHttpUser, constant, task
from locust.contrib import fasthttp
from locust.contrib.fasthttp import FastHttpSession

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)
    connection_timeout = 5.0
    insecure = True
    concurrency = 3

    @task
    def session(self):
        client = self.client
        say(type=type(client).__name__, base_url=client.base_url, user=client.user is self, auth=client.auth_header)
        say(
            names=[
                name
                for name in ("FastRequest", "FastResponse", "ErrorResponse", "LocustUserAgent")
                if hasattr(fasthttp, name)
            ]
        )
        say(defaults=[FastHttpUser.network_timeout, FastHttpUser.max_redirects, FastHttpUser.max_retries])
        client.client.clientpool.close()
        client.get("/bytes/1")
        session = FastHttpSession(self.environment, base_url=self.host, user=None)
        session.get("/bytes/2", name="own session")
        session = FastHttpSession(self.environment, self.host.replace("//", "//ann:secret@"), self)
        say(base_url=session.base_url, auth=session.auth_header)
        say(status=session.get("/basic-auth/ann/secret").status_code)
        self.environment.runner.quit()
