"""Users of an MQTT broker, with paho-mqtt.

Example:
    ```python
    class Sensor(MqttUser):
        host = "localhost"

        @task
        def tell(self):
            self.client.publish("sensors/1", b"21.5", qos=1)
    ```
"""

from __future__ import annotations

import random
import selectors
import string
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from katydid.contrib._needs import needs
from katydid.user.users import User

needs("paho.mqtt.client", "mqtt")

import paho.mqtt.client as mqtt  # noqa: E402
from paho.mqtt.reasoncodes import ReasonCode  # noqa: E402

if TYPE_CHECKING:
    import ssl

    from paho.mqtt.client import MQTTMessageInfo
    from paho.mqtt.enums import MQTTErrorCode

    from katydid.env import Environment

SUBACK_FAILURE = 0x80
"""A broker's refusal of a subscription (MQTT 3.1.1, section 3.9.3)."""
REQUEST_TYPE = "MQTT"


def _generate_random_id(length: int, alphabet: str = string.digits + string.ascii_letters) -> str:
    return "".join(random.choice(alphabet) for _ in range(length))


def _generate_mqtt_event_name(event_type: str, qos: int, topic: str) -> str:
    return f"{event_type}:{qos}:{topic}"


class PublishedMessageContext(NamedTuple):
    """A message on its way to the broker: bytes, and seconds of the Unix epoch."""

    qos: int
    topic: str
    start_time: float
    payload_size: int


