"""What the example needs in the service: its model, a publishable key for its page, and the data engine's rules."""

from seeme import Client
from seeme.errors import NotFound

from .detector import LABELS

MODEL_ID = "parts"
VERSION = "v1"
DATASET_ID = "parts"
HOLDER = "detection example"
RULES = {
    "low_confidence": {"enabled": True, "threshold": 0.6, "sample_rate": 0.5},
    "edge_cases": {
        "enabled": True,
        "conditions": ["no_detections", "high_density", "unusual_size"],
        "sample_rate": 0.3,  # most pictures have a part that is smaller than 32 x 32 pixels
    },
    "random_sample": {"enabled": True, "rate": 0.2},
}


def make_model(client: Client) -> str:
    """Make the model and its version, unless they are there, and return the model's id."""
    try:
        client.get_model(MODEL_ID)
    except NotFound:
        client.create_model(
            "Parts on a bench", task="detection", labels=LABELS, id=MODEL_ID, config={"log_inputs": True}
        )
    client.create_model_version(MODEL_ID, VERSION, id=VERSION)
    return MODEL_ID


def make_key(client: Client, origins: list[str]) -> str:
    """Make a new publishable key for pages of these origins, revoke those of earlier starts, and return its text."""
    for key in client.list_keys():
        if key.holder == HOLDER and key.revoked_at is None:
            client.revoke_key(key.id)
    return str(client.create_key("publishable", HOLDER, models=[MODEL_ID], origins=origins).key)


def configure(client: Client, model_id: str) -> None:
    """Let the data engine choose pictures for review: those it was unsure of, unusual ones, and some by chance.

    What people decide goes into a dataset. Whoever has changed the rules keeps theirs.
    """
    if client.get_model(model_id).data_engine.version == 0:
        dataset = client.create_dataset("Parts on a bench", task="detection", id=DATASET_ID)
        client.configure_data_engine(model_id, config=RULES, target_dataset_id=dataset.id)


def origins(host: str, port: int) -> list[str]:
    """Return the origins that the page has for browsers: on this machine, `localhost` is another name of it."""
    if host in ("0.0.0.0", "::"):
        return ["*"]
    names = ["127.0.0.1", "localhost"] if host in ("127.0.0.1", "localhost") else [host]
    return [f"http://{name}:{port}" for name in names]
