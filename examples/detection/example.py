"""The example as one thing to put beside another: its model in the service, its page, its first predictions."""

import threading

from starlette.applications import Starlette

from seeme import Client

from .app import create_app
from .prediction import simulate
from .setup import MODEL_ID, configure, make_key, make_model

# Pictures that are logged at the first start, so that there is something to look at; the page shows any.
FIRST_PICTURES = 24


def make(client: Client, service_url: str, origins: list[str], home: str = "") -> Starlette:
    """Return the page's app, for pages of these origins.

    Raises:
        SeeMeError: when the service can't be asked.
    """
    configure(client, make_model(client))
    return create_app(client, MODEL_ID, service_url, make_key(client, origins), home)


def fill(client: Client) -> None:
    """At the first start, log some predictions in a thread that ends with the process."""
    if not list(client.get_predictions(MODEL_ID, limit=1)):
        pictures = (client, MODEL_ID, range(FIRST_PICTURES))
        threading.Thread(target=simulate, args=pictures, name="detection", daemon=True).start()
