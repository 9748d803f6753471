"""The client's data engine, review queue, accuracy and datasets, against a running service."""

from collections.abc import Iterator
from math import isnan
from typing import Any

import pytest

from seeme import Client
from seeme.client import Record
from seeme.errors import Conflict, Forbidden, Invalid

NESTED = {
    "low_confidence": {"enabled": True, "threshold": 0.55, "sample_rate": 0.5},
    "edge_cases": {"enabled": True, "conditions": ["no_detections", "high_density", "unusual_size"]},
    "random_sample": {"enabled": True, "rate": 0.25},
}


@pytest.fixture
def client(live: Any) -> Iterator[Client]:
    """A client of a running service."""
    with Client(live.url, live.admin_key) as client:
        yield client


@pytest.fixture
def reviewed(client: Client) -> Record:
    """A model all of whose predictions are reviewed."""
    model = client.create_model("Animals", labels=["cat", "dog"])
    client.configure_data_engine(model.id, {"random_sample": {"enabled": True, "rate": 1}})
    client.log_predictions(
        [{"id": f"a{n}", "label": "cat" if n % 2 else "dog", "confidence": 0.5 + n / 40} for n in range(12)], model.id
    )
    return model


def test_the_flat_settings_of_the_documents_are_taken(client: Client) -> None:
    """000.6: by update_model."""
    model = client.create_model("Animals")
    changed = client.update_model(
        model_id=model.id,
        data_engine={
            "enabled": True,
            "low_confidence_threshold": 0.65,
            "edge_case_detection": True,
            "auto_queue_for_review": True,
        },
    )
    engine = changed.data_engine
    assert (engine.low_confidence.enabled, engine.low_confidence.threshold) == (True, 0.65)
    assert (engine.edge_cases.enabled, engine.auto_queue_for_review) == (True, True)


def test_the_nested_settings_of_the_documents_are_taken(client: Client) -> None:
    """001.2 and 001.4: a detection model, what it flags for a dataset, a version of that, and a training job."""
    model = client.create_model("Vehicles", task="detection", labels=["car"])
    dataset = client.create_dataset("Vehicles")
    version = client.create_dataset_version(dataset_id=dataset.id, name="v1")
    data_engine = client.configure_data_engine(model_id=model.id, config=NESTED, target_dataset_id=dataset.id)
    assert (data_engine.enabled, data_engine.low_confidence.sample_rate) == (True, 0.5)
    client.log_prediction(model.id, id="empty", detections=[], image_size=(64, 48))
    box = {"label": "car", "box": [4, 4, 20, 10], "confidence": 0.9}
    client.log_prediction(model.id, id="small", detections=[box], image_size=(64, 48))
    flagged_items = client.get_flagged_items(dataset_id=dataset.id, status="needs_review", limit=100)
    assert {item.prediction_id: item.reasons[0] for item in flagged_items} == {
        "empty": "no_detections",
        "small": "unusual_size",
    }
    for task in client.claim_review(model.id, limit=5):
        truth = [{"label": "car", "box": [4, 4, 21, 11]}]
        client.decide_review(task.item.id, "corrected", boxes=truth)
    new_version = client.create_dataset_version(
        dataset_id=dataset.id, parent_version_id=version.id, name="v2 - with reviews"
    )
    job = client.create_training_job(
        name="Vehicles 2", dataset_id=dataset.id, version_id=new_version.id, base_model_id=model.id
    )
    assert job.status == "created"
    assert new_version.item_count == 2
    assert not list(client.get_flagged_items(dataset_id=dataset.id, status="needs_review"))


def test_released_items_can_be_claimed_again(client: Client) -> None:
    """Unlike skipped ones they come back to the same key; a lease that is renewed isn't what was released."""
    model = client.create_model("Animals")
    client.configure_data_engine(model.id, {"random_sample": {"enabled": True, "rate": 1}})
    for n in range(2):
        client.log_prediction(model.id, id=f"p{n}", label="dog")
    tasks = client.claim_review(model.id, limit=2)
    client.renew_review(tasks[1].item.id, 3600)
    assert client.release_review(tasks) == [tasks[0].item.id]
    assert client.release_review([]) == []
    assert [task.item.id for task in client.claim_review(model.id, limit=2)] == [tasks[0].item.id]


def test_an_approved_correction_of_the_documents_reaches_the_dataset(client: Client) -> None:
    """000.5: get_feedback and approve_feedback."""
    model = client.create_model("Animals")
    dataset = client.create_dataset("Animals")
    client.configure_data_engine(model.id, target_dataset_id=dataset.id)
    client.log_prediction(model.id, id="seen", label="dog", input_url="https://example.com/dog.jpg")
    client.log_feedback(prediction_id="seen", feedback_type="correction", correct_label="cat", notes="a cat")
    feedback_items = client.get_feedback(model_id=model.id, feedback_type="correction", limit=100)
    for item in feedback_items:
        assert (item.predicted_label, item.correct_label, item.input_url) == (
            "dog",
            "cat",
            "https://example.com/dog.jpg",
        )
        client.approve_feedback(item.id)
    (kept,) = client.get_dataset_items(dataset.id)
    assert (kept.label, kept.source, kept.prediction_id) == ("cat", "feedback", "seen")


