"""The review queue: who gets what, in which order, and that every decision is counted exactly and can be taken back."""

import asyncio

import msgspec
import pytest
from msgspec.structs import replace

from seeme.clock import DAY, MINUTE, from_micros
from seeme.errors import Conflict, Invalid, NotFound
from seeme.records.feedback import Correction, Rating
from seeme.records.models import ModelPatch
from seeme.records.predictions import LabelledBox, NewPrediction
from seeme.records.queries import ReviewQuery
from seeme.records.review import Claim, Lease, NewDecision, Release
from seeme.service.keys import Identity

RULES = {
    "enabled": True,
    "low_confidence": {"enabled": True, "threshold": 0.6, "sample_rate": 0.5},
    "random_sample": {"enabled": True, "rate": 0.2},
}
RIGHTS = frozenset({"review", "read"})
BEN = Identity("sk_ben", "secret", "Ben", RIGHTS)
ADA = Identity("sk_ada", "secret", "Ada", RIGHTS)
CORRECT = NewDecision(decision="correct")


async def set_rules(services, model_id="digits", **parts):
    """Switch the data engine on."""
    patch = msgspec.convert({"data_engine": {**RULES, **parts}}, ModelPatch)
    return await services.models.patch(model_id, patch, "Ada")


@pytest.fixture
async def queue(services, model, someone):
    """A queue of what the rules take of 60 predictions."""
    await set_rules(services)
    await log(services, someone, 60)
    return services.queue


async def log(services, someone, count, **fields):
    """Log predictions p0, p1 ... of rising confidence."""
    new = [
        NewPrediction(model_id="digits", id=f"p{n}", label="01"[n % 2], confidence=n / count, **fields)
        for n in range(count)
    ]
    return await services.ingest.predictions(new, someone)


async def claim(services, who, limit=1, **filters):
    """Claim items of the model."""
    return await services.queue.claim(Claim(model_id="digits", limit=limit, **filters), who)


async def listed(services, **filters):
    """Return the items of the model."""
    return (await services.flagged.page(ReviewQuery(model_id="digits", limit=1000, **filters))).items


async def recount_agrees(services):
    """Say whether strata and confusions are what the rows add up to."""
    return (await services.reports.rebuild("digits", None, None)).changed == []


async def totals(services):
    """Return the counts of all strata together."""
    rows = await services.database.all("strata_between", model_id="digits", start=0, stop=2**62, version_id=None)
    names = ("n", "taken", "decided", "was_right", "skipped", "unusable", "expired", "out_of_order")
    return {name: int(sum(row[name] for row in rows)) for name in names}


async def test_two_people_signed_in_by_one_key_are_two_reviewers(services, queue):
    """What one holds the other can't decide, and the trail names each."""
    ada, ben = (Identity("sk_all", "session", name, RIGHTS, named=True) for name in ("Ada", "Ben"))
    (row,) = await claim(services, ada)
    with pytest.raises(Conflict, match="is held by Ada until"):
        await services.queue.decide("digits", row.id, CORRECT, ben)
    await services.queue.decide("digits", row.id, CORRECT, ada)
    with pytest.raises(Conflict, match="was decided by Ada; only they"):
        await services.queue.undo("digits", row.id, ben)
    assert {entry.who for entry in (await services.flagged.item(row.id, "digits")).log} == {"Ada"}


def release_of(*rows):
    """Say that these are to be given back."""
    items = [Lease(id=row.id, lease_until=from_micros(row.lease_until)) for row in rows]
    return Release(model_id="digits", items=items)


async def test_what_is_released_comes_first_again(services, clock, queue):
    """For the same reviewer too, in the queue's order and uncounted; what isn't theirs, or was renewed, stays."""
    first, second = await claim(services, ADA, 2)
    (other,) = await claim(services, BEN)
    before = await totals(services)
    clock.forward(MINUTE)
    renewed = await services.queue.renew("digits", second.id, 300, ADA)
    assert await queue.release(release_of(first, second, other), ADA) == [first.id]
    assert await totals(services) == before
    assert [row.id for row in await claim(services, ADA)] == [first.id]
    assert await queue.release(release_of(renewed), ADA) == [second.id]
    assert [entry.action for entry in (await services.flagged.item(second.id, "digits")).log] == ["claimed", "released"]


