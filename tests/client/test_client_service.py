"""Tests of the client against the real service in a process of its own."""

import math
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

import seeme
from seeme.client import BatchFailed, Client, Record
from seeme.errors import Conflict, Forbidden, Invalid, NotFound, Unauthorized


def _png() -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\0")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.fixture
def client(live: Any) -> Iterator[Client]:
    """A client with a key of its own, which outlives restarts."""
    with Client(live.url, live.admin_key) as admin:
        key = admin.create_key("secret", "Ada", scopes=["admin", "ingest", "read", "review"]).key
    with Client(live.url, key, timeout=20) as client:
        yield client


@pytest.fixture
def model(client: Client) -> Record:
    """A classification model that keeps its inputs."""
    return client.create_model("Birds", labels=["robin", "wren"], config={"log_inputs": True})


def test_the_documented_loop_runs(client: Client, model: Record) -> None:
    """Settings, predictions, feedback, review and metrics, with the attributes and format strings of the documents."""
    changed = client.update_model(model_id=model.id, config={"log_predictions": True, "log_retention_days": 40})
    assert (changed.config.log_inputs, changed.config.log_retention_days) == (True, 40)
    sure = client.log_prediction(model.id, label="wren", confidence=0.75, latency_ms=8, input=_png())
    client.log_prediction(model.id, label="robin")
    today = datetime.now(UTC).date()
    predictions = client.get_predictions(
        model_id=model.id, limit=10, start_date=str(today - timedelta(1)), end_date=today
    )
    lines = [f"{each.created_at}: {each.label} ({each.confidence:.2%})" for each in predictions]
    assert [line.partition(": ")[2] for line in lines] == ["robin (nan%)", "wren (75.00%)"]

    client.log_feedback(prediction_id=sure.id, feedback_type="correction", correct_label="robin", notes="red breast")
    client.log_feedback(prediction_id=sure.id, feedback_type="rating", rating=-1)
    for item in client.get_feedback(model_id=model.id, feedback_type="correction", limit=10):
        assert (item.predicted_label, item.correct_label, item["notes"]) == ("wren", "robin", "red breast")
        assert hasattr(item, "input_url")
        approved = client.approve_feedback(item.id)
        assert (approved.review, approved.reviewed_by) == ("approved", "Ada")

    weeks = client.get_performance_metrics(model_id=model.id, period="week", lookback_weeks=12)
    assert len(weeks) == 12
    now = weeks[-1]
    assert f"{now.period}: Accuracy={now.accuracy:.2%}, Avg Confidence={now.avg_confidence:.2%}".endswith(
        "Accuracy=nan%, Avg Confidence=75.00%"
    )
    assert (now.predictions, now.thumbs_down, now.corrections, now.partial) == (2, 1, 1, True)
    assert math.isnan(weeks[0].avg_confidence)
    assert "avg_confidence" in weeks[0].reasons


def test_an_input_comes_back_as_it_was(client: Client, model: Record) -> None:
    """With its hash, checked by the service."""
    stored = client.log_prediction(model.id, label="wren", input=_png())
    assert client.get_input(stored.id) == _png()
    prediction = client.get_prediction(stored.id)
    assert prediction.has_input
    later = client.log_prediction(model.id, label="wren")
    assert client.upload_input(later.id, _png()).input_hash == prediction.input_hash


def test_a_replay_changes_nothing_and_other_content_is_a_conflict(client: Client, model: Record) -> None:
    """Alone and in a list."""
    first = client.log_prediction(model.id, id="p", label="wren")
    assert (first.status, client.log_prediction(model.id, id="p", label="wren").status) == ("created", "unchanged")
    with pytest.raises(Conflict):
        client.log_prediction(model.id, id="p", label="robin")
    items = [{"id": "p", "label": "wren"}, {"id": "p", "label": "robin"}, {"id": "q", "label": "robin"}]
    with pytest.raises(BatchFailed) as raised:
        client.log_predictions(items, model.id)
    assert [(failure.index, type(failure.error)) for failure in raised.value.failures] == [(1, Conflict)]
    assert [result and result.status for result in raised.value.results] == ["unchanged", None, "created"]


