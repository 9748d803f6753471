"""What A/B tests say: counted by unit, with what is left out and why, and over time."""

from math import exp, log

import msgspec
import pytest

from seeme.clock import DAY, HOUR
from seeme.domain.ab_accuracy import of_strata
from seeme.domain.experiments import ArmSums
from seeme.domain.units import arm_key
from seeme.errors import Invalid
from seeme.records.ab_tests import AbConfigPatch, AbTestPatch, NewAbConfig, NewAbTest, NewArm, NewGuardrails
from seeme.records.models import ModelPatch, NewModel
from seeme.records.predictions import NewPrediction
from seeme.records.queries import PlanQuery
from seeme.service import ab_recount
from seeme.service.ab_planning import plan
from seeme.store import ab_tests, ab_units, strata

from .ab_testing import MODELS, agrees, units_of


async def test_sums_are_over_units_and_exact(services, begin, log_all):
    """Two units of A, one with two predictions: each moment is a sum over units."""
    await begin()
    ann, bob = units_of("A", 2)
    await log_all("A", [ann], 1, confidence=0.5, latency_ms=10)
    await log_all("A", [bob, bob], -1, confidence=0.25, latency_ms=100)
    totals = await ab_units.totals(services.database, "t")
    assert totals.of("A", "feedback_score") == ArmSums(2, 1 - 2, 3, 1 + 4, 1 + 4, 1 - 4)
    assert totals.of("A", "feedback_per_unit") == ArmSums(2, -1, 2, 5, 2, -1)
    assert totals.of("A", "response_rate") == ArmSums(2, 3, 3, 5, 5, 5)
    assert totals.of("A", "confidence") == ArmSums(2, 10_000, 3, 2 * 5_000**2, 5, 5_000 + 2 * 5_000)
    results = await services.ab_results.results("t")
    assert (results.model_a.feedback_score, results.model_a.feedback_per_unit) == (-1 / 3, -0.5)
    assert results.model_a.avg_confidence == pytest.approx(1 / 3)
    assert results.model_a.latency_ms == pytest.approx(exp((log(10) + 2 * log(100)) / 3), rel=1e-4)
    assert results.model_b.avg_confidence is None
    assert results.model_b.reasons["avg_confidence"] == "no prediction has a confidence yet"


async def test_who_was_not_where_the_hash_says_is_left_out_and_told(services, begin, log_all):
    """Units in two arms, in another arm than theirs, and outside of the coverage: each is reported by arm."""
    await begin(coverage=0.5)
    mine, both, wrong = units_of("A", 3, 0.5)
    (outside,) = units_of(None, 1, 0.5)
    await log_all("A", [mine, both, outside])
    await log_all("B", [both, wrong])
    results = await services.ab_results.results("t")
    assert msgspec.structs.astuple(results.model_a.excluded) == (1, 0, 1)
    assert msgspec.structs.astuple(results.model_b.excluded) == (1, 1, 0)
    assert [(arm.units, arm.seen, arm.assigned) for arm in results.arms] == [(1, 3, 3), (0, 2, 0)]
    assert results.leaks == 2
    assert results.sample_ratio.counts == [3, 0]
    await services.removal.erase(services.ingest.subject_hash(both))
    results = await services.ab_results.results("t")
    assert [(arm.units, arm.seen, arm.assigned) for arm in results.arms] == [(1, 2, 2), (0, 1, 0)]
    await agrees(services)


async def test_a_unit_seen_before_the_coverage_took_it_in_stays_out(services, begin, log_all):
    """It was not chosen by chance then."""
    await begin(coverage=0.5)
    outside = next(unit for unit in units_of(None, 9, 0.5) if unit in units_of("A", 900))
    await log_all("A", [outside])
    await services.ab_tests.patch("t", AbTestPatch(config=AbConfigPatch(coverage=1.0)))
    services.clock.forward(1)
    await log_all("A", [outside])
    results = await services.ab_results.results("t")
    assert (results.model_a.seen, results.model_a.units, results.model_a.assigned) == (1, 0, 1)
    await agrees(services)


