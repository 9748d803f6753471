"""Hundreds of idle and slow connections, with the default limits, while others go on working."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest
from live import Live
from senders import Caller, Events, set_up

IDLE = 200
SLOW = 200


def _drip(slow: list[socket.socket], stop: threading.Event, closed: dict[socket.socket, float], began: float) -> None:
    """Send each slow connection one more byte a second, as Slowloris does; note when each was closed."""
    while not stop.wait(1):
        for each in slow:
            if each in closed:
                continue
            try:
                each.sendall(b"x")
                if each.recv(65536):
                    closed[each] = time.monotonic() - began
            except BlockingIOError:
                continue
            except OSError:
                closed[each] = time.monotonic() - began


@pytest.mark.long
@pytest.mark.timeout(120)
def test_others_are_served_beside_idle_and_slow_connections(live: Live) -> None:
    """Each request of theirs takes less than a second, and each slow connection is closed within 15."""
    stop = threading.Event()
    closed: dict[socket.socket, float] = {}
    with ExitStack() as open_sockets, Caller(live.port, set_up(live)) as caller:
        crowd = [open_sockets.enter_context(_connect(live)) for _ in range(IDLE + SLOW)]
        for each in crowd[:IDLE]:
            assert _is_served(each)
        for each in crowd[IDLE:]:
            each.sendall(b"POST /v1/predictions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
            each.setblocking(False)
        began = time.monotonic()
        dripping = threading.Thread(target=_drip, args=(crowd[IDLE:], stop, closed, began))
        dripping.start()
        try:
            slowest = _work(caller, until=began + 16)
        finally:
            stop.set()
            dripping.join()
        assert slowest < 1
        assert len(closed) == SLOW
        assert max(closed.values()) < 15
        for each in crowd[:IDLE]:  # those who only wait are left alone: nobody else needs their place
            assert _is_served(each)


def _is_served(each: socket.socket) -> bool:
    """Ask for /healthz on an open connection; return whether the whole answer came."""
    each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
    got = b""
    while b"}" not in got:
        part = each.recv(65536)
        if not part:
            return False
        got += part
    return got.startswith(b"HTTP/1.1 200")


def _connect(live: Live) -> socket.socket:
    return socket.create_connection(("127.0.0.1", live.port), timeout=20)


def _work(caller: Caller, until: float) -> float:
    """Send events one after the other; return the seconds that the slowest took."""
    events = Events("crowd")
    slowest = 0.0
    while time.monotonic() < until:
        began = time.monotonic()
        sent = events.next()
        assert caller.send(sent).stored(sent) == sent.ids
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.02)
    return slowest
