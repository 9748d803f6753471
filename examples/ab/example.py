"""The example as one thing to put beside another: its model, its test, its page, and its first visitors."""

import logging
import threading

from starlette.applications import Starlette

from seeme import Client
from seeme.errors import SeeMeError

from .app import create_app
from .held_out import make_dataset
from .model import train
from .reading import Reader
from .setup import MODEL_ID, TEST_ID, make_key, make_model, make_test
from .visitors import simulate

log = logging.getLogger(__name__)

# Visitors of the first start, so that there is something to look at.
FIRST_VISITORS = 300
AT_ONCE = 20


def make(client: Client, service_url: str, origins: list[str], home: str = "") -> Starlette:
    """Return the page's app, for pages of these origins.

    Raises:
        SeeMeError: when the service can't be asked.
    """
    make_model(client)
    digits = train()
    reader = Reader(client, digits, make_test(client))
    return create_app(reader, digits, TEST_ID, service_url, make_key(client, origins), home)


def fill(client: Client) -> None:
    """At the first start, let the first visitors come, in a thread that ends with the process."""
    if not list(client.get_predictions(MODEL_ID, limit=1)):
        threading.Thread(target=_come, args=[client], name="visitors", daemon=True).start()


def _come(client: Client) -> None:
    digits = train()
    reader = Reader(client, digits, TEST_ID)
    try:
        for first in range(0, FIRST_VISITORS, AT_ONCE):
            # Short batches with little patience: who stops the demo meanwhile shall not wait for the rest.
            with client.batch(patience=2):
                simulate(client, reader, digits, range(first, first + AT_ONCE))
        make_dataset(client, digits)
    except SeeMeError as error:
        log.warning("not all of the first visitors came: %s", error)