async def test_what_a_rule_takes_is_queued_with_its_reason_and_probability(services, queue):
    """The decision stands with the prediction, and the item says why it is there."""
    items = await listed(services)
    counts = await totals(services)
    assert counts["n"] == 60
    assert 0 < counts["taken"] == len(items) < 60
    low = {n for n in range(60) if n / 60 < 0.6}
    for item in items:
        assert item.pi == pytest.approx(0.6 if int(item.prediction_id[1:]) in low else 0.2)
    assert all(set(item.reasons) <= {"low_confidence", "random_sample"} and item.reasons for item in items)
    assert await recount_agrees(services)


async def test_a_replayed_prediction_is_counted_and_queued_once(services, queue, someone):
    """A retry changes neither strata nor queue."""
    before = await totals(services), len(await listed(services))
    await log(services, someone, 60)
    assert (await totals(services), len(await listed(services))) == before


async def test_a_failed_prediction_is_not_judged(services, model, someone):
    """There is no answer that could be right or wrong."""
    await set_rules(services, random_sample={"enabled": True, "rate": 1})
    await services.ingest.predictions([NewPrediction(model_id="digits", id="e", error="broken")], someone)
    assert await listed(services) == []
    assert (await totals(services))["n"] == 0


async def test_judging_without_queueing_is_possible(services, model, someone):
    """auto_queue_for_review off: what would be taken is counted, nobody is bothered."""
    await set_rules(services, auto_queue_for_review=False)
    await log(services, someone, 60)
    assert (await totals(services))["taken"] > 0
    assert await listed(services) == []


async def test_changed_rules_affect_what_comes_after(services, queue, someone):
    """And every version of them stays known, with who made it."""
    await set_rules(services, random_sample={"enabled": True, "rate": 0.3})
    new = [NewPrediction(model_id="digits", id=f"q{n}", label="0", confidence=0.9) for n in range(100)]
    await services.ingest.predictions(new, someone)
    found = [item.pi for item in await listed(services) if item.prediction_id.startswith("q")]
    assert found == pytest.approx([0.3] * len(found))
    assert found
    versions = (await services.models.rule_sets(services.database, "digits")).items
    assert [(one.version, one.made_by, one.settings.random_sample.rate) for one in versions] == [
        (1, "Ada", 0.2),
        (2, "Ada", 0.3),
    ]


async def test_negative_feedback_queues_but_is_no_sample(services, queue, someone):
    """An item that a rule took keeps its probability; one that feedback alone queued has none."""
    taken = {item.prediction_id: item for item in await listed(services)}
    free = next(f"p{n}" for n in range(60) if f"p{n}" not in taken)
    held = next(iter(taken))
    votes = [Rating(prediction_id=held, rating=-1), Correction(prediction_id=free, correct_label="1")]
    await services.ingest.feedback([*votes, Rating(prediction_id="p3", rating=1)], someone)
    items = {item.prediction_id: item for item in await listed(services)}
    assert items[held].reasons == [*taken[held].reasons, "negative_feedback"]
    assert items[held].pi == taken[held].pi
    assert (items[free].reasons, items[free].pi) == (["negative_feedback"], None)
    assert len(items) == len(taken) + 1


async def test_items_are_served_by_their_places_not_by_confidence(services, queue):
    """The unfiltered queue goes by a hash, so that what is decided so far is a random part."""
    rows = await claim(services, ADA, 10)
    assert [row.place for row in rows] == sorted(row.place for row in rows)
    assert [row.confidence for row in rows] != sorted(row.confidence for row in rows)
    assert all(row.in_order for row in rows)
    (chosen,) = await claim(services, BEN, ids=[(await listed(services, status="needs_review"))[0].id])
    assert not chosen.in_order


async def test_two_reviewers_never_get_the_same_item(services, queue):
    """However many ask at once."""
    total = len(await listed(services))
    found = await asyncio.gather(*(claim(services, who, 1) for _ in range(40) for who in (ADA, BEN)))
    ids = [row.id for rows in found for row in rows]
    assert len(ids) == len(set(ids)) == total
    assert await claim(services, ADA) == []


async def test_a_lease_that_ends_gives_the_item_back(services, queue, clock):
    """Its old holder can't decide it any more, whether somebody else has it or not."""
    (row,) = await claim(services, ADA, lease_seconds=60)
    clock.forward(MINUTE)
    with pytest.raises(Conflict, match=r"your lease of the item .* ended at 2025-11-20T12:01:00"):
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    (again,) = await claim(services, BEN, ids=[row.id])
    with pytest.raises(Conflict, match="held by Ben until 2025-11-20T12:11:00"):
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    await services.queue.decide("digits", again.id, CORRECT, BEN)


