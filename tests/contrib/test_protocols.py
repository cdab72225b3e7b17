"""Users of other protocols, each with a server: what is counted, under which name, and what a failure is called."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable

import pytest

ONCE = """
from locust import constant, events

class Once:
    wait_time = constant(1)

    def everything(self):
        self.use()
        self.environment.runner.quit()

    tasks = [everything]

@events.request.add_listener
def on_request(request_type, name, response_length, exception, **kwargs):
    print("EVENT", request_type, name, response_length, repr(exception) if exception else "-")
"""


@pytest.fixture
def told(katydid) -> Callable[..., list[str]]:
    """Runs a script whose one user does everything once, and returns what listeners were told."""

    def told(script: str, *arguments: str) -> list[str]:
        done = katydid("--headless", "-t", "15s", "--only-summary", *arguments, script=ONCE + script)
        assert "/ERROR/locust" not in done.stderr, done.stderr
        assert "run-time limit" not in done.stderr, done.stderr
        return re.findall(r"^EVENT (.*)$", done.stdout, re.MULTILINE)

    return told


def test_postgres(told, postgres):
    events = told(f"""
from locust.contrib.postgres import PostgresUser

class Reader(Once, PostgresUser):
    conn_string = "{postgres}"

    def use(self):
        self.client.execute_query("SELECT 1")
        self.client.execute_query("SELECT nothing FROM nowhere")
""")
    assert events[0] == "postgres_success execute_query 0 -"
    assert events[1].startswith("postgres_failure execute_query 0 UndefinedTable(")


def test_a_statement_that_waits_lets_other_users_run(told, postgres):
    events = told(
        f"""
import gevent
from locust import User
from locust.contrib.postgres import PostgresUser

locked, unlocked = gevent.event.Event(), gevent.event.Event()

class Holder(PostgresUser):
    conn_string = "{postgres}"
    fixed_count = 1
    wait_time = constant(60)

    def hold(self):
        self.client.execute_query("SELECT pg_advisory_lock(1)")
        locked.set()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not self.client.connection.execute(waiting).fetchone()[0]:
            gevent.sleep(0.01)
        self.client.execute_query("SELECT pg_advisory_unlock(1)")
        unlocked.set()

    tasks = [hold]

class Waiter(Once, PostgresUser):
    conn_string = "{postgres}"
    fixed_count = 1

    def use(self):
        locked.wait(20)
        self.client.execute_query("SELECT pg_advisory_lock(1)")
        # The test ends with this user.
        unlocked.wait(20)
""",
        "-u",
        "2",
        "-r",
        "2",
    )
    assert events == ["postgres_success execute_query 0 -"] * 3


def test_mqtt(told, broker):
    events = told(f"""
import gevent
from locust.contrib.mqtt import MqttUser

class Sensor(Once, MqttUser):
    host, port = "127.0.0.1", {broker.tcp}

    def use(self):
        with gevent.Timeout(20):
            while not self.client.is_connected():
                gevent.sleep(0.01)
            self.client.subscribe("sensors/1", qos=1)
            self.client.publish("sensors/1", b"21.5", qos=1).wait_for_publish()
            while self.client._publish_requests or self.client._subscribe_requests:
                gevent.sleep(0.01)
        self.client.disconnect()
        self.client.loop_stop()
""")
    assert sorted(events) == [
        "MQTT connect 0 -",
        "MQTT disconnect 0 -",
        "MQTT publish:1:sensors/1 4 -",
        "MQTT subscribe:1:sensors/1 0 -",
    ]


def test_mqtt_on_a_selector_and_version_5(told, broker):
    events = told(f"""
import gevent
import paho.mqtt.client as mqtt
from locust.contrib.mqtt import MqttClient, MqttUser

class Named(MqttClient):
    def _generate_event_name(self, event_type, qos, topic):
        return f"{{event_type}} {{topic}}"

class Sensor(Once, MqttUser):
    host, port = "127.0.0.1", {broker.tcp}
    client_cls = Named
    protocol = mqtt.MQTTv5
    use_loop_selectors = True

    def use(self):
        with gevent.Timeout(20):
            while not self.client.is_connected():
                gevent.sleep(0.01)
            self.client.subscribe("a", qos=1)
            self.client.publish("a", "hi", qos=2).wait_for_publish()
            while self.client._publish_requests or self.client._subscribe_requests:
                gevent.sleep(0.01)
        self.client.disconnect()
        self.client.loop_stop()
