"""Cookies of HttpUser's client: kept, sent, changed by the script, cleared."""

import requests
from locust import HttpUser, constant, task

from watch import say


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def cookies(self):
        client = self.client
        say(first=client.get("/cookies/set?a=1&b=two").json(), jar=dict(sorted(client.cookies.items())))
        say(again=client.get("/cookies").json())
        client.cookies.set("own", "3")
        client.cookies["direct"] = "4"
        say(own=client.get("/cookies").json())
        say(call=client.get("/cookies", cookies={"once": "5", "a": "over"}).json(), jar=sorted(client.cookies.keys()))
        response = client.get("/cookies/delete?a=x", allow_redirects=False)
        say(deleted=client.get("/cookies").json(), of_response=dict(response.cookies))
        response = client.get("/cookies/set?c=6", allow_redirects=False)
        say(of_response=dict(response.cookies), get=client.cookies.get("c"), missing=client.cookies.get("none"))
        for cookie in sorted(client.cookies, key=lambda cookie: cookie.name):
            say(name=cookie.name, value=cookie.value, path=cookie.path, expires=cookie.expires)
        del client.cookies["own"]
        say(dict=sorted(requests.utils.dict_from_cookiejar(client.cookies).items()))
        client.cookies.clear()
        say(cleared=client.get("/cookies").json())
        client.cookies.update({"d": "7"})
        say(updated=client.get("/cookies").json())
        client.cookies = requests.cookies.cookiejar_from_dict({"e": "8"})
        say(replaced=client.get("/cookies").json())
        say(header=client.get("/cookies", headers={"Cookie": "raw=9"}).json())
        client.post("/login", {"username": "ann", "password": "x"})
        say(account=client.get("/account").json(), session="session" in client.cookies)
        client.post("/logout")
        say(status=client.get("/account").status_code)
        self.environment.runner.quit()
