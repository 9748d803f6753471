"""References at work: made from what was logged, stored as a version of the rules, and gone by from then on."""

from random import Random

import msgspec
import pytest

from seeme.clock import DAY
from seeme.errors import Invalid, NotFound
from seeme.records.engine import DryRunRequest
from seeme.records.models import ModelPatch, NewModel
from seeme.records.predictions import Detection, NewPrediction
from seeme.records.queries import ReviewQuery

EDGES = {"enabled": True, "edge_cases": {"enabled": True, "conditions": ["unusual_size", "high_density"]}}


@pytest.fixture
async def cars(services, someone):
    """A detection model with 600 images of 1 to 3 small cars, far from its plain rule for sizes."""
    await services.models.create(NewModel(id="cars", name="Cars", task="detection"))
    await set_rules(services, "cars", **EDGES)
    await log(services, someone, 600)
    return "cars"


async def set_rules(services, model_id, **parts):
    """Change the data engine's settings."""
    patch = msgspec.convert({"data_engine": parts}, ModelPatch)
    return (await services.models.patch(model_id, patch, "Ada")).data_engine


async def log(services, someone, count, name="p", side=20, boxes=None):
    """Log images of boxes of about one size."""
    random = Random(name)
    new = [
        NewPrediction(
            model_id="cars",
            id=f"{name}{n}",
            image_size=(1000, 1000),
            detections=[
                Detection(label="car", box=(100 * i, 10, side + random.random(), side), confidence=0.9)
                for i in range(boxes or random.randint(1, 3))
            ],
        )
        for n in range(count)
    ]
    return await services.ingest.predictions(new, someone)


async def queued(services, name):
    """Return why predictions of a name are queued."""
    page = await services.flagged.page(ReviewQuery(model_id="cars", limit=1000))
    return {item.prediction_id: item.reasons for item in page.items if item.prediction_id.startswith(name)}


async def test_the_rules_go_by_a_reference_once_it_is_made(services, cars, someone, clock):
    """Small cars were all unusual; with a reference the large one is. What was judged before stays as it was."""
    assert len(await queued(services, "p")) == 600
    made = await services.references.make("cars", None, None, 10_000, "Ben")
    assert (made.predictions, made.most_boxes, made.notes) == (600, 3, [])
    assert made.sizes["car"].low == pytest.approx(20 * 20 / 1e6, rel=0.01)
    await log(services, someone, 20, "small")
    await log(services, someone, 1, "large", side=40)
    await log(services, someone, 1, "many", boxes=4)
    assert len(await queued(services, "small")) <= 2
    assert await queued(services, "large") == {"large0": ["unusual_size"]}
    assert "high_density" in (await queued(services, "many"))["many0"]
    sets = (await services.models.rule_sets(services.database, "cars")).items
    assert [one.made_by for one in sets] == ["Ada", "Ben"]
    assert (sets[0].settings.reference, sets[1].settings.reference) == (None, made)


async def test_a_reference_stays_while_other_settings_change_and_can_be_dropped(services, cars, someone):
    """Null takes it away, and the plain rule holds again."""
    made = await services.references.make("cars", None, None, 10_000, "Ben")
    engine = await set_rules(services, "cars", random_sample={"enabled": True, "rate": 0.01})
    assert (engine.reference, engine.version) == (made, 3)
    trial = await services.dry_runs.run("cars", msgspec.convert({"data_engine": {"reference": None}}, DryRunRequest))
    assert {one.rule: one.matched for one in trial.rules}["unusual_size"] == 600
    engine = await set_rules(services, "cars", reference=None)
    assert engine.reference is None
    await log(services, someone, 1, "small")
    assert (await queued(services, "small"))["small0"][0] == "unusual_size"


async def test_a_reference_is_of_the_time_and_the_number_that_were_asked_for(services, cars, someone, clock):
    """The last ones of it."""
    began = clock()
    clock.forward(2 * DAY)
    await log(services, someone, 700, "later", side=60)
    made = await services.references.make("cars", None, None, 500, "Ben")
    assert made.predictions == 500
    assert made.sizes["car"].low > 0.0035
    made = await services.references.make("cars", None, began + DAY, 10_000, "Ben")
    assert made.predictions == 600
    assert made.end <= made.made_at
    assert made.sizes["car"].high < 0.0005


async def test_too_little_is_refused_and_changes_nothing(services, cars, someone, model):
    """With how much is needed."""
    with pytest.raises(Invalid, match="500 predictions that didn't fail; here are 100"):
        await services.references.make("cars", None, None, 100, "Ben")
    with pytest.raises(Invalid, match="here are 0"):
        await services.references.make("digits", None, None, 100, "Ben")
    await services.models.create(NewModel(id="prices", name="Prices", task="regression"))
    with pytest.raises(Invalid, match="regression"):
        await services.references.make("prices", None, None, 100, "Ben")
    with pytest.raises(NotFound):
        await services.references.make("nowhere", None, None, 100, "Ben")
    assert services.models.get("cars").data_engine.version == 1


async def test_new_classes_are_those_that_the_reference_does_not_have(services, model, someone):
    """Once it is made; before, those that the model's own labels don't."""
    new = [NewPrediction(model_id="digits", id=f"d{n}", label="07"[n % 2]) for n in range(500)]
    await services.ingest.predictions(new, someone)
    made = await services.references.make("digits", None, None, 10_000, "Ben")
    assert made.labels == ["0", "7"]
    await set_rules(services, "digits", enabled=True, new_class={"enabled": True})
    await services.ingest.predictions(
        [NewPrediction(model_id="digits", id=f"e{label}", label=label) for label in "0178"], someone
    )
    page = await services.flagged.page(ReviewQuery(model_id="digits", limit=1000))
    assert sorted(item.prediction_id for item in page.items) == ["e1", "e8"]
