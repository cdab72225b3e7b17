"""The session behind HttpUser.client as requests.Session: attributes, hooks, adapters, prepared requests."""

import requests
from locust import HttpUser, constant, task
from locust.clients import HttpSession, LocustHttpAdapter
from requests.adapters import HTTPAdapter

from watch import say, watch

watch("request")


class Counting(HTTPAdapter):
    def send(self, request, **kwargs):
        say(adapter=request.method, kwargs=sorted(kwargs))
        return super().send(request, **kwargs)


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def session(self):
        client = self.client
        say(mro=[cls.__name__ for cls in type(client).__mro__[:-1]], user=client.user is self)
        say(trust_env=client.trust_env, verify=client.verify, cert=client.cert, stream=client.stream)
        say(params=client.params, proxies=client.proxies, hooks=client.hooks, max_redirects=client.max_redirects)
        say(adapters=list(client.adapters), base_url=client.base_url, event=client.request_event)
        say(locust_adapter=isinstance(client.get_adapter("http://x"), LocustHttpAdapter))
        client.get("/echo", hooks={"response": lambda r, **kw: say(hook=r.status_code)})
        client.hooks["response"].append(lambda r, **kw: say(session_hook=r.url, kwargs=sorted(kw)))
        client.get("/redirect/1")
        client.hooks["response"].clear()
        client.params = {"always": "1"}
        say(query=client.get("/echo", params={"now": 2}).json()["query"])
        client.params = {}
        client.verify = False
        client.get("/bytes/1")
        prepared = client.prepare_request(requests.Request("POST", f"{self.host}/echo", data="prepared"))
        say(sent=client.send(prepared).json()["body"])
        client.mount(f"{self.host}/item", Counting())
        client.get("/item/1")
        client.get("/bytes/2")
        other = HttpSession(self.host, self.environment.events.request, self)
        other.get("/bytes/3", name="another session")
        other.close()
        with HttpSession(base_url=self.host, request_event=self.environment.events.request, user=None) as third:
            third.get("/bytes/4", name="without user")
        say(direct=requests.get(f"{self.host}/bytes/5").status_code)
        client.close()
        client.get("/bytes/6", name="after close")
        self.environment.runner.quit()
