"""What goes and what stays: retention, erasure of a person, the end of a model."""

import asyncio
from hashlib import sha256

import pytest
from msgspec.structs import replace

from seeme.clock import DAY, HOUR, from_micros
from seeme.errors import Conflict, Gone, NotFound
from seeme.records.feedback import Comment, Correction, Rating
from seeme.records.keys import NewKey
from seeme.records.models import ConfigPatch, NewModel, NewVersion
from seeme.records.predictions import NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery, MetricsQuery, PredictionQuery
from seeme.service import removal
from seeme.service.services import Services

PNG = b"\x89PNG\r\n\x1a\n"


def prediction(id, **fields):
    """Return a prediction of the model `digits`."""
    return NewPrediction(**{"model_id": "digits", "id": id, "label": "1", **fields})


def vote(id, prediction_id="p1", rating=1, **fields):
    """Return a vote."""
    return Rating(model_id="digits", id=id, prediction_id=prediction_id, rating=rating, **fields)


async def pieces(content):
    """Yield bytes as a request brings them."""
    yield content


async def upload(services, id, content=PNG):
    """Store a prediction's input."""
    await services.inputs.put(id, None, pieces(content))


async def counts(services, model_id="digits"):
    """Return how many predictions, labels and feedback there are."""
    kinds = ("predictions", "labels", "feedback")
    return [(await services.database.one(f"count_{kind}", model_id=model_id))["n"] for kind in kinds]


async def numbers(services):
    """Return the days of the last weeks that have anything."""
    days = await services.reports.metrics("digits", MetricsQuery(period="day"))
    return [replace(one, partial=False) for one in days if one.predictions]


async def wrong_days(services):
    """Return the days whose sums differ from their rows."""
    return (await services.reports.rebuild("digits", None, None)).changed


def files(settings):
    """Return the stored inputs by name."""
    return sorted(path.name for path in (settings.data / "blobs").rglob("*") if path.is_file())


async def test_retention_takes_rows_and_leaves_sums(services, model, someone, clock):
    """After 30 days from receipt predictions and labels go, feedback stays, and no number changes."""
    await services.ingest.predictions([prediction("p1", confidence=0.5, latency_ms=3.0)], someone)
    await services.ingest.feedback([vote("f1"), Comment(prediction_id="p1", id="c1", notes="hm")], someone)
    label = NewLabel(model_id="digits", prediction_id="p1", id="l1", label="1")
    await services.ingest.labels([label], someone)
    before = await numbers(services)
    clock.forward(30 * DAY)
    await services.removal.retain()
    assert await counts(services) == [1, 1, 2]
    clock.forward(1)
    await services.removal.retain()
    assert await counts(services) == [0, 0, 2]
    assert await numbers(services) == before
    kept = await services.events.feedback("f1")
    assert (kept.status, kept.prediction_id, kept.predicted_label, kept.has_input) == ("active", "p1", None, False)
    again = await services.ingest.labels([label], someone)
    assert isinstance(again[0], Gone)


async def test_retention_counts_from_receipt(services, model, someone, clock):
    """Imported history is kept as long as what happens now."""
    await services.ingest.predictions([prediction("p1", created_at=from_micros(clock() - 300 * DAY))], someone)
    await services.removal.retain()
    assert await counts(services) == [1, 0, 0]


async def test_each_model_has_its_own_retention(services, model, someone, clock):
    """config.log_retention_days is the model's."""
    await services.models.create(NewModel(name="Short", id="short", config=ConfigPatch(log_retention_days=1)))
    await services.ingest.predictions([prediction("p1"), prediction("p1", model_id="short")], someone)
    clock.forward(2 * DAY)
    await services.removal.retain()
    assert (await counts(services), await counts(services, "short")) == ([1, 0, 0], [0, 0, 0])


