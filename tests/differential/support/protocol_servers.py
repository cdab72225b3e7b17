"""Servers of other protocols, each a process of its own: prints its port and serves until it is killed.

Both answer one greeting when a second has come: a client whose library does not switch would wait for ever.
"""

import subprocess
import sys
import threading

together = threading.Barrier(2, timeout=20)


def start(name):
    """Starts one of them; returns the process and its port."""
    process = subprocess.Popen([sys.executable, __file__, name], stdout=subprocess.PIPE, text=True)
    return process, int(process.stdout.readline())


def grpc_server():
    """Greets in gRPC, one by one or many times, and knows one name that it will not greet."""
    from concurrent.futures import ThreadPoolExecutor

    import grpc

    def greet(request, context):
        if request == b"nobody":
            context.abort(grpc.StatusCode.NOT_FOUND, "nobody is not here")
        together.wait()
        return b"hello " + request

    def repeat(request, context):
        yield from (request for _ in range(3))

    handlers = {
        "Greet": grpc.unary_unary_rpc_method_handler(greet),
        "Repeat": grpc.unary_stream_rpc_method_handler(repeat),
    }
    server = grpc.server(ThreadPoolExecutor(4), [grpc.method_handlers_generic_handler("demo.Greeter", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


def websocket_server():
    """Greets over a WebSocket, and closes it when told goodbye."""
    import logging

    import simple_websocket
    from werkzeug.serving import make_server

    def serve(environ, start_response):
        connection = simple_websocket.Server(environ)
        try:
            while (said := connection.receive()) != "goodbye":
                together.wait()
                connection.send(f"hello {said}")
            connection.close()
        except simple_websocket.ConnectionClosed:
            pass
        return []

    logging.getLogger("werkzeug").disabled = True
    server = make_server("127.0.0.1", 0, serve, threaded=True)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    globals()[sys.argv[1]]()
