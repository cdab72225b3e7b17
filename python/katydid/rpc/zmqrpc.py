"""Sockets for those who speak with nodes themselves. Katydid's own nodes do so in Rust and need none of this.

Made of pyzmq's sockets for gevent, which is installed with ``pip install pyzmq``.
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

from katydid.exception import RPCError, RPCReceiveError, RPCSendError
from katydid.rpc.protocol import Message
from katydid.util.exception_handler import retry

KEEPALIVE_IDLE_SECONDS = 30


def _zmq() -> Any:
    try:
        from zmq import green
    except ModuleNotFoundError:
        raise RPCError("Sockets of your own to other nodes need pyzmq: pip install pyzmq") from None
    return green


class BaseSocket:
    """A ZeroMQ socket that sends and receives messages.

    Args:
        sock_type: Its kind, one of ZeroMQ's constants.
        ipv4_only: Whether it does without IPv6.
    """

    def __init__(self, sock_type: int, ipv4_only: bool) -> None:
        zmq = self._zmq = _zmq()
        self.socket = zmq.Context().socket(sock_type)
        self.socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        self.socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, KEEPALIVE_IDLE_SECONDS)
        if socket.has_dualstack_ipv6() and not ipv4_only:
            self.socket.setsockopt(zmq.IPV6, 1)

    @retry()
    def send(self, msg: Message) -> None:
        """Sends a message.

        Raises:
            RPCSendError: It could not be sent, nor when tried again.
        """
        try:
            self.socket.send(msg.serialize(), self._zmq.NOBLOCK)
        except self._zmq.ZMQError as error:
            raise RPCSendError("The message could not be sent") from error

    @retry()
    def send_to_client(self, msg: Message) -> None:
        """Sends a message to the node that it names.

        Raises:
            RPCSendError: It could not be sent, nor when tried again.
        """
        try:
            self.socket.send_multipart([(msg.node_id or "").encode(), msg.serialize()])
        except self._zmq.ZMQError as error:
            raise RPCSendError("The message could not be sent") from error

    def recv(self) -> Message:
        """Waits for a message.

        Raises:
            RPCReceiveError: What came is none.
            RPCError: The socket is broken.
        """
        try:
            return Message.unserialize(self.socket.recv())
        except ValueError as error:
            raise RPCReceiveError(str(error)) from error
        except self._zmq.ZMQError as error:
            raise RPCError("The connection is broken") from error

    def recv_from_client(self) -> tuple[str, Message]:
        """Waits for a message, and returns who sent it and the message.

        Raises:
            RPCReceiveError: What came is none; it says who sent it.
            RPCError: The socket is broken.
        """
        try:
            sender, data, *_ = self.socket.recv_multipart()
            address = sender.decode()
        except ValueError as error:
            raise RPCReceiveError("Something came that is no message") from error
        except self._zmq.ZMQError as error:
            raise RPCError("The connection is broken") from error
        try:
            return address, Message.unserialize(data)
        except ValueError as error:
            raise RPCReceiveError(str(error), addr=address) from error

    def close(self, linger: int | None = None) -> None:
        """Closes the socket.

        Args:
            linger: Milliseconds to wait for what is not sent yet.
        """
        self.socket.close(linger)

    @staticmethod
    def ipv4_only(host: str, port: int) -> bool:
        """Whether a host has IPv4 addresses only.

        Args:
            host: Its name or address; ``*`` stands for every address of this machine.
            port: The port.
        """
        if host == "*":
            return False
        try:
            found = socket.getaddrinfo(host, port, proto=socket.IPPROTO_TCP)
        except OSError as error:
            raise RPCError(f"The address {host}:{port} is not known: {error}") from error
        return all(ipaddress.ip_address(entry[4][0]).version == 4 for entry in found)


class Server(BaseSocket):
    """A master's end.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for any.

    Attributes:
        port: The port it listens on.

    Raises:
        RPCError: It cannot listen there.
    """

    def __init__(self, host: str, port: int) -> None:
        zmq = _zmq()
        super().__init__(zmq.ROUTER, self.ipv4_only(host, port))
        self.port = port
        try:
            if port:
                self.socket.bind(f"tcp://{host}:{port}")
            else:
                self.port = self.socket.bind_to_random_port(f"tcp://{host}")
        except zmq.ZMQError as error:
            raise RPCError(f"Socket bind failure: {error}") from error


class Client(BaseSocket):
    """A worker's end.

    Args:
        host: Where the master is.
        port: Its port.
        identity: The worker's id.
    """

    def __init__(self, host: str, port: int, identity: str) -> None:
        super().__init__(_zmq().DEALER, self.ipv4_only(host, port))
        self.socket.setsockopt(self._zmq.IDENTITY, identity.encode())
        self.socket.connect(f"tcp://{host}:{port}")