async def test_retention_reaches_every_model(services, someone, clock):
    """More models than a page of the list has are all looked after."""
    news = [NewModel(name="M", id=f"m{n}", config=ConfigPatch(log_retention_days=1)) for n in range(1003)]
    await asyncio.gather(*map(services.models.create, news))
    await services.ingest.predictions([prediction("p1", model_id="m1002")], someone)
    clock.forward(2 * DAY)
    await services.removal.retain()
    assert await counts(services, "m1002") == [0, 0, 0]


async def test_large_amounts_go_in_chunks_with_events_in_between(services, model, someone, clock):
    """Retention doesn't hold the writer: what comes meanwhile is stored before it ends."""
    for start in range(0, 4 * removal.CHUNK, 1000):
        await services.ingest.predictions([prediction(f"p{n}") for n in range(start, start + 1000)], someone)
    clock.forward(31 * DAY)
    sizes, begun = [], asyncio.Event()
    services.commits.append(lambda seconds, events: sizes.append(events) or begun.set())
    task = asyncio.create_task(services.removal.retain())
    await begun.wait()
    await services.ingest.predictions([prediction("new")], someone)
    assert not task.done()
    await task
    assert await counts(services) == [1, 0, 0]
    assert len(sizes) > 5


async def test_a_changed_vote_on_a_prediction_that_has_gone_changes_no_sum(services, model, someone, clock):
    """The sums of a day that lost rows stay; deleting such feedback works."""
    await services.ingest.predictions([prediction("p1")], someone)
    await services.ingest.feedback([vote("f1"), vote("f2", supersedes="f1", rating=-1)], someone)
    clock.forward(31 * DAY)
    await services.removal.retain()
    before = await numbers(services)
    await services.review.delete("f2", None, someone)
    await services.review.delete("f1", None, someone)
    assert await numbers(services) == before
    assert await counts(services) == [0, 0, 0]


async def test_an_input_goes_with_its_last_reference(services, settings, model, someone, clock):
    """Two predictions of the same image share a file, which goes when both are gone."""
    await services.ingest.predictions([prediction("p1")], someone)
    await upload(services, "p1")
    clock.forward(2 * DAY)
    await services.ingest.predictions([prediction("p2")], someone)
    await upload(services, "p2")
    assert files(settings) == [sha256(PNG).hexdigest()]
    clock.forward(29 * DAY)
    await services.removal.retain()
    assert files(settings) == [sha256(PNG).hexdigest()]
    assert (await services.inputs.open("p2", None))[0].read_bytes() == PNG
    clock.forward(2 * DAY)
    await services.removal.retain()
    assert files(settings) == []
    assert await services.database.all("unreferenced_blobs", most=9) == []


async def test_an_input_may_come_again_while_files_are_swept(services, settings, model, someone, clock):
    """An upload of the same bytes during the sweep keeps its file, whatever comes first."""
    for n in range(20):
        await services.ingest.predictions([prediction(f"old{n}"), prediction(f"new{n}", subject="x")], someone)
        await upload(services, f"old{n}", PNG + bytes([n]))
    page = await services.events.list_predictions(PredictionQuery(model_id="digits"))
    old = [row for row in page.items if row.id.startswith("old")]
    async with services.database.transaction() as tx:
        await tx.run_many("drop_blob", [{"hash": row.input_hash} for row in old])
    uploads = (upload(services, f"new{n}", PNG + bytes([n])) for n in range(20))
    await asyncio.gather(services.removal._sweep_blobs(), *uploads)
    for n in range(20):
        path, _ = await services.inputs.open(f"new{n}", None)
        assert path.read_bytes() == PNG + bytes([n])


