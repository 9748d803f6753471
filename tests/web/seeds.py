"""Something of everything for a fresh service, and the ids by which requests find it."""

import re
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import structs
from test_api import PNG

from seeme.records.ab_tests import NewAbTest
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion, NewTrainingJob
from seeme.records.feedback import Accepted, Comment, Correct, Correction, MissedObject, NewFeedback, Rating, WrongBox
from seeme.records.keys import NewKey
from seeme.records.models import ConfigPatch, ModelPatch, NewModel, NewVersion
from seeme.records.predictions import Detection, LabelledBox, NewLabel, NewPrediction
from seeme.records.review import Claim, NewDecision
from seeme.records.types import ID_PATTERN
from seeme.service.keys import Identity
from seeme.service.services import Services

BOX = (1.0, 2.0, 3.0, 4.0)
IDS = {
    "model_id": ["digits", "boxes", "prices"],
    "base_model_id": ["digits"],
    "prediction_id": ["digit", "box", "price"],
    "dataset_id": ["pets", "cars"],
    "version_id": ["v1"],
    "version": ["v1"],
    "parent_version_id": ["v1"],
    "job_id": ["job"],
    "arm": ["A"],
    "ab_test_id": ["running", "draft", "over"],
    "model_a_id": ["digits"],
    "model_b_id": ["usual"],
    "feedback_id": ["up", "wrong", "note", "found", "missed", "moved", "dearer"],
}
HELD = {"model_id": ["digits"], "feedback_id": ["held"]}  # in quarantine
SECRET = {"model_id": ["prices"]}  # a signing secret that stays as long as its model
# Two versions and what they are compared on have to fit each other, so most of them do.
COMPARED = {
    "model_id": ["digits"] * 9,
    "version_a": ["v1"] * 9,
    "version_b": ["v2"] * 9,
    "test_dataset_id": ["pets"] * 9,
    "dataset_version_id": ["v1"] * 9,
}
# Items of the review queue, each in the state that its route needs; the caller's key holds them.
REVIEW: dict[str, dict[str, list[str]]] = {}
USUAL = {"model_id": ["usual"] * 9}  # a model with enough predictions to learn from what is usual
# What DELETE takes isn't there for the others any more.
DISPENSABLE = {"model_id": ["spare"], "feedback_id": ["spare"], "dataset_id": ["spare"]}

TAKEN_OUT = {"dataset_id": ["cars"] * 9, "item_id": [f"spare{n}" for n in range(9)]}

MODELS = [
    NewModel(id="digits", name="Digits", labels=["0", "1"], config=ConfigPatch(log_inputs=True)),
    NewModel(id="boxes", name="Boxes", task="detection", labels=["car"]),
    NewModel(id="prices", name="Prices", task="regression"),
    NewModel(id="spare", name="Spare"),
]
PREDICTIONS = [
    NewPrediction(model_id="digits", id="digit", version_id="v1", label="1", confidence=0.5, scores={"1": 0.5}),
    NewPrediction(model_id="boxes", id="box", detections=[Detection(label="car", box=BOX)], image_size=(9, 9)),
    NewPrediction(model_id="prices", id="price", value=2.5, features={"rooms": 3}, attributes={"new": True}),
]
LABELS = [
    NewLabel(prediction_id="digit", label="0"),
    NewLabel(prediction_id="box", boxes=[LabelledBox(label="car", box=BOX)]),
    NewLabel(prediction_id="price", value=3.0),
]
FEEDBACK: list[NewFeedback] = [
    Rating(id="up", prediction_id="digit", rating=1),
    Correction(id="wrong", prediction_id="digit", correct_label="0"),
    Comment(id="note", prediction_id="digit", notes="Hm."),
    Correct(id="found", prediction_id="box", detection_index=0),
    MissedObject(id="missed", prediction_id="box", correct_label="car", box=BOX),
    WrongBox(id="moved", prediction_id="box", detection_index=0, box=BOX),
    Correction(id="dearer", prediction_id="price", correct_value=4.0),
    Rating(id="spare", prediction_id="price", rating=-1),
]
PETS = NewDatasetItem(id="a", label="cat")
CARS = NewDatasetItem(id="a", boxes=[LabelledBox(label="car", box=BOX)], image_size=(9, 9))
VOTES = [Rating(id=id, prediction_id="digit", rating=1) for id in ("first", "second", "held")]


