"""People on somebody's site: pages with many widgets, a diary of what was done, and a browser that can be killed.

A page writes each action into the diary before the widget does anything with it (a synchronous request, so that even a
SIGKILL in the next millisecond finds it there), and again when the action's IndexedDB write was acknowledged.
"""

import contextlib
import functools
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from browser import launch_options
from outside import DIST
from playwright.sync_api import BrowserContext, Error, Page, Playwright

PAGE = """<!doctype html><meta charset=utf-8><title>A shop</title><main></main><script>
const { from, count, skew, ...attributes } = Object.fromEntries(new URLSearchParams(location.search));
const now = Date.now;
window.skew = Number(skew);
Date.now = () => now() + window.skew;

addEventListener('seeme-submit', ({ detail: { feedback } }) => {
  const request = new XMLHttpRequest();
  request.open('POST', '/diary', false);
  request.send(JSON.stringify({ kind: 'submitted', feedback }));
});
const { put } = IDBObjectStore.prototype;
IDBObjectStore.prototype.put = function (value, ...rest) {
  const note = () => navigator.sendBeacon('/diary', JSON.stringify({ kind: 'kept', id: value.id }));
  this.transaction.addEventListener('complete', note);
  return put.call(this, value, ...rest);
};

for (let i = +from; i < +from + +count; i++) {
  const element = document.createElement('seeme-feedback');
  Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
  element.setAttribute('prediction-id', 'p' + i);
  document.querySelector('main').append(element);
}
const elements = document.querySelectorAll('seeme-feedback');
/** Do what a person does: press a thumb, or correct, with a pause in milliseconds after each (-1: none at all). */
window.act = async (steps) => {
  for (const [index, what, pause] of steps) {
    const press = elements[index].shadowRoot.querySelector(`[part~=${what}]`);
    if (press) press.click();
    else elements[index].correct(what, 'said as ' + what);
    if (pause >= 0) await new Promise((resolve) => setTimeout(resolve, pause));
  }
};
</script><script src="/feedback-widget.js"></script>"""


@dataclass
class Diary:
    """What was done on the pages: the feedback by id in the order it was made, and the ids that were kept."""

    address: str = ""
    submitted: dict[str, Any] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)

    def write(self, entry: dict[str, Any]) -> None:
        """Take an entry from a page."""
        if entry["kind"] == "submitted":
            self.submitted[entry["feedback"]["id"]] = entry["feedback"]
        else:
            self.kept.add(entry["id"])


class _Handler(SimpleHTTPRequestHandler):
    diary: Diary
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a body waits for nothing after its headers

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def handle(self) -> None:
        """Serve a connection; a browser that is killed ends it in the middle."""
        with contextlib.suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Serve the page, or a file of the widget."""
        if self.path.startswith("/shop"):
            self._reply(PAGE.encode())
        else:
            super().do_GET()

    def do_POST(self) -> None:
        """Write into the diary."""
        self.diary.write(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._reply(b"")

    def _reply(self, body: bytes) -> None:
        self.send_response_only(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@contextmanager
def shop() -> Iterator[Diary]:
    """Serve the pages on a free port for a `with` block."""
    diary = Diary()
    handler = functools.partial(type("Handler", (_Handler,), {"diary": diary}), directory=str(DIST))
    with _Server(("127.0.0.1", 0), handler) as server:
        diary.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield diary
        finally:
            server.shutdown()
            thread.join()


class Visitor:
    """A person with a browser whose profile outlives it, and with tabs in a shop."""

    def __init__(self, playwright: Playwright, folder: Path, shop: Diary, count: int, **attributes: str) -> None:
        self._playwright = playwright
        self._folder = folder
        self._shop = shop
        self._count = count
        self._attributes = attributes
        self._shown = 0
        self.skew = 0
        self.context = self.launch()

    def launch(self) -> BrowserContext:
        """Start the browser on the profile."""
        self.context = self._playwright.chromium.launch_persistent_context(str(self._folder), **launch_options())
        self.context.set_default_timeout(20_000)
        self.blank = self.context.pages[0]  # a browser without tabs would end
        return self.context

    @property
    def tabs(self) -> list[Page]:
        """The open tabs of the shop."""
        return [page for page in self.context.pages if page is not self.blank]

    def open(self) -> Page:
        """Open a tab that shows predictions nobody has seen yet."""
        about = {"from": self._shown, "count": self._count, "skew": self.skew, **self._attributes}
        self._shown += self._count
        page = self.context.new_page()
        page.goto(f"{self._shop.address}/shop?{urlencode(about)}")
        page.wait_for_function("!!elements[0].shadowRoot")
        return page

    def act(self, page: Page, steps: list[tuple[int, str, float]]) -> None:
        """Let the person of a tab act for a while, and don't wait for it."""
        page.evaluate("(steps) => { window.acting = act(steps) }", steps)

    def finish(self) -> None:
        """Wait until nobody acts any more."""
        for page in self.tabs:
            page.evaluate("() => window.acting")

    def kill(self) -> None:
        """SIGKILL the browser, as a phone without battery does; its tabs are gone with it."""
        process = self._process()
        os.kill(process, signal.SIGKILL)
        with contextlib.suppress(Error):
            self.context.close()
        until = time.monotonic() + 10
        while Path(f"/proc/{process}").exists() and time.monotonic() < until:
            time.sleep(0.02)

    def _process(self) -> int:
        """Return the browser's own process, which has the profile in its command line and isn't of a type."""
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                words = entry.read_bytes().decode(errors="replace").split("\0")
                if f"--user-data-dir={self._folder}" in words and not any(word.startswith("--type=") for word in words):
                    return int(entry.parent.name)
        raise AssertionError(f"no browser runs on {self._folder}")
