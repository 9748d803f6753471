"""Somebody else's site: pages of another origin that hold the documents' tag."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# As the documents print it; only the addresses and the ids are filled in.
TAG = """<!-- Include SeeMe feedback widget -->
<script src="{service}/feedback-widget.js"></script>
<seeme-feedback
model-id="{model}"
prediction-id="{prediction}"
api-key="{key}">
</seeme-feedback>"""


class Site:
    """An origin with one page."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://127.0.0.1:{port}"
        self.html = ""

    def embed(self, service: str, model: str, prediction: str, key: str) -> str:
        """Put the documents' tag on the page and return the page's address."""
        tag = TAG.format(service=service, model=model, prediction=prediction, key=key)
        self.html = f"<!doctype html><meta charset=utf-8><title>A shop</title><h1>A dog?</h1>{tag}"
        return self.origin + "/"


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Serve the page."""
        body = self.site.html.encode() if self.path == "/" else b""
        self.send_response(200 if body else 404)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[Site]:
    """Serve a site on a free port for a `with` block."""
    handler = type("Handler", (_Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        handler.site = site = Site(server.server_port)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()
