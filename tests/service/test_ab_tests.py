"""The life of A/B tests: what can be one, what changes while it runs, and what counts for it."""

import asyncio

import pytest
from msgspec.structs import replace

from seeme.clock import DAY, HOUR, from_micros
from seeme.errors import Conflict, Invalid, NotFound
from seeme.records.ab_tests import AbConfigPatch, AbTestPatch, Decision, NewAbConfig, NewAbTest, NewArm
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import NewPrediction
from seeme.store import ab_tests

SLIVER = [  # of the second one's share the hash's steps leave nothing
    NewArm(model_id="now", version_id="v1", share=0.00195),
    NewArm(model_id="now", version_id="v2", share=0.0001),
    NewArm(model_id="new", share=0.99795),
]
PAIR = NewAbTest(name="T", id="t", model_a_id="now", model_b_id="new", config=NewAbConfig(seed="s", duration_days=7))
IN_A, IN_B = "cem", "gus"  # by the seed s, at half of the coverage too


@pytest.fixture
async def models(services):
    """Two models, of which one has two versions."""
    for id in ("now", "new"):
        await services.models.create(NewModel(name=id, id=id))
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    for id in ("v1", "v2"):
        await services.models.add_version("now", NewVersion(name=id, id=id))


@pytest.fixture
async def running(services, models, someone):
    """A running test of the two."""
    return (await services.ab_tests.create(PAIR, someone))[0]


def logged(**fields):
    """Return a prediction of the model now for a unit of A, with other fields."""
    return NewPrediction(**{"model_id": "now", "label": "1", "ab_test_id": "t", "unit": IN_A, **fields})


async def refused(services, someone, **fields):
    """Log a prediction that is refused; return the path and the message."""
    (outcome,) = await services.ingest.predictions([logged(**fields)], someone)
    assert isinstance(outcome, Invalid)
    return outcome.errors[0]


async def test_a_test_runs_at_once_ends_by_itself_and_is_decided(services, models, someone, clock):
    """Draft, running, stopped at the planned end, decided with who and when; each step once."""
    draft, created = await services.ab_tests.create(replace(PAIR, start=False), someone)
    assert (draft.status, created) == ("draft", True)
    assert (await services.ab_tests.create(replace(PAIR, start=False), someone)) == (draft, False)
    with pytest.raises(Conflict, match="other content"):
        await services.ab_tests.create(replace(PAIR, name="U", start=False), someone)
    with pytest.raises(Conflict, match="hasn't started"):
        await services.ab_tests.stop("t")
    began = await services.ab_tests.start("t", someone)
    assert (began.status, began.ends_at) == ("running", from_micros(clock.at + 7 * DAY))
    assert began.started_by == "Ada"
    clock.forward(HOUR)
    assert await services.ab_tests.start("t", someone) == began
    clock.forward(7 * DAY)
    ended = services.ab_tests.get("t")
    assert (ended.status, ended.stopped_at, ended.stopped_by) == ("stopped", began.ends_at, None)
    with pytest.raises(Conflict, match="has ended"):
        await services.ab_tests.start("t", someone)
    await services.ab_tests.load(services.database)
    await services.ab_tests.end_due()
    assert [ended] == services.ab_tests.list().items == [one.test for one in await ab_tests.tests(services.database)]
    decided = await services.ab_tests.decide("t", Decision(arm="B"), someone)
    assert (decided.status, decided.chosen_arm, decided.decided_by) == ("decided", "B", "Ada")
    assert await services.ab_tests.decide("t", Decision(arm="B"), someone) == decided
    with pytest.raises(Conflict, match="has ended"):
        await services.ab_tests.start("t", someone)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"model_b_id": "now"}, "$.model_b_id"),
        ({"model_b_id": "gone"}, "$.model_b_id"),
        ({"model_b_id": "prices"}, "$.model_b_id"),
        ({"config": NewAbConfig(metrics=["latency", "latency"])}, "$.config.metrics[1]"),
        ({"arms": [NewArm(model_id="now"), NewArm(model_id="now", version_id="v1")]}, "$.arms[1].model_id"),
        ({"arms": [NewArm(model_id="now"), NewArm(model_id="new", version_id="v1")]}, "$.arms[1].version_id"),
        ({"arms": [NewArm(model_id="now", share=0.5), NewArm(model_id="new")]}, "$.arms[1].share"),
        ({"arms": [NewArm(model_id="now", share=0.5), NewArm(model_id="new", share=0.4)]}, "$.arms"),
        ({"arms": [NewArm(model_id="now", name="x"), NewArm(model_id="new", name="x")]}, "$.arms[1].name"),
        ({"arms": SLIVER}, "$.arms"),
        ({"config": NewAbConfig(traffic_split=0.1, coverage=0.0001)}, "$.config.coverage"),
        ({"config": NewAbConfig(traffic_split=0.01, coverage=0.015)}, "$.config.coverage"),
    ],
)
async def test_what_cannot_be_a_test_is_refused_by_its_field(services, models, someone, change, path):
    """The same arm twice, unknown models, shares that don't fit together: nothing is stored."""
    if "arms" in change:
        change |= {"model_a_id": None, "model_b_id": None}
    with pytest.raises(Invalid) as wrong:
        await services.ab_tests.create(replace(PAIR, **change), someone)
    assert wrong.value.errors[0].path == path
    with pytest.raises(NotFound):
        services.ab_tests.get("t")


