"""A test of two models, with predictions, thumbs and reviews of units whose arm is known."""

from itertools import islice

import msgspec
import pytest

from seeme.assignment import assigned
from seeme.records.ab_tests import NewAbConfig, NewAbTest
from seeme.records.feedback import Rating
from seeme.records.models import ModelPatch, NewModel
from seeme.records.predictions import NewPrediction
from seeme.records.review import Claim, NewDecision
from seeme.service import ab_recount
from seeme.store import ab_tests

SEED = "s"
MODELS = {"A": "now", "B": "new"}


def units_of(arm, count, coverage=1.0):
    """Return units that the hash gives to an arm of two (None: that are outside of the coverage)."""
    index = {"A": 0, "B": 1, None: None}[arm]
    every = (f"u{n}" for n in range(100_000))
    return list(islice((unit for unit in every if assigned(SEED, [0.5, 0.5], coverage, unit) == index), count))


@pytest.fixture
def begin(services, someone):
    """Make a test of two models; settings may be given."""

    async def begin(**config):
        for id in MODELS.values():
            await services.models.create(NewModel(name=id, id=id, labels=["0", "1"]))
        config = NewAbConfig(seed=SEED, **config)
        new = NewAbTest(name="T", id="t", model_a_id="now", model_b_id="new", config=config)
        return (await services.ab_tests.create(new, someone))[0]

    return begin


@pytest.fixture
def log_all(services, someone):
    """Log a prediction for each unit, by the arm it is sent to, and a thumb where one is given."""

    async def log_all(arm, units, rating=None, **fields):
        at = services.clock()
        model_id = MODELS[arm]
        ids = [f"{model_id}-{unit}-{at}-{n}" for n, unit in enumerate(units)]
        fields = {"label": "1", **fields}
        new = [
            NewPrediction(model_id=model_id, id=id, ab_test_id="t", unit=unit, **fields)
            for id, unit in zip(ids, units, strict=True)
        ]
        outcomes = await services.ingest.predictions(new, someone)
        assert {outcome.status for outcome in outcomes} <= {"created"}
        if rating is not None:
            votes = [Rating(prediction_id=id, model_id=model_id, rating=rating) for id in ids]
            await services.ingest.feedback(votes, someone)
        return ids

    return log_all


@pytest.fixture
def review_all(services, log_all, someone):
    """Log a prediction for each unit and decide them all; the turns in `wrong` are corrected."""

    async def review_all(arm, units, wrong=()):
        engine = {"data_engine": {"enabled": True, "random_sample": {"enabled": True, "rate": 1}}}
        await services.models.patch(MODELS[arm], msgspec.convert(engine, ModelPatch))
        await log_all(arm, units, confidence=0.5)
        rows = await services.queue.claim(Claim(model_id=MODELS[arm], limit=len(units)), someone)
        assert len(rows) == len(units)
        for turn, row in enumerate(rows):
            said = NewDecision(decision="corrected", label="0") if turn in wrong else NewDecision(decision="correct")
            await services.queue.decide(MODELS[arm], row.id, said, someone)

    return review_all


async def agrees(services):
    """Assert that a recount finds nothing wrong."""
    stored = await ab_tests.test(services.database, "t")
    assert await ab_recount.differences(services.database, stored) == []
