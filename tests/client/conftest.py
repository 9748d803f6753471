"""A service made of sockets, which can be told to misbehave: what the client's tests run against."""

import json
import socket
import ssl
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import trustme

from seeme.client import Client

Turn = Callable[[socket.socket, "Seen"], bool]


@dataclass
class Seen:
    """One request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The path without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        """The query."""
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def items(self) -> list[dict[str, Any]]:
        """The events of the body, one or a batch."""
        return self.json.get("items", [self.json]) if isinstance(self.json, dict) else []


class Stub:
    """Answers each request with the next planned turn, and well-behaved after those; `seen` keeps what arrived."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self._socket.getsockname()[1]}"
        self.seen: list[Seen] = []
        self.connections = 0
        self.default: Turn = self.well
        self._plan: deque[Turn] = deque()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def plan(self, *turns: Turn) -> None:
        """Say what happens to the next requests."""
        self._plan.extend(turns)

    def stop(self) -> None:
        """Refuse connections from now on, and close those that are open."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return
        self._socket.close()
        for each in self._open:
            self.hang_up(each)

    @staticmethod
    def reply(status: int, document: Any = None, headers: dict[str, str] | None = None) -> Turn:
        """Answer with a status, JSON and headers."""

        def turn(connection: socket.socket, _: Seen) -> bool:
            body = b"" if document is None else json.dumps(document).encode()
            lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
            connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)
            return True

        return turn

    @staticmethod
    def raw(data: bytes, pause: float = 0.0) -> Turn:
        """Send these bytes, one by one with pauses if told to, and hang up."""

        def turn(connection: socket.socket, _: Seen) -> bool:
            for at in range(0, len(data), 1 if pause else len(data)):
                connection.sendall(data[at : at + 1] if pause else data)
                time.sleep(pause)
            return False

        return turn

    @staticmethod
    def reset(connection: socket.socket, _: Seen) -> bool:
        """Break the connection without an answer."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False

    def slow(self, seconds: float) -> Turn:
        """Be well-behaved, but late."""

        def turn(connection: socket.socket, seen: Seen) -> bool:
            time.sleep(seconds)
            return self.well(connection, seen)

        return turn

    def refusing(self, *ids: str, status: int = 422) -> Turn:
        """Take a batch but for these ids."""

        def turn(connection: socket.socket, seen: Seen) -> bool:
            problem = {"status": status, "title": "No", "detail": "the label isn't one of the model's", "errors": []}
            refused = {"status": "refused", "problem": problem}
            items = [refused if item["id"] in ids else self.accepted(item) for item in seen.items]
            return self.reply(207, {"items": items})(connection, seen)

        return turn

    def well_and_close(self, connection: socket.socket, seen: Seen) -> bool:
        """Answer well, then close the connection without having said so."""
        self.well(connection, seen)
        return False

    def well(self, connection: socket.socket, seen: Seen) -> bool:
        """Answer as the service does."""
        if seen.method == "GET":
            return self.reply(200, {"items": [], "next_cursor": None})(connection, seen)
        if seen.method == "DELETE":
            return self.reply(204)(connection, seen)
        document = seen.json if seen.headers.get("content-type") == "application/json" else {}
        if "items" in document:
            return self.reply(207, {"items": list(map(self.accepted, document["items"]))})(connection, seen)
        return self.reply(201, self.accepted(document))(connection, seen)

    @staticmethod
    def accepted(item: dict[str, Any]) -> dict[str, Any]:
        """Return the answer for one event."""
        return {"id": item.get("id"), "model_id": item.get("model_id", "m"), "status": "created"}

    def ids(self, kind: str) -> list[str]:
        """Return the ids of all events of a kind, in the order in which they arrived."""
        return [item["id"] for seen in self.seen if seen.path == f"/v1/{kind}" for item in seen.items]

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            while (seen := _read(connection, number)) is not None:
                self.seen.append(seen)
                turn = self._plan.popleft() if self._plan else self.default
                if not turn(connection, seen):
                    break
        except OSError:
            pass
        finally:
            self.hang_up(connection)

    @staticmethod
    def hang_up(connection: socket.socket) -> None:
        """Close a connection."""
        connection.close()


def _read(connection: socket.socket, number: int) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    method, target, _ = first.split()
    return Seen(method, target, headers, body, number)


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A programmable service."""
    stub = Stub()
    yield stub
    stub.stop()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """An authority that nobody trusts by default."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path) -> Path:
    """The file for those who are to trust the authority."""
    path = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def tls_stub(authority: trustme.CA) -> Iterator[Stub]:
    """A programmable service over TLS, with a certificate of that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    stub = Stub(context)
    yield stub
    stub.stop()


@pytest.fixture
def client(stub: Stub) -> Iterator[Client]:
    """A client of the programmable service, with little patience."""
    with Client(stub.url, "sk_test_key", timeout=3) as client:
        yield client
