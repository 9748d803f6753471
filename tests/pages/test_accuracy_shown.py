"""What reviews tell of the accuracy, on a model's page: never without its interval and its warnings."""

import msgspec
from tests.pages.conftest import Visitor

from seeme.records.models import Model, ModelPatch
from seeme.records.predictions import NewPrediction
from seeme.records.review import Claim, NewDecision
from seeme.service.keys import Identity
from seeme.service.services import Services

RULES = {"data_engine": {"enabled": True, "random_sample": {"enabled": True, "rate": 1}}}
WRONG = NewDecision(decision="corrected", label="1")


async def review(services: Services, someone: Identity, count: int, wrong: int, **filters: object) -> None:
    """Decide items: the first `wrong` of them were not what the model said."""
    for done in range(count):
        (row,) = await services.queue.claim(msgspec.convert({"model_id": "digits", **filters}, Claim), someone)
        decision = WRONG if done < wrong else NewDecision(decision="correct")
        await services.queue.decide("digits", row.id, decision, someone)


async def predicted(services: Services, someone: Identity) -> None:
    """Log forty predictions that are all taken for review."""
    await services.models.patch("digits", msgspec.convert(RULES, ModelPatch))
    new = [NewPrediction(model_id="digits", id=f"a{n}", label="0", confidence=0.9) for n in range(40)]
    await services.ingest.predictions(new, someone)


async def test_an_estimate_is_shown_with_its_interval(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """In the tile and in words, with how many were reviewed, the naive number, strata and labels."""
    await predicted(services, someone)
    await review(services, someone, 20, 4)
    found = (await services.accuracy.report("digits", None, None)).accuracy
    page = (await admin.get("/models/digits")).text
    assert found.low is not None
    assert f"estimated: {found.low * 100:.1f} %" in page
    assert "20 reviewed</span>" in page
    assert "by an estimate from 20 reviewed ones" in page
    assert "Among the reviewed alone 80 % are right" in page
    assert "with a true label" not in page.split("by an estimate")[0]
    assert "1 for 0 (4 reviewed)" in page


async def test_an_estimate_that_is_marked_says_so(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """Items that were picked by their label aren't a random part, while earlier ones of another label wait."""
    await predicted(services, someone)
    new = [NewPrediction(model_id="digits", id=f"b{n}", label="1", confidence=0.9) for n in range(40)]
    await services.ingest.predictions(new, someone)
    await review(services, someone, 12, 6, label="0")
    page = (await admin.get("/models/digits")).text
    assert "not to be trusted</span>" in page


async def test_a_model_without_a_data_engine_shows_no_estimate(
    services: Services, model: Model, admin: Visitor
) -> None:
    """Nothing was ever chosen for review."""
    assert "Accuracy from reviews" not in (await admin.get("/models/digits")).text


async def test_nothing_reviewed_yet_is_said(
    services: Services, someone: Identity, model: Model, admin: Visitor
) -> None:
    """A reason, not a zero."""
    await predicted(services, someone)
    page = (await admin.get("/models/digits")).text
    assert "40 predictions were taken for review and none has been decided yet." in page
