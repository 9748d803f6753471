"""The limits of connections, against a real server process: size of headers, slow senders, number, shutdown."""

import json
import socket
import time

import pytest
from real_server import RealServer, is_closed, read_answer

from seeme.settings import Settings
from seeme.web.protocol import PERIOD

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
PREDICTION = b'{"model_id":"digits","label":"1"}'


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that waits one second for a request, and takes 100 connections."""
    folder = tmp_path_factory.mktemp("server") / "data"
    with RealServer(folder, request_deadline=1.0, max_connections=100, max_header=8192) as server:
        yield server


def ask(server, request=HEALTH):
    """Return the status and body of the answer to a whole request on a connection of its own."""
    with server.connect() as connection:
        connection.sendall(request)
        return read_answer(connection)


def test_the_default_deadline_closes_a_slow_request_within_15_seconds():
    """The sweep comes once a second, and its clock may be a period old."""
    assert Settings().request_deadline + 2 * PERIOD < 15


def test_a_slowloris_is_closed_while_others_are_served(server):
    """Eighty connections that send their headers byte by byte get 408; nobody else notices."""
    slow = [server.connect() for _ in range(80)]
    for connection in slow:
        connection.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nX-A: ")
    began = time.monotonic()
    answers = []
    while time.monotonic() - began < 3.5:
        asked = time.monotonic()
        assert ask(server)[0] == 200
        answers.append(time.monotonic() - asked)
        for connection in slow:
            try:
                connection.send(b"a")
            except OSError:
                continue
        time.sleep(0.2)
    assert max(answers) < 1
    for connection in slow:
        assert is_closed(connection)
        connection.close()


def test_a_half_sent_request_is_answered_with_408(server):
    """The sender learns what went wrong."""
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost")
        status, body = read_answer(connection)
        assert (status, json.loads(body)["status"]) == (408, 408)
        assert is_closed(connection)


def test_a_body_that_stops_coming_is_closed(server):
    """Also after the headers, and after an earlier good request on the same connection."""
    with server.connect() as connection:
        connection.sendall(HEALTH)
        assert read_answer(connection)[0] == 200
        began = time.monotonic()
        connection.sendall(server.post_head(1000) + b'{"model_id"')
        assert read_answer(connection)[0] == 408
        assert is_closed(connection)
        assert time.monotonic() - began < 4


def test_a_large_body_on_a_slow_line_is_taken(server):
    """Longer than the deadline, but faster than the slowest rate."""
    body = json.dumps({"items": [{"model_id": "digits", "label": "1", "error": "x" * 200}] * 800}).encode()
    assert 150_000 < len(body) < 250_000
    with server.connect() as connection:
        connection.sendall(server.post_head(len(body)))
        for at in range(0, len(body), 10_000):
            connection.sendall(body[at : at + 10_000])
            time.sleep(0.15)
        assert read_answer(connection)[0] == 207


def test_a_connection_that_says_nothing_is_closed(server):
    """Without an answer, as nothing was asked."""
    with server.connect() as connection:
        assert read_answer(connection) == (0, b"")


def test_an_idle_connection_after_a_request_stays(server):
    """Keeping it is what makes the next request cheap."""
    with server.connect() as connection:
        for _ in range(2):
            connection.sendall(HEALTH)
            assert read_answer(connection)[0] == 200
            time.sleep(2.5)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 10_000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\n" + b"X-A: a\r\n" * 2000 + b"\r\n",
        b"GET /" + b"a" * 10_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 100_000,
    ],
    ids=["one long", "many short", "a long address", "without an end"],
)
def test_headers_above_the_limit_are_431(server, head):
    """However they are made, and whether they end or not."""
    with server.connect() as connection:
        connection.sendall(head)
        status, body = read_answer(connection)
        assert (status, json.loads(body)["title"]) == (431, "Request Header Fields Too Large")
        assert is_closed(connection)


def test_headers_that_come_in_pieces_are_counted_together(server):
    """A limit per packet would be none."""
    with server.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        for _ in range(9):
            connection.sendall(b"X-A: " + b"a" * 1000 + b"\r\n")
            time.sleep(0.01)
        assert read_answer(connection)[0] == 431


def test_a_large_body_is_not_taken_for_headers(server):
    """Only headers count towards their limit."""
    body = b'{"model_id":"digits","label":"1","error":"' + b"x" * 3900 + b'","features":{"a":"' + b"y" * 900 + b'"}}'
    body += b" " * 20_000
    with server.connect() as connection:
        for _ in range(3):
            connection.sendall(server.post_head(len(body)) + body)
            assert read_answer(connection)[0] == 201


def test_what_is_not_http_is_400(server):
    """In the shape of all errors."""
    status, body = ask(server, b"\x16\x03\x01 hello\r\n\r\n")
    assert (status, json.loads(body)["status"]) == (400, 400)


def test_pipelined_requests_are_answered_in_order(server):
    """The limits don't disturb the protocol."""
    with server.connect() as connection:
        connection.sendall(HEALTH * 3)
        got = b""
        while got.count(b"HTTP/1.1 200") < 3:
            got += connection.recv(65536)