async def test_erasing_a_person_gives_back_exactly_what_they_added(services, settings, model, someone):
    """Their predictions with all that hangs on these, and their feedback elsewhere, leave rows, sums and files."""
    other = [prediction("p2", confidence=0.25, latency_ms=7.0), prediction("p3")]
    await services.ingest.predictions(other, someone)
    await services.ingest.feedback([vote("b1", "p2", subject="bob", rating=-1)], someone)
    before, rows = await numbers(services), await counts(services)
    await services.ingest.predictions([prediction("p1", subject="ann", confidence=0.9, label="2")], someone)
    await upload(services, "p1")
    await services.ingest.labels([NewLabel(prediction_id="p1", label="1")], someone)
    ann = [vote("a1", "p2", subject="ann"), vote("a2", "p2", subject="ann", rating=-1), vote("a3", "p3", subject="ann")]
    ann += [Correction(prediction_id="p2", id="a4", correct_label="7", subject="ann")]
    await services.ingest.feedback([*ann, vote("b2", "p1", subject="bob")], someone)
    await services.ingest.feedback([vote("a5", "unknown", subject="ann")], someone)
    erased = await services.removal.erase(services.ingest.subject_hash("ann"))
    assert (erased.predictions, erased.feedback) == (1, 5)
    assert await numbers(services) == before
    assert await counts(services) == rows
    assert files(settings) == []
    assert await wrong_days(services) == []
    again = await services.ingest.feedback([ann[0]], someone)
    assert isinstance(again[0], Gone)
    assert (await services.removal.erase(services.ingest.subject_hash("ann"))).feedback == 0


async def test_erasing_one_voter_of_a_chain_lets_the_others_count(services, model, someone, visitor):
    """A vote that superseded another's gives its place back."""
    await services.ingest.predictions([prediction("p1")], someone)
    await services.ingest.feedback([vote("f1", subject="ann")], visitor)
    await services.ingest.feedback([vote("f2", subject="eve", rating=-1, supersedes="f1")], visitor)
    await services.removal.erase(services.ingest.subject_hash("eve"))
    assert (await services.events.feedback("f1")).status == "active"
    assert await wrong_days(services) == []


async def test_erasing_many_rows_goes_on_over_chunks(services, model, someone):
    """More rows than fit one transaction are all erased."""
    count = removal.CHUNK + 10
    await services.ingest.predictions([prediction(f"p{n}") for n in range(count)], someone)
    await services.ingest.feedback([vote(f"f{n}", f"p{n}", subject="ann") for n in range(count)], someone)
    await services.ingest.predictions([prediction(f"a{n}", subject="ann") for n in range(count)], someone)
    erased = await services.removal.erase(services.ingest.subject_hash("ann"))
    assert (erased.predictions, erased.feedback) == (count, count)
    assert await counts(services) == [count, 0, 0]
    assert await wrong_days(services) == []


async def test_a_deleted_model_is_gone_at_once(services, model, someone):
    """It isn't listed, read or written any more, by its id or by those of its events."""
    await services.ingest.predictions([prediction("p1")], someone)
    await services.ingest.feedback([vote("f1")], someone)
    await services.models.delete("digits")
    assert services.models.list().items == []
    for call in (
        services.events.prediction("p1"),
        services.events.prediction("p1", "digits"),
        services.events.feedback("f1"),
        services.events.list_feedback(FeedbackQuery(model_id="digits")),
        services.inputs.open("p1", None),
        services.review.approve("f1", None, someone),
        services.models.delete("digits"),
        services.models.versions("digits"),
    ):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(Conflict, match="is being deleted"):
        await services.models.create(NewModel(name="Digits", id="digits"))


