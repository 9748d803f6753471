"""What is kept aside: bursts and repetitions by pages, by the time of receipt, alone and in batches, with orphans."""

from contextlib import asynccontextmanager
from itertools import permutations

import pytest
from msgspec.structs import replace

from seeme.clock import HOUR, MINUTE, SECOND
from seeme.errors import Conflict
from seeme.records.feedback import Comment, Correction, Rating, WrongBox
from seeme.records.models import NewModel
from seeme.records.predictions import Detection, NewPrediction
from seeme.records.queries import FeedbackQuery
from seeme.service.services import Services

from .test_votes import assert_recount, log, send, thumbs, vote


async def quarantined(services, model_id="digits"):
    """Return the ids of quarantined feedback, oldest first."""
    page = await services.events.list_feedback(FeedbackQuery(model_id=model_id, status="quarantined", limit=1000))
    return [one.id for one in reversed(page.items)]


@pytest.mark.parametrize("sizes", [[1] * 8, [8], [3, 5]])
async def test_a_burst_of_votes_from_pages_is_set_aside(settings, clock, someone, visitor, sizes):
    """Beyond so many votes on one prediction the next are kept uncounted, one by one or all in one batch."""
    async with Services.open(replace(settings, burst_votes=5), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await log(services, someone)
        votes = iter([vote(f"f{n}", -1, n, notes=f"{n}") for n in range(8)])
        outcomes = []
        for size in sizes:
            outcomes += await services.ingest.feedback([next(votes) for _ in range(size)], visitor)
        assert [one.status for one in outcomes] == ["created"] * 5 + ["quarantined"] * 3
        assert await thumbs(services) == (0, 5, 1)
        assert await quarantined(services) == ["f5", "f6", "f7"]
        reason = (await services.events.feedback("f7")).status_reason
        assert reason == "burst: the prediction had 5 votes within an hour"
        await assert_recount(services)


async def test_a_burst_that_waits_for_its_prediction_is_set_aside_too(settings, clock, someone, visitor):
    """Orphans are counted when their prediction comes; those beyond the bound are not."""
    async with Services.open(replace(settings, burst_votes=5), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await services.ingest.feedback([vote(f"f{n}", -1, n, notes=f"{n}") for n in range(8)], visitor)
        await log(services, someone)
        assert await thumbs(services) == (0, 5, 1)
        assert len(await quarantined(services)) == 3


async def test_secret_keys_and_other_predictions_are_no_burst(settings, clock, someone, visitor):
    """The bound is for votes of pages on one prediction; taking back is no vote."""
    async with Services.open(replace(settings, burst_votes=2), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        for id in ("p1", "p2"):
            await log(services, someone, id)
        trusted = [vote(f"s{n}", 1, n) for n in range(5)]
        assert await send(services, someone, *trusted) == ["created"] * 5
        others = [
            vote("v1", 1, prediction_id="p2"),
            vote("v2", -1, prediction_id="p2"),
            vote("v0", 0, prediction_id="p1"),
        ]
        assert await send(services, visitor, *others) == ["created"] * 3


async def test_released_feedback_counts(settings, clock, someone, visitor):
    """A person lets it count, which is written down; it competes in its slot like any other."""
    async with Services.open(replace(settings, burst_votes=1), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await log(services, someone)
        await send(services, visitor, vote("a", 1, 1), vote("b", -1, 2))
        with pytest.raises(Conflict, match="is quarantined and doesn't count"):
            await services.review.approve("b", None, someone)
        released = await services.review.release("b", None, someone)
        assert released.status == "active"
        assert released.status_reason == "released by Ada at 2025-11-20T12:00:00+00:00"
        assert await thumbs(services) == (1, 1, 1)
        with pytest.raises(Conflict, match="is active, not quarantined"):
            await services.review.release("b", None, someone)
        await assert_recount(services)


async def test_released_feedback_may_be_overtaken_already(settings, clock, someone, visitor):
    """When a later vote of its slot counts, a released one is superseded."""
    async with Services.open(replace(settings, burst_votes=1), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await log(services, someone)
        await send(services, visitor, vote("a", 1, 1), vote("b", -1, 2))
        await send(services, visitor, vote("c", 1, 3, supersedes="b"))
        await services.review.release("c", None, someone)
        assert (await services.review.release("b", None, someone)).status == "superseded"
        assert await thumbs(services) == (2, 0, 1)
        await assert_recount(services)


async def test_who_changes_their_mind_is_no_burst(services, model, someone, visitor):
    """At the limit of votes on a prediction those who voted can still change theirs; others are set aside."""
    await log(services, someone)
    for n in range(50):
        await services.ingest.feedback([vote(f"v{n}", 1, notes=f"{n}")], visitor)
    (changed,) = await services.ingest.feedback([vote("v0b", -1, 1, supersedes="v0")], visitor)
    (late,) = await services.ingest.feedback([vote("v50", 1)], visitor)
    assert (changed.status, late.status) == ("created", "quarantined")
    assert await thumbs(services) == (49, 1, 1)


@pytest.fixture
async def few(settings, clock, someone):
    """A service on which three votes within an hour are a burst, with a prediction."""
    async with Services.open(replace(settings, burst_votes=3), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await log(services, someone)
        yield services


async def reasons(services, model_id="digits"):
    """Return why feedback is set aside, by its id."""
    page = await services.events.list_feedback(FeedbackQuery(model_id=model_id, status="quarantined", limit=1000))
    return {one.id: one.status_reason for one in page.items}


async def test_an_hour_later_it_is_no_burst_any_more(few, clock, visitor):
    """Votes are counted from receipt, however they date themselves; the oldest leave the window one by one."""
    sent = []
    for n in range(8):
        sent += await send(few, visitor, vote(f"v{n}", 1, seconds=n, notes=f"{n}"))
        clock.forward(15 * MINUTE)
    # 0 15 30 | 45 is too many; at 60 the first one is an hour old.
    assert sent == ["created"] * 3 + ["quarantined"] + ["created"] * 3 + ["quarantined"]
    assert await thumbs(few) == (6, 0, 1)
    await assert_recount(few)


async def test_a_popular_prediction_takes_votes_for_ever(few, clock, someone, visitor):
    """Many old votes, and many of secret keys, make no burst."""
    await send(few, someone, *(vote(f"s{n}", 1, n) for n in range(10)))
    for n in range(12):
        assert await send(few, visitor, vote(f"v{n}", -1, notes=f"{n}")) == ["created"]
        clock.forward(21 * MINUTE)
    assert await thumbs(few) == (10, 12, 1)


async def test_orphans_are_a_burst_by_their_receipt(few, clock, someone, visitor):
    """Not by when their prediction came: four within an hour are one too many, also days later, three are not."""
    for n in range(4):
        await send(few, visitor, vote(f"fast{n}", 1, notes=f"{n}", prediction_id="later"))
        clock.forward(MINUTE)
    for n in range(4):
        clock.forward(HOUR)
        await send(few, visitor, vote(f"slow{n}", 1, notes=f"{n}", prediction_id="later"))
    clock.forward(24 * HOUR)
    await log(few, someone, "later")
    assert list(await reasons(few)) == ["fast3"]
    await assert_recount(few)


async def test_the_database_is_asked_at_the_limit_alone(few, clock, someone, visitor, monkeypatch):
    """A batch of predictions asks for no votes at all; feedback of pages asks once for what was said alike."""
    asked = []
    transaction = few.database.transaction

    @asynccontextmanager
    async def watching():
        async with transaction() as tx:
            real = tx.of

            async def of(query, keys, **values):
                asked.append(query)
                return await real(query, keys, **values)

            tx.of = of
            yield tx

    monkeypatch.setattr(few.database, "transaction", watching)
    await log(few, someone, "p2")
    assert not {"lookalikes", "page_votes", "active_in_slots"} & set(asked)
    asked.clear()
    await few.ingest.feedback([vote("a", 1), vote("b", -1), vote("c", 1, notes="hm")], visitor)
    assert (asked.count("lookalikes"), asked.count("page_votes")) == (1, 0)
    asked.clear()
    await send(few, visitor, vote("d", 1, notes="aha"))
    assert (asked.count("lookalikes"), asked.count("page_votes")) == (1, 1)
    asked.clear()
    await send(few, someone, vote("e", 1))
    assert not {"lookalikes", "page_votes"} & set(asked)


SAID = {"model_id": "digits", "prediction_id": "p1"}
NEWS = [
    Rating(rating=1, **SAID),
    Rating(rating=-1, notes="no", **SAID),
    Comment(notes="hm", **SAID),
    Correction(correct_label="7", **SAID),
    Correction(correct_label="7", notes="a seven", **SAID),
]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("new", NEWS, ids=lambda new: f"{type(new).__name__} {new.notes}")
async def test_the_same_again_within_ten_seconds_is_a_duplicate(
    services, model, someone, visitor, clock, new, together
):
    """In one batch or in two; the reason names the first one, and after ten seconds it is another's word."""
    await log(services, someone)
    first, second, third, late = (replace(new, id=id) for id in ("first", "second", "third", "late"))
    if together:
        outcomes = await services.ingest.feedback([first, second], visitor)
        clock.forward(9 * SECOND)
    else:
        outcomes = await services.ingest.feedback([first], visitor)
        clock.forward(9 * SECOND)
        outcomes += await services.ingest.feedback([second], visitor)
    assert [one.status for one in outcomes] == ["created", "quarantined"]
    assert await send(services, visitor, third) == ["quarantined"]
    clock.forward(SECOND)
    assert await send(services, visitor, late) == ["created"]
    reason = "duplicate: it says the same as first, received within 10 seconds"
    assert await reasons(services) == {"second": reason, "third": reason}
    await assert_recount(services)


async def test_what_differs_in_anything_is_no_duplicate(services, model, someone, visitor):
    """Another rating, label, note or prediction, a change of mind, a known voter, a secret key, and a retry."""
    await log(services, someone)
    await log(services, someone, "p2")
    for n, new in enumerate(NEWS):
        await send(services, visitor, replace(new, id=f"n{n}"))
    others = [
        Rating(id="a", rating=1, notes="yes", **SAID),
        Rating(id="b", rating=1, model_id="digits", prediction_id="p2"),
        Rating(id="c", rating=-1, supersedes="n0", **SAID),
        Rating(id="d", rating=-1, supersedes="n1", notes="no", **SAID),
        Correction(id="e", correct_label="1", **SAID),
        Comment(id="f", notes="hm!", **SAID),
    ]
    assert await send(services, visitor, *others) == ["created"] * len(others)
    assert await send(services, someone, *(replace(new, id=f"s{n}") for n, new in enumerate(NEWS))) == ["created"] * 5
    assert await send(services, visitor, replace(NEWS[0], id="n0")) == ["unchanged"]
    assert await reasons(services) == {}


async def test_values_and_boxes_tell_feedback_apart(services, someone, visitor):
    """Also very near ones, that are equal as text only when they are equal."""
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    await services.models.create(NewModel(name="Boxes", id="boxes", task="detection"))
    found = [Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))] * 2
    new = [
        NewPrediction(model_id="prices", id="p1", value=1.0),
        NewPrediction(model_id="boxes", id="p1", detections=found),
    ]
    await services.ingest.predictions(new, someone)
    values = [0.1 + 0.2, 0.3, 0.1 + 0.2]
    prices = [Correction(model_id="prices", prediction_id="p1", correct_value=value) for value in values]
    assert await send(services, visitor, *prices) == ["created", "created", "quarantined"]
    moved = [((0.0, 0.0, 1.0, 2.0), 0), ((0.0, 0.0, 1.0, 2.0), 1), ((0.0, 0.0, 1.0, 2.5), 0), ((0.0, 0.0, 1.0, 2.0), 0)]
    boxes = [WrongBox(model_id="boxes", prediction_id="p1", box=box, detection_index=index) for box, index in moved]
    assert await send(services, visitor, *boxes) == ["created"] * 3 + ["quarantined"]


@pytest.mark.parametrize("place", range(4))
async def test_orphans_are_duplicates_by_their_receipt(services, model, someone, visitor, clock, place):
    """Wherever the prediction comes between: of three within nine seconds the first counts, an hour later it is new."""
    news = [Rating(id=f"v{n}", rating=1, **SAID) for n in range(4)]
    for n, new in enumerate(news):
        if n == place:
            await log(services, someone)
        await send(services, visitor, new)
        clock.forward(HOUR if n == 2 else 4 * SECOND)
    assert list(await reasons(services)) == ["v2", "v1"]
    assert await thumbs(services) == (2, 0, 1)
    await assert_recount(services)


@pytest.mark.parametrize("order", list(permutations("abc")), ids="".join)
async def test_released_and_deleted_ones_are_judged_no_more(services, model, someone, visitor, order):
    """A person has decided; what comes later is compared with what counts."""
    await log(services, someone)
    await send(services, visitor, *(Rating(id=id, rating=1, **SAID) for id in order))
    assert set(await reasons(services)) == set(order[1:])
    await services.review.release(order[1], "digits", someone)
    await services.review.delete(order[0], "digits", someone)
    assert await send(services, visitor, Rating(id="z", rating=1, **SAID)) == ["quarantined"]
    assert f"same as {order[1]}," in (await reasons(services))["z"]


async def test_an_invented_chain_is_no_way_around(services, model, someone, visitor):
    """Naming a feedback that nobody sent makes a repetition no change of mind."""
    await log(services, someone)
    same = [
        Correction(id=f"c{n}", prediction_id="p1", model_id="digits", correct_label="7", supersedes=f"never-{n}")
        for n in range(4)
    ]
    assert await send(services, visitor, *same) == ["created", "quarantined", "quarantined", "quarantined"]
    mind = [
        Correction(id=f"d{n}", prediction_id="p1", model_id="digits", correct_label=label, supersedes=first)
        for n, (label, first) in enumerate([("8", None), ("9", "d0"), ("8", "d0"), ("8", "d0")])
    ]
    assert await send(services, visitor, *mind) == ["created"] * 4
    await assert_recount(services)


async def test_a_page_replaces_nothing_that_a_secret_key_has_sent(services, model, someone, visitor):
    """Ids of a customer's server may be guessed; whoever reads the page's key must not overturn its feedback."""
    await log(services, someone)
    assert await send(services, someone, vote("import-1", 1)) == ["created"]
    assert await send(services, visitor, vote("evil", -1, supersedes="import-1")) == ["created"]
    assert await thumbs(services) == (1, 1, 1)
    assert (await services.events.feedback("import-1")).status == "active"
    await assert_recount(services)
