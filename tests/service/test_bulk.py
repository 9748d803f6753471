"""Much of what is in quarantine decided at once: by ids or by cause, in chunks that are whole, with exact sums."""

import pytest
from msgspec.structs import replace

from seeme.errors import Conflict, NotFound, ServiceFailed
from seeme.records.feedback import Rating
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.quarantine import QuarantineChoice
from seeme.records.queries import FeedbackQuery
from seeme.service import review
from seeme.service.services import Services
from seeme.store import quarantine

from .test_votes import assert_recount, log, send, thumbs, vote

HELD = ["burst0", "burst1", "double0", "double1", "nobody0", "nobody1"]


@pytest.fixture
async def held(settings, clock, someone, visitor):
    """A service with one counted vote and two held for each cause, but for misfits."""
    async with Services.open(replace(settings, burst_votes=1), clock) as services:
        await services.models.create(NewModel(name="Digits", id="digits"))
        await log(services, someone)
        await log(services, someone, "p2")
        await send(services, visitor, vote("first", 1))
        await send(services, visitor, *(vote(f"burst{n}", -1, n, notes=f"{n}") for n in range(2)))
        await send(services, visitor, *(vote(f"double{n}", 1) for n in range(2)))
        await services.models.patch("digits", ModelPatch(config=ConfigPatch(require_prediction_token=True)))
        names = {"model_id": "digits", "prediction_id": "p2"}
        await send(services, visitor, *(Rating(id=f"nobody{n}", rating=1, notes=f"{n}", **names) for n in range(2)))
        yield services


async def states(services):
    """Return the ids of all feedback by their status."""
    page = await services.events.list_feedback(FeedbackQuery(model_id="digits", limit=1000))
    return {one.id: one.status for one in page.items}


def by_reason(reason):
    """Return the choice of a cause."""
    return QuarantineChoice(reason=reason)


async def test_a_cause_is_released_alone(held, someone):
    """Those of other causes stay; the answer counts what is done and left, and the sums agree with the rows."""
    assert await quarantine.counts(held.database, "digits") == {"burst": 2, "duplicate": 2, "token": 2}
    answer = await held.review.release_held("digits", by_reason("burst"), someone)
    assert (answer.done, answer.left, answer.items) == (2, 0, None)
    assert await thumbs(held) == (1, 2, 1)
    await held.review.release_held("digits", by_reason("token"), someone)
    assert await thumbs(held) == (3, 2, 2)
    assert (await held.events.feedback("nobody0")).status_reason.startswith("released by Ada at 2025-11-20")
    assert await quarantine.counts(held.database, "digits") == {"duplicate": 2}
    await assert_recount(held)


async def test_a_cause_is_deleted_alone(held):
    """For good: their ids stay taken; nothing that counted goes."""
    answer = await held.review.delete_held("digits", by_reason("duplicate"))
    assert (answer.done, answer.left) == (2, 0)
    assert set(await states(held)) == {"first", "burst0", "burst1", "nobody0", "nobody1"}
    assert (await held.review.delete_held("digits", by_reason("duplicate"))).done == 0
    assert await thumbs(held) == (1, 0, 1)
    await assert_recount(held)


@pytest.mark.parametrize("verb", ["released", "deleted"])
async def test_ids_get_one_result_each_in_their_order(held, someone, verb):
    """What isn't in quarantine or isn't there is refused with the reason, and the others are done all the same."""
    choice = QuarantineChoice(ids=["none", "double0", "first", "burst1", "double0"])
    if verb == "released":
        answer = await held.review.release_held("digits", choice, someone)
    else:
        answer = await held.review.delete_held("digits", choice)
    assert [(item.id, item.status) for item in answer.items] == [
        ("none", "refused"),
        ("double0", verb),
        ("first", "refused"),
        ("burst1", verb),
        ("double0", verb),
    ]
    assert [answer.items[n].detail for n in (0, 1, 2)] == [
        "there is no such feedback of this model",
        None,
        "this feedback is active, not quarantined",
    ]
    assert (answer.done, answer.left) == (2, 4)
    assert (await states(held))["first"] == "active"
    await assert_recount(held)


async def test_many_go_in_chunks_and_the_oldest_first(held, someone, visitor, monkeypatch, clock):
    """A call takes so many; the next one goes on."""
    monkeypatch.setattr(review, "MOST", 5)
    monkeypatch.setattr(review, "CHUNK", 2)
    names = {"model_id": "digits", "prediction_id": "p2"}
    for n in range(9):
        clock.forward(1_000_000)
        await send(held, visitor, Rating(id=f"late{n}", rating=-1, notes=f"{n}", **names))
    answers = [await held.review.release_held("digits", by_reason("token"), someone) for _ in range(3)]
    assert [(one.done, one.left) for one in answers] == [(5, 6), (5, 1), (1, 0)]
    assert await thumbs(held) == (3, 9, 2)
    await assert_recount(held)


async def test_a_chunk_that_fails_is_undone_whole(held, someone, monkeypatch):
    """The chunks before it are done, it isn't, and the sums agree with the rows."""
    monkeypatch.setattr(review, "CHUNK", 4)
    real, calls = review.events.set_feedback_statuses, []

    async def failing(tx, rows):
        calls.append(len(rows))
        if len(calls) == 2:
            raise RuntimeError
        await real(tx, rows)

    monkeypatch.setattr(review.events, "set_feedback_statuses", failing)
    with pytest.raises(ServiceFailed):
        await held.review.release_held("digits", QuarantineChoice(ids=HELD), someone)
    found = await states(held)
    assert [found[id] for id in HELD] == ["active"] * 4 + ["quarantined"] * 2
    assert await thumbs(held) == (3, 2, 1)
    await assert_recount(held)


async def test_what_fits_no_prediction_is_deleted_only(held, someone):
    """Neither all of them nor one by its id is released."""
    async with held.database.transaction() as tx:
        reason = "misfit: the prediction has 1 detections, counted from 0"
        values = {"model_id": "digits", "status": "quarantined", "status_reason": reason, "updated_at": 1}
        await tx.run("set_feedback_status", id="burst0", **values)
    with pytest.raises(Conflict, match="only be deleted"):
        await held.review.release_held("digits", by_reason("misfit"), someone)
    answer = await held.review.release_held("digits", QuarantineChoice(ids=["burst0"]), someone)
    assert (answer.items[0].status, answer.done) == ("refused", 0)
    assert (await held.review.delete_held("digits", by_reason("misfit"))).done == 1


async def test_an_unknown_model_has_no_quarantine(held, someone):
    """A typo is told."""
    with pytest.raises(NotFound):
        await held.review.release_held("none", by_reason("burst"), someone)
    with pytest.raises(NotFound):
        await held.review.delete_held("none", by_reason("burst"))
