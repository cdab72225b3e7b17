"""What a response of HttpUser's client offers."""

import datetime
import pickle

import requests
from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def look(self):
        response = self.client.get("/items?page=2", headers={"X-Mine": "1"})
        say(
            status=response.status_code,
            reason=response.reason,
            ok=response.ok,
            url=response.url,
            encoding=response.encoding,
            apparent=response.apparent_encoding,
            headers={key.lower(): value for key, value in response.headers.items() if key.lower() != "date"},
            lower=response.headers["CONTENT-TYPE"],
            items=len(response.json()["items"]),
            text=response.text[:20],
            content=type(response.content).__name__,
            elapsed=isinstance(response.elapsed, datetime.timedelta) and response.elapsed.total_seconds() > 0,
            history=response.history,
            links=response.links,
            redirect=response.is_redirect,
            permanent=response.is_permanent_redirect,
            cookies=type(response.cookies).__name__,
            version=response.raw.version,
            repr=repr(response),
            parts=[len(part) for part in response.iter_content(500)],
            lines=len(list(response.iter_lines())),
        )
        request = response.request
        say(
            type=type(request).__name__,
            method=request.method,
            url=request.url,
            path_url=request.path_url,
            mine=request.headers["x-mine"],
            body=request.body,
        )
        say(isinstance=isinstance(response, requests.Response), bool=bool(response))
        try:
            self.client.get("/").json()
        except requests.exceptions.JSONDecodeError as error:
            say(error=error.msg, value_error=isinstance(error, ValueError))
        response.encoding = "latin-1"
        say(changed=response.encoding, text=response.text[:10])
        say(meta=sorted(self.client.get("/", catch_response=True).request_meta))
        copy = pickle.loads(pickle.dumps(self.client.get("/bytes/3", stream=False)))
        say(copy=copy.status_code, content=copy.content)
        for path in ("/gzip", "/deflate"):
            response = self.client.get(path)
            say(path=path, length=len(response.content), keys=sorted(response.json()))
        self.environment.runner.quit()
