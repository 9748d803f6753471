"""Tests of the client's HTTP against a service that misbehaves on real sockets."""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from seeme.client import Client
from seeme.errors import (
    BY_STATUS,
    ConnectionFailed,
    FieldError,
    Invalid,
    NotFound,
    RequestError,
    SeeMeError,
    ServiceError,
    ServiceFailed,
    SetupError,
    StorageFull,
    TooLarge,
    TooManyRequests,
    Unavailable,
)
from seeme.transport import pause_before, problem


def _log(client: Client) -> Any:
    return client.log_prediction("m", label="cat")


def test_connections_are_kept_for_the_next_call(stub: Any, client: Client) -> None:
    """One connection serves calls that follow each other."""
    for _ in range(5):
        _log(client)
    assert stub.connections == 1


@pytest.mark.parametrize("status", [408, 429, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_the_same_bytes(stub: Any, client: Client, status: int) -> None:
    """The same id too, so that it is stored once."""
    stub.plan(stub.reply(status), stub.reply(status))
    assert _log(client).status == "created"
    assert len(stub.seen) == 3
    assert len({seen.body for seen in stub.seen}) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 410, 413, 415, 422, 418, 500, 501, 507])
def test_what_will_not_pass_is_raised_at_once(stub: Any, client: Client, status: int) -> None:
    """As the class of its status, or the nearest above it."""
    stub.plan(stub.reply(status, {"title": "No", "detail": "because"}))
    with pytest.raises(SeeMeError, match="because") as raised:
        _log(client)
    expected = BY_STATUS.get(status) or (ServiceError if status >= 500 else RequestError)
    assert type(raised.value) is expected
    assert raised.value.status == status
    assert len(stub.seen) == 1


def _half_answer(stub: Any) -> Any:
    return stub.raw(b'HTTP/1.1 201 Created\r\nContent-Length: 50\r\n\r\n{"id": "')


def _half_head(stub: Any) -> Any:
    return stub.raw(b"HTTP/1.1 201 Cre")


def _nonsense(stub: Any) -> Any:
    return stub.raw(b"\x16\x03\x01 what?\r\n\r\n")


def _reset(stub: Any) -> Any:
    return stub.reset


@pytest.mark.parametrize("trouble", [_half_answer, _half_head, _nonsense, _reset])
def test_a_lost_answer_is_asked_for_again(stub: Any, client: Client, trouble: Callable[[Any], Any]) -> None:
    """Nobody knows whether it was stored, so the same event goes again."""
    stub.plan(trouble(stub))
    assert _log(client).status == "created"
    first, second = stub.seen
    assert first.body == second.body


def test_a_connection_closed_while_idle_costs_no_pause(
    stub: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Services close idle connections; the next call notices before it sends."""
    stub.plan(stub.well_and_close)
    _log(client)
    time.sleep(0.05)
    with caplog.at_level(logging.DEBUG, "seeme"):
        _log(client)
    assert not caplog.records
    assert len(stub.seen) == 2


def test_a_kept_connection_that_breaks_in_use_is_replaced_at_once(
    stub: Any, client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """The service may close it in the very moment it is chosen: no failure, no pause."""
    _log(client)
    stub.plan(stub.reset)
    with caplog.at_level(logging.DEBUG, "seeme"):
        assert _log(client).status == "created"
    assert not caplog.records
    assert stub.connections == 2


def test_retry_after_is_honoured(stub: Any, client: Client) -> None:
    """In seconds."""
    stub.plan(stub.reply(503, None, {"Retry-After": "1"}))
    _log(client)
    assert stub.seen[1].at - stub.seen[0].at >= 1


def test_retry_after_beyond_the_deadline_is_not_waited_for(stub: Any, client: Client) -> None:
    """The error comes at once and says how long it would have been."""
    stub.plan(stub.reply(429, {"detail": "slowly"}, {"Retry-After": "60"}))
    started = time.monotonic()
    with pytest.raises(TooManyRequests, match="slowly") as raised:
        _log(client)
    assert raised.value.retry_after == 60
    assert time.monotonic() - started < 3


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110 allows both; nonsense is no Retry-After."""
    error = problem(503, b"", formatdate(time.time() + 30, usegmt=True))
    assert error.retry_after == pytest.approx(30, abs=2)
    assert problem(503, b"", "soon").retry_after is None
    assert problem(503, b"", "-3").retry_after is None


def test_pauses_grow_and_are_bounded() -> None:
    """Doubling from 0.1 s, at most 10 s, and never all clients at the same moment."""
    error = Unavailable()
    pauses = [pause_before(tries, error) for tries in range(1, 12)]
    assert all(min(0.1 * 2**at, 10) / 2 <= pause <= min(0.1 * 2**at, 10) for at, pause in enumerate(pauses))
    assert pause_before(5_000, error) <= 10


def test_trying_ends_at_the_deadline(stub: Any) -> None:
    """However often the service asks for patience."""
    stub.default = stub.reply(503)
    started = time.monotonic()
    with pytest.raises(Unavailable):
        _log(Client(stub.url, "k", timeout=0.7))
    assert 0.2 < time.monotonic() - started < 3
    assert len(stub.seen) > 1


def test_a_service_that_never_answers_is_given_up(stub: Any) -> None:
    """After two tries, which share the time."""
    stub.default = stub.slow(5)
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match=r"didn't answer: timed out \(2 tries\)"):
        _log(Client(stub.url, "k", timeout=0.6))
    assert time.monotonic() - started < 3


