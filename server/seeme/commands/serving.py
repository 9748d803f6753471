"""`seeme serve` and `seeme demo`."""

import asyncio
import importlib
import logging
import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from seeme.client import Client
from seeme.commands import local
from seeme.errors import SetupError
from seeme.records.keys import NewKey
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.web import serve as server

log = logging.getLogger(__name__)

Then = Callable[[Services, str, str], Awaitable[None]]


def serve(settings: Settings, then: Then | None = None) -> None:
    """Serve until told to stop; say where, and at the first start with which key."""
    level = settings.log_level.upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise SetupError(f"SEEME_LOG_LEVEL must be debug, info, warning or error (got {settings.log_level!r})")
    if settings.port > 65_535:
        raise SetupError(f"SEEME_PORT / --port must be below 65536 (got {settings.port})")
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    _warn_of_wide_rights(settings.data)

    async def announce(services: Services, url: str) -> None:
        here = _loopback(settings, url)
        local_key = services.keys.make_local()
        local.announce(settings.data, here, local_key)
        print(f"SeeMe feedback listens on {url}", flush=True)
        await _welcome(services, settings.data, with_link=then is None)
        if then is not None:
            await then(services, here, local_key)

    try:
        server.run(settings, announce)
    finally:
        local.withdraw(settings.data)


def _loopback(settings: Settings, url: str) -> str:
    """Return the address under which this machine itself reaches the service, past any proxy."""
    if not settings.public_url and settings.host not in ("0.0.0.0", "::"):
        return url
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)
    return f"http://{host}:{settings.port}{settings.root_path.rstrip('/')}"


def _warn_of_wide_rights(data: Path) -> None:
    """Say when others can look into a data folder of ours; it may be meant, so nothing is changed."""
    found = data.stat()
    if os.name == "posix" and found.st_uid == os.getuid() and found.st_mode & 0o077:
        mode = f"{found.st_mode & 0o777:04o}"
        log.warning("others can look into the data folder %s (its mode is %s): chmod 700 keeps it yours", data, mode)


async def _welcome(services: Services, data: Path, *, with_link: bool) -> None:
    """At the first start, make the first key and a way in; they are shown this once."""
    if not services.keys.none_yet:
        return
    key = await services.keys.create(
        NewKey(kind="secret", holder="admin", scopes=["ingest", "read", "review", "admin"])
    )
    print(f"\nThis is the first start. Keep this admin key, it is shown once:\n\n  {key.key}\n", flush=True)
    if with_link:
        code = await services.keys.new_sign_in(key.id)
        again = "seeme sign-in" + ("" if data == Settings().data else f" --data {shlex.quote(str(data))}")
        print(f"Sign in within an hour, once, with\n\n  {code.url}\n\nLater: `{again}`.\n", flush=True)


def demo(settings: Settings, demo_port: int) -> None:
    """Serve, and beside it the examples: digits with a month of history, parts on a bench, and an A/B test."""
    if settings.database:
        raise SetupError("the demo keeps its data in SQLite: leave SEEME_DATABASE out")
    example = _examples()
    _check_demo_port(settings, demo_port)

    async def then(services: Services, url: str, key: str) -> None:
        code = await services.keys.new_sign_in(services.keys.local_key, local.user())
        page = await asyncio.to_thread(_start_examples, example, url, key, settings.host, demo_port)
        print(
            f"\nThe example page, with the widget under each digit:\n  {page.url}\n"
            f"A detector's page, with the widget on each box:\n  {page.url}/parts/\n"
            f"A page with two classifiers in an A/B test:\n  {page.url}/readers/\n"
            f"The service's pages (this link signs in once, within an hour):\n  {code.url}\n\n"
            "Stop with Ctrl+C.",
            flush=True,
        )

    serve(settings, then)


def _check_demo_port(settings: Settings, port: int) -> None:
    """Refuse a port that the example can't have, before the service is started for nothing."""
    if not 0 <= port <= 65_535:
        raise SetupError(f"--demo-port must be below 65536 (got {port})")
    if port == settings.port:
        raise SetupError(f"--demo-port must be another than --port (both are {port})")
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        socket.create_server((settings.host, port), family=family).close()
    except OSError as error:
        raise SetupError(
            f"the example can't listen on {settings.host} port {port}: {error.strerror}; choose another with "
            "--demo-port"
        ) from None


def _examples() -> Any:
    """Return the modules of the examples: beside this package in a wheel, in the repository in a checkout."""
    checkout = Path(__file__).parents[3] / "examples"
    within = "seeme.examples."
    if (checkout / "digits").is_dir():
        sys.path.insert(0, str(checkout))
        within = ""
    names = ("digits.example", "digits.setup", "detection.example", "ab.example")
    try:
        return tuple(importlib.import_module(within + name) for name in names)
    except ImportError as error:
        raise SetupError(
            f"the demo needs more packages ({error.name} is missing): pip install 'seeme-feedback[demo]'"
        ) from None


def _start_examples(modules: Any, url: str, key: str, host: str, port: int) -> Any:
    digits, setup, detection, ab = modules
    client = Client(url, key, timeout=10)
    setup.make_model(client)
    origins = setup.origins(host, port)
    beside = {name: each.make(client, url, origins, home="/") for name, each in (("Parts", detection), ("Readers", ab))}
    page = digits.start(client, url, setup.make_key(client, host, port), host, port, beside=beside)
    detection.fill(client)
    ab.fill(client)
    return page