async def test_the_better_arm_is_named_with_how_much_better_it_is(services, begin, log_all):
    """Half of A's users like it, nearly all of B's."""
    await begin(metrics=["feedback_score", "confidence"])
    a, b = units_of("A", 400), units_of("B", 400)
    await log_all("A", a[:200], 1, confidence=0.5, latency_ms=10)
    await log_all("A", a[200:], -1, confidence=0.6, latency_ms=12)
    await log_all("B", b[:370], 1, confidence=0.5, latency_ms=10)
    await log_all("B", b[370:], -1, confidence=0.6, latency_ms=12)
    results = await services.ab_results.results("t")
    found = results.metrics["feedback_score"]
    assert (results.state, results.winner, found.significant) == ("better", "B", True)
    assert found.difference == pytest.approx(370 / 400 * 2 - 1)
    assert found.low < found.difference < found.high
    assert results.p_value == found.p_value < 0.05
    assert results.comparisons == 2
    assert results.verdict.startswith("B is better on feedback by")
    assert results.metrics["response_rate"].role == "beside"
    assert results.metrics["latency"].role == "guardrail"
    assert not results.planned_end


async def test_a_slower_challenger_suggests_a_stop(services, begin, log_all):
    """Also when latency isn't a metric of the test; without the bound nothing is said."""
    await begin(guardrails=NewGuardrails(error_rate=None))
    for n, speed in enumerate((1.0, 1.2)):
        await log_all("A", units_of("A", 400)[n::2], latency_ms=10 * speed)
        await log_all("B", units_of("B", 400)[n::2], latency_ms=20 * speed)
    results = await services.ab_results.results("t")
    assert results.state == "stop"
    assert "stop suggested: B is worse on latency" in results.verdict


async def test_an_uneven_split_makes_results_untrustworthy(services, begin, log_all):
    """Where far more units arrive in one arm, nothing else is to be believed."""
    await begin()
    await log_all("A", units_of("A", 500), 1)
    await log_all("B", units_of("B", 250), 1)
    results = await services.ab_results.results("t")
    assert results.sample_ratio.alarm
    assert (results.state, results.winner) == ("untrustworthy", None)


async def test_three_arms_are_each_compared_with_the_first(services, someone):
    """Also of a draft: nulls with reasons; alpha is shared among metrics and challengers."""
    for id in ("now", "new", "newer"):
        await services.models.create(NewModel(name=id, id=id))
    arms = [NewArm(model_id=id, name=id) for id in ("now", "new", "newer")]
    config = NewAbConfig(metrics=["error_rate", "confidence"])
    await services.ab_tests.create(NewAbTest(name="T", id="t", arms=arms, config=config, start=False), someone)
    results = await services.ab_results.results("t")
    assert [one.arm for one in results.challengers] == ["new", "newer"]
    assert (results.comparisons, results.days, results.state) == (4, None, "not_enough")
    await services.ab_tests.start("t", someone)
    units = {id: [] for id in ("now", "new", "newer")}
    for unit in (f"u{n}" for n in range(300)):
        units[services.ab_tests.assignment("t", unit).arm.name].append(unit)
    for id, mine in units.items():
        new = [
            NewPrediction(model_id=id, label="1", confidence=n % 2, ab_test_id="t", unit=unit)
            for n, unit in enumerate(mine)
        ]
        await services.ingest.predictions(new, someone)
    results = await services.ab_results.results("t")
    assert [arm.units for arm in results.arms] == [len(mine) for mine in units.values()]
    assert [one.metrics["confidence"].significant for one in results.challengers] == [False, False]
    assert results.sample_ratio.expected == pytest.approx([100, 100, 100], rel=0.001)
    await agrees(services)


async def test_results_are_read_from_sums_alone(services, begin, log_all, monkeypatch):
    """Whatever the rows of predictions, votes and units, as many rows are read: those of sums, strata and looks."""
    await begin()
    await log_all("A", units_of("A", 30), 1)
    asked, all_rows = [], services.database.all

    async def remember(query, **values):
        asked.append(query)
        return await all_rows(query, **values)

    monkeypatch.setattr(services.database, "all", remember)
    assert (await services.ab_results.results("t")).model_a.units == 30
    assert set(asked) == {"ab_sums", "ab_exposures", "strata_of_arm", "ab_looks"}


