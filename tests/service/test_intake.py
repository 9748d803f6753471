"""Intake: each event is answered for itself, whatever the others of its commit are."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from seeme.clock import DAY, MINUTE, from_micros
from seeme.domain import sums
from seeme.errors import Conflict, Forbidden, Gone, Invalid, NotFound, TooManyRequests
from seeme.records.feedback import Comment, Correct, Correction, Rating
from seeme.records.models import ConfigPatch, ModelPatch, NewModel, NewVersion
from seeme.records.predictions import Detection, NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery
from seeme.service.digests import digest
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.store import reading
from seeme.store.removal import predictions_of_subject
from seeme.store.sums import totals


def prediction(id, **fields):
    """Return a prediction of the model `digits`."""
    return NewPrediction(**{"model_id": "digits", "id": id, "label": "1", **fields})


def vote(id=None, prediction_id="p1", rating=1, **fields):
    """Return a vote."""
    return Rating(model_id="digits", id=id, prediction_id=prediction_id, rating=rating, **fields)


async def count(services, kind="predictions"):
    """Return how many rows there are."""
    return (await services.database.one(f"count_{kind}", model_id="digits"))["n"]


async def day(services):
    """Return the metrics of the running day."""
    return (await services.reports.metrics("digits", MetricsQuery(period="day", lookback_weeks=1)))[-1]


def statuses(outcomes):
    """Return the status of each accepted event and the class of each error."""
    return [getattr(one, "status", None) if not isinstance(one, Exception) else type(one) for one in outcomes]


async def disagreements(services):
    """Return the days whose sums differ from their rows, mending them."""
    return (await services.reports.rebuild("digits", None, None)).changed


@pytest.mark.parametrize("places", [[0], [499], [999], [3, 4, 700], [0, 500, 999]])
async def test_rows_that_the_database_refuses_fail_alone_among_a_thousand(services, model, someone, places):
    """The tables' own checks find what slipped through; every other event of the batch is stored and counted."""
    news = [prediction(f"p{n}", confidence=7.0 if n in places else 0.5) for n in range(1000)]
    outcomes = await services.ingest.predictions(news, someone)
    assert [n for n, one in enumerate(outcomes) if isinstance(one, Invalid)] == places
    assert all(one.status == "created" for n, one in enumerate(outcomes) if n not in places)
    assert await count(services) == 1000 - len(places)
    metrics = await day(services)
    assert (metrics.predictions, metrics.avg_confidence) == (1000 - len(places), 0.5)
    assert await disagreements(services) == []


async def test_events_on_a_refused_prediction_wait_for_another(services, model, someone):
    """Feedback in the same commit as a prediction that is refused becomes an orphan, not an error."""
    at = services.clock()
    bad = services.ingest._prediction(prediction("p1", confidence=7.0), someone, at, {})
    good = services.ingest._feedback(vote("f1"), model, someone, at)
    outcomes = await services.inbox.put([bad, good], 10)
    assert statuses(outcomes) == [Invalid, "orphan"]
    await services.ingest.predictions([prediction("p1")], someone)
    assert (await day(services)).thumbs_up == 1


async def test_the_same_event_again_changes_nothing(services, model, someone):
    """A retry is answered `unchanged`, at once or later, and counted once."""
    for expected in ("created", "unchanged", "unchanged"):
        assert statuses(await services.ingest.predictions([prediction("p1")], someone)) == [expected]
        assert statuses(await services.ingest.feedback([vote("f1")], someone)) == [expected]
        label = NewLabel(model_id="digits", id="l1", prediction_id="p1", label="1")
        assert statuses(await services.ingest.labels([label], someone)) == [expected]
    metrics = await day(services)
    assert (metrics.predictions, metrics.thumbs_up, metrics.labelled) == (1, 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"label": "0"},
        {"confidence": 0.5},
        {"subject": "ann"},
        {"attributes": {"a": 1}},
        {"created_at": from_micros(1_763_640_000_000_000)},
    ],
)
async def test_the_same_id_with_other_content_is_a_conflict(services, model, someone, other):
    """Whatever field differs, the first one stays."""
    await services.ingest.predictions([prediction("p1")], someone)
    assert statuses(await services.ingest.predictions([prediction("p1", **other)], someone)) == [Conflict]
    assert await count(services) == 1
    assert (await services.events.prediction("p1")).label == "1"