def test_a_last_try_cut_short_does_not_hide_what_the_service_said(stub: Any) -> None:
    """Being busy says more than a time-out of our own."""
    stub.plan(stub.reply(503, {"detail": "busy"}))
    stub.default = stub.slow(5)
    with pytest.raises(Unavailable, match="busy"):
        Client(stub.url, "k", timeout=0.4).create_key("secret", "Ada")


def test_a_service_that_drips_is_given_up_too(stub: Any) -> None:
    """Each byte comes in time; the whole never would."""
    stub.default = stub.raw(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: 1\r\n" * 1000, pause=0.02)
    started = time.monotonic()
    with pytest.raises(ConnectionFailed):
        _log(Client(stub.url, "k", timeout=0.6))
    assert time.monotonic() - started < 3


def test_a_service_that_is_not_there_is_named(stub: Any) -> None:
    """With its address, and what the system says."""
    stub.stop()
    with pytest.raises(ConnectionFailed, match=f"{stub.url} can't be reached: .*refused") as raised:
        _log(Client(stub.url, "k", timeout=0.3))
    assert any("stores it once" in note for note in raised.value.__notes__)


def test_a_host_that_is_no_name_is_an_error_like_others() -> None:
    """Not a UnicodeError from deep within."""
    with pytest.raises(ConnectionFailed, match="can't be reached"):
        Client("http://a..b", "k", timeout=0.1).health()


def test_a_service_that_starts_late_is_found() -> None:
    """A client may be up before its service."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"status":"ok"}'

    def serve() -> None:
        with socket.create_server(("127.0.0.1", port)) as server:
            connection, _ = server.accept()
            connection.recv(65536)
            connection.sendall(answer)
            connection.close()

    later = threading.Timer(0.4, serve)
    later.start()
    assert Client(f"http://127.0.0.1:{port}", "k", timeout=5).health().status == "ok"
    later.join()


def test_what_makes_a_new_thing_each_time_is_not_sent_twice(stub: Any, client: Client) -> None:
    """A key has no id of ours: a lost answer is told, not repeated."""
    stub.plan(stub.reset)
    with pytest.raises(ConnectionFailed):
        client.create_key("secret", "Ada", scopes=["read"])
    assert len(stub.seen) == 1
    stub.plan(stub.reply(503))
    client.create_key("secret", "Ada", scopes=["read"])


def test_deleting_again_what_a_lost_try_has_deleted_succeeds(stub: Any, client: Client) -> None:
    """But a first 404 is an error."""
    stub.plan(stub.reset, stub.reply(404))
    client.delete_model("m")
    stub.plan(stub.reply(404, {"detail": "there is no model m"}))
    with pytest.raises(NotFound, match="there is no model m"):
        client.delete_model("m")


def test_errors_carry_what_the_service_said(stub: Any, client: Client) -> None:
    """Each wrong field with its path."""
    errors = [{"path": "$.confidence", "message": "must be <= 1"}]
    stub.plan(stub.reply(422, {"title": "Unprocessable", "detail": "must be <= 1 at $.confidence", "errors": errors}))
    with pytest.raises(Invalid, match=r"must be <= 1 at \$\.confidence") as raised:
        _log(client)
    assert raised.value.errors == (FieldError("$.confidence", "must be <= 1"),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "The service failed; the log has the details."),
        (b"<h1>Bad proxy</h1>", "500: <h1>Bad proxy</h1>"),
        (b"[1]", "The service failed; the log has the details."),
        (b'{"title": "Oops", "errors": [1, {}]}', "Oops"),
        (b"\xff\xfe", "500: "),
    ],
)
def test_an_error_that_is_no_problem_document_is_still_one(body: bytes, message: str) -> None:
    """Proxies answer as they like."""
    error = problem(500, body)
    assert isinstance(error, ServiceFailed)
    assert str(error).startswith(message)


def test_an_answer_that_is_not_ours_is_recognised(stub: Any, client: Client) -> None:
    """Somebody else's page with 200 isn't a success."""
    stub.plan(stub.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>"))
    with pytest.raises(ServiceError, match="isn't JSON"):
        client.health()
    stub.plan(stub.reply(200, {"hello": 1}))
    with pytest.raises(ServiceError, match="isn't a list"):
        client.list_models()


def test_a_redirect_is_not_followed_with_the_key(stub: Any, client: Client) -> None:
    """It says which address to use instead."""
    stub.plan(stub.reply(308, None, {"Location": "https://elsewhere.example/"}))
    with pytest.raises(SetupError, match="redirects to https://elsewhere"):
        client.health()
    assert len(stub.seen) == 1


def test_a_body_refused_before_it_was_read_tells_why(stub: Any, client: Client) -> None:
    """The answer is found though the connection broke while sending."""

    def early() -> None:
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 413 -\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 20):
            pass
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=early)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        with pytest.raises(TooLarge):
            Client(url, "k", timeout=3).upload_input("p", b"x" * 8_000_000)
        thread.join()


def test_a_full_disk_is_told_apart(stub: Any, client: Client) -> None:
    """It won't get better by trying."""
    stub.plan(stub.reply(507))
    with pytest.raises(StorageFull, match="disk is full"):
        _log(client)


def test_threads_share_a_client(stub: Any, client: Client) -> None:
    """Every call gets its own answer, and no more than a few connections stay open."""
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda n: client.log_prediction("m", id=f"p{n}").id, range(300)))
    assert results == [f"p{n}" for n in range(300)]
    assert stub.connections <= 100
    before = stub.connections
    for _ in range(10):
        _log(client)
    assert stub.connections == before


