"""Running the service: one process, one loop, until a signal or until something vital has died."""

import asyncio
import gc
import math
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

import uvicorn

from seeme.clock import now
from seeme.errors import ServiceFailed, SetupError
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.web.app import create_app
from seeme.web.protocol import Connections

Announce = Callable[[Services, str], Awaitable[None]]

KEEP_ALIVE = 75
# Containers made between two looks of the collector; almost all die by reference count long before.
COLLECT_AFTER = 20_000


class Server(uvicorn.Server):
    """uvicorn's server without its signal handling: that would raise the signal again before the store is closed."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, and say so to those who wait for it."""
        await super().startup(sockets)
        self._listening.set()

    async def is_started(self, running: "asyncio.Task[None]") -> bool:
        """Wait until requests are taken, or until the server has ended before; return which."""
        waiting = asyncio.create_task(self._listening.wait())
        await asyncio.wait((waiting, running), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        return self._listening.is_set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGTERM and SIGINT; a second SIGINT stops without waiting for requests."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not in the main thread
                loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                with suppress(NotImplementedError, RuntimeError, ValueError):
                    loop.remove_signal_handler(number)


async def serve(settings: Settings, announce: Announce, clock: Callable[[], int] = now) -> None:
    """Serve until told to stop; `announce` is called with the services and the address once requests are taken.

    Requests that were accepted are answered before the services are closed, within `settings.shutdown_grace`.

    Raises:
        SetupError: when the data or the port can't be used.
        ServiceFailed: when a vital task died; nothing could be stored any more.
    """
    async with Services.open(settings, clock) as services:
        connections = Connections(settings)
        server = Server(_config(services, connections))
        listener = _listen(settings)
        services.tasks.failed.add_done_callback(lambda _: setattr(server, "should_exit", True))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        sweep = asyncio.create_task(connections.sweep())
        try:
            if await server.is_started(running):
                await announce(services, _url(settings, listener))
            await running
        finally:
            server.should_exit = True
            sweep.cancel()
            await asyncio.gather(running, sweep, return_exceptions=True)
        if services.tasks.failed.done():
            raise ServiceFailed(f"the task {services.tasks.failed.result()} died; the log has the details")


def run(settings: Settings, announce: Announce) -> None:
    """Serve in a new event loop, the fast one where there is one; see `serve`."""
    _raise_file_limit()
    # What was imported stays to the end: the collector needn't walk over it again and again.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(serve(settings, announce))


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop


def _config(services: Services, connections: Connections) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(services),
        http=connections.factory(),
        ws="none",
        lifespan="off",
        proxy_headers=False,  # guard.py reads X-Forwarded-For, from trusted proxies alone
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=math.ceil(services.settings.shutdown_grace),
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise SetupError(
            f"can't listen on {settings.host} port {settings.port}: {error.strerror}; choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


def _url(settings: Settings, listener: socket.socket) -> str:
    if settings.public_url:
        return settings.public_url.rstrip("/")
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{listener.getsockname()[1]}{settings.root_path.rstrip('/')}"


def _raise_file_limit() -> None:
    """Allow as many open files as the system lets us: each connection is one."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
