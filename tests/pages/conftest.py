"""A visitor without a browser (ASGI) and one with (Chromium), both before a real service."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
import uvicorn
from browser import listening
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from seeme.records.keys import NewKey
from seeme.service.services import Services
from seeme.web.app import create_app

HOST = "feedback.example.com"


@dataclass
class Answer:
    """What the application answered."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Visitor:
    """A browser reduced to what HTTP needs: it keeps the session cookie and says where its forms come from."""

    app: Any
    root: str = ""
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, link: str, **headers: str) -> Answer:
        """Ask for a page."""
        return await self.send("GET", link, b"", {"accept": "text/html", **headers})

    async def post(self, link: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """Send a form, as one of our own pages does unless `headers` say otherwise."""
        ours = {"sec-fetch-site": "same-origin", "origin": f"http://{HOST}", "accept": "text/html"}
        kept = {name: value for name, value in {**ours, **headers}.items() if value}
        body = urlencode(form or {}).encode()
        return await self.send("POST", link, body, {"content-type": "application/x-www-form-urlencoded", **kept})

    async def send(self, method: str, link: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Call the application once."""
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        parts = urlsplit(link)
        lines = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "root_path": self.root,
            "query_string": parts.query.encode(),
            "headers": [(b"host", HOST.encode()), *lines],
            "client": ("192.0.2.1", 1234),
            "server": (HOST, 80),
        }
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return self._answer(sent)

    def _answer(self, sent: list[dict[str, Any]]) -> Answer:
        headers = {name.decode().lower(): value.decode() for name, value in sent[0]["headers"]}
        for morsel in SimpleCookie(headers.get("set-cookie", "")).values():
            self.cookies[morsel.key] = morsel.value
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], headers, body.decode("utf-8", "replace"))


async def secret_key(services: Services, *scopes: str, models: tuple[str, ...] = ()) -> str:
    """Return a new secret key's text."""
    new = NewKey(kind="secret", holder="Ada <Lovelace>", scopes=list(scopes), models=list(models))  # type: ignore[arg-type]
    return (await services.keys.create(new)).key


@pytest.fixture
def stranger(services: Services) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(create_app(services))


@pytest.fixture
async def admin(services: Services) -> Visitor:
    """Somebody signed in who may do everything."""
    return await signed_in(services, "read", "review", "admin", "ingest")


async def signed_in(services: Services, *scopes: str, models: tuple[str, ...] = ()) -> Visitor:
    """Return a visitor signed in with a key of these scopes."""
    visitor = Visitor(create_app(services))
    answer = await visitor.post("/sign-in", {"secret": await secret_key(services, *scopes, models=models)})
    assert answer.status == 303
    return visitor


@pytest.fixture
async def address(services: Services) -> AsyncIterator[str]:
    """The address of a running server."""
    config = uvicorn.Config(create_app(services), port=0, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await running


@pytest.fixture(scope="session")
def listening_browser() -> Iterator[str]:
    """The address of one real browser for all tests of pages."""
    with listening() as browser:
        yield browser


@pytest.fixture
async def chromium(listening_browser: str) -> AsyncIterator[Browser]:
    """The real browser; what a test opens in it is closed with the test."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.connect_over_cdp(listening_browser)
        yield browser
        for context in browser.contexts[1:]:  # the first is the browser's own
            await context.close()


@dataclass
class Window:
    """A browser window at the service, and everything in it that went wrong."""

    page: Page
    context: BrowserContext
    address: str
    mistakes: list[str]

    async def open(self, link: str) -> None:
        """Go to a page of the service."""
        await self.page.goto(self.address + link)

    async def overflow(self) -> int:
        """Return by how many pixels the page is wider than its window."""
        root = "document.documentElement"
        return int(await self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))


@pytest.fixture
async def window(chromium: Browser, services: Services, address: str) -> AsyncIterator[Window]:
    """A browser window, signed in by typing a key into the form."""
    context = await chromium.new_context(locale="en-GB", timezone_id="America/New_York")
    page = await context.new_page()
    window = Window(page, context, address, [])
    page.on("console", lambda said: window.mistakes.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: window.mistakes.append(str(error)))
    await window.open("/")
    await page.fill("#secret", await secret_key(services, "read", "review", "admin", "ingest"))
    await page.click("main button")
    await page.wait_for_url(re.compile(r"/$"))
    window.mistakes.clear()
    yield window
    await context.close()
