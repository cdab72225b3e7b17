"""Sensors that tell an MQTT broker how warm it is.

pip install 'katydid[mqtt]'
katydid -f examples/mqtt.py --host localhost
"""

import os
import random

import gevent
from locust import between, task
from locust.contrib.mqtt import MqttClient, MqttUser


class OneNameForAll(MqttClient):
    """Counts the messages of all sensors under one name."""

    def _generate_event_name(self, event_type, qos, topic):
        return f"{event_type}:{qos}:sensors/[id]"


class Sensor(MqttUser):
    """Publishes a temperature, and waits until the broker has it."""

    host = "localhost"
    port = int(os.environ.get("MQTT_PORT", "1883"))
    client_cls = OneNameForAll
    wait_time = between(0.1, 0.5)

    def on_start(self):
        # The connection is made in the background.
        with gevent.Timeout(10, TimeoutError(f"no broker at {self.host}:{self.port}")):
            while not self.client.is_connected():
                gevent.sleep(0.01)
        self.topic = f"sensors/{random.randint(1, 1000)}"
        self.client.subscribe(f"{self.topic}/commands", qos=1)

    @task
    def tell(self):
        temperature = f"{random.gauss(21, 3):.1f}"
        self.client.publish(self.topic, temperature, qos=1).wait_for_publish(timeout=5)

    def on_stop(self):
        self.client.disconnect()
        self.client.loop_stop()
