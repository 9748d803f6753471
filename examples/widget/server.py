"""The server: the pages, and under each service's address the built widget with that service's behaviour."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from . import gallery, stub

PAGES = Path(__file__).parent / "pages"
MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
# The policy of the widget's README; here the service has the page's own address.
STRICT = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


def built() -> Path:
    """Return the folder of the built widget: the checkout's, else that of the installed package."""
    checkout = Path(__file__).parents[2] / "widget" / "dist"
    if checkout.is_dir():
        return checkout
    package = find_spec("seeme")
    if package is None or package.origin is None:
        raise FileNotFoundError("there is no built widget: run this from a checkout, or install seeme-feedback")
    return Path(package.origin).parent / "web" / "static" / "widget"


class _Server(ThreadingHTTPServer):
    """Has an event that ends what is never answered."""

    def __init__(self, host: str, port: int) -> None:
        self.ended = threading.Event()
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve a page, a built file, or what a page may know of a model."""
        url = urlsplit(self.path)
        service, _, rest = url.path[1:].partition("/")
        if service in stub.BEHAVIOURS and rest == "v1/widget-context":
            model = parse_qs(url.query).get("model_id", [""])[0]
            self._behave(service, stub.context(service, model, "Prediction-Token" in self.headers))
        elif service in stub.BEHAVIOURS:
            self._send_file(built(), rest)
        elif url.path == "/":
            # What an earlier visit has left in the queue would be shown again.
            page, clear = gallery.render(built()), {"Clear-Site-Data": '"storage"'}
            self._send(200, page.encode(), MEDIA_TYPES[".html"], clear)
        elif url.path == "/frameworks.html":
            self._send(200, gallery.render_frameworks().encode(), MEDIA_TYPES[".html"])
        else:
            self._send_file(PAGES, url.path[1:], {"Content-Security-Policy": STRICT} if url.path == "/csp.html" else {})

    def do_POST(self) -> None:
        """Take feedback as the service of that name does."""
        service, _, rest = self.path[1:].partition("/")
        feedback = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if service in stub.BEHAVIOURS and rest == "v1/feedback":
            self._behave(service, stub.store(service, feedback))
        else:
            self._send(404, b"not found", "text/plain")

    def _behave(self, service: str, reply: stub.Reply) -> None:
        if service == "slow":
            self.server.ended.wait()
        elif service != "away":
            wait = {} if reply.retry_after is None else {"Retry-After": str(reply.retry_after)}
            media_type = "application/json" if reply.status < 400 else "application/problem+json"
            self._send(reply.status, json.dumps(reply.body).encode(), media_type, wait)

    def _send_file(self, folder: Path, name: str, headers: dict[str, str] | None = None) -> None:
        # A name is compared with what is there, so that no `..` leads out of the folder.
        file = {path.name: path for path in folder.iterdir()}.get(name)
        if file is None or file.suffix not in MEDIA_TYPES:
            return self._send(404, b"not found", "text/plain")
        return self._send(200, file.read_bytes(), MEDIA_TYPES[file.suffix], headers)

    def _send(self, status: int, body: bytes, media_type: str, headers: dict[str, str] | None = None) -> None:
        about = {"Content-Type": media_type, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        try:
            self.send_response(status)
            for name, value in {**about, **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except ConnectionError:
            pass  # The page was closed.


@contextmanager
def running(host: str = "127.0.0.1", port: int = 0) -> Iterator[str]:
    """Serve for a `with` block, and give the address; port 0 takes a free one."""
    with _Server(host, port) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://{host}:{server.server_port}"
        finally:
            server.shutdown()
            server.ended.set()
            thread.join()
