"""The same two classifiers compared without visitors: both read the same held-out digits, whose labels are known."""

from math import isnan

import numpy as np

from seeme import Client
from seeme.errors import NotFound

from .model import SEED, Digits, predict, scan
from .setup import CHALLENGER, MODEL_ID, NOW

DATASET_ID = "readers-held-out"
DIGITS = 300
NOISE = 0.2  # of a scanner in the middle of the visitors'


def make_dataset(client: Client, digits: Digits) -> str:
    """Log what both versions read of held-out digits, put these with their labels into a dataset, and return its id.

    An `input_id` tells which predictions and which item are of the same scan. A dataset that is there stays as it is.
    """
    try:
        client.get_dataset(DATASET_ID)
        return DATASET_ID
    except NotFound:
        pass
    scans = scan(digits.images[:DIGITS], NOISE, np.random.default_rng([SEED, 1_000_000]))
    names = [f"held-out-{number}" for number in range(DIGITS)]
    for version in (NOW, CHALLENGER):
        answers = (predict(digits.classifiers[version], image)._asdict() for image in scans)
        about = ({"version_id": version, "input_id": name} for name in names)
        client.log_predictions(({**one, **answer} for one, answer in zip(about, answers, strict=True)), MODEL_ID)
    client.create_dataset("Held-out digits", task="classification", id=DATASET_ID)
    truths = zip(names, digits.truths[:DIGITS], strict=True)
    client.import_dataset_items(DATASET_ID, [{"id": name, "label": truth, "input_id": name} for name, truth in truths])
    return DATASET_ID


def compare(client: Client, digits: Digits) -> str:
    """Return, as a sentence, how the challenger does on the held-out digits beside the present version."""
    found = client.compare_models(MODEL_ID, NOW, CHALLENGER, make_dataset(client, digits))
    if isnan(found.delta):  # what was logged of them has expired
        return f"Held-out digits aren't compared: {found.reasons['delta']}"
    a, b = found.version_a, found.version_b
    points, low, high = (f"{100 * number:+.1f}" for number in (found.delta, found.low, found.high))
    return (
        f"Of {found.compared} held-out digits {b.name} reads {b.accuracy:.1%} rightly and {a.name} {a.accuracy:.1%}: "
        f"{points} points ({low} to {high})"
    )
