"""What the example needs in the service: its model with two versions, and a publishable key for its page."""

from seeme import Client
from seeme.errors import NotFound

from .model import LABELS, TRAINED_ON

MODEL_ID = "digits"
HOLDER = "digits example"


def make_model(client: Client) -> str:
    """Make the model and its versions, unless they are there, and return the model's id."""
    try:
        client.get_model(MODEL_ID)
    except NotFound:
        client.create_model("Digits", labels=LABELS, id=MODEL_ID, config={"log_inputs": True, "labels_complete": True})
    for name in TRAINED_ON:
        client.create_model_version(MODEL_ID, name, id=name)
    return MODEL_ID


def make_key(client: Client, host: str, port: int) -> str:
    """Make a new publishable key for the page, revoke those of earlier starts, and return its text."""
    for key in client.list_keys():
        if key.holder == HOLDER and key.revoked_at is None:
            client.revoke_key(key.id)
    return str(client.create_key("publishable", HOLDER, models=[MODEL_ID], origins=origins(host, port)).key)


def origins(host: str, port: int) -> list[str]:
    """Return the origins that the page has for browsers: on this machine, `localhost` is another name of it."""
    if host in ("0.0.0.0", "::"):
        return ["*"]
    names = ["127.0.0.1", "localhost"] if host in ("127.0.0.1", "localhost") else [host]
    return [f"http://{name}:{port}" for name in names]
