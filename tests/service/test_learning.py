"""What people decide becomes data: items with provenance in the model's target dataset, and out again by undo."""

from hashlib import sha256

import msgspec
import pytest

from seeme.errors import Invalid
from seeme.records.datasets import NewDataset, NewDatasetVersion
from seeme.records.feedback import Correction
from seeme.records.models import ConfigPatch, ModelPatch, NewModel
from seeme.records.predictions import Detection, LabelledBox, NewPrediction
from seeme.records.review import Claim, NewDecision

from .test_inputs import PNG, chunks


async def aim(services, model_id, dataset_id):
    """Let a model's decisions go to a dataset; everything is taken for review."""
    settings = {"enabled": True, "random_sample": {"enabled": True, "rate": 1}, "target_dataset_id": dataset_id}
    await services.models.patch(model_id, msgspec.convert({"data_engine": settings}, ModelPatch))


@pytest.fixture
async def dataset(services, model, someone):
    """A dataset that the model's decisions go to, and three predictions to decide."""
    await services.datasets.create(NewDataset(id="set", name="Set"), someone)
    await aim(services, "digits", "set")
    new = [NewPrediction(model_id="digits", id=f"p{n}", label="0", confidence=0.5, input_id=f"i{n}") for n in range(3)]
    await services.ingest.predictions(new, someone)
    return "set"


async def decide(services, who, decision, model_id="digits"):
    """Claim the next item and decide it."""
    (row,) = await services.queue.claim(Claim(model_id=model_id), who)
    return await services.queue.decide(model_id, row.id, decision, who)


async def items(services, version=None):
    """Return the items of the dataset."""
    return (await services.datasets.items("set", version)).items


async def test_decisions_become_items_with_their_provenance(services, dataset, someone):
    """The label that was decided, who decided it, from which prediction, and how likely it was to be taken."""
    right = await decide(services, someone, NewDecision(decision="correct"))
    wrong = await decide(services, someone, NewDecision(decision="corrected", label="1", note="clearly"))
    await decide(services, someone, NewDecision(decision="unusable"))
    found = {item.prediction_id: item for item in await items(services)}
    assert {id: item.label for id, item in found.items()} == {right.prediction_id: "0", wrong.prediction_id: "1"}
    item = found[wrong.prediction_id]
    assert (item.model_id, item.reviewer, item.source, item.pi, item.note) == ("digits", "Ada", "review", 1, "clearly")
    assert item.input_id == f"i{wrong.prediction_id[1:]}"


async def test_what_was_queued_before_there_was_a_target_goes_there_too(services, model, someone):
    """The first queue's work isn't lost; what was decided before stays out."""
    await services.datasets.create(NewDataset(id="set", name="Set"), someone)
    await aim(services, "digits", None)
    new = [NewPrediction(model_id="digits", id=f"p{n}", label="0", confidence=0.5) for n in range(2)]
    await services.ingest.predictions(new, someone)
    await decide(services, someone, NewDecision(decision="correct"))
    await aim(services, "digits", "set")
    later = await decide(services, someone, NewDecision(decision="correct"))
    assert [item.prediction_id for item in await items(services)] == [later.prediction_id]
    await services.queue.undo("digits", later.id, someone)
    assert await items(services) == []


@pytest.mark.parametrize("known", [True, False])
async def test_an_input_that_comes_after_the_decision_is_the_items_too(services, dataset, someone, known):
    """Whether its hash was logged before or not; and it is kept when the prediction has expired."""
    await services.models.patch("digits", ModelPatch(config=ConfigPatch(log_inputs=True)))
    hash = sha256(PNG).hexdigest()
    new = NewPrediction(model_id="digits", id="late", label="0", input_hash=hash if known else None)
    await services.ingest.predictions([new], someone)
    rows = await services.queue.claim(Claim(model_id="digits", limit=9), someone)
    (row,) = (row for row in rows if row.prediction_id == "late")
    await services.queue.decide("digits", row.id, NewDecision(decision="correct"), someone)
    assert [item.has_input for item in await items(services)] == [False]
    await services.inputs.put("late", "digits", chunks(PNG))
    (item,) = await items(services)
    assert (item.input_hash, item.has_input) == (hash, True)
    assert (await services.database.one("blob", hash=hash))["refs"] == 2
    assert (await services.reports.rebuild("digits", None, None)).changed == []