async def test_the_order_of_keys_does_not_make_another_content(services, model, someone):
    """A retry whose JSON has another order of keys is the same event."""
    await services.ingest.predictions([prediction("p1", attributes={"a": 1, "b": 2})], someone)
    again = await services.ingest.predictions([prediction("p1", attributes={"b": 2, "a": 1})], someone)
    assert statuses(again) == ["unchanged"]


async def test_twins_in_one_batch_are_stored_once(services, model, someone):
    """Equal events of one batch: one is created, the other unchanged; one that differs is a conflict."""
    news = [prediction("p1"), prediction("p1"), prediction("p1", label="0"), prediction("p2")]
    outcomes = await services.ingest.predictions(news, someone)
    assert statuses(outcomes) == ["created", "unchanged", Conflict, "created"]
    assert (await day(services)).predictions == 2


async def test_twins_share_the_fate_of_the_first(services, model, someone):
    """Orphans sent twice in a batch are orphans both, and one row."""
    assert statuses(await services.ingest.feedback([vote("f1"), vote("f1")], someone)) == ["orphan", "orphan"]
    assert statuses(await services.ingest.feedback([vote("f1")], someone)) == ["orphan"]
    assert await count(services, "feedback") == 1


async def test_ids_are_unique_within_a_model_only(services, model, someone):
    """Two models may have a prediction of the same id; feedback then has to say whose it is."""
    await services.models.create(NewModel(name="Other", id="other"))
    for model_id in ("digits", "other"):
        outcomes = await services.ingest.predictions([prediction("p1", model_id=model_id)], someone)
        assert statuses(outcomes) == ["created"]
    unsaid = Rating(prediction_id="p1", rating=1)
    assert statuses(await services.ingest.feedback([unsaid, replace(unsaid, model_id="other")], someone)) == [
        Conflict,
        "created",
    ]


async def test_a_deleted_model_is_no_home(services, model, someone):
    """Feedback that names its prediction alone finds the one model that is left."""
    await services.models.create(NewModel(name="Other", id="other"))
    for model_id in ("digits", "other"):
        await services.ingest.predictions([prediction("p1", model_id=model_id)], someone)
    await services.models.delete("digits")
    (outcome,) = await services.ingest.feedback([Rating(prediction_id="p1", rating=1)], someone)
    assert (outcome.model_id, outcome.status) == ("other", "created")
    assert (await services.events.prediction("p1")).model_id == "other"


async def test_an_unknown_prediction_without_a_model_is_refused(services, model, someone):
    """Nobody knows where it would wait; the message says what would help."""
    (outcome,) = await services.ingest.feedback([Rating(prediction_id="nowhere", rating=1)], someone)
    assert isinstance(outcome, Invalid)
    assert outcome.errors[0].path == "$.prediction_id"
    assert "with `model_id` this would be kept" in str(outcome)


async def test_a_key_of_other_models_sends_nothing_here(services, model, someone):
    """A key for named models can't send to another one, nor find its predictions by id."""
    await services.ingest.predictions([prediction("p1")], someone)
    stranger = Identity("sk_other", "secret", "Eve", frozenset({"ingest"}), frozenset({"other"}))
    assert statuses(await services.ingest.predictions([prediction("p2")], stranger)) == [Forbidden]
    assert statuses(await services.ingest.feedback([vote("f1")], stranger)) == [Forbidden]
    assert statuses(await services.ingest.feedback([Rating(prediction_id="p1", rating=1)], stranger)) == [Invalid]


async def test_a_retry_after_retention_is_refused(services, model, someone, clock):
    """The id of a deleted row stays known for 30 days; feedback on it is told that it was deleted."""
    await services.ingest.predictions([prediction("p1")], someone)
    clock.forward(31 * DAY)
    await services.removal.retain()
    assert statuses(await services.ingest.predictions([prediction("p1")], someone)) == [Gone]
    assert statuses(await services.ingest.predictions([prediction("p1", label="0")], someone)) == [Gone]
    late = NewLabel(model_id="digits", prediction_id="p1", label="1")
    assert statuses(await services.ingest.feedback([vote("f9")], someone)) == [NotFound]
    assert statuses(await services.ingest.labels([late], someone)) == [NotFound]
    clock.forward(31 * DAY)
    await services.removal.retain()
    assert statuses(await services.ingest.predictions([prediction("p1")], someone)) == ["created"]


