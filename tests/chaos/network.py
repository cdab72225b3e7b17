"""Several hosts on one machine: network namespaces, joined by two bridges.

Each host has an address on the *control* network, where masters and workers talk, and one on the *data* network, where
the target is. So a worker can be cut off from its master and still reach what it loads. Needs root and ``ip``.
"""

from __future__ import annotations

import itertools
import os
import random
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

_numbers = itertools.count()


def _ip(*words: object) -> None:
    done = subprocess.run(["ip", *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise OSError(f"ip {' '.join(map(str, words))}: {done.stderr.strip()}")


def why_not() -> str | None:
    """Why there can be no such network here, or None if there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        _ip("netns", "add", "katydid-probe")
        _ip("netns", "del", "katydid-probe")
    except OSError as error:
        return str(error)
    return None


class Host:
    """One host of a network.

    Args:
        network: Its network.
        name: What it is called there.
        place: Its place among the hosts, from 1 on.
    """

    def __init__(self, network: Network, name: str, place: int) -> None:
        self.namespace = f"{network.tag}-{name}"
        self.address = f"10.{network.block}.1.{place}"
        self._wire, self._bridge = f"{network.tag}c{place}", f"{network.tag}c"
        _ip("netns", "add", self.namespace)
        for kind, net in (("c", 1), ("d", 2)):
            outer, inner = f"{network.tag}{kind}{place}", f"eth{kind}"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner, "netns", self.namespace)
            _ip("link", "set", outer, "master", f"{network.tag}{kind}", "up")
            _ip("-n", self.namespace, "addr", "add", f"10.{network.block}.{net}.{place}/24", "dev", inner)
            _ip("-n", self.namespace, "link", "set", inner, "up")
        _ip("-n", self.namespace, "link", "set", "lo", "up")

    @property
    def prefix(self) -> list[str]:
        """What a command begins with to run on this host."""
        return ["ip", "netns", "exec", self.namespace]

    def cut(self) -> None:
        """Loses everything on the control network from now on, without a word to either side."""
        # Not `down`: the host would see that it has no carrier.
        _ip("link", "set", self._wire, "nomaster")

    def mend(self) -> None:
        """The control network is as it was."""
        _ip("link", "set", self._wire, "master", self._bridge)


class Network:
    """Two bridges, and the hosts on them; this process and the target are outside, at ``.254`` of both."""

    def __init__(self) -> None:
        number = next(_numbers)
        self.tag = f"k{os.getpid() % 100_000}{chr(97 + number % 26)}"
        self.block = 64 + (os.getpid() * 7 + number) % 128
        self.hosts: list[Host] = []
        for kind, net in (("c", 1), ("d", 2)):
            _ip("link", "add", f"{self.tag}{kind}", "type", "bridge")
            _ip("addr", "add", f"10.{self.block}.{net}.254/24", "dev", f"{self.tag}{kind}")
            _ip("link", "set", f"{self.tag}{kind}", "up")

    @property
    def target_address(self) -> str:
        """Where the target can listen."""
        return f"10.{self.block}.2.254"

    def host(self, name: str) -> Host:
        """Adds a host."""
        host = Host(self, name, len(self.hosts) + 1)
        self.hosts.append(host)
        return host

    def close(self) -> None:
        """Takes everything down again."""
        for host in self.hosts:
            subprocess.run(["ip", "netns", "del", host.namespace], capture_output=True)
        for kind in "cd":
            subprocess.run(["ip", "link", "del", f"{self.tag}{kind}"], capture_output=True)


@contextmanager
def network() -> Iterator[Network]:
    """A network that is gone afterwards."""
    made = Network()
    try:
        yield made
    finally:
        made.close()


class SlowLink:
    """A way to a master on which everything takes long; the kernel here may have no traffic control.

    Args:
        master: The master's address.
        delay: How long at least, in seconds, each way.
        jitter: By how much longer at most.
    """

    def __init__(self, master: tuple[str, int], delay: float, jitter: float) -> None:
        self.master, self.delay, self.jitter = master, delay, jitter
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(self.master)
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                late: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
                threading.Thread(target=self._take, args=(source, late), daemon=True).start()
                threading.Thread(target=self._give, args=(sink, late), daemon=True).start()

    def _take(self, source: socket.socket, late: SimpleQueue[tuple[float, bytes]]) -> None:
        piece = b"?"
        while piece:
            try:
                piece = source.recv(65536)
            except OSError:
                piece = b""
            late.put((time.monotonic() + self.delay + random.random() * self.jitter, piece))

    def _give(self, sink: socket.socket, late: SimpleQueue[tuple[float, bytes]]) -> None:
        while True:
            due, piece = late.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not piece:
                    sink.shutdown(socket.SHUT_WR)
                    return
                sink.sendall(piece)
            except OSError:
                return
