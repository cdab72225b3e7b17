"""Authentication of HttpUser's client: pairs, objects, credentials in the host."""

from urllib.parse import urlsplit

from locust import HttpUser, constant, task
from locust.clients import HttpSession
from requests.auth import AuthBase, HTTPBasicAuth, HTTPDigestAuth

from watch import say


class Token(AuthBase):
    def __call__(self, request):
        request.headers["Authorization"] = "Token secret"
        return request


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def log_in(self):
        client = self.client
        say(pair=client.get("/basic-auth/ann/secret", auth=("ann", "secret")).json())
        say(wrong=client.get("/basic-auth/ann/secret", auth=("ann", "no")).status_code)
        say(basic=client.get("/basic-auth/a/b", auth=HTTPBasicAuth("a", "b")).status_code)
        say(own=client.get("/echo", auth=Token()).json()["headers"]["authorization"])
        say(digest=client.get("/basic-auth/a/b", auth=HTTPDigestAuth("a", "b")).status_code)
        say(function=client.get("/echo", auth=lambda request: request).status_code)
        client.auth = ("ann", "secret")
        say(session=client.get("/basic-auth/ann/secret").status_code)
        say(kept=client.get("/redirect/1").json()["headers"].get("authorization"))
        client.auth = None
        say(removed=client.get("/basic-auth/ann/secret").status_code)
        where = urlsplit(self.host)
        for user in ("ann:secret", "a%40b:p%3Aq"):
            session = HttpSession(f"http://{user}@{where.netloc}", self.environment.events.request, self)
            say(base_url=session.base_url, auth=session.auth, status=session.get("/basic-auth/ann/secret").status_code)
        say(in_url=client.get(f"http://ann:secret@{where.netloc}/basic-auth/ann/secret").status_code)
        self.environment.runner.quit()
