"""Servers that the tests of contrib run beside themselves; each prints its port and serves until it is killed.

Where Debian and PyPI have the real server, conftest starts that one instead.
"""

from __future__ import annotations

import http.server
import json
import socket
import socketserver
import struct
import sys


def dns_server() -> None:
    """A name server that knows one name."""
    import dns.message
    import dns.rrset

    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        print(listening.getsockname()[1], flush=True)
        while True:
            wire, client = listening.recvfrom(4096)
            question = dns.message.from_wire(wire)
            answer = dns.message.make_response(question)
            name = question.question[0].name
            if str(name) == "known.example.":
                answer.answer.append(dns.rrset.from_text(name, 60, "IN", "A", "192.0.2.7"))
            listening.sendto(answer.to_wire(), client)


def socketio_server() -> None:
    """A Socket.IO server that answers, and says something by itself."""
    import socketio
    from werkzeug.serving import make_server

    server = socketio.Server(async_mode="threading")

    @server.event
    def ask(sid, data):
        return f"answer to {data}"

    @server.event
    def tell(sid, data):
        server.emit("told", data, to=sid)

    served = make_server("127.0.0.1", 0, socketio.WSGIApp(server), threaded=True)
    print(served.server_port, flush=True)
    served.serve_forever()


def model_server() -> None:
    """As much of OpenAI's API as one request needs."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = asked["model"] == "known"
            answer = {"id": "r", "object": "response", "output": [], "usage": {"output_tokens": 42}} if known else {}
            body = json.dumps(answer).encode()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


def mongodb_server() -> None:
    """As much of MongoDB's wire protocol (OP_MSG) as finding two documents takes."""
    import bson

    def answer_to(command: dict) -> dict:
        if "find" in command:
            if command["find"] == "broken":
                return {"ok": 0, "errmsg": "broken", "code": 2}
            return {"ok": 1, "cursor": {"id": 0, "ns": "shop.items", "firstBatch": [{"n": 1}, {"n": 2}]}}
        return {"ok": 1, "isWritablePrimary": True, "minWireVersion": 8, "maxWireVersion": 25, "readOnly": False}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while header := self.rfile.read(16):
                length, request, _, opcode = struct.unpack("<iiii", header)
                rest = self.rfile.read(length - 16)
                # What an old client greets with has its document elsewhere; whatever it is, the greeting is the answer.
                command = bson.decode(rest[5 : 5 + struct.unpack_from("<i", rest, 5)[0]]) if opcode == 2013 else {}
                document = bson.encode(answer_to(command))
                if opcode == 2013:
                    body, kind = struct.pack("<iB", 0, 0) + document, 2013
                else:
                    body, kind = struct.pack("<iqii", 8, 0, 0, 1) + document, 1
                self.wfile.write(struct.pack("<iiii", 16 + len(body), 0, request, kind) + body)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