async def sow(services: Services) -> None:
    """Store it all."""
    someone = Identity("sk_test", "secret", "Ada", frozenset({"ingest", "read", "review", "admin"}))
    anyone = Identity("pk_test", "publishable", "page", frozenset({"feedback"}), frozenset(), frozenset({"*"}))
    for model in MODELS:
        await services.models.create(model)
    for id in ("v1", "v2"):
        await services.models.add_version("digits", NewVersion(id=id, name=id))
    outcomes = await services.ingest.predictions(PREDICTIONS, someone)
    outcomes += await services.ingest.labels(LABELS, someone)
    outcomes += await services.ingest.feedback(FEEDBACK, someone)
    outcomes += await services.ingest.feedback(VOTES, anyone)
    assert outcomes[-1].status == "quarantined"
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes
    await services.inputs.put("digit", "digits", _whole(PNG))
    await services.models.create(NewModel(id="usual", name="Usual"))
    usual = [NewPrediction(model_id="usual", id=f"u{n}", label="1") for n in range(500)]
    await services.ingest.predictions(usual, someone)
    await _sow_datasets(services, someone)
    await _sow_review(services, someone)
    await _sow_ab_tests(services, someone)
    key = await services.keys.create(NewKey(kind="secret", holder="Bob", scopes=["read"]))
    DISPENSABLE["key_id"] = [key.id]
    SECRET["kid"] = [(await services.signing.create("prices")).kid]


async def _sow_datasets(services: Services, someone: Identity) -> None:
    for id, item in (("pets", PETS), ("cars", CARS), ("spare", PETS)):
        await services.datasets.create(NewDataset(id=id, name=id), someone)
        await services.datasets.add(id, [item], someone)
        await services.datasets.create_version(id, NewDatasetVersion(id="v1", name="First"), someone)
    await services.datasets.add("cars", [structs.replace(CARS, id=id) for id in TAKEN_OUT["item_id"]], someone)
    job = NewTrainingJob(id="job", name="Job", dataset_id="pets", version_id="v1", base_model_id="digits")
    await services.training.create(job, someone)


async def _sow_ab_tests(services: Services, someone: Identity) -> None:
    for id in ("running", "draft", "over"):
        new = NewAbTest(id=id, name=id, model_a_id="digits", model_b_id="usual", start=id != "draft")
        await services.ab_tests.create(new, someone)
    await services.ab_tests.stop("over")


async def _sow_review(services: Services, someone: Identity) -> None:
    await services.models.create(NewModel(id="queue", name="Queue", labels=["0", "1"]))
    settings = {"data_engine": {"enabled": True, "random_sample": {"enabled": True, "rate": 1}}}
    await services.models.patch("queue", msgspec.convert(settings, ModelPatch))
    new = [NewPrediction(model_id="queue", id=f"q{n}", label="1", confidence=0.5) for n in range(32)]
    await services.ingest.predictions(new, someone)
    caller = structs.replace(someone, key_id=services.keys.local_key)
    rows = await services.queue.claim(Claim(model_id="queue", limit=32, lease_seconds=86_400), caller)
    ids = [row.id for row in rows]
    for row in rows[24:]:
        await services.queue.decide("queue", row.id, NewDecision(decision="correct"), caller)
    for at, action in enumerate(("renew", "skip", "decide", "undo")):
        REVIEW[action] = {"review_id": ids[8 * at : 8 * at + 8], "model_id": ["queue"]}
    REVIEW["{review_id}"] = {"review_id": ids, "model_id": ["queue"]}


async def _whole(content: bytes) -> Any:
    yield content


def found(operation: Any, values: Any) -> st.SearchStrategy[Any]:
    """Return values as they were generated, but for good ids: those are mostly of what is there."""
    known = DISPENSABLE if operation.method == "delete" else HELD if operation.path.endswith("/release") else IDS
    known = REVIEW.get(operation.path.rpartition("/")[2], known)
    known = COMPARED if "/compare" in operation.path else known
    known = USUAL if operation.path.endswith("/reference") else known
    known = TAKEN_OUT if operation.path.endswith("{item_id}") else known
    known = SECRET if operation.path.endswith("{kid}") else known
    if not isinstance(values, dict):
        return st.just(values)
    return st.fixed_dictionaries({name: _replaced(known.get(name), value) for name, value in values.items()})


def _replaced(known: list[str] | None, value: Any) -> st.SearchStrategy[Any]:
    if not known or not isinstance(value, str) or not re.match(ID_PATTERN, value):
        return st.just(value)
    return st.sampled_from([*known, value])
