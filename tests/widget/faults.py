"""The network between a browser and a real service, which can be told to fail in all the ways that networks do."""

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, get_args

Fault = Literal["none", "429", "503", "401", "cut before", "cut after", "hang before", "hang after", "slow", "away"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
# `before` and `after` the request was passed on: an answer that is lost is the harder case.
PASSED_ON = {"none", "cut after", "hang after", "slow"}
SLOW_SECONDS = 0.2


class Network:
    """What the proxy does with requests, and the ids of the feedback in each POST that it has seen.

    Preflights fail only where the connection does: a proxy that answers 503 doesn't answer preflights with it either.
    """

    def __init__(self, host: str, port: int) -> None:
        self.upstream = host, port
        self.address = ""
        self.posts: list[list[str]] = []
        self.retry_after = 1
        self._fault: Fault = "none"
        self._changed = threading.Event()

    @property
    def fault(self) -> Fault:
        """What happens to requests now."""
        return self._fault

    @fault.setter
    def fault(self, fault: Fault) -> None:
        """Let another thing happen from now on."""
        # Requests that hang are cut when the fault changes, as when a phone finds another cell.
        hanging, self._changed = self._changed, threading.Event()
        self._fault = fault
        hanging.set()

    def hang(self) -> None:
        """Wait until the fault changes."""
        self._changed.wait(60)


class _Handler(BaseHTTPRequestHandler):
    network: Network
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body waits for nothing after its headers

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Serve a connection; a browser that is killed ends it in the middle."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Pass a reading request on, or fail."""
        self._serve(b"")

    def do_OPTIONS(self) -> None:
        """Pass a preflight on, or fail."""
        self._serve(b"")

    def do_POST(self) -> None:
        """Note which feedback it is, and pass it on or fail."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        feedback = json.loads(body)
        self.network.posts.append([item["id"] for item in feedback.get("items", [feedback])])
        self._serve(body)

    def _serve(self, body: bytes) -> None:
        fault = self.network.fault
        if fault.isdigit() and self.command != "OPTIONS":
            self._refuse(int(fault))
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        answer = self._pass_on(body) if fault in PASSED_ON or fault.isdigit() else None
        if fault.startswith("hang"):
            self.network.hang()
        if answer is None or fault in ("cut after", "hang after"):
            self._cut()
        else:
            self._reply(*answer)

    def _pass_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes] | None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        # A connection of its own: the service closes idle ones, and that would be a fault that nobody asked for.
        connection = http.client.HTTPConnection(*self.network.upstream, timeout=20)
        try:
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            return response.status, response.getheaders(), response.read()
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _reply(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int) -> None:
        headers = [
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Expose-Headers", "Retry-After"),
            ("Content-Type", "application/problem+json"),
        ]
        if status in (429, 503):
            headers.append(("Retry-After", str(self.network.retry_after)))
        self._reply(status, headers, json.dumps({"status": status, "detail": "not now"}).encode())

    def _cut(self) -> None:
        """Reset the connection, as a network does that goes away: no end, no answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class _Server(ThreadingHTTPServer):
    network: Network
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def verify_request(self, request: object, client_address: object) -> bool:
        """Take no connection while away."""
        return self.network.fault != "away"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of connections that ended: that is what this server is for."""


@contextmanager
def between(host: str, port: int) -> Iterator[Network]:
    """Stand on a free port between a browser and the service, for a `with` block."""
    network = Network(host, port)
    handler = type("Handler", (_Handler,), {"network": network})
    with _Server(("127.0.0.1", 0), handler) as server:
        server.network = network
        network.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield network
        finally:
            network.fault = "none"
            server.shutdown()
            thread.join()