def test_lists_reach_across_pages(client: Client, model: Record) -> None:
    """All of them, each once, newest first, or as many as asked for."""
    client.log_predictions([{"id": f"p{n}", "label": "wren"} for n in range(1200)], model.id)
    predictions = client.get_predictions(model.id, limit=None)
    assert len({prediction.id for prediction in predictions}) == len(predictions) == 1200
    times = [prediction.created_at for prediction in predictions]
    assert times == sorted(times, reverse=True)
    assert len(client.get_predictions(model.id, limit=700)) == 700
    assert len(client.get_predictions(model.id, label="robin")) == 0


def test_the_change_feed_shows_what_was_decided(client: Client, model: Record) -> None:
    """Oldest change first, from a moment on."""
    prediction = client.log_prediction(model.id, label="wren")
    ids = [client.log_feedback(prediction.id, "comment", notes=str(n)).id for n in range(3)]
    since = client.reject_feedback(ids[0]).updated_at
    assert [(item.id, item.review) for item in client.get_feedback(model.id, updated_since=since)] == [
        (ids[0], "rejected")
    ]
    client.delete_feedback(ids[1])
    assert {item.id for item in client.get_feedback(model.id)} == {ids[0], ids[2]}


def test_detections_get_their_feedback(client: Client) -> None:
    """Every kind of the documents' table, and boxes that were true."""
    model = client.create_model("Cars", task="detection", labels=["car", "van"])
    found = [{"label": "car", "confidence": 0.9, "box": [10, 10, 50, 40]}, {"label": "van", "box": (0, 0, 5, 5)}]
    prediction = client.log_prediction(model.id, detections=found, image_size=(640, 480))
    with client.batch():
        client.log_feedback(prediction.id, "correct", detection_index=0)
        client.log_feedback(prediction.id, "wrong_label", detection_index=0, correct_label="van")
        client.log_feedback(prediction.id, "wrong_box", detection_index=1, box=(1, 1, 6, 6), correct_label="car")
        client.log_feedback(prediction.id, "false_positive", detection_index=1)
        client.log_feedback(prediction.id, "missed_object", correct_label="car", box=[9, 9, 9, 9])
        client.log_label(prediction.id, boxes=[{"label": "car", "box": [10, 10, 50, 40]}])
    assert len(client.get_feedback(model.id)) == 5
    (moved,) = client.get_feedback(model.id, feedback_type="wrong_box")
    assert (moved.box, moved.correct_label, moved.predicted_label) == ((1.0, 1.0, 6.0, 6.0), "car", None)
    stored = client.get_prediction(prediction.id)
    assert stored.detections[0].box == (10.0, 10.0, 50.0, 40.0)
    assert math.isnan(stored.detections[1].confidence)
    assert stored.truth.boxes[0]["label"] == "car"


def test_a_token_signed_here_is_good_there(client: Client, model: Record) -> None:
    """The subject in it has one vote, whoever sends it; without a token a page's feedback is set aside."""
    client.update_model(model.id, config={"require_prediction_token": True})
    issued = client.create_signing_secret(model.id)
    assert [one.kid for one in client.list_signing_secrets(model.id)] == [issued.kid]
    prediction = client.log_prediction(model.id, label="wren")
    names = {"model_id": model.id, "prediction_id": prediction.id, "subject": "user-17"}
    key = client.create_key("publishable", "page", models=[model.id], origins=["*"]).key
    with Client(client._transport.base_url, key) as page:
        for rating in (1, -1):
            token = seeme.sign(secret=issued.secret, kid=issued.kid, **names)
            sent = page.log_feedback(prediction.id, "rating", rating=rating, prediction_token=token, model_id=model.id)
            assert sent.status == "created"
        assert page.log_feedback(prediction.id, "rating", rating=1, model_id=model.id).status == "quarantined"
        seen = page.widget_context(model.id, prediction.id, token)
        assert (seen.prediction.label, seen.vote.rating) == ("wren", -1)
        assert page.widget_context(model.id, prediction.id).vote is None
        with pytest.raises(Forbidden, match="for another prediction"):
            page.widget_context(model.id, "else", token)
        with pytest.raises(Invalid):
            page.widget_context(model.id, prediction.id, "a\nb")
    assert [item.rating for item in client.get_feedback(model.id, status="active")] == [-1]
    assert Client.sign is client.sign is seeme.sign
    client.retire_signing_secret(model.id, issued.kid)
    assert len(client.list_signing_secrets(model.id)) == 0


