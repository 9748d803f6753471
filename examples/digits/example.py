"""The example as one thing to start: the model trained, the month of history loaded, the page served."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

from starlette.applications import Starlette

from seeme import Client

from .app import Server, create_app
from .history import load
from .model import train
from .setup import make_model


def start(
    client: Client,
    service_url: str,
    publishable_key: str,
    host: str,
    port: int,
    beside: Mapping[str, Starlette] | None = None,
) -> Server:
    """Load the missing days of the month of history, with a progress bar, and start the page in a thread.

    Apps `beside` it, by their names, are served on the same port. The page waits for the service as long as
    the client's timeout says, so that should be a few seconds.

    Raises:
        SetupError: when the port is taken.
        SeeMeError: when the service can't take the history.
    """
    digits = train()
    model_id = make_model(client)
    load(client, digits, model_id, datetime.now(UTC).date(), show_progress)
    server = Server(create_app(client, digits, model_id, service_url, publishable_key, beside), host, port)
    server.start()
    return server


def show_progress(done: int, days: int) -> None:
    """Draw the progress bar on a terminal; elsewhere only its end."""
    if sys.stderr.isatty() or done == days:
        bar = "#" * done + "." * (days - done)
        print(f"\rHistory [{bar}] {done} of {days} days", end="\n" if done == days else "", file=sys.stderr, flush=True)
