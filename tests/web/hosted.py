"""A real service on an event loop of its own thread, which callers on other threads and loops can reach."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from typing import Any

from seeme.service.services import Services
from seeme.settings import Settings
from seeme.web.app import create_app

# A test sends more than a caller may: limits on rates have their own tests.
UNLIMITED = {"failed_sign_in_rate": 1e9, "address_rate": 1e9, "publishable_key_rate": 1e9, "secret_key_rate": 1e9}


class Hosted:
    """An ASGI application that hands requests over to the thread in which the service lives."""

    def __init__(self) -> None:
        self.key = ""
        self._loop: Any = None
        self._stop: asyncio.Event = asyncio.Event()
        self._app: Any = None
        self._thread: threading.Thread | None = None

    def start(self, settings: Settings, prepare: Callable[[Services], Awaitable[None]]) -> None:
        """Open the service, and prepare it."""
        ready: Future[None] = Future()
        self._loop, self._stop = asyncio.new_event_loop(), asyncio.Event()
        self._thread = threading.Thread(
            target=self._loop.run_until_complete, args=(self._live(settings, prepare, ready),)
        )
        self._thread.start()
        ready.result(60)

    def stop(self) -> None:
        """Close the service."""
        assert self._thread
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(60)
        self._loop.close()

    async def _live(
        self, settings: Settings, prepare: Callable[[Services], Awaitable[None]], ready: "Future[None]"
    ) -> None:
        try:
            async with Services.open(settings) as services:
                self._app = create_app(services)
                self.key = services.keys.make_local()
                await prepare(services)
                ready.set_result(None)
                await self._stop.wait()
        except BaseException as error:
            if ready.done():
                raise
            ready.set_exception(error)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request that comes on another loop."""
        if scope["type"] == "lifespan":
            await _accept_lifespan(receive, send)
            return
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        answer = asyncio.run_coroutine_threadsafe(self._answer(scope, body), self._loop)
        for message in await asyncio.wrap_future(answer):
            await send(message)

    async def _answer(self, scope: Any, body: bytes) -> list[Any]:
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        answers: list[Any] = []

        async def receive() -> Any:
            if not messages:
                await asyncio.Event().wait()  # the caller stays, and has nothing more to say
            return messages.pop()

        async def send(message: Any) -> None:
            answers.append(message)

        await self._app(dict(scope), receive, send)
        return answers


async def _accept_lifespan(receive: Any, send: Any) -> None:
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": message["type"] + ".complete"})
    await send({"type": "lifespan.shutdown.complete"})