def test_errors_are_the_services_own(live: Any, client: Client, model: Record) -> None:
    """Class, words and paths."""
    with pytest.raises(NotFound):
        client.get_model("nope")
    with pytest.raises(NotFound):
        client.get_predictions("nope")
    with pytest.raises(Invalid) as raised:
        client.log_prediction(model.id, confidence=3)
    assert raised.value.errors[0].path == "$.confidence"
    with pytest.raises(Invalid, match="model_id"):
        client.log_feedback("unknown", "rating", rating=1)
    assert client.log_feedback("unknown", "rating", rating=1, model_id=model.id).status == "orphan"
    with pytest.raises(Invalid, match="privacy"):
        client.update_model(model.id, privacy={"blur_faces": True})
    with pytest.raises(Unauthorized):
        Client(live.url, "sk_wrong").list_models()


def test_a_key_does_what_its_scopes_say_until_it_is_revoked(live: Any, client: Client, model: Record) -> None:
    """The publishable one sends feedback alone."""
    key = client.create_key("secret", "reader", scopes=["read"])
    reader = Client(live.url, key.key)
    assert reader.get_model(model.id) == client.get_model(model.id)
    with pytest.raises(Forbidden):
        reader.log_prediction(model.id)
    assert key.id in {each.id for each in client.list_keys()}
    client.revoke_key(key.id)
    with pytest.raises(Unauthorized):
        reader.get_model(model.id)


def test_models_versions_and_the_rest_of_the_routes_answer(client: Client, model: Record) -> None:
    """One call per route that no other test makes."""
    version = client.create_model_version(model.id, "v1")
    assert client.list_model_versions(model.id)[0] == version
    assert model.id in {each.id for each in client.list_models()}
    assert client.widget_context(model.id).labels == ["robin", "wren"]
    prediction = client.log_prediction(model.id, label="wren", version_id=version.id)
    client.log_label(prediction.id, "wren")
    assert client.get_prediction(prediction.id).truth.label == "wren"
    assert client.rebuild_sums(model.id).changed == []
    comment = client.log_feedback(prediction.id, "comment", notes="sings")
    assert client.get_feedback_item(comment.id).notes == "sings"
    with pytest.raises(Conflict):
        client.release_feedback(comment.id)
    assert "/sign-in" in client.create_sign_in_code().url
    assert client.health().status == "ok"
    client.delete_model(model.id)
    with pytest.raises(NotFound):
        client.get_model(model.id)


def test_threads_log_side_by_side(client: Client, model: Record) -> None:
    """Each event once."""
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: client.log_prediction(model.id, label="wren").id, range(200)))
    assert {prediction.id for prediction in client.get_predictions(model.id, limit=None)} == set(ids)


def test_killing_the_service_loses_nothing_that_was_logged(live: Any, client: Client, model: Record) -> None:
    """Neither in a batch nor one by one: each event is stored exactly once after the restarts."""

    def crash() -> None:
        for _ in range(2):
            time.sleep(0.3)
            live.kill()
            time.sleep(0.2)
            live.start()

    crashes = threading.Thread(target=crash)
    crashes.start()
    ids = []
    with client.batch():
        while crashes.is_alive():
            queued = client.log_prediction(model.id, label="wren")
            client.log_feedback(queued.id, "rating", rating=1)
            with ThreadPoolExecutor(1) as other:  # a thread of its own isn't in the batch
                ids += [queued.id, other.submit(client.log_prediction, model.id, label="robin").result().id]
            time.sleep(0.002)
    crashes.join()
    stored = [prediction.id for prediction in client.get_predictions(model.id, limit=None)]
    assert sorted(stored) == sorted(ids)
    assert len(client.get_feedback(model.id, limit=None)) == len(ids) // 2
    assert client.rebuild_sums(model.id).changed == []