""")
    assert sorted(events) == ["MQTT connect 0 -", "MQTT disconnect 0 -", "MQTT publish a 2 -", "MQTT subscribe a 0 -"]


def test_mqtt_over_websockets(told, broker):
    events = told(f"""
import gevent
from locust.contrib.mqtt import MqttUser

class Sensor(Once, MqttUser):
    host, port = "127.0.0.1", {broker.websockets}
    transport = "websockets"
    client_id = "mine"

    def use(self):
        with gevent.Timeout(20):
            while not self.client.is_connected():
                gevent.sleep(0.01)
            self.client.publish("a", "hello", qos=1).wait_for_publish()
            while self.client._publish_requests:
                gevent.sleep(0.01)
        assert self.client.client_id == "mine"
""")
    assert events == ["MQTT connect 0 -", "MQTT publish:1:a 5 -"]


def test_mqtt_that_is_not_let_in(told, broker):
    events = told(f"""
import gevent
from locust.contrib.mqtt import MqttUser

class Sensor(Once, MqttUser):
    host, port = "127.0.0.1", {broker.guarded}
    username, password = "nobody", "secret"

    def use(self):
        refused = gevent.event.Event()
        self.environment.events.request.add_listener(lambda name, **kwargs: name == "disconnect" and refused.set())
        assert refused.wait(20)
        self.client.publish("a", "hello")
""")
    assert events[:2] == ["MQTT connect 0 Exception('5')", "MQTT disconnect 0 <MQTTErrorCode.MQTT_ERR_CONN_REFUSED: 5>"]
    assert events[-1] == "MQTT publish:0:a 0 <MQTTErrorCode.MQTT_ERR_NO_CONN: 4>"


def test_socketio(told, server):
    events = told(f"""
import gevent
from locust.contrib.socketio import SocketIOUser

class Chatter(Once, SocketIOUser):
    def use(self):
        self.sio.connect("http://127.0.0.1:{server("socketio_server")}")
        assert self.sio.call("ask", "it") == "answer to it"
        heard = gevent.event.Event()
        self.sio.on("told", lambda data: (self.sio.on_message("told", data), heard.set()))
        self.sio.emit("tell", "four")
        assert heard.wait(20)
        self.sio.send("message", name="mine")
        self.sio.disconnect()
        self.sio.send("too late")
""")
    # Calls and messages are emitted, which is reported too.
    assert events[:3] == ["WS connect 0 -", "WSE ask 2 -", "WSC ask 0 -"]
    assert sorted(events[3:5]) == ["WSE tell 4 -", "WSR told 4 -"]
    assert events[5:7] == ["WSE message 7 -", "WSS mine 7 -"]
    assert events[7].startswith("WSE message 8 BadNamespaceError(")
    assert events[8] == "WSS Unnamed 8 -"


def test_dns(told, server):
    events = told(f"""
import dns.message
from locust.contrib.dns import DNSUser

class Resolver(Once, DNSUser):
    def use(self):
        for name in ("known.example", "unknown.example"):
            self.client.udp(dns.message.make_query(name, "A"), "127.0.0.1", port={server("dns_server")}, name=name)
        self.client.udp(dns.message.make_query("known.example", "A"), "127.0.0.1", timeout=0)
""")
    assert events[:2] == ["DNS known.example 0 -", "DNS unknown.example 0 LocustError('No answer in DNS response')"]
    assert events[2].startswith("DNS udp 0 Timeout(")


def test_mongodb(told, server):
    events = told(f"""
from locust.contrib.mongodb import MongoDBUser

class Reader(Once, MongoDBUser):
    conn_string = "mongodb://127.0.0.1:{server("mongodb_server")}/?directConnection=true"
    db_name = "shop"

    def use(self):
        self.client.execute_query("items", {{"n": {{"$gt": 0}}}})
        self.client.execute_query("broken", {{}})
""")
    assert events[0] == "MONGODB QUERY 0 -"
    assert events[1].startswith("MONGODB QUERY 0 OperationFailure(")


def test_openai(told, server, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server('model_server')}/v1")
    events = told("""
import openai
from locust.contrib.oai import OpenAIUser

class Asker(Once, OpenAIUser):
    def use(self):
        with self.client.rename_request("riddle"):
            self.client.responses.create(model="known", input="?")
        try:
            self.client.responses.create(model="unknown", input="?")
        except openai.NotFoundError:
            pass