async def test_a_renewed_lease_counts_from_now(services, queue, clock):
    """A long look isn't cut off."""
    (row,) = await claim(services, ADA, lease_seconds=60)
    clock.forward(MINUTE - 1)
    await services.queue.renew("digits", row.id, 600, ADA)
    clock.forward(9 * MINUTE)
    await services.queue.decide("digits", row.id, CORRECT, ADA)


async def test_what_is_not_held_cannot_be_decided(services, queue):
    """Claim it first."""
    item = (await listed(services))[0]
    with pytest.raises(Conflict, match="claim it first"):
        await services.queue.decide("digits", item.id, CORRECT, ADA)
    with pytest.raises(NotFound):
        await services.queue.decide("digits", "ri_none", CORRECT, ADA)


async def test_a_skipped_item_goes_to_others(services, queue):
    """Whoever skipped it isn't offered it again."""
    (row,) = await claim(services, ADA)
    await services.queue.skip("digits", row.id, "blurred", ADA)
    assert row.id not in [one.id for one in await claim(services, ADA, 100)]
    assert [one.id for one in await claim(services, BEN, 1)] == [row.id]
    log = (await services.flagged.item(row.id)).log
    assert [(entry.who, entry.action, entry.detail) for entry in log] == [
        ("Ada", "claimed", None),
        ("Ada", "skipped", "blurred"),
        ("Ben", "claimed", None),
    ]
    assert (await totals(services))["skipped"] == 1
    assert await recount_agrees(services)


async def test_decisions_are_counted_and_undone_exactly(services, queue):
    """Correct, corrected and unusable; after all are undone the sums are as before, bit by bit."""
    before = await services.database.all("strata_between", model_id="digits", start=0, stop=2**62, version_id=None)
    rows = await claim(services, ADA, 4)
    decisions = [
        CORRECT,
        NewDecision(decision="corrected", label="1" if rows[1].label == "0" else "0", note="clearly"),
        NewDecision(decision="corrected", label=rows[2].label),
        NewDecision(decision="unusable"),
    ]
    for row, decision in zip(rows, decisions, strict=True):
        await services.queue.decide("digits", row.id, decision, ADA)
    counts = await totals(services)
    assert (counts["decided"], counts["was_right"], counts["unusable"]) == (3, 2, 1)
    assert await recount_agrees(services)
    for row in rows:
        await services.queue.undo("digits", row.id, ADA)
    after = await services.database.all("strata_between", model_id="digits", start=0, stop=2**62, version_id=None)
    assert [dict(row) for row in after] == [dict(row) for row in before]
    assert (
        await services.database.all("confusions_between", model_id="digits", start=0, stop=2**62, version_id=None) == []
    )


async def test_the_same_decision_once_more_changes_nothing(services, queue):
    """A retry after a lost answer is harmless; another decision isn't taken."""
    (row,) = await claim(services, ADA)
    for _ in range(2):
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    assert (await totals(services))["decided"] == 1
    with pytest.raises(Conflict, match="was decided by Ada already"):
        await services.queue.decide("digits", row.id, NewDecision(decision="unusable"), ADA)


async def test_only_who_decided_can_undo(services, queue):
    """Or an administrator."""
    (row,) = await claim(services, ADA)
    await services.queue.decide("digits", row.id, CORRECT, ADA)
    with pytest.raises(Conflict, match="decided by Ada; only they"):
        await services.queue.undo("digits", row.id, BEN)
    boss = replace(BEN, scopes=RIGHTS | {"admin"})
    assert (await services.queue.undo("digits", row.id, boss)).holder == "Ben"


@pytest.mark.parametrize(
    ("decision", "path"),
    [
        (NewDecision(decision="corrected", label="7"), "$.label"),
        (NewDecision(decision="corrected", value=1.0), "$.value"),
        (NewDecision(decision="corrected", boxes=[LabelledBox(label="0", box=(0, 0, 1, 1))]), "$.boxes"),
    ],
)
async def test_a_decision_that_does_not_fit_the_model_is_refused(services, queue, decision, path):
    """Another task's answer, or a label that isn't among the model's; the item stays held."""
    (row,) = await claim(services, ADA)
    with pytest.raises(Invalid) as refused:
        await services.queue.decide("digits", row.id, decision, ADA)
    assert refused.value.errors[0].path == path
    assert (await listed(services, status="in_review"))[0].id == row.id


