"""What the example needs in the service: its model with two versions, a test of them, and a key for its page."""

from seeme import Client
from seeme.errors import NotFound

from .model import LABELS

MODEL_ID = "readers"
TEST_ID = "readers"
HOLDER = "A/B example"
NOW, CHALLENGER = "bayes", "logistic"


def make_model(client: Client) -> str:
    """Make the model and its versions, unless they are there, and return the model's id."""
    try:
        client.get_model(MODEL_ID)
    except NotFound:
        client.create_model("Readers of digits", labels=LABELS, id=MODEL_ID)
    for name in (NOW, CHALLENGER):
        client.create_model_version(MODEL_ID, name, id=name)
    return MODEL_ID


def make_test(client: Client, test_id: str = TEST_ID) -> str:
    """Start the test of the two versions, unless it is there, and return its id."""
    try:
        client.get_ab_test(test_id)
    except NotFound:
        arms = [{"model_id": MODEL_ID, "version_id": version, "name": version} for version in (NOW, CHALLENGER)]
        metrics = ["feedback_score", "error_rate", "latency", "confidence"]
        config = {"traffic_split": 0.5, "metrics": metrics, "duration_days": 14}
        client.create_ab_test("Which reader is better?", id=test_id, arms=arms, config=config)
    return test_id


def make_key(client: Client, origins: list[str]) -> str:
    """Make a new publishable key for pages of these origins, revoke those of earlier starts, and return its text."""
    for key in client.list_keys():
        if key.holder == HOLDER and key.revoked_at is None:
            client.revoke_key(key.id)
    return str(client.create_key("publishable", HOLDER, models=[MODEL_ID], origins=origins).key)


def origins(host: str, port: int) -> list[str]:
    """Return the origins that the page has for browsers: on this machine, `localhost` is another name of it."""
    if host in ("0.0.0.0", "::"):
        return ["*"]
    names = ["127.0.0.1", "localhost"] if host in ("127.0.0.1", "localhost") else [host]
    return [f"http://{name}:{port}" for name in names]
