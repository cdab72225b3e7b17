"""Visitors of a chat that speaks Socket.IO.

pip install 'katydid[socketio]'
katydid -f examples/socketio_chat.py --host http://localhost:3000
"""

import time

from locust import between, task
from locust.contrib.socketio import SocketIOUser


class Chatter(SocketIOUser):
    """Says something, asks something, and reports how long its own words took to come back."""

    host = "http://localhost:3000"
    options = {"reconnection_attempts": 3}
    wait_time = between(0.1, 0.5)

    def on_start(self):
        self.sio.on("told", self.on_told)
        self.sio.connect(self.host)

    def on_told(self, data):
        self.environment.events.request.fire(
            request_type="WSR",
            name="told",
            response_time=(time.time() - data["sent"]) * 1000,
            response_length=len(data["text"]),
            exception=None,
            context={},
        )

    @task(2)
    def say(self):
        self.sio.emit("tell", {"sent": time.time(), "text": "hello"})

    @task
    def ask(self):
        self.sio.call("ask", "what is new?")

    def on_stop(self):
        self.sio.disconnect()
