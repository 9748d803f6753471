"""Much of what is harmless alone: trailers without end, bodies that never come, bodies that almost end."""

import json
import time

import pytest
from asgi_client import Caller
from real_server import RealServer, is_closed, read_answer

from seeme.errors import Unavailable
from seeme.settings import Settings
from seeme.web.body import BodyReader

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
CHUNKED = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
BODY = b'{"model_id":"digits","label":"1"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that takes 50 connections and is patient with slow ones."""
    with RealServer(tmp_path_factory.mktemp("server") / "data", request_deadline=30.0, max_connections=50) as server:
        yield server


def is_cut_off(connection, part, most=20_000_000):
    """Return whether the server ends a connection on which this part comes over and over."""
    block = part * (65536 // len(part))
    try:
        for _ in range(most // len(block)):
            connection.sendall(block)
    except OSError:
        return True
    return is_closed(connection)


@pytest.mark.parametrize("start", [b"", b"X: "], ids=["many trailers", "one endless trailer"])
@pytest.mark.parametrize("with_key", [False, True])
def test_trailers_without_end_are_cut_off(server, start, with_key):
    """They are limited like headers, with a key and without, and cost no memory."""
    before = server.peak_memory()
    key = f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\n".encode() if with_key else b""
    with server.connect() as connection:
        connection.sendall(CHUNKED + key + b"\r\n0\r\n" + start)
        assert is_cut_off(connection, b"a" if start else b"X: a\r\n")
    assert server.peak_memory() - before < 5_000_000


def test_an_endless_chunk_extension_is_cut_off(server):
    """Whatever isn't body counts."""
    with server.connect() as connection:
        connection.sendall(CHUNKED + b"\r\n5;")
        assert is_cut_off(connection, b"a")


def test_a_few_trailers_are_ignored(server):
    """They are no error, and the connection can be used again."""
    key = f"Authorization: Bearer {server.key}\r\nContent-Type: application/json\r\n".encode()
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(CHUNKED + key + b"\r\n%x\r\n" % len(BODY) + BODY + b"\r\n0\r\nX-Sum: 1\r\n\r\n")
            assert read_answer(connection)[0] == 201


def test_callers_who_were_refused_and_send_no_body_keep_nobody_out(server):
    """They have their answer already, so they make room; those who stay are closed soon."""
    head = b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
    refused = [server.connect() for _ in range(50)]
    for connection in refused:
        connection.sendall(head)
    assert read_answer(refused[-1])[0] == 401
    began = time.monotonic()
    with server.connect() as connection:
        connection.sendall(HEALTH)
        assert read_answer(connection)[0] == 200
    assert all(is_closed(connection) for connection in refused)
    assert 1 < time.monotonic() - began < 6
    for connection in refused:
        connection.close()


def test_a_refused_caller_may_finish_the_body_and_go_on(server):
    """An early answer doesn't end a connection whose body comes in time."""
    with server.connect() as connection:
        connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n")
        assert read_answer(connection)[0] == 401
        connection.sendall(b"true" + HEALTH)
        assert read_answer(connection)[0] == 200
        time.sleep(3.5)
        connection.sendall(HEALTH)
        assert read_answer(connection)[0] == 200


def test_bodies_that_almost_end_share_a_bounded_memory(tmp_path):
    """The end of each is missing: those beyond the budget get 503, and whoever sends a whole request is served."""
    with RealServer(tmp_path / "data", request_deadline=30.0) as server:
        connections = [server.connect() for _ in range(980)]
        for connection in connections:
            connection.sendall(server.post_head(262_144) + b"{")
        time.sleep(0.5)
        before = server.peak_memory()
        for connection in connections:
            connection.sendall(b" " * 262_000)
        time.sleep(0.5)
        with server.connect() as connection:
            connection.sendall(server.post_head(len(BODY)) + BODY)
            assert read_answer(connection)[0] == 201
        assert server.peak_memory() - before < 33_000_000
        status, body = read_answer(connections[-1])
        assert (status, json.loads(body)["status"]) == (503, 503)
        for connection in connections:
            connection.close()


async def test_what_unfinished_bodies_held_is_given_back():
    """After any end of them: complete, refused or gone."""
    bodies = BodyReader(Settings())
    headers = {b"content-type": b"application/json"}

    async def read(*parts, end=None):
        messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        messages.append({"type": "http.request", "body": b"", "more_body": False} if end is None else end)

        async def receive():
            return messages.pop(0)

        return await bodies.read(receive, headers)

    for _ in range(500):
        assert len(await read(b"{", b" " * 100_000)) == 100_001
        with pytest.raises(Exception, match="larger"):
            await read(b"{", b" " * 300_000)
        with pytest.raises(BaseException):  # noqa: B017, PT011 - whatever says that the caller went away
            await read(b"{", end={"type": "http.disconnect"})


async def test_a_whole_body_needs_no_share_of_the_memory(monkeypatch):
    """Only what waits for more is counted, so that the usual request is never refused for it."""
    monkeypatch.setattr("seeme.web.body._PARTIAL_BODIES", 0)
    bodies = BodyReader(Settings())

    async def receive(more=False):
        return {"type": "http.request", "body": BODY, "more_body": more}

    assert await bodies.read(receive, {b"content-type": b"application/json"}) == BODY
    with pytest.raises(Unavailable) as caught:
        await bodies.read(lambda: receive(True), {b"content-type": b"application/json"})
    assert caught.value.retry_after == 1


async def test_a_path_with_the_name_of_a_parameter_is_not_found(program):
    """`{prediction_id}` is an id like any other that doesn't exist."""
    for path in ("/v1/predictions/{prediction_id}", "/v1/models/{model_id}", "/v1/feedback/{feedback_id}"):
        assert (await program("GET", path)).status in (404, 422)
    assert (await program("DELETE", "/v1/keys/{key_id}")).status in (404, 422)


async def test_wrong_headers_do_not_open_the_application(app):
    """A stranger learns nothing from a template path either."""
    assert (await Caller(app)("GET", "/v1/predictions/{prediction_id}")).status == 401