class MqttClient(mqtt.Client):
    """A client whose every step is a request: connect, disconnect, ``publish:qos:topic``, ``subscribe:qos:topic``.

    Args:
        *args: Those of ``paho.mqtt.client.Client``.
        environment: Whose event is fired.
        client_id: What the broker knows it by; made up by default, in the length that MQTT 3.1 allows.
        protocol: The version of MQTT.
        use_loop_selectors: Wait for the network in a way that more than 340 clients can.
        **kwargs: Those of ``paho.mqtt.client.Client``.
    """

    def __init__(
        self,
        *args: Any,
        environment: Environment,
        client_id: str | None = None,
        protocol: Any = mqtt.MQTTv311,
        use_loop_selectors: bool = False,
        **kwargs: Any,
    ) -> None:
        client_id = client_id or f"locust-{_generate_random_id(16)}"
        super().__init__(*args, client_id=client_id, protocol=protocol, **kwargs)  # type: ignore[misc]
        self.environment = environment
        self.client_id = client_id
        self._use_loop_selectors = use_loop_selectors
        self._publish_requests: dict[int, PublishedMessageContext] = {}
        self._subscribe_requests: dict[int, tuple[int, str, float]] = {}
        self.on_publish: Any = self._on_publish_cb
        of_5 = protocol == mqtt.MQTTv5
        self.on_connect: Any = self._on_connect_cb_v5 if of_5 else self._on_connect_cb_v3x
        self.on_disconnect: Any = self._on_disconnect_cb_v5 if of_5 else self._on_disconnect_cb_v3x
        self.on_subscribe: Any = self._on_subscribe_cb_v5 if of_5 else self._on_subscribe_cb_v3x

    def _generate_event_name(self, event_type: str, qos: int, topic: str) -> str:
        """What a publication or subscription is counted under; a subclass may say otherwise."""
        return _generate_mqtt_event_name(event_type, qos, topic)

    def _fire(
        self, name: str, response_time: float = 0, length: int = 0, exception: Any = None, **context: Any
    ) -> None:
        self.environment.events.request.fire(
            request_type=REQUEST_TYPE,
            name=name,
            response_time=response_time,
            response_length=length,
            exception=exception,
            context={"client_id": self.client_id, **context},
        )

    def _on_publish_cb(self, client: Any, userdata: Any, mid: int) -> None:
        ended = time.time()
        message = self._publish_requests.pop(mid, None)
        if message is None:
            unknown = AssertionError(f"Could not find message data for mid '{mid}' in _on_publish_cb.")
            self._fire("publish", exception=unknown, mid=mid)
            return
        name = self._generate_event_name("publish", message.qos, message.topic)
        self._fire(name, (ended - message.start_time) * 1000, message.payload_size, **message._asdict())

    def _on_subscribe_cb_v3x(self, client: Any, userdata: Any, mid: int, granted_qos: list[int]) -> None:
        ended = time.time()
        request = self._subscribe_requests.pop(mid, None)
        if request is None:
            unknown = AssertionError(f"Could not find message data for mid '{mid}' in _on_subscribe_cb.")
            self._fire("subscribe", exception=unknown, mid=mid)
            return
        qos, topic, start_time = request
        refused = SUBACK_FAILURE in granted_qos
        self._fire(
            self._generate_event_name("subscribe", qos, topic),
            (ended - start_time) * 1000,
            exception=AssertionError(f"Broker returned an error response during subscription: {granted_qos}")
            if refused
            else None,
            qos=qos,
            topic=topic,
            start_time=start_time,
        )

    def _on_subscribe_cb_v5(
        self, client: Any, userdata: Any, mid: int, reason_codes: list[Any], properties: Any
    ) -> None:
        self._on_subscribe_cb_v3x(client, userdata, mid, [code.value for code in reason_codes])

    def _on_disconnect_cb(self, client: Any, userdata: Any, rc: Any) -> None:
        self._fire("disconnect", exception=rc if rc != 0 else None)

    def _on_disconnect_cb_v3x(self, client: Any, userdata: Any, rc: int) -> None:
        self._on_disconnect_cb(client, userdata, rc)

    def _on_disconnect_cb_v5(self, client: Any, userdata: Any, *details: Any) -> None:
        # How many there are depends on the version of paho's callbacks.
        code = next((detail for detail in details if isinstance(detail, ReasonCode)), 0)
        self._on_disconnect_cb(client, userdata, code)

    def _on_connect_cb(self, client: Any, userdata: Any, flags: Any, rc: Any) -> None:
        self._fire("connect", exception=Exception(str(rc)) if rc != 0 else None)

    def _on_connect_cb_v3x(self, client: Any, userdata: Any, flags: Any, rc: int) -> None:
        self._on_connect_cb(client, userdata, flags, rc)

    def _on_connect_cb_v5(
        self, client: Any, userdata: Any, connect_flags: Any, reasoncode: Any, properties: Any
    ) -> None:
        self._on_connect_cb(client, userdata, {}, reasoncode)

    def _loop(self, timeout: float = 1.0) -> MQTTErrorCode:
        return self._loop_selectors(timeout) if self._use_loop_selectors else super()._loop(timeout)

    def _loop_selectors(self, timeout: float = 1.0) -> MQTTErrorCode:
        """One round of paho's loop on a selector, which knows no limit of file descriptors as ``select`` does."""
        if timeout < 0:
            raise ValueError("Invalid timeout.")
        sock: Any = self._sock
        pending = sock.pending() if hasattr(sock, "pending") else 0
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out_packet else 0)
        ready: dict[Any, int] = {}
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(sock, wanted)
                if self._sockpairR is not None:
                    selector.register(self._sockpairR, selectors.EVENT_READ)
                for key, mask in selector.select(0 if pending else timeout):
                    ready[key.fileobj] = mask
        except (TypeError, ValueError):
            return mqtt.MQTT_ERR_CONN_LOST
        except OSError:
            return mqtt.MQTT_ERR_UNKNOWN
        if pending or ready.get(sock, 0) & selectors.EVENT_READ:
            result = self.loop_read()
            if result or self._sock is None:
                return result
        woken = self._sockpairR is not None and self._sockpairR in ready
        if woken:
            with suppress(BlockingIOError):
                # One byte for each publication since the last round.
                self._sockpairR.recv(10_000)  # type: ignore[union-attr]
        if woken or ready.get(sock, 0) & selectors.EVENT_WRITE:
            result = self.loop_write()
            if result or self._sock is None:
                return result
        return self.loop_misc()

    def publish(
        self, topic: str, payload: Any = None, qos: int = 0, retain: bool = False, properties: Any = None
    ) -> MQTTMessageInfo:
        """Publishes a message; it is reported when the broker has it, as ``qos`` says.

        Args:
            topic: What it is about.
            payload: The message.
            qos: How surely it arrives: 0, 1 or 2.
            retain: Whether later subscribers get it too.
            properties: Of MQTT 5.
        """
        size = 0 if payload is None or isinstance(payload, int | float) else len(payload)
        message = PublishedMessageContext(qos, topic, time.time(), size)
        published = super().publish(topic, payload=payload, qos=qos, retain=retain, properties=properties)
        if published.rc == mqtt.MQTT_ERR_SUCCESS:
            self._publish_requests[published.mid] = message
        else:
            name = self._generate_event_name("publish", qos, topic)
            self._fire(name, exception=published.rc, **message._asdict())
        return published

    def subscribe(
        self, topic: Any, qos: int = 0, options: Any = None, properties: Any = None
    ) -> tuple[MQTTErrorCode, int | None]:
        """Subscribes; it is reported when the broker has answered.

        Args:
            topic: What to hear of, or a list of such with their ``qos``.
            qos: How surely messages arrive: 0, 1 or 2.
            options: Of MQTT 5.
            properties: Of MQTT 5.
        """
        began = time.time()
        about = topic if isinstance(topic, str) else topic[0][0]
        result, mid = super().subscribe(topic, qos, options, properties)
        if result == mqtt.MQTT_ERR_SUCCESS and mid is not None:
            self._subscribe_requests[mid] = (qos, about, began)
            return result, mid
        failed = result != mqtt.MQTT_ERR_SUCCESS
        self._fire(
            self._generate_event_name("subscribe", qos, about),
            0 if failed else (time.time() - began) * 1000,
            exception=result if failed else None,
            qos=qos,
            topic=about,
            start_time=began,
        )
        return result, mid


class MqttUser(User):
    """A user with a connection of its own, which is made when it starts.

    Args:
        environment: What the user runs in.
    """

    abstract = True

    host: str | None = "localhost"
    port: int = 1883
    transport: Any = "tcp"
    """``tcp`` or ``websockets``."""
    ws_path: str = "/mqtt"
    tls_context: ssl.SSLContext | None = None
    client_cls: type[MqttClient] = MqttClient
    client_id: str | None = None
    username: str | None = None
    password: str | None = None
    protocol: Any = mqtt.MQTTv311
    use_loop_selectors: bool = False

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self.client: MqttClient = self.client_cls(
            environment=self.environment,
            transport=self.transport,
            client_id=self.client_id,
            protocol=self.protocol,
            use_loop_selectors=self.use_loop_selectors,
        )
        if self.tls_context:
            self.client.tls_set_context(self.tls_context)
        if self.transport == "websockets" and self.ws_path:
            self.client.ws_set_options(path=self.ws_path)
        if self.username and self.password:
            self.client.username_pw_set(username=self.username, password=self.password)
        assert self.host is not None
        self.client.connect_async(host=self.host, port=self.port)
        self.client.loop_start()