async def test_orphans_are_capped_by_model(settings, clock, someone):
    """Beyond the cap new orphans get 429, each kind for itself; what has its prediction goes on."""
    async with Services.open(replace(settings, max_orphans=3), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await services.ingest.predictions([prediction("p1")], someone)
        votes = [vote(f"f{n}", f"unknown-{n}") for n in range(5)]
        assert statuses(await services.ingest.feedback(votes[:2], someone)) == ["orphan"] * 2
        outcomes = await services.ingest.feedback([*votes, vote("known")], someone)
        assert statuses(outcomes) == ["orphan"] * 3 + [TooManyRequests] * 2 + ["created"]
        assert [type(one) for one in outcomes[3:5]] == [TooManyRequests] * 2
        assert outcomes[3].retry_after > 0
        label = NewLabel(model_id="digits", prediction_id="unknown", label="1")
        assert statuses(await services.ingest.labels([label], someone)) == ["orphan"]
        await services.ingest.predictions([prediction("unknown-0")], someone)
        assert statuses(await services.ingest.feedback([votes[4]], someone)) == ["orphan"]


async def test_orphans_expire_uncounted(services, model, someone, clock):
    """After a week orphans go; their ids aren't taken again, and their prediction finds nothing waiting."""
    await services.ingest.feedback([vote("f1")], someone)
    await services.ingest.labels([NewLabel(model_id="digits", id="l1", prediction_id="p1", label="1")], someone)
    clock.forward(7 * DAY + 1)
    await services.removal.retain()
    assert (await count(services, "feedback"), await count(services, "labels")) == (0, 0)
    assert statuses(await services.ingest.feedback([vote("f1")], someone)) == [Gone]
    await services.ingest.predictions([prediction("p1")], someone)
    metrics = await day(services)
    assert (metrics.thumbs_up, metrics.labelled) == (0, 0)


async def test_an_orphan_that_does_not_fit_is_set_aside_for_good(services, someone):
    """Its sender is gone when the prediction comes: it is quarantined with the reason, and can't be released."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    about = Correct(model_id="boxes", id="f1", prediction_id="p1", detection_index=3)
    assert statuses(await services.ingest.feedback([about], someone)) == ["orphan"]
    box = Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="p1", detections=[box])], someone)
    found = await services.events.feedback("f1")
    assert found.status == "quarantined"
    assert found.status_reason == "misfit: the prediction has 1 detections, counted from 0"
    with pytest.raises(Conflict, match="can only be deleted"):
        await services.review.release("f1", None, someone)
    await services.review.delete("f1", None, someone)
    with pytest.raises(NotFound):
        await services.events.feedback("f1")


async def test_feedback_that_does_not_fit_a_known_prediction_is_refused(services, model, someone):
    """Where the prediction is known the sender hears of it."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    await services.ingest.predictions([NewPrediction(model_id="boxes", id="p1", detections=[])], someone)
    about = Correct(model_id="boxes", id="f1", prediction_id="p1", detection_index=0)
    wrong = Correction(model_id="digits", prediction_id="p1", correct_value=1.0)
    outcomes = await services.ingest.feedback([about, wrong], someone)
    assert [one.errors[0].path for one in outcomes] == ["$.detection_index", "$.correct_value"]
    assert (await services.database.one("count_feedback", model_id="boxes"))["n"] == 0


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"model_id": "unknown"}, "$.model_id"),
        ({"version_id": "unknown"}, "$.version_id"),
        ({"label": None}, "$.label"),
        ({"value": 1.0}, "$.value"),
        ({"created_at": from_micros(1_763_640_000_000_000 + 5 * MINUTE + 1)}, "$.created_at"),
        ({"created_at": from_micros(-1)}, "$.created_at"),
    ],
)
async def test_what_is_wrong_with_a_prediction_is_named(services, model, someone, fields, path):
    """Each wrong field is refused with its path, and the good one beside it is stored."""
    wrong, good = await services.ingest.predictions([prediction("p1", **fields), prediction("p2")], someone)
    assert isinstance(wrong, Invalid)
    assert wrong.errors[0].path == path
    assert good.status == "created"


async def test_a_senders_clock_may_be_five_minutes_fast(services, model, someone, clock):
    """Up to there an event is taken as it is dated."""
    at = from_micros(clock() + 5 * MINUTE)
    await services.ingest.predictions([prediction("p1", created_at=at)], someone)
    found = await services.events.prediction("p1")
    assert found.created_at == at
    assert found.received_at == from_micros(clock())