async def test_looks_are_kept_every_hour_and_at_the_end(services, begin, log_all, clock):
    """A row an hour, once each, and a last one when the test is over."""
    await begin(metrics=["confidence", "feedback_score"], duration_days=0.25)
    await services.ab_results.look()
    for _ in range(3):
        clock.forward(HOUR)
        await log_all("A", units_of("A", 3), confidence=0.5)
        await services.ab_results.look()
        await services.ab_results.look()
    assert len((await services.ab_results.results("t")).history) == 3
    clock.forward(DAY)
    await services.ab_results.look()
    await services.ab_results.look()
    results = await services.ab_results.results("t")
    assert (len(results.history), results.planned_end) == (4, True)
    assert [one.metric for one in results.history[-1].metrics] == ["confidence", "feedback_score"]
    assert results.history[-1].units == [3, 0]


async def test_wrong_sums_are_found_and_mended(services, begin, log_all):
    """A unit that was lost is told, and made again from predictions and votes."""
    await begin()
    units = units_of("A", 3)
    await log_all("A", units, 1)
    before = await services.ab_results.results("t")
    unit = services.ingest.subject_hash(units[0]).hex()
    await services.inbox.run(lambda tx: tx.run("delete_ab_unit", ab_test_id="t", unit=unit, arm="A"))
    stored = await ab_tests.test(services.database, "t")
    assert any("1 units differ" in fault for fault in await ab_recount.differences(services.database, stored))
    assert (await services.ab_results.rebuild("t")).changed
    assert not (await services.ab_results.rebuild("t")).changed
    assert (await services.ab_results.results("t")).arms == before.arms
    await agrees(services)


async def test_accuracy_is_estimated_by_arm_from_reviews(services, begin, review_all):
    """Each arm has its own strata: what was decided of one says nothing of the other."""
    await begin(metrics=["accuracy"])
    for arm, wrong in (("A", 20), ("B", 8)):
        await review_all(arm, units_of(arm, 40), wrong=range(wrong))
    results = await services.ab_results.results("t")
    assert (results.model_a.accuracy, results.model_b.accuracy) == (pytest.approx(0.5), pytest.approx(0.8))
    found = results.metrics["accuracy"]
    assert found.difference == pytest.approx(0.3)
    assert found.low < 0.3 < found.high


async def test_an_accuracy_is_not_told_of_an_arm_that_leaves_units_out(services, begin, review_all):
    """Its strata have their reviews too: a result would rest on units that don't count."""
    await begin(metrics=["accuracy"])
    for arm, units in (("A", units_of("A", 40)), ("B", units_of("B", 40) + units_of("A", 60)[-5:])):
        await review_all(arm, units)
    results = await services.ab_results.results("t")
    assert (results.model_a.accuracy, results.model_b.accuracy) == (1.0, None)
    assert results.model_b.reasons["accuracy"].startswith("5 of 45 units are left out")
    assert results.metrics["accuracy"].difference is None


async def test_the_reviews_of_one_unit_count_as_one(services, begin, review_all):
    """Ten units with five reviews each tell less than fifty units: the interval of accuracy is wider."""
    await begin(metrics=["accuracy"])
    engine = {"data_engine": {"enabled": True, "random_sample": {"enabled": True, "rate": 1}}}
    widths = []
    for id in MODELS.values():
        await services.models.patch(id, msgspec.convert(engine, ModelPatch))
    for arm, units in (("A", units_of("A", 50)), ("B", units_of("B", 10) * 5)):
        await review_all(arm, units, wrong=range(0, 50, 5))
        key = arm_key("t", arm)
        counted = await strata.of_arm(services.database, MODELS[arm], key, 0)
        judged = await strata.judged_of_arm(services.database, MODELS[arm], key, 0)
        widths.append(of_strata(map(strata.to_stratum, counted), judged).variance)
    assert widths[1] == pytest.approx(5 * widths[0], rel=0.2)


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (PlanQuery(), "$.effect"),
        (PlanQuery(effect=0.1, duration_days=3, units_per_day=5), "$.effect"),
        (PlanQuery(duration_days=3), "$.units_per_day"),
        (PlanQuery(metric="confidence", effect=0.1), "$.sd"),
        (PlanQuery(metric="error_rate", effect=0.1, value=1.5), "$.value"),
        (PlanQuery(metric="latency", duration_days=1, units_per_day=60, sd=500), "$.sd"),
        (PlanQuery(metric="confidence", effect=0.5, sd=1e-170), "$.sd"),
    ],
)
def test_a_plan_names_what_it_lacks(query, path):
    """Units need an effect and how metrics spread."""
    with pytest.raises(Invalid) as wrong:
        plan(query)
    assert wrong.value.errors[0].path == path
