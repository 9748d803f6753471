"""Reading back: by id, and page by page in an order that nothing disturbs."""

import pytest
from msgspec.structs import replace

from seeme.clock import HOUR, SECOND, from_micros
from seeme.errors import Conflict, Invalid, NotFound
from seeme.records.feedback import Comment, Rating
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import Detection, LabelledBox, NewLabel, NewPrediction
from seeme.records.queries import FeedbackQuery, PredictionQuery, from_cursor, to_cursor
from seeme.service import exports
from seeme.service.events import FEED_LAG

NOON = 1_763_640_000_000_000
LARGE = {f"feature {n}": "x" * 980 for n in range(200)}  # 200 KB


def prediction(id, before=0, **fields):
    """Return a prediction that was made so many microseconds before noon."""
    new = {"model_id": "digits", "id": id, "label": "1", "created_at": from_micros(NOON - before)}
    return NewPrediction(**{**new, **fields})


async def ids(services, **query):
    """Return the ids of predictions that a query finds, over all its pages."""
    found, after = [], None
    while True:
        page = await services.events.list_predictions(PredictionQuery(model_id="digits", after=after, **query))
        assert len(page.items) <= query.get("limit", 100)
        found += [one.id for one in page.items]
        if page.next_cursor is None:
            return found
        after = from_cursor(page.next_cursor)


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 10, 1000])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_have_every_row_once(services, model, someone, limit, order):
    """Whatever the size of a page, and with many rows of the same moment."""
    news = [prediction(f"p{n}", n // 4 * SECOND) for n in range(10)]
    await services.ingest.predictions(news, someone)
    wanted = sorted(news, key=lambda one: (one.created_at, one.id), reverse=order == "desc")
    assert await ids(services, limit=limit, order=order) == [one.id for one in wanted]


async def test_a_page_is_not_disturbed_by_what_comes_meanwhile(services, model, someone):
    """A row that is newer than the page's end isn't seen, one that is older is."""
    await services.ingest.predictions([prediction(f"p{n}", n * HOUR) for n in range(4)], someone)
    page = await services.events.list_predictions(PredictionQuery(model_id="digits", limit=2))
    await services.ingest.predictions([prediction("new"), prediction("old", 5 * HOUR)], someone)
    query = PredictionQuery(model_id="digits", after=from_cursor(page.next_cursor))
    assert [one.id for one in (await services.events.list_predictions(query)).items] == ["p2", "p3", "old"]


async def test_the_last_page_says_so(services, model, someone):
    """A page that is just full has no next one when nothing follows."""
    await services.ingest.predictions([prediction(f"p{n}") for n in range(3)], someone)
    page = await services.events.list_predictions(PredictionQuery(model_id="digits", limit=3))
    assert (len(page.items), page.next_cursor) == (3, None)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"label": "0"}, ["p1"]),
        ({"version_id": "v1"}, ["p2"]),
        ({"min_confidence": 0.5}, ["p1", "p3"]),
        ({"max_confidence": 0.5}, ["p0", "p1"]),
        ({"min_confidence": 0.5, "max_confidence": 0.5}, ["p1"]),
        ({"start": NOON - 2 * HOUR, "end": NOON - HOUR}, ["p1", "p2"]),
        ({"start": NOON - HOUR + 1}, ["p0"]),
        ({"end": NOON - 3 * HOUR}, ["p3"]),
        ({"label": "nothing"}, []),
    ],
)
async def test_filters_find_what_they_say(services, model, someone, query, wanted):
    """Each filter alone, with both ends of a time and of a confidence included; pages of one work too."""
    await services.models.add_version("digits", NewVersion(name="one", id="v1"))
    news = [
        prediction("p0", confidence=0.1),
        prediction("p1", HOUR, label="0", confidence=0.5),
        prediction("p2", 2 * HOUR, version_id="v1"),
        prediction("p3", 3 * HOUR, confidence=1.0),
    ]
    await services.ingest.predictions(news, someone)
    assert await ids(services, **query) == wanted
    assert await ids(services, limit=1, **query) == wanted


