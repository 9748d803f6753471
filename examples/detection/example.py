"""The example as one thing to put beside another: its model in the service, its page, its first predictions."""

import threading

from starlette.applications import Starlette

from seeme import Client

from .app import create_app
from .prediction import simulate
from .setup import make_key, make_model

# Pictures that are logged at the first start, so that there is something to look at; the page shows any.
FIRST_PICTURES = 16


def make(client: Client, service_url: str, origins: list[str], home: str = "") -> Starlette:
    """Return the page's app, and at the first start log predictions meanwhile, in a thread that ends with the process.

    Raises:
        SeeMeError: when the service can't be asked.
    """
    model_id = make_model(client)
    if not list(client.get_predictions(model_id, limit=1)):
        pictures = (client, model_id, range(FIRST_PICTURES))
        threading.Thread(target=simulate, args=pictures, name="detection", daemon=True).start()
    return create_app(client, model_id, service_url, make_key(client, origins), home)