async def test_a_running_split_stays_and_the_coverage_only_grows(services, models, someone):
    """A change names its field; the coverage moves nobody."""
    half = await services.ab_tests.create(replace(PAIR, id="half", config=NewAbConfig(coverage=0.5)), someone)
    for config, path in (
        (AbConfigPatch(traffic_split=0.2), "$.config.traffic_split"),
        (AbConfigPatch(coverage=0.4), "$.config.coverage"),
        (AbConfigPatch(seed="other"), "$.config.seed"),
    ):
        with pytest.raises(Invalid) as wrong:
            await services.ab_tests.patch("half", AbTestPatch(config=config))
        assert wrong.value.errors[0].path == path
    units = [f"u{n}" for n in range(100)]
    before = [services.ab_tests.assignment("half", unit).arm for unit in units]
    grown = await services.ab_tests.patch("half", AbTestPatch(name="N", config=AbConfigPatch(coverage=0.9)))
    assert (grown.name, grown.config.coverage) == ("N", 0.9)
    after = [services.ab_tests.assignment("half", unit).arm for unit in units]
    assert [one for one, two in zip(before, after, strict=True) if one not in (None, two)] == []
    assert half[0].arms == grown.arms
    assert after.count(None) < before.count(None)


async def test_a_draft_can_still_change(services, models, someone):
    """Before the start all of the settings may change."""
    await services.ab_tests.create(replace(PAIR, start=False), someone)
    test = await services.ab_tests.patch("t", AbTestPatch(config=AbConfigPatch(traffic_split=0.25, coverage=0.5)))
    assert [arm.share for arm in test.arms] == [0.75, 0.25]
    assert test.config.coverage == 0.5


async def test_predictions_name_a_test_they_are_of(services, running, models, someone):
    """Both fields or none, a test that is there, runs or has run, and an arm of it."""
    assert (await refused(services, someone, unit=None)).path == "$.unit"
    assert (await refused(services, someone, ab_test_id=None)).path == "$.ab_test_id"
    assert (await refused(services, someone, ab_test_id="other")).path == "$.ab_test_id"
    await services.models.create(NewModel(name="third", id="third"))
    assert (await refused(services, someone, model_id="third")).path == "$.model_id"
    versions = [NewArm(model_id="now", version_id=id) for id in ("v1", "v2")]
    new = NewAbTest(name="V", id="v", arms=versions, start=False)
    await services.ab_tests.create(new, someone)
    lacking = await refused(services, someone, ab_test_id="v")
    assert lacking.path == "$.version_id"
    assert lacking.message.endswith("its arms are now in the version v1, now in the version v2")
    assert "start it first" in (await refused(services, someone, ab_test_id="v", version_id="v1")).message


async def test_what_comes_after_the_end_is_stored_and_not_counted(services, running, someone, clock):
    """By the time of receipt, also before the task has seen that the test is over."""
    await services.ingest.predictions([logged(id="before")], someone)
    clock.forward(7 * DAY)
    assert services.ab_tests.assignment("t", IN_A).arm is None
    (outcome,) = await services.ingest.predictions([logged(id="after")], someone)
    assert outcome.status == "created"
    await services.ab_tests.stop("t")
    await services.ingest.predictions([logged(id="later")], someone)
    results = await services.ab_results.results("t")
    assert (results.model_a.predictions, results.days) == (1, 7.0)
    stored = await services.events.prediction("later", "now")
    assert (stored.ab_test_id, stored.arm) == ("t", None)
    assert (await services.events.prediction("before", "now")).arm == "A"


async def test_a_model_in_a_test_cannot_be_deleted_before_its_end(services, running):
    """Its deletion names the test; once that is over, its results stay."""
    with pytest.raises(Conflict, match="A/B test t"):
        await services.models.delete("now")
    await services.ab_tests.stop("t")
    await services.models.delete("now")
    assert (await services.ab_results.results("t")).status == "stopped"


@pytest.mark.parametrize("first", ["create", "delete"])
async def test_of_a_test_and_the_end_of_its_model_at_once_one_is_refused(services, models, someone, first):
    """No test of a model that is gone is left, whichever comes first."""
    calls = [services.ab_tests.create(PAIR, someone), services.models.delete("now")]
    if first == "delete":
        calls.reverse()
    done = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in done].count(Conflict) == 1
    assert bool(services.ab_tests.every()) == ("now" in [model.id for model in services.models.live()])


async def test_a_unit_is_stored_as_a_keyed_hash_only(services, running, someone):
    """Neither the rows of predictions nor those of units have the id itself."""
    await services.ingest.predictions([logged(id="p")], someone)
    row = await services.database.one("prediction", model_id="now", id="p")
    found = await services.database.all("ab_units_after", ab_test_id="t", unit="", arm="", most=10)
    assert [one["unit"] for one in found] == [row["unit"]]
    assert row["unit"] == services.ingest.subject_hash(IN_A).hex()
    assert row["subject"] == services.ingest.subject_hash(IN_A)