async def test_a_prediction_comes_back_field_for_field(services, someone):
    """Everything that was sent is there, subject and unit excepted, and the truth in force beside it."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    box = Detection(label="car", box=(1.0, 2.0, 3.5, 4.0), confidence=0.5)
    new = NewPrediction(
        model_id="boxes",
        id="p1",
        created_at=from_micros(NOON - 5),
        confidence=0.25,
        detections=[box],
        image_size=(640, 480),
        latency_ms=12.5,
        input_url="https://example.com/1.png",
        input_hash="0" * 64,
        input_id="image 1",
        features={"a": 1, "b": "two", "c": None, "d": True, "e": 2**53 + 1, "f": 0.1},
        attributions={"a": -0.5},
        attributes={"country": "NL"},
        subject="ann",
    )
    await services.ingest.predictions([new], someone)
    await services.ingest.labels([NewLabel(id="l1", prediction_id="p1", boxes=[])], someone)
    found = await services.events.prediction("p1")
    for name in new.__struct_fields__:
        if name not in ("subject", "unit"):
            assert getattr(found, name) == getattr(new, name), name
    assert (found.truth.id, found.truth.boxes) == ("l1", [])
    assert not hasattr(found, "subject")
    assert not hasattr(found, "unit")


async def test_an_id_of_several_models_asks_for_one(services, model, someone):
    """By its id alone a row is found in one model, ambiguous in several, and unknown in none."""
    await services.models.create(NewModel(name="Other", id="other"))
    await services.ingest.predictions([prediction("p1"), prediction("p1", model_id="other", label="7")], someone)
    with pytest.raises(Conflict, match="say which with `model_id`"):
        await services.events.prediction("p1")
    assert (await services.events.prediction("p1", "other")).label == "7"
    for arguments in (("p2", None), ("p2", "digits"), ("p1", "unknown")):
        with pytest.raises(NotFound):
            await services.events.prediction(*arguments)
        with pytest.raises(NotFound):
            await services.events.feedback(*arguments)


async def feedback_ids(services, **query):
    """Return the ids of feedback that a query finds, over pages of two."""
    found, after = [], None
    while True:
        page = await services.events.list_feedback(FeedbackQuery(model_id="digits", limit=2, after=after, **query))
        found += [one.id for one in page.items]
        if page.next_cursor is None:
            return found
        after = from_cursor(page.next_cursor)


async def test_feedback_is_listed_newest_first_and_filtered(services, model, someone, clock):
    """By kind, status, review, prediction and time; a change feed by `updated_at`."""
    await services.ingest.predictions([prediction("p1", HOUR), prediction("p2", HOUR)], someone)
    shared = {"model_id": "digits"}
    news = [
        Rating(id="a", prediction_id="p1", rating=1, created_at=from_micros(NOON - 3), **shared),
        Rating(id="b", prediction_id="p1", rating=-1, created_at=from_micros(NOON - 2), supersedes="a", **shared),
        Comment(id="c", prediction_id="p2", notes="hm", created_at=from_micros(NOON - 1), **shared),
        Rating(id="d", prediction_id="unknown", rating=1, created_at=from_micros(NOON), **shared),
    ]
    for new in news:
        clock.forward(SECOND)
        await services.ingest.feedback([new], someone)
    await services.review.approve("b", None, someone)
    clock.forward(2 * FEED_LAG)  # where several nodes write, changes show so late
    assert await feedback_ids(services) == ["d", "c", "b", "a"]
    assert await feedback_ids(services, feedback_type="comment") == ["c"]
    assert await feedback_ids(services, status="superseded") == ["a"]
    assert await feedback_ids(services, status="orphan") == ["d"]
    assert await feedback_ids(services, review="approved") == ["b"]
    assert await feedback_ids(services, prediction_id="p1") == ["b", "a"]
    assert await feedback_ids(services, start=NOON - 2, end=NOON - 1) == ["c", "b"]
    assert await feedback_ids(services, updated_since=0) == ["a", "c", "d", "b"]
    seen = (await services.events.feedback("d")).updated_at
    later = (seen - from_micros(0)).total_seconds() * 1e6
    assert await feedback_ids(services, updated_since=round(later)) == ["d", "b"]
    assert await feedback_ids(services, updated_since=0, prediction_id="p1") == ["a", "b"]
    assert await feedback_ids(services, updated_since=0, start=NOON - 2, end=NOON - 1) == ["c", "b"]


async def test_a_change_feed_misses_nothing_while_it_is_read(services, model, someone, clock):
    """Whatever changes between two pages comes on a later one."""
    await services.ingest.predictions([prediction("p1", HOUR)], someone)
    for n in range(4):
        await services.ingest.feedback([Rating(id=f"f{n}", prediction_id="p1", rating=1)], someone)
    clock.forward(2 * FEED_LAG)
    query = FeedbackQuery(model_id="digits", updated_since=0, limit=2)
    page = await services.events.list_feedback(query)
    assert [one.id for one in page.items] == ["f0", "f1"]
    await services.review.approve("f0", None, someone)
    clock.forward(2 * FEED_LAG)
    rest = await services.events.list_feedback(
        FeedbackQuery(model_id="digits", updated_since=0, after=from_cursor(page.next_cursor))
    )
    assert [one.id for one in rest.items] == ["f2", "f3", "f0"]


@pytest.mark.parametrize("text", ["", "x", "AAAA", "W10", "WzEsMl0", "ümlaut", "WyIxIiwgImEiXQ", "=" * 9])
def test_a_cursor_that_is_none_of_ours_is_refused(text):
    """Only what a list gave out is taken."""
    with pytest.raises(Invalid, match="next_cursor"):
        from_cursor(text)


def test_a_cursor_can_be_read_again():
    """A place goes out and comes in."""
    assert from_cursor(to_cursor(-5, "a~b")) == (-5, "a~b")


async def test_a_page_of_large_rows_ends_early(services, model, someone):
    """Whatever the limit, a page has about 4 MiB of text, and the next one goes on where it ended."""
    news = [prediction(f"p{n:03}", n * SECOND, features=LARGE) for n in range(50)]
    await services.ingest.predictions(news, someone)
    page = await services.events.list_predictions(PredictionQuery(model_id="digits", limit=1000))
    assert len(page.items) == 21  # of about 199 KB each
    assert await ids(services, limit=1000) == [one.id for one in news]


async def test_a_page_of_large_truths_ends_early(services, model, someone):
    """What a prediction's true label weighs counts too, and a row is never left out for its size."""
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    box = LabelledBox(label="é" * 100, box=(0.0, 0.0, 1.0, 1.0))
    for n in range(40):
        new = NewPrediction(model_id="boxes", id=f"p{n:02}", detections=[])
        await services.ingest.predictions([new], someone)
        truth = NewLabel(model_id="boxes", prediction_id=new.id, boxes=[box] * 800)
        await services.ingest.labels([truth], someone)
    query = PredictionQuery(model_id="boxes", limit=1000, order="asc")
    page = await services.events.list_predictions(query)
    assert len(page.items) == 20  # 40 have more than 4 MiB
    assert all(len(one.truth.boxes) == 800 for one in page.items)
    rest = await services.events.list_predictions(replace(query, after=from_cursor(page.next_cursor)))
    assert rest.items[0].id == "p20"


async def test_one_row_above_the_size_of_a_page_is_a_page(services, model, someone):
    """Reading goes on, a row at a time."""
    await services.ingest.predictions([prediction("p1"), prediction("p2")], someone)
    rows, more = await services.database.some(
        "list_predictions_up", 1, model_id="digits", version_id=None, label=None, min_confidence=None,
        max_confidence=None, at=0, id="", most=9, start=0, stop=2**62,
    )  # fmt: skip
    assert ([row["id"] for row in rows], more) == (["p1"], True)


async def test_an_export_has_every_large_row(services, model, someone):
    """Pages that end early lose nothing."""
    news = [prediction(f"p{n:03}", -n, features=LARGE) for n in range(45)]
    await services.ingest.predictions(news, someone)
    found = [one.id async for one in exports.rows(services.database, "digits", "predictions")]
    assert found == [one.id for one in news]