def test_an_interrupted_call_leaves_no_half_used_connection(stub: Any, client: Client) -> None:
    """A late answer must never be taken for the next call's."""
    stub.plan(stub.slow(1))

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(KeyboardInterrupt):
            client.log_prediction("m", id="first")
    finally:
        signal.signal(signal.SIGALRM, before)
    assert client.log_prediction("m", id="second").id == "second"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork")
def test_a_forked_child_has_connections_of_its_own(stub: Any, client: Client) -> None:
    """Two processes on one connection would read each other's answers."""
    _log(client)
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if client.log_prediction("m", id="child").id == "child" else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    _log(client)
    assert [seen.connection for seen in stub.seen] == [1, 2, 1]


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8765", "ftp://x", "http://", "http://x:99999999", "http://u:p@x", "http://[x"]
)
def test_a_base_url_that_cannot_work_is_refused(url: str) -> None:
    """Before anything is sent."""
    with pytest.raises(SetupError, match="base_url"):
        Client(url, "k")


def test_a_base_url_may_have_a_path(stub: Any) -> None:
    """Behind a proxy the service lives under a prefix."""
    for url in (stub.url + "/feedback", stub.url + "/feedback/"):
        Client(url, "k").health()
        assert stub.seen[-1].target == "/feedback/healthz"


def test_an_untrusted_certificate_is_refused_at_once(tls_stub: Any) -> None:
    """Trying again would not make it trusted."""
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        Client(tls_stub.url, "k", timeout=5).health()
    assert time.monotonic() - started < 3
    assert not tls_stub.seen


def test_a_trusted_service_is_called_over_tls(tls_stub: Any, trusted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the system's trust, which `SSL_CERT_FILE` can extend, on connections that are kept."""
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
    client = Client(tls_stub.url, "k", timeout=5)
    tls_stub.plan(tls_stub.well, tls_stub.well_and_close)
    for _ in range(4):
        assert _log(client).status == "created"
    assert tls_stub.connections == 2
