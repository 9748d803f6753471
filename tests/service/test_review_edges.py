"""What an attack on the review queue found: ids used again, late predictions, gone predictions, odd agreement."""

import pytest

from seeme.clock import DAY, MINUTE, from_micros
from seeme.errors import Conflict, Gone
from seeme.records.datasets import NewDataset
from seeme.records.feedback import Accepted, Comment, Correction, Rating
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.predictions import Detection, LabelledBox, NewLabel, NewPrediction
from seeme.records.queries import ReviewQuery
from seeme.records.review import Claim, NewDecision

from .test_queue import ADA, BEN, CORRECT, claim, listed, set_rules, totals

NO_RULE = {"low_confidence": {"enabled": False}, "random_sample": {"enabled": False}}
ALL = {"low_confidence": {"enabled": False}, "random_sample": {"enabled": True, "rate": 1}}


def prediction(id, **fields):
    """Return a prediction to log."""
    return NewPrediction(**{"model_id": "digits", "id": id, "label": "0", "confidence": 0.5, **fields})


async def test_a_late_prediction_that_is_refused_leaves_the_others_alone(services, model, someone, clock):
    """What waited for it goes on waiting, and other events of the batch are stored."""
    then = clock()
    await services.ingest.predictions([prediction("old")], someone)
    clock.forward(31 * DAY)
    await services.removal.retain()
    await services.ingest.feedback([Comment(model_id="digits", prediction_id="late", notes="Hm.")], someone)
    await services.ingest.labels([NewLabel(model_id="digits", prediction_id="late", label="1")], someone)
    late = prediction("late", created_at=from_micros(then))
    refused, stored = await services.ingest.predictions([late, prediction("new")], someone)
    assert isinstance(refused, Gone)
    assert isinstance(stored, Accepted)


async def test_an_item_of_an_id_that_is_used_again_is_not_the_new_predictions(services, model, someone, clock):
    """Retention took the first one; the decision about it tells nothing of the second."""
    await set_rules(services, **ALL)
    await services.ingest.predictions([prediction("img.png")], someone)
    (row,) = await claim(services, ADA)
    await services.queue.decide("digits", row.id, CORRECT, ADA)
    for _ in range(2):
        clock.forward(31 * DAY)
        await services.removal.retain()
    await set_rules(services, low_confidence={"enabled": False}, random_sample={"enabled": True, "rate": 0.000001})
    await services.ingest.predictions([prediction("img.png", subject="bob")], someone)
    assert (await services.reports.rebuild("digits", None, None)).changed == []
    subject = services.ingest.subject_hash("bob")
    assert subject is not None
    await services.removal.erase(subject)
    assert [item.id for item in await listed(services)] == [row.id]
    await services.accuracy.report("digits", None, None)


async def test_an_id_that_is_used_again_is_another_prediction(services, model, someone, clock):
    """It is queued and learned from anew, and erasing its person leaves the former one's item in the dataset."""
    dataset, _ = await services.datasets.create(NewDataset(name="Digits"), ADA)
    await set_rules(services, **ALL, target_dataset_id=dataset.id)
    await services.ingest.predictions([prediction("img.png", subject="ann")], someone)
    (first,) = await claim(services, ADA)
    await services.queue.decide("digits", first.id, CORRECT, ADA)
    for _ in range(2):
        clock.forward(31 * DAY)
        await services.removal.retain()
    await services.ingest.predictions([prediction("img.png", subject="bob", label="1")], someone)
    await services.ingest.feedback([Rating(prediction_id="img.png", model_id="digits", rating=-1)], someone)
    assert (await services.flagged.item(first.id)).prediction is None
    with pytest.raises(Conflict, match="is gone; nobody could judge it again"):
        await services.queue.undo("digits", first.id, ADA)
    (second,) = await claim(services, ADA, 5)
    assert second.reasons == "random_sample negative_feedback"
    await services.queue.decide("digits", second.id, CORRECT, ADA)
    items = (await services.datasets.items(dataset.id, None)).items
    assert {item.id: item.label for item in items} == {first.id: "0", second.id: "1"}
    assert (await services.reports.rebuild("digits", None, None)).changed == []
    subject = services.ingest.subject_hash("bob")
    assert subject is not None
    await services.removal.erase(subject)
    assert [item.id for item in (await services.datasets.items(dataset.id, None)).items] == [first.id]
    assert [item.id for item in await listed(services)] == [first.id]


