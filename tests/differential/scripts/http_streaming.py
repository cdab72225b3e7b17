"""Streamed answers of HttpUser's client."""

from locust import HttpUser, constant, task

from watch import say, watch

watch("request")


class Visitor(HttpUser):
    wait_time = constant(0)

    @task
    def stream(self):
        with self.client.get("/slow-body?bytes=10&chunks=3&ms=20", stream=True, catch_response=True) as response:
            say(parts=[len(part) for part in response.iter_content(10)])
        response = self.client.get("/chunked?chunks=4", stream=True)
        say(lines=[line.decode() for line in response.iter_lines()])
        response = self.client.get("/bytes/100", stream=True, name="content-length")
        say(raw=len(response.raw.read(40)), rest=len(response.raw.read()))
        response = self.client.get("/gzip", stream=True, name="gzip")
        say(length=len(response.content), keys=sorted(response.json()))
        response = self.client.get("/chunked?chunks=2", stream=True, name="text")
        say(text=response.text, again=response.text, encoding=response.encoding)
        response = self.client.get("/bytes/1000", stream=True, name="closed early")
        response.close()
        self.client.get("/bytes/5")
        self.environment.runner.quit()