async def test_a_version_is_counted_for_itself(services, model, someone):
    """A version has to exist, and a prediction of it is in its own sums."""
    await services.models.add_version("digits", NewVersion(name="one", id="v1"))
    await services.ingest.predictions([prediction("p1", version_id="v1"), prediction("p2")], someone)
    query = MetricsQuery(period="day", lookback_weeks=1)
    assert (await services.reports.metrics("digits", replace(query, version_id="v1")))[-1].predictions == 1
    assert (await services.reports.metrics("digits", query))[-1].predictions == 2


async def test_a_model_that_logs_nothing_takes_no_predictions(services, model, someone):
    """config.log_predictions off is a conflict that says so."""
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(log_predictions=False)))
    (outcome,) = await services.ingest.predictions([prediction("p1")], someone)
    assert isinstance(outcome, Conflict)
    assert "config.log_predictions" in str(outcome)


async def test_ids_are_made_for_those_who_send_none(services, model, someone):
    """A made id is new each time."""
    first, second = await services.ingest.predictions([prediction(None), prediction(None)], someone)
    assert first.id != second.id
    assert await count(services) == 2


async def test_labels_beyond_the_first_thousand_are_counted_together(services, model, someone):
    """A model that invents labels has a bounded vector, and its sums can still be counted again."""
    news = [prediction(f"p{n}", label=f"label {n}") for n in range(sums.MAX_LABELS + 7)]
    await services.ingest.predictions(news[:600], someone)
    await services.ingest.predictions(news[600:], someone)
    start = 1_763_640_000_000_000 // DAY * DAY
    (total,) = (await totals(services.database, "digits", sums.DAILY, start, start + DAY)).values()
    assert len(total) == sums.FIRST_LABEL + sums.MAX_LABELS
    assert total[sums.OTHER_LABEL] == 7
    assert sum(one.count for one in (await day(services)).labels) == sums.MAX_LABELS + 7
    assert await disagreements(services) == []


async def test_a_subject_is_stored_as_a_keyed_hash_only(services, model, someone, settings):
    """The person's id is in no file of the data folder."""
    person = "ann.smith@example.com"
    await services.ingest.predictions([prediction("p1", subject=person)], someone)
    await services.ingest.feedback([vote("f1", subject=person), Comment(prediction_id="p1", notes="ok")], someone)
    for path in settings.data.rglob("*"):
        assert path.is_dir() or person.encode() not in path.read_bytes(), path
    assert len(await predictions_of_subject(services.database, services.ingest.subject_hash(person), 9)) == 1


async def test_the_change_feed_misses_nothing_when_the_clock_goes_back(settings, clock, someone):
    """`updated_at` only grows, over a restart too."""
    async with Services.open(settings, clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await services.ingest.predictions([prediction("p1")], someone)
        await services.ingest.feedback([vote("f1")], someone)
        seen = (await services.events.feedback("f1")).updated_at
    clock.forward(-DAY)
    async with Services.open(settings, clock) as services:
        await services.ingest.feedback([vote("f2")], someone)
        clock.forward(2 * DAY)
        query = FeedbackQuery(model_id="digits", updated_since=_micros(seen) + 1)
        assert [one.id for one in (await services.events.list_feedback(query)).items] == ["f2"]


def _micros(at):
    return (at - from_micros(0)) // timedelta(microseconds=1)


async def test_a_stored_digest_does_not_give_a_person_away(services, model, someone):
    """Whoever has the rows can't try names out: the digest of what names a person has a key. A retry is still known."""
    new = NewPrediction(model_id="digits", id="p1", label="1", subject="ann")
    assert statuses(await services.ingest.predictions([new], someone)) == ["created"]
    vote = Rating(prediction_id="p1", id="f1", rating=1, subject="ann")
    assert statuses(await services.ingest.feedback([vote], someone)) == ["created"]
    row = await services.database.one("prediction", model_id="digits", id="p1")
    assert row["digest"] != digest(new)
    assert (await reading.one_feedback(services.database, "digits", "f1"))["digest"] != digest(vote)
    assert statuses(await services.ingest.predictions([new], someone)) == ["unchanged"]
    assert statuses(await services.ingest.feedback([vote], someone)) == ["unchanged"]
