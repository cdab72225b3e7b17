"""What a response of FastHttpUser's client offers, and streamed ones."""

from locust import FastHttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(FastHttpUser):
    default_headers = {"User-Agent": "differential"}
    wait_time = constant(0)

    @task
    def look(self):
        response = self.client.get("/items?page=2", headers={"X-Mine": "1"})
        say(
            status=response.status_code,
            ok=response.ok,
            url=response.url,
            encoding=response.encoding,
            lower=response.headers["CONTENT-TYPE"],
            get=response.headers.get("nothing", "default"),
            items=len(response.json()["items"]),
            text=response.text[:20],
            content=type(response.content).__name__,
        )
        request = response.request
        say(type=type(request).__name__, method=request.method, url=request.url, body=request.body)
        say(mine=request.headers.get("X-Mine"))
        posted = self.client.post("/echo", json={"a": 1})
        say(body=posted.request.body, type=posted.request.headers.get("Content-Type"))
        try:
            self.client.get("/").json()
        except ValueError as error:
            say(error=type(error).__name__)
        say(lines=list(self.client.iter_lines("/chunked?chunks=3")))
        say(lines=list(self.client.iter_lines("/chunked?chunks=2", name="named lines")))
        response = self.client.get("/slow-body?bytes=10&chunks=3&ms=5", stream=True)
        say(parts=b"".join(response.iter_content(10)))
        for path in ("/gzip", "/deflate", "/br"):
            response = self.client.get(path)
            say(path=path, length=len(response.content), keys=sorted(response.json()))
        self.environment.runner.quit()
