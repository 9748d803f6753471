"""A real server process, spoken to over real sockets."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

_PROGRAM = """
import json, sys
from pathlib import Path
from seeme.records.keys import NewKey
from seeme.records.models import NewModel
from seeme.settings import Settings
from seeme.web.serve import run

async def announce(services, url):
    await services.models.create(NewModel(name="Digits", id="digits"))
    key = await services.keys.create(NewKey(kind="secret", holder="Ada", scopes=["ingest", "read"]))
    print(json.dumps({"url": url, "key": key.key}), flush=True)

values = json.loads(sys.argv[1])
run(Settings(port=0, data=Path(values.pop("data")), **values), announce)
"""


class RealServer:
    """A server with these settings on a port of its own, as long as the `with` block lasts."""

    def __init__(self, data: Path, **settings: Any) -> None:
        data.mkdir(exist_ok=True)
        given = json.dumps({"data": str(data), **settings})
        self.process = subprocess.Popen([sys.executable, "-c", _PROGRAM, given], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout
        started = json.loads(self.process.stdout.readline())
        self.key = started["key"]
        self.port = int(started["url"].rpartition(":")[2])

    def __enter__(self) -> "RealServer":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stdout
        self.process.stdout.close()

    def connect(self) -> socket.socket:
        """Return an open connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def post_head(self, length: int, path: str = "/v1/predictions") -> bytes:
        """Return the headers of a POST with so long a body."""
        return (
            f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        ).encode()

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)

    def peak_memory(self) -> int:
        """Return the most bytes of memory that the process ever had (Linux)."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(text.split("VmHWM:")[1].split()[0]) * 1024


def read_answer(connection: socket.socket) -> tuple[int, bytes]:
    """Return the status and body of one answer, with what follows until the connection's end or the next answer."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return 0, got
        got += part
    head, _, body = got.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    )
    while len(body) < length:
        part = connection.recv(65536)
        assert part, os.strerror(104)
        body += part
    return int(head.split()[1]), body


def is_closed(connection: socket.socket) -> bool:
    """Return whether the server has ended a connection, once all it sent is read."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True