async def test_a_decision_about_a_prediction_that_is_gone_stands(services, model, someone, clock):
    """Nobody could judge it again, so it can't be undone; rejecting the feedback that made it leaves it counted."""
    await set_rules(services, **ALL)
    await services.ingest.predictions([prediction("a"), prediction("b")], someone)
    await services.ingest.feedback([Correction(prediction_id="a", id="f", correct_label="1")], someone)
    await services.review.approve("f", "digits", ADA)
    (row,) = await claim(services, ADA)
    await services.queue.decide("digits", row.id, CORRECT, ADA)
    clock.forward(31 * DAY)
    await services.removal.retain()
    before = await totals(services)
    with pytest.raises(Conflict, match="is gone; nobody could judge it again"):
        await services.queue.undo("digits", row.id, ADA)
    await services.review.reject("f", "digits", ADA)
    assert {item.status for item in await listed(services)} == {"approved"}
    assert await totals(services) == before


async def test_negative_feedback_out_of_quarantine_is_queued(services, model, someone, visitor):
    """As it would have been had it counted at once."""
    await set_rules(services, **NO_RULE)
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(require_prediction_token=True)))
    await services.ingest.predictions([prediction("a")], someone)
    await services.ingest.feedback([Rating(prediction_id="a", model_id="digits", id="f", rating=-1)], visitor)
    assert await listed(services) == []
    await services.review.release("f", "digits", ADA)
    assert [item.reasons for item in await listed(services)] == [["negative_feedback"]]


async def test_unseen_kinds_are_not_covered(services, model, someone):
    """A stratum of which chance took none is left out of what the estimate is about, and that is said."""
    low = {"enabled": True, "threshold": 0.6, "sample_rate": 1}
    await set_rules(services, low_confidence=low, random_sample={"enabled": True, "rate": 0.000001})
    new = [prediction(f"p{n}", confidence=0.5 if n < 30 else 0.9) for n in range(60)]
    await services.ingest.predictions(new, someone)
    for row in await claim(services, ADA, 30):
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    found = (await services.accuracy.report("digits", None, None)).accuracy
    assert found.covered_share == 0.5
    assert any("50 % of the predictions are of kinds" in note for note in found.notes)


async def test_agreement_of_boxes_counts_what_was_called_correct(services, someone):
    """Correct means the model's boxes: quite other ones of the second reviewer are no agreement."""
    await services.models.create(NewModel(id="cars", name="Cars", task="detection", labels=["car"]))
    await set_rules(services, "cars", **ALL, second_review={"share": 1})
    boxes = [Detection(label="car", box=(0, 0, 50, 50))]
    new = [NewPrediction(model_id="cars", id=f"p{n}", detections=boxes, image_size=(200, 200)) for n in range(2)]
    await services.ingest.predictions(new, someone)
    for row in await services.queue.claim(Claim(model_id="cars", limit=2), ADA):
        await services.queue.decide("cars", row.id, CORRECT, ADA)
    first, second = await services.queue.claim(Claim(model_id="cars", limit=2), BEN)
    await services.queue.decide("cars", first.id, CORRECT, BEN)
    other = NewDecision(decision="corrected", boxes=[LabelledBox(label="car", box=(150, 150, 20, 20))])
    await services.queue.decide("cars", second.id, other, BEN)
    state = await services.flagged.state("cars")
    assert (state.agreement, state.agreement_measure) == (0.5, "mean IoU")


async def test_agreement_of_values_is_not_claimed(services, someone):
    """Null with a reason, not a perfect kappa."""
    await services.models.create(NewModel(id="prices", name="Prices", task="regression"))
    await set_rules(services, "prices", **ALL, second_review={"share": 1})
    await services.ingest.predictions([NewPrediction(model_id="prices", id="p", value=1.0)], someone)
    for who, decision in ((ADA, CORRECT), (BEN, NewDecision(decision="corrected", value=5.0))):
        (row,) = await services.queue.claim(Claim(model_id="prices"), who)
        await services.queue.decide("prices", row.id, decision, who)
    state = await services.flagged.state("prices")
    assert (state.agreement, state.reviewed_twice) == (None, 1)


async def test_a_day_at_the_end_of_time_is_answered(services, model):
    """Dates go up to the year 9999."""
    report = await services.accuracy.report("digits", None, 253_402_300_799_999_999)
    assert report.end.year == 9999


async def test_the_items_of_a_deleted_model_are_not_listed(services, model, someone):
    """Not even for their dataset, while their rows are still being deleted."""
    await set_rules(services, **ALL)
    await services.ingest.predictions([prediction("a")], someone)
    assert len((await services.flagged.page(ReviewQuery(dataset_id=""))).items) == 1
    await services.models.delete("digits")
    assert (await services.flagged.page(ReviewQuery(dataset_id=""))).items == []