async def test_a_deleted_models_rows_go_in_the_background(services, settings, model, someone):
    """The next run of retention leaves no row, sum, secret or file of it, and nothing of others is touched."""
    await services.models.create(NewModel(name="Other", id="other"))
    await services.models.add_version("digits", NewVersion(name="v"))
    await services.ingest.predictions([prediction("p1"), prediction("p1", model_id="other")], someone)
    await services.ingest.feedback([vote("f1"), vote("f2", "unknown")], someone)
    await services.ingest.labels([NewLabel(prediction_id="p1", model_id="digits", label="1")], someone)
    await services.inputs.put("p1", "digits", pieces(PNG))
    await services.models.delete("digits")
    await services.removal.retain()
    assert await counts(services) == [0, 0, 0]
    assert await counts(services, "other") == [1, 0, 0]
    assert [row["id"] for row in await services.database.all("all_models")] == ["other"]
    assert await services.database.all("all_versions") == []
    assert await services.database.all("label_positions", model_id="digits") == []
    for grain in (1, 2, 3):
        query = {"model_id": "digits", "grain": grain, "start": 0, "stop": 2**62, "version_id": None}
        assert await services.database.all("sums_between", **query) == []
    assert files(settings) == []


async def test_a_deletion_that_was_broken_off_is_finished_after_a_restart(settings, clock, someone):
    """The mark is on disk; the next process goes on."""
    async with Services.open(settings, clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await services.ingest.predictions([prediction("p1")], someone)
        await services.removal.retain()
        await services.models.delete("digits")
    async with Services.open(settings, clock) as services:
        with pytest.raises(NotFound):
            services.models.get("digits")
        await services.removal.retain()
        assert await counts(services) == [0, 0, 0]


async def test_a_new_model_under_a_deleted_ones_id_starts_from_nothing(services, model, someone):
    """Neither counts nor labels nor versions of the old one come back."""
    await services.models.add_version("digits", NewVersion(name="v", id="v1"))
    await services.ingest.predictions([prediction(f"old{n}", label="1") for n in range(3)], someone)
    await services.models.delete("digits")
    await services.removal.retain()
    await services.models.create(NewModel(name="New digits", id="digits"))
    assert not services.models.has_version("digits", "v1")
    await services.ingest.predictions([prediction("new", label="1")], someone)
    (today,) = await numbers(services)
    assert (today.predictions, [(one.label, one.count) for one in today.labels]) == (1, [("1", 1)])
    assert await wrong_days(services) == []


async def test_old_tombstones_codes_and_sessions_go(services, model, someone, clock):
    """What has outlived its purpose is deleted."""
    await services.ingest.predictions([prediction("p1")], someone)
    key = await services.keys.create(NewKey(kind="secret", holder="Ada", scopes=["read"]))
    await services.keys.new_sign_in(key.id)
    token, identity = await services.keys.redeem(key.key)
    assert identity.kind == "session"
    clock.forward(31 * DAY)
    await services.removal.retain()
    assert await services.database.of("gone_predictions", [("digits", "p1")]) != []
    clock.forward(30 * DAY + HOUR)
    await services.removal.retain()
    assert await services.database.of("gone_predictions", [("digits", "p1")]) == []
    assert await services.keys.session(token) is None


async def test_erasing_somebody_unknown_deletes_nothing(services, model, someone):
    """Only rows of that very subject go."""
    await services.ingest.predictions([prediction("p1", subject="ann")], someone)
    erased = await services.removal.erase(services.ingest.subject_hash("nobody"))
    assert (erased.predictions, erased.feedback) == (0, 0)
    assert await counts(services) == [1, 0, 0]


async def test_history_that_is_sent_again_after_its_tombstones_is_not_counted_twice(services, model, someone, clock):
    """A day that retention has thinned takes no more predictions: their ids are forgotten, their counts are not."""
    news = [prediction(f"p{n}", created_at=from_micros(clock.at - 40 * DAY)) for n in range(3)]
    await services.ingest.predictions(news, someone)
    for days in (31, 31):
        clock.forward(days * DAY)
        await services.removal.retain()
    again = await services.ingest.predictions([*news, prediction("new")], someone)
    assert [type(one) for one in again[:3]] == [Gone] * 3
    assert again[3].status == "created"
    months = await services.reports.total("digits", MetricsQuery(period="week", lookback_weeks=30))
    assert months.predictions == 4
