"""SIGTERM: what was accepted is answered, what wasn't answered isn't stored, and nobody can hold up the end."""

import json
import socket
import time
from pathlib import Path

import pytest
from live import Live
from senders import MODEL, Load, check_whole, set_up, stored_ids

GRACE = 3


def _stop_under_load(live: Live, load: Load, rounds: int) -> None:
    """Stop the loaded service; what got no answer must not be stored, as nobody would know of it."""
    for _ in range(rounds):
        before = len(load.acknowledged["predictions"])
        with load.running():
            time.sleep(0.7)
            assert live.stop() == 0
        assert len(load.acknowledged["predictions"]) > before
        assert {answer.status for _, answer in load.refused} <= {503}
        live.start()
        assert load.lost() == []
        found = stored_ids(live)
        secretly = [id for sent in load.unanswered for id in sent.ids if id in set(found[sent.kind])]
        assert secretly == [], "stored, but its sender was never told"
        load.send_again()


def test_a_stop_under_load_answers_what_it_accepted(live: Live) -> None:
    """The exit code is 0, all acknowledged is there, all unanswered isn't, and repeats are taken."""
    load = Load(live)
    _stop_under_load(live, load, rounds=2)
    check_whole(live, load)


@pytest.mark.long
@pytest.mark.timeout(300)
def test_many_stops_under_load(live: Live) -> None:
    """The same ten times, from eight senders."""
    load = Load(live, senders=8)
    _stop_under_load(live, load, rounds=10)
    check_whole(live, load)


def _connect(live: Live) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), timeout=20)


def _head(key: str, body: bytes) -> bytes:
    return (
        f"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()


@pytest.mark.long
@pytest.mark.timeout(120)
def test_slow_clients_cannot_hold_up_the_end(tmp_path: Path) -> None:
    """Half a head, half a body, an answer that nobody reads, an idle line: the service ends within its grace.

    A body that is complete within the grace is stored and answered.
    """
    live = Live(tmp_path / "data", SEEME_SHUTDOWN_GRACE=str(GRACE)).start()
    key = set_up(live)
    late = json.dumps({"model_id": MODEL, "id": "late", "label": "cat"}).encode()
    never = json.dumps({"model_id": MODEL, "id": "never", "label": "cat"}).encode()
    sockets = [_connect(live) for _ in range(5)]
    try:
        slow, half_head, half_body, deaf, _idle = sockets
        slow.sendall(_head(key, late) + late[:10])
        half_head.sendall(_head(key, never)[:40])
        half_body.sendall(_head(key, never) + never[:10])
        deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
        time.sleep(0.5)
        assert live.process is not None
        began = time.monotonic()
        live.process.terminate()
        time.sleep(0.5)
        slow.sendall(late[10:])
        answer = slow.recv(65536)
        assert answer.startswith(b"HTTP/1.1 201")
        assert live.process.wait(30) == 0
        assert time.monotonic() - began < GRACE + 3
    finally:
        for each in sockets:
            each.close()
    live.start()
    assert stored_ids(live)["predictions"] == ["late"]
    assert live.stop() == 0