async def corrected(services, someone, label="1"):
    """Log a prediction, let its user correct it, and approve that; return its item."""
    await set_rules(services, **ALL, second_review={"share": 1})
    await services.ingest.predictions([prediction("a")], someone)
    await services.ingest.feedback([Correction(prediction_id="a", id="f", correct_label=label)], someone)
    await services.review.approve("f", "digits", ADA)
    return (await listed(services))[0]


async def test_undoing_an_approval_lets_the_feedback_wait_again(services, model, someone):
    """Else it would say approved while its item is decided otherwise."""
    item = await corrected(services, someone)
    await services.queue.undo("digits", item.id, ADA)
    feedback = await services.events.feedback("f", "digits")
    assert (feedback.review, feedback.reviewed_by, feedback.reviewed_at) == ("pending", None, None)
    await services.queue.decide("digits", item.id, CORRECT, ADA)
    with pytest.raises(Conflict, match="Ada reviewed this prediction and decided otherwise"):
        await services.review.approve("f", "digits", ADA)


async def test_deleting_approved_feedback_opens_its_item_again(services, model, someone):
    """Nothing is left of what it said."""
    item = await corrected(services, someone)
    await services.review.delete("f", "digits", ADA)
    assert [(one.id, one.status, one.label) for one in await listed(services)] == [(item.id, "needs_review", None)]
    assert (await totals(services))["decided"] == 0


async def test_a_label_that_the_model_does_not_know_is_not_approved(services, model, someone):
    """It would come into datasets; the error names it."""
    with pytest.raises(Conflict, match="'seven' isn't among the model's labels"):
        await corrected(services, someone, label="seven")
    assert (await services.events.feedback("f", "digits")).review == "pending"
    assert [item.status for item in await listed(services)] == ["needs_review"]


async def test_a_second_review_does_not_see_who_approved_what(services, model, someone):
    """It is blind; once it is decided, all is shown."""
    await set_rules(services, **ALL, second_review={"share": 1})
    await services.ingest.predictions([prediction("a")], someone)
    await services.ingest.feedback([Correction(prediction_id="a", id="f", correct_label="1")], someone)
    (row,) = await claim(services, ADA)
    decision = NewDecision(decision="corrected", label="1")
    await services.queue.decide("digits", row.id, decision, ADA)
    await services.review.approve("f", "digits", ADA)
    (second,) = await claim(services, BEN)
    (said,) = (await services.flagged.item(second.id)).feedback
    assert (said.correct_label, said.review, said.reviewed_by, said.reviewed_at) == ("1", "pending", None, None)
    await services.queue.decide("digits", second.id, decision, BEN)
    (said,) = (await services.flagged.item(second.id)).feedback
    assert (said.review, said.reviewed_by) == ("approved", "Ada")


async def test_a_second_review_whose_lease_ended_does_not_stop_an_undo(services, model, someone, clock):
    """Nobody holds it; it goes with the first one's decision."""
    await set_rules(services, **ALL, second_review={"share": 1})
    await services.ingest.predictions([prediction("a")], someone)
    (row,) = await claim(services, ADA)
    await services.queue.decide("digits", row.id, CORRECT, ADA)
    (second,) = await claim(services, BEN, lease_seconds=60)
    with pytest.raises(Conflict, match="has a second review"):
        await services.queue.undo("digits", row.id, ADA)
    clock.forward(MINUTE)
    await services.queue.undo("digits", row.id, ADA)
    assert second.id not in [item.id for item in await listed(services)]


async def test_a_correction_to_just_what_was_predicted_is_right(services, someone):
    """Of values and boxes as of labels, whatever the order of the boxes."""
    await services.models.create(NewModel(id="prices", name="Prices", task="regression"))
    await services.models.create(NewModel(id="cars", name="Cars", task="detection"))
    two = [Detection(label=label, box=(0, 0, 5, 5), confidence=0.5) for label in ("car", "bus")]
    logged = {"prices": {"value": 2.5}, "cars": {"detections": two, "image_size": (9, 9)}}
    same = [LabelledBox(label=one.label, box=one.box) for one in reversed(two)]
    for model_id, right, wrong in (
        ("prices", {"value": 2.5}, {"value": 2.0}),
        ("cars", {"boxes": same}, {"boxes": same[:1]}),
    ):
        await set_rules(services, model_id, **ALL)
        new = [NewPrediction(model_id=model_id, id=f"{model_id}{n}", **logged[model_id]) for n in range(2)]
        await services.ingest.predictions(new, someone)
        first, second = await services.queue.claim(Claim(model_id=model_id, limit=2), ADA)
        for row, fields in ((first, right), (second, wrong)):
            await services.queue.decide(model_id, row.id, NewDecision(decision="corrected", **fields), ADA)
        (found,) = (await services.accuracy.report(model_id, None, None)).accuracy.strata
        assert (found.decided, found.right) == (2, 1)