async def test_undoing_takes_the_item_out_but_not_of_a_version(services, dataset, someone):
    """Versions never change."""
    row = await decide(services, someone, NewDecision(decision="correct"))
    version, _ = await services.datasets.create_version("set", NewDatasetVersion(name="v1"), someone)
    await services.queue.undo("digits", row.id, someone)
    assert await items(services) == []
    assert [item.id for item in await items(services, version.id)] == [row.id]
    await services.queue.decide("digits", row.id, NewDecision(decision="corrected", label="1"), someone)
    assert [item.label for item in await items(services)] == ["1"]
    assert [item.label for item in await items(services, version.id)] == ["0"]


async def test_an_approved_correction_is_an_item_by_a_user(services, dataset, someone):
    """And rejecting it takes it out."""
    await services.ingest.feedback([Correction(prediction_id="p1", id="f", correct_label="1")], someone)
    await services.review.approve("f", "digits", someone)
    (item,) = await items(services)
    assert (item.prediction_id, item.label, item.source, item.feedback_id) == ("p1", "1", "feedback", "f")
    await services.review.reject("f", "digits", someone)
    assert await items(services) == []


async def test_corrected_boxes_become_the_items_boxes(services, someone):
    """Of a correct image they are those that the model found."""
    await services.datasets.create(NewDataset(id="set", name="Set"), someone)
    await services.models.create(NewModel(id="cars", name="Cars", task="detection"))
    await aim(services, "cars", "set")
    found = [Detection(label="car", box=(1, 2, 30, 40), confidence=0.9)]
    new = [NewPrediction(model_id="cars", id=f"p{n}", detections=found, image_size=(100, 80)) for n in range(2)]
    await services.ingest.predictions(new, someone)
    right = await decide(services, someone, NewDecision(decision="correct"), "cars")
    boxes = [LabelledBox(label="car", box=(0, 0, 50, 50))]
    await decide(services, someone, NewDecision(decision="corrected", boxes=boxes), "cars")
    by_id = {item.id: item for item in await items(services)}
    assert by_id.pop(right.id).boxes == [LabelledBox(label="car", box=(1, 2, 30, 40))]
    (other,) = by_id.values()
    assert (other.boxes, other.image_size) == (boxes, (100, 80))


async def test_a_dataset_of_another_task_is_refused(services, dataset, someone):
    """When it is set; when another task came in between, reviewing goes on and says that nothing is kept."""
    await services.models.create(NewModel(id="cars", name="Cars", task="detection"))
    await decide(services, someone, NewDecision(decision="correct"))
    with pytest.raises(Invalid, match="is for classification, this model is one of detection"):
        await aim(services, "cars", "set")
    with pytest.raises(Invalid, match="there is no dataset nowhere"):
        await aim(services, "cars", "nowhere")
    await services.datasets.create(NewDataset(id="fresh", name="Fresh"), someone)
    await aim(services, "cars", "fresh")
    await aim(services, "digits", "fresh")
    new = [NewPrediction(model_id="cars", id="p", detections=[]), NewPrediction(model_id="digits", id="q", label="0")]
    await services.ingest.predictions(new, someone)
    await decide(services, someone, NewDecision(decision="correct"), "cars")
    (row,) = await services.queue.claim(Claim(model_id="digits", dataset_id="fresh"), someone)
    await services.queue.decide("digits", row.id, NewDecision(decision="correct"), someone)
    task = await services.flagged.item(row.id)
    assert (task.item.status, task.log[-1].action) == ("approved", "not kept")
    assert "detection" in task.log[-1].detail


async def test_a_deleted_dataset_does_not_hold_up_reviewing(services, dataset, someone):
    """The decision stands, and its log says that nothing was kept."""
    await services.datasets.delete("set")
    row = await decide(services, someone, NewDecision(decision="correct"))
    task = await services.flagged.item(row.id)
    assert task.item.status == "approved"
    assert (task.log[-1].action, task.log[-1].detail) == ("not kept", "the dataset set is gone")


async def test_an_erased_person_leaves_a_counted_gap(services, model, someone):
    """In every version that had the item."""
    await services.datasets.create(NewDataset(id="set", name="Set"), someone)
    await aim(services, "digits", "set")
    new = [NewPrediction(model_id="digits", id=f"p{n}", label="0", subject="s" if n else None) for n in range(2)]
    await services.ingest.predictions(new, someone)
    for _ in range(2):
        await decide(services, someone, NewDecision(decision="correct"))
    version, _ = await services.datasets.create_version("set", NewDatasetVersion(name="v1"), someone)
    subject = services.ingest.subject_hash("s")
    assert subject is not None
    await services.removal.erase(subject)
    assert [item.prediction_id for item in await items(services, version.id)] == ["p0"]
    assert (await services.datasets.version("set", version.id)).erased == 1
