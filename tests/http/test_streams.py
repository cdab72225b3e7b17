"""Bodies in pieces: answers are read as they arrive, requests are sent as they are made."""

from __future__ import annotations

import io

import gevent
import pytest
import requests
from gevent.server import StreamServer

STEPS = "/slow-body?chunks=3&ms=40"


@pytest.fixture
def stepwise():
    """A server that sends the next chunk only when the test says so; its address and the event."""
    go = gevent.queue.Queue()

    def serve(connection, address):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in go:
            if connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece)) or not piece:
                return

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    yield f"http://127.0.0.1:{server.server_port}/", go
    go.put(b"")
    server.stop(timeout=0)


def test_requests_reads_a_stream_as_it_arrives(http, stepwise):
    url, go = stepwise
    response = http.get(url, stream=True)
    lines = response.iter_lines()
    for number in range(3):
        go.put(b"line %d\nleft" % number)
        assert next(lines).endswith(b"line %d" % number)
    response.close()
    assert response.raw.closed


def test_the_fast_client_reads_a_stream_as_it_arrives(fast, stepwise):
    url, go = stepwise
    response = fast.get(url, stream=True)
    pieces = response.iter_content()
    for text in ("one", "zwei\u00df"):
        go.put(text.encode())
        assert next(pieces) == text
    response.release()


def test_the_fast_client_yields_lines_as_they_arrive(fast, stepwise):
    url, go = stepwise
    go.put(b"1\n2")
    lines = fast.iter_lines(url)
    assert next(lines) == "1"
    go.put(b"2\n3")
    assert next(lines) == "22"
    go.put(b"")
    assert list(lines) == ["3"]


def test_a_stream_that_was_read_to_its_end_leaves_its_connection_to_the_next(url, hook):
    from katydid.clients import HttpSession
    from katydid.contrib.fasthttp import FastHttpSession

    session = FastHttpSession(url, hook, None, concurrency=1)
    for _ in range(3):
        assert session.get("/bytes/100000", stream=True).content == b"x" * 100_000
    abandoned = session.get("/bytes/1000000", stream=True)
    waiting = gevent.spawn(session.get, "/echo")
    gevent.sleep(0)
    abandoned.release()
    assert waiting.get().status_code == 200
    plain = HttpSession(url, hook, None)
    assert len(plain.get("/bytes/100000", stream=True).raw.read()) == 100_000


@pytest.mark.parametrize("path", ["/gzip", "/deflate"])
def test_a_compressed_stream_is_decoded(http, fast, path):
    whole = http.get(path).content
    assert b"".join(http.get(path, stream=True).iter_content(100)) == whole
    assert http.get(path, stream=True).json() == http.get(path).json()
    assert b"".join(fast.get(path, stream=True).iter_content(decode_content=False)) == whole
    assert fast.get(path, stream=True).content == whole


def test_a_stream_that_breaks_off_raises_what_requests_raises(http):
    response = http.get("/broken/cut-length", stream=True)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        _ = response.content
    response = http.get("/slow-body?chunks=2&ms=2000", stream=True, timeout=0.05)
    with pytest.raises(requests.exceptions.ConnectionError):
        _ = response.content


def test_a_stream_works_as_a_file(http, fast):
    raw = http.get("/chunked", stream=True).raw
    assert (raw.read(5), raw.read(7), raw.read()) == (b"chunk", b" 00001\n", b"chunk 00002\nchunk 00003\n")
    response = fast.get("/chunked", stream=True)
    assert response.readline() == b"chunk 00001\n"
    assert list(response) == [b"chunk 00002\n", b"chunk 00003\n"]
    assert fast.get("/echo").read(1) == b"{"


def test_the_time_of_a_stream_ends_at_its_headers(client, reports):
    client.get(STEPS, stream=True)
    assert reports[-1]["response_time"] < 40
    client.get(STEPS)
    assert reports[-1]["response_time"] >= 80


def made(pieces):
    yield from pieces


def test_a_generator_is_sent_in_chunks(client):
    sent = client.post("/echo", data=made([b"one,", b"", b"two,", "three"])).json()
    assert sent["body"] == "one,two,three"
    assert sent["headers"]["transfer-encoding"] == "chunked"


def test_a_file_is_sent_with_its_length(http):
    sent = http.post("/echo", data=io.BytesIO(b"x" * 100_000)).json()
    assert (len(sent["body"]), sent["headers"]["content-length"]) == (100_000, "100000")


def test_an_upload_is_made_no_faster_than_it_is_sent(http):
    """Of 200 pieces no more than what fits the sockets is made before the server reads."""
    made_so_far = 0

    def pieces():
        nonlocal made_so_far
        for _ in range(200):
            made_so_far += 1
            yield b"x" * 1_000_000

    def serve(connection, address):
        connection.recv(1)
        held.wait()

    held = gevent.event.Event()
    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    call = gevent.spawn(http.post, f"http://127.0.0.1:{server.server_port}/", data=pieces(), timeout=0.3)
    assert isinstance(call.get().error, requests.exceptions.ReadTimeout)
    held.set()
    server.stop(timeout=0)
    assert made_so_far < 100


def test_what_a_generator_raises_reaches_the_script(client, reports):
    def broken():
        yield b"one"
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        client.post("/echo", data=broken())
    assert reports == []
    assert client.get("/echo").status_code == 200


def test_an_answer_before_the_end_of_an_upload_is_the_answer(http):
    def serve(connection, address):
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
        connection.recv(65536)

    def endless():
        while True:
            yield b"x" * 1000
            gevent.sleep(0.001)

    server = StreamServer(("127.0.0.1", 0), serve)
    server.start()
    assert http.post(f"http://127.0.0.1:{server.server_port}/", data=endless()).status_code == 413
    server.stop(timeout=0)