def test_a_body_that_is_refused_does_not_lose_the_answer(server):
    """The sender of a too large body reads its 413 although it was still sending."""
    with server.connect() as connection:
        connection.sendall(server.post_head(6_000_000))
        connection.sendall(b"x" * 6_000_000)
        assert read_answer(connection)[0] == 413
        connection.sendall(HEALTH)
        assert read_answer(connection)[0] == 200


def test_quiet_connections_make_room_for_new_ones(server):
    """Those who only hold a connection open can't keep others out."""
    quiet = [server.connect() for _ in range(150)]
    assert ask(server)[0] == 200
    for connection in quiet:
        connection.close()


def test_when_all_connections_are_busy_a_new_one_gets_503(tmp_path):
    """With Retry-After, at once."""
    with RealServer(tmp_path / "data", max_connections=5) as server:
        busy = [server.connect() for _ in range(5)]
        for connection in busy:
            connection.sendall(server.post_head(100))
        time.sleep(0.3)
        assert ask(server)[0] == 503
        for connection in busy:
            connection.close()


def test_hostile_bodies_cost_little_memory_and_time(server):
    """Depth, size and bombs: at most 32 MB above what the server had before."""
    assert ask(server)[0] == 200
    before = server.peak_memory()
    bodies = [b"[" * 1_000_000, b'{"items":[' + b"[" * 4_000_000, b'{"model_id":"' + b"x" * 4_000_000]
    for body in bodies:
        began = time.monotonic()
        status, _ = ask(server, server.post_head(len(body)) + body)
        assert 400 <= status < 500
        assert time.monotonic() - began < 1
    assert server.peak_memory() - before < 32_000_000


def test_what_was_accepted_is_answered_before_the_server_ends(tmp_path):
    """SIGTERM in the middle of a request: it is stored and answered, and the exit code is 0."""
    with RealServer(tmp_path / "data") as server:
        with server.connect() as connection, server.connect() as idle:
            idle.sendall(HEALTH)
            read_answer(idle)
            connection.sendall(server.post_head(len(PREDICTION)) + PREDICTION[:10])
            time.sleep(0.2)
            server.process.terminate()
            time.sleep(0.3)
            with pytest.raises(ConnectionError):
                socket.create_connection(("127.0.0.1", server.port), timeout=2).close()
            connection.sendall(PREDICTION[10:])
            status, body = read_answer(connection)
            assert (status, json.loads(body)["status"]) == (201, "created")
            assert is_closed(idle)
        assert server.process.wait(timeout=15) == 0


def test_a_request_that_never_ends_does_not_hold_up_the_shutdown(tmp_path):
    """The grace is bounded."""
    settings = {"shutdown_grace": 1.0, "request_deadline": 30.0}
    with RealServer(tmp_path / "data", **settings) as server, server.connect() as connection:
        connection.sendall(server.post_head(1000) + b"{")
        time.sleep(0.2)
        began = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - began < 5
