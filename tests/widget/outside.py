"""The outside world of the widget: an origin with pages, and a service whose answers are programmed."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[2]
DIST = ROOT / "widget" / "dist"
MEDIA_TYPES = {".js": "text/javascript", ".json": "application/json"}
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "authorization, content-type, prediction-token",
    "Access-Control-Expose-Headers": "retry-after",
    "Access-Control-Allow-Methods": "GET, POST",
}


@dataclass
class Answer:
    """One answer; `hold` keeps the caller waiting until it is set, `drop` closes the connection without a word."""

    status: int = 201
    body: Any = None
    hold: threading.Event | None = None
    drop: bool = False
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Request:
    """What came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


@dataclass
class Origin:
    """A server on its own port, which in a browser is an origin of its own."""

    address: str = ""
    pages: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    answers: deque[Answer] = field(default_factory=deque)
    context: Answer = field(
        default_factory=lambda: Answer(200, {"model_id": "m", "task": "classification", "labels": []})
    )
    requests: list[Request] = field(default_factory=list)

    def show(self, html: str, path: str = "/", **headers: str) -> str:
        """Publish a page and return its address."""
        self.pages[path] = ("<!doctype html><meta charset=utf-8><title>A page</title>" + html, headers)
        return self.address + path

    def of(self, method: str, part: str = "/v1/feedback") -> list[Request]:
        """Return the requests to a route, oldest first."""
        return [request for request in self.requests if request.method == method and part in request.path]

    @property
    def feedback(self) -> list[Any]:
        """What was posted, singly or together."""
        return [one for request in self.of("POST") for one in request.body.get("items", [request.body])]


def _accepted(feedback: Any) -> dict[str, Any]:
    return {"id": feedback["id"], "model_id": feedback["model_id"], "status": "created"}


class _Handler(BaseHTTPRequestHandler):
    origin: Origin

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_OPTIONS(self) -> None:
        """Answer a preflight as the service does."""
        self._keep(None)
        self._send(204, b"", "text/plain")

    def do_GET(self) -> None:
        """Serve the widget, the context, or a page."""
        self._keep(None)
        path = urlsplit(self.path).path
        file = DIST / path.rsplit("/", 1)[-1]
        if file.suffix in MEDIA_TYPES:
            self._send(
                200 if file.exists() else 404, file.read_bytes() if file.exists() else b"", MEDIA_TYPES[file.suffix]
            )
        elif path.endswith("/v1/widget-context"):
            self._answer(self.origin.context)
        else:
            html, headers = self.origin.pages.get(path, ("", {}))
            self._send(200 if html else 404, html.encode(), "text/html", headers)

    def do_POST(self) -> None:
        """Take feedback and answer as programmed, or 201."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._keep(body)
        accepted = {"items": list(map(_accepted, body["items"]))} if "items" in body else _accepted(body)
        answer = self.origin.answers.popleft() if self.origin.answers else Answer()
        self._answer(answer, accepted)

    def _keep(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.origin.requests.append(Request(self.command, self.path, headers, body))

    def _answer(self, answer: Answer, default: Any = None) -> None:
        if answer.hold:
            answer.hold.wait(20)
        if answer.drop:
            return
        body = default if answer.body is None else answer.body
        text = body if isinstance(body, str) else json.dumps(body)
        self._send(answer.status, text.encode(), "application/json", answer.headers)

    def _send(self, status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> None:
        try:
            self.send_response(status)
            for name, value in {
                **CORS,
                "Content-Type": media_type,
                "Content-Length": str(len(body)),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # The page was closed, or gave up waiting.


@contextmanager
def running() -> Iterator[Origin]:
    """Start an origin on a free port for a `with` block."""
    origin = Origin()
    handler = type("Handler", (_Handler,), {"origin": origin})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        origin.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield origin
        finally:
            server.shutdown()
            thread.join()