def test_a_queue_is_emptied_and_its_accuracy_known(client: Client, reviewed: Record) -> None:
    """Claimed, decided, undone, decided again; everything was taken, so the estimate is the plain share."""
    done = []
    while tasks := client.claim_review(reviewed.id, limit=5):
        for task in tasks:
            wrong = len(done) in (1, 4)
            right = {"cat": "dog", "dog": "cat"}[task.item.predicted_label] if wrong else None
            client.decide_review(task.item.id, "corrected" if wrong else "correct", label=right)
            done.append(task.item.id)
    again = client.undo_review(done[-1])
    assert (again.item.status, again.log[-1].action) == ("in_review", "undone")
    found = client.get_accuracy(reviewed.id).accuracy
    assert found.decided == 11
    client.renew_review(done[-1], lease_seconds=60)
    client.decide_review(done[-1], "correct")
    report = client.get_accuracy(reviewed.id)
    assert (report.accuracy.decided, report.accuracy.value) == (12, pytest.approx(10 / 12))
    assert sum(pair.count for pair in report.classes.confusions) == 2
    state = client.get_review_state(reviewed.id)
    assert (state.approved, state.needs_review) == (12, 0)
    assert isnan(state.agreement)
    (week,) = [
        week for week in client.get_performance_metrics(reviewed.id, period="day", lookback_weeks=1) if week.reviewed
    ]
    assert week.accuracy == pytest.approx(10 / 12)


def test_a_quota_and_a_reference_are_settings_with_their_versions(client: Client) -> None:
    """Both are in what the client reads back; the rates in force stand with each version."""
    model = client.create_model("Cars", task="detection")
    engine = client.configure_data_engine(model.id, {**NESTED, "quota": {"per_day": 50}})
    assert (engine.quota.per_day, engine.thinning.others, engine.reference) == (50, 1, None)
    with pytest.raises(Invalid, match="needs 500 predictions"):
        client.make_reference(model.id)
    boxes = [{"label": "car", "confidence": 0.9, "box": [5, 5, 60, 50]}]
    client.log_predictions(
        [
            {"id": f"p{n}", "detections": boxes, "image_size": [640, 480], "created_at": "2025-11-20T12:00:00Z"}
            for n in range(500)
        ],
        model.id,
    )
    made = client.make_reference(model.id, start_date="2025-11-20", end_date="2025-11-20")
    assert (made.predictions, made.most_boxes, made.sizes["car"].boxes) == (500, 1, 500)
    trial = client.try_data_engine(model.id, {"random_sample": {"rate": 1}})
    assert trial.items_per_day_in_quota <= 50
    assert client.configure_data_engine(model.id, {"quota": None, "reference": None}).quota is None
    sets = client.get_rule_sets(model.id)
    assert [one.version for one in sets] == [1, 2, 3]
    assert sets[0].rates["random_sample"] == 0.25
    assert [one.settings.reference is None for one in sets] == [True, False, True]


def test_who_may_not_review_gets_nothing(client: Client, reviewed: Record) -> None:
    """A key without `review` reads but doesn't claim; one of another model finds nothing."""
    other = client.create_model("Other")
    reading = client.create_key("secret", "Reader", scopes=["read"])
    elsewhere = client.create_key("secret", "Elsewhere", scopes=["read", "review"], models=[other.id])
    base = client._transport.base_url
    with Client(base, reading.key) as reader:
        item = next(iter(reader.get_flagged_items(model_id=reviewed.id)))
        with pytest.raises(Forbidden):
            reader.claim_review(reviewed.id)
    with Client(base, elsewhere.key) as stranger:
        with pytest.raises(Forbidden):
            stranger.claim_review(reviewed.id)
        with pytest.raises(Exception, match="there is no review item"):
            stranger.get_review_item(item.id)


def test_a_foreign_lease_is_a_conflict_that_says_who(client: Client, reviewed: Record) -> None:
    """409 with the holder, over the API too."""
    key = client.create_key("secret", "Ben", scopes=["read", "review"])
    with Client(client._transport.base_url, key.key) as ben:
        (task,) = ben.claim_review(reviewed.id)
        with pytest.raises(Conflict, match="held by Ben"):
            client.decide_review(task.item.id, "correct")
        ben.skip_review(task.item.id, note="blurred")


@pytest.mark.parametrize(
    ("settings", "path"),
    [
        ({"low_confidence": {"sample_rate": 1.5}}, "$.data_engine.low_confidence.sample_rate"),
        ({"edge_cases": {"conditions": ["blurred"]}}, "$.data_engine.edge_cases.conditions[0]"),
        ({"low_confidence": {"treshold": 0.5}}, "$.data_engine.low_confidence.treshold"),
        ({"quota": {"per_day": 0}}, "$.data_engine.quota.per_day"),
        ({"target_dataset_id": "nowhere"}, "$.data_engine.target_dataset_id"),
        ({"random_sample": {"enabled": True, "rate": -0.1}}, "$.data_engine.random_sample.rate"),
    ],
)
def test_wrong_settings_name_their_field(client: Client, settings: dict[str, object], path: str) -> None:
    """An unknown condition, a rate outside 0 to 1, a misspelt name, an unknown dataset; nothing is half-done."""
    model = client.create_model("Animals")
    with pytest.raises(Invalid) as refused:
        client.configure_data_engine(model.id, {"random_sample": {"enabled": True}, **settings})
    assert refused.value.errors[0].path == path
    assert client.get_model(model.id).data_engine.version == 0
