"""A test as time goes by: before its first unit, after retention, a coverage that has grown, a model that has gone."""

import pytest
from msgspec.structs import replace

from seeme.clock import DAY, from_micros
from seeme.domain.mismatch import mismatch
from seeme.errors import Gone, NotFound
from seeme.records.ab_tests import AbConfigPatch, AbTestPatch, NewAbTest
from seeme.records.feedback import Rating
from seeme.records.predictions import NewPrediction
from seeme.service import ab_recount
from seeme.service.ab_ranges import ranges_of, shares_counted
from seeme.service.care import check
from seeme.store import ab_tests

from .ab_testing import agrees, units_of


async def test_results_outlive_their_rows(services, begin, log_all, clock, settings):
    """Retention takes predictions; the sums stay, the check knows of it, and a person is still taken out of them."""
    await begin()
    units = units_of("A", 3)
    ids = await log_all("A", units, 1)
    before = await services.ab_results.results("t")
    clock.forward(31 * DAY)
    await services.removal.retain()
    with pytest.raises(NotFound):
        await services.events.prediction(ids[0], "now")
    after = await services.ab_results.results("t")
    assert after.arms == before.arms
    await agrees(services)
    assert (await ab_tests.test(services.database, "t")).thinned
    await services.removal.erase(services.ingest.subject_hash(units[0]))
    assert (await services.ab_results.results("t")).model_a.units == 2
    await agrees(services)
    looked = {what: faults async for what, faults in check(settings)}
    assert looked["sums of the A/B test t against units, without all its predictions"] == []


async def test_a_unit_that_expired_in_part_is_erased_whole(services, begin, log_all, clock, settings):
    """Its predictions that are still stored go with it, whomever they name; none is left to be taken away again."""
    await begin()
    units = units_of("A", 2)
    await log_all("A", units, 1, subject="host")
    clock.forward(20 * DAY)
    await log_all("A", units, -1, subject="host", latency_ms=5.0)
    clock.forward(15 * DAY)
    await services.removal.retain()
    assert (await services.ab_results.results("t")).model_a.predictions == 4
    erased = await services.removal.erase(services.ingest.subject_hash(units[0]))
    assert erased.predictions == 1
    after = (await services.ab_results.results("t")).model_a
    assert (after.units, after.predictions, after.votes) == (1, 2, 2)
    await services.removal.erase(services.ingest.subject_hash("host"))
    after = (await services.ab_results.results("t")).model_a
    assert (after.units, after.predictions, after.votes) == (1, 1, 1)
    looked = {what: faults async for what, faults in check(settings)}
    assert looked["sums of the A/B test t against units, without all its predictions"] == []


async def test_units_that_lack_what_stored_predictions_add_are_told(services, begin, log_all, clock):
    """Also of a test whose predictions have expired in part."""
    await begin()
    units = units_of("A", 2)
    await log_all("A", units[:1], 1)
    clock.forward(20 * DAY)
    await log_all("A", units, 1)
    clock.forward(15 * DAY)
    await services.removal.retain()
    await agrees(services)
    unit = services.ingest.subject_hash(units[1]).hex()
    await services.inbox.run(lambda tx: tx.run("delete_ab_unit", ab_test_id="t", unit=unit, arm="A"))
    stored = await ab_tests.test(services.database, "t")
    assert stored.thinned
    assert any("1 units differ" in fault for fault in await ab_recount.differences(services.database, stored))


async def test_an_id_of_an_expired_prediction_stays_taken_while_feedback_on_it_is_kept(
    services, begin, log_all, someone, clock
):
    """Another prediction of that id would get votes that were never about it."""
    await begin()
    first, second = units_of("A", 2)
    logged = NewPrediction(model_id="now", id="p", label="1", ab_test_id="t", unit=first)
    await services.ingest.predictions([logged, replace(logged, id="q")], someone)
    await services.ingest.feedback([Rating(prediction_id="p", model_id="now", rating=1)], someone)
    for _ in range(2):
        clock.forward(31 * DAY)
        await services.removal.retain()
    new = [replace(logged, id=id, unit=second) for id in "pq"]
    again = await services.ingest.predictions(new, someone)
    assert isinstance(again[0], Gone)
    assert again[1].status == "created"
    await agrees(services)


async def test_a_split_that_was_rounded_otherwise_before_raises_no_alarm(services, begin, clock):
    """Of 255 steps a tenth is 26: units that came at such a coverage aren't judged by the one that there is now."""
    await begin(traffic_split=0.1, coverage=0.0255)
    test = services.ab_tests.get("t")
    small = [high - low for low, high in ranges_of(test)]
    grown = await services.ab_tests.patch("t", AbTestPatch(config=AbConfigPatch(coverage=1.0)))
    assert grown.config.former_coverages == (0.0255,)
    counts = [round(500_000 * size / sum(small)) for size in small]
    assert not mismatch(counts, shares_counted(grown, counts)).alarm
    assert not mismatch(counts, shares_counted(test, counts)).alarm
    between = [450_100, 50_200]
    assert not mismatch(between, shares_counted(grown, between)).alarm
    lost = [450_000, 47_000]
    assert mismatch(lost, shares_counted(grown, lost)).alarm


async def test_what_was_made_before_a_test_is_not_counted(services, begin, log_all, clock):
    """It can't have followed the test's arm; a clock that is a little off doesn't matter."""
    await begin()
    unit, *others = units_of("A", 3)
    await log_all("A", [unit], created_at=from_micros(clock() - DAY))
    await log_all("A", others, created_at=from_micros(clock() - 60_000_000))
    results = await services.ab_results.results("t")
    assert (results.model_a.units, results.model_a.predictions) == (2, 2)
    await agrees(services)


async def test_before_the_first_unit_the_verdict_says_so(services, begin, log_all, someone, clock):
    """A draft hasn't started, a test that runs has nobody in it yet; an end that was planned counts from its time."""
    await begin(duration_days=1)
    assert (await services.ab_results.results("t")).verdict == "nobody has been in it yet"
    pair = {"model_a_id": "now", "model_b_id": "new"}
    await services.ab_tests.create(NewAbTest(name="D", id="d", start=False, **pair), someone)
    assert (await services.ab_results.results("d")).verdict == "it hasn't started"
    clock.forward(3 * DAY)
    assert (await services.ab_results.results("t")).days == 1.0
    await services.ab_tests.end_due()
    assert (await services.ab_results.results("t")).verdict == "nobody was in it"


async def test_the_end_of_a_model_ends_its_accuracy_and_says_so(services, begin, review_all):
    """The reviews go with the model; what they showed stays in the history."""
    await begin(metrics=["accuracy"])
    for arm, wrong in (("A", 20), ("B", 8)):
        await review_all(arm, units_of(arm, 40), wrong=range(wrong))
    await services.ab_tests.stop("t")
    await services.ab_results.look()
    await services.models.delete("now")
    await services.removal.retain()
    results = await services.ab_results.results("t")
    assert "its model was deleted" in results.model_a.reasons["accuracy"]
    assert results.history[-1].metrics[0].difference == pytest.approx(0.3)
