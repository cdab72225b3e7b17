"""One node that does what it is told: JSON lines in are messages out, and the other way round.

Run by the interpreter that has pyzmq: ``peer.py worker PORT ID`` joins a master, ``peer.py master`` prints its port.
"""

import json
import os
import sys

import msgpack
import zmq

role, *rest = sys.argv[1:]
socket = zmq.Context().socket(zmq.ROUTER if role == "master" else zmq.DEALER)
if role == "master":
    print(socket.bind_to_random_port("tcp://127.0.0.1"), flush=True)
    name, other = "master", b""
else:
    name, other = rest[1], None
    socket.setsockopt(zmq.IDENTITY, name.encode())
    socket.connect(f"tcp://127.0.0.1:{rest[0]}")
poller = zmq.Poller()
poller.register(socket, zmq.POLLIN)
poller.register(sys.stdin.fileno(), zmq.POLLIN)
rest_of_line = b""
while True:
    ready = dict(poller.poll())
    if socket in ready:
        *sender, payload = socket.recv_multipart()
        if role == "master":
            other = sender[0]
        kind, data, _ = msgpack.unpackb(payload, strict_map_key=False)
        print(json.dumps([kind, data], default=repr), flush=True)
    if sys.stdin.fileno() in ready:
        # Not by readline, which would keep from the poller what it has read beyond the line.
        read = os.read(sys.stdin.fileno(), 65536)
        if not read:
            break
        *lines, rest_of_line = (rest_of_line + read).split(b"\n")
        for line in lines:
            kind, data = json.loads(line)
            node = other.decode() if role == "master" else name
            payload = data.encode() if kind == "raw" else msgpack.packb([kind, data, node])
            socket.send_multipart([other, payload] if role == "master" else [payload])