async def test_approving_a_correction_closes_the_open_item(services, queue, someone):
    """As a decision out of order, which rejecting it takes back."""
    item = (await listed(services))[0]
    other = "1" if item.predicted_label == "0" else "0"
    new = Correction(prediction_id=item.prediction_id, id="f", correct_label=other)
    await services.ingest.feedback([new], someone)
    await services.review.approve("f", "digits", ADA)
    closed = (await services.flagged.item(item.id)).item
    assert (closed.status, closed.label, closed.decided_by) == ("approved", other, "Ada")
    assert await recount_agrees(services)
    await services.review.reject("f", "digits", ADA)
    assert (await services.flagged.item(item.id)).item.status == "needs_review"
    assert (await totals(services))["decided"] == 0


async def test_approving_what_somebody_reviews_is_told(services, queue, someone):
    """409 with who holds it; and with who decided otherwise."""
    (row,) = await claim(services, BEN)
    other = "1" if row.label == "0" else "0"
    await services.ingest.feedback([Correction(prediction_id=row.prediction_id, id="f", correct_label=other)], someone)
    with pytest.raises(Conflict, match="is held by Ben"):
        await services.review.approve("f", "digits", ADA)
    await services.queue.decide("digits", row.id, CORRECT, BEN)
    with pytest.raises(Conflict, match="Ben reviewed this prediction and decided otherwise"):
        await services.review.approve("f", "digits", ADA)
    assert (await services.events.feedback("f", "digits")).review == "pending"


async def test_a_second_review_is_blind_and_for_somebody_else(services, queue):
    """It counts in no accuracy; how well the two agree is told."""
    await set_rules(services, second_review={"share": 1})
    rows = await claim(services, ADA, 6)
    for row in rows:
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    decided = (await totals(services))["decided"]
    for one in await claim(services, ADA, 100):
        assert one.round == 1
        await services.queue.skip("digits", one.id, None, ADA)
    second = [row for row in await claim(services, BEN, 100) if row.round == 2]
    assert {row.prediction_id for row in second} == {row.prediction_id for row in rows}
    task = await services.flagged.item(second[0].id)
    assert (task.item.second, task.item.decision, task.item.decided_by) == (True, None, None)
    for row, answer in zip(second, "ccccxx", strict=True):
        label = row.label if answer == "c" else ("1" if row.label == "0" else "0")
        await services.queue.decide("digits", row.id, NewDecision(decision="corrected", label=label), BEN)
    state = await services.flagged.state("digits")
    assert (state.reviewed_twice, state.agreement_measure) == (6, "Cohen's kappa")
    assert state.agreement is not None
    assert state.agreement < 1
    assert (await totals(services))["decided"] == decided
    with pytest.raises(Conflict, match="has a second review"):
        await services.queue.undo("digits", rows[0].id, ADA)


async def test_retention_takes_open_items_and_leaves_what_was_decided(services, queue, clock):
    """Nobody can judge a prediction that is gone; the counts stay."""
    (row,) = await claim(services, ADA)
    await services.queue.decide("digits", row.id, CORRECT, ADA)
    before = await totals(services)
    clock.forward(31 * DAY)
    await services.removal.retain()
    assert [item.id for item in await listed(services)] == [row.id]
    assert (await services.flagged.item(row.id)).prediction is None
    assert await totals(services) == {**before, "expired": before["taken"] - 1}


async def test_an_erased_person_is_uncounted_and_out_of_the_queue(services, model, someone):
    """As if they had never been there, decisions included."""
    await set_rules(services, random_sample={"enabled": True, "rate": 1})
    new = [NewPrediction(model_id="digits", id=f"p{n}", label="0", confidence=0.5, subject="s") for n in range(6)]
    await services.ingest.predictions(new, someone)
    first, second, *_ = await claim(services, ADA, 6)
    await services.queue.decide("digits", first.id, NewDecision(decision="corrected", label="1"), ADA)
    await services.queue.skip("digits", second.id, None, ADA)
    subject = services.ingest.subject_hash("s")
    assert subject is not None
    await services.removal.erase(subject)
    assert await listed(services) == []
    assert set((await totals(services)).values()) == {0}
    assert await recount_agrees(services)


async def test_a_deleted_model_leaves_nothing_in_the_queue(services, queue):
    """Its items, strata and settings go with it."""
    await services.models.delete("digits")
    await services.removal.retain()
    assert await services.database.all("some_review_items", model_id="digits", most=1) == []
    assert await services.database.all("rule_sets", model_id="digits") == []
    assert (await totals(services))["n"] == 0