""")
    assert events[0] == "POST riddle 42 -"
    assert events[1].startswith("POST /v1/responses 0 HTTPStatusError(")


def test_openai_without_a_key_says_so(katydid, monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    done = katydid("--headless", script="from locust.contrib.oai import OpenAIUser")
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stderr


def test_qdrant(told):
    events = told("""
from qdrant_client.models import Distance, PointStruct, VectorParams
from locust.contrib.qdrant import QdrantUser

class Searcher(Once, QdrantUser):
    url = None
    client_kwargs = {"location": ":memory:"}
    collection_name = "items"
    vectors_config = VectorParams(size=2, distance=Distance.DOT)

    def use(self):
        assert self.search([1, 0])["empty"]
        assert self.upsert([PointStruct(id=1, vector=[1, 0])])["success"]
        assert self.search([1, 0])["result"].points[0].id == 1
        assert self.scroll()["next_offset"] is None
        assert self.delete([1])["success"]
        assert not self.client.upsert("nonsense")["success"]
""")
    assert events == [f"qdrant {name} 0 -" for name in ("search", "upsert", "search", "scroll", "delete")]


def test_milvus(told, tmp_path):
    events = told(f"""
from pymilvus import DataType, MilvusClient
from locust.contrib.milvus import MilvusUser

schema = MilvusClient.create_schema()
schema.add_field("id", DataType.INT64, is_primary=True)
schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)
indexes = MilvusClient.prepare_index_params()
indexes.add_index("vector", index_type="FLAT", metric_type="L2")

class Searcher(Once, MilvusUser):
    def __init__(self, environment):
        super().__init__(environment, "{tmp_path / "vectors.db"}", collection_name="items", schema=schema,
                         index_params=indexes)

    def use(self):
        assert self.insert([{{"id": 1, "vector": [1, 0]}}, {{"id": 2, "vector": [0, 1]}}])["success"]
        assert self.upsert([{{"id": 2, "vector": [0, 2]}}])["success"]
        found = self.search([[1, 0]], "vector", 1, calculate_recall=True, ground_truth=[1])
        assert found["recall"] == 1
        assert self.query("id > 0")["success"]
        assert self.delete("id == 1")["success"]
""")
    names = ("insert", "upsert", "search", "recall", "query", "delete")
    assert events == [f"milvus {name} 0 -" for name in names]


def test_a_line_of_csv_for_each_request(katydid, target, tmp_path):
    done = katydid(
        "--headless", "-H", target.url, "--only-summary",
        script="""
from locust import HttpUser, constant, events, task
from locust.contrib.csv_request_logger import CsvRequestLogger

log = CsvRequestLogger("requests.csv", flush_interval=10)

@events.init.add_listener
def on_init(environment, **kwargs):
    log.register(environment)

class Visitor(HttpUser):
    wait_time = constant(1)

    @task
    def look(self):
        self.client.get("/bytes/10")
        self.client.get("/status/404", name="gone, away")
        self.environment.runner.quit()
""",
    )  # fmt: skip
    assert done.returncode == 1
    header, *lines = (tmp_path / "requests.csv").read_text().splitlines()
    assert header == "timestamp,request_type,name,response_time_ms,response_length,status_code,exception"
    assert re.fullmatch(r"\d+\.\d+,GET,/bytes/10,\d+\.\d+,10,200,", lines[0])
    assert re.fullmatch(r'\d+\.\d+,GET,"gone, away",\d+\.\d+,\d+,404,"?404 Client Error: Not Found.*', lines[1])
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("module", "extra"),
    [
        ("dns.query", "dns"),
        ("paho.mqtt.client", "mqtt"),
        ("psycopg", "postgres"),
        ("pymongo", "mongodb"),
        ("pymilvus", "milvus"),
        ("qdrant_client", "qdrant"),
        ("openai", "oai"),
        ("socketio", "socketio"),
    ],
)
def test_a_missing_library_is_named(module, extra):
    hide = f"import sys; sys.modules[{module.partition('.')[0]!r}] = None\n"
    code = f"{hide}import katydid.contrib.{extra}"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "OPENAI_API_KEY": "x"}
    )
    assert f"pip install 'katydid[{extra}]'" in done.stderr.splitlines()[-1]
