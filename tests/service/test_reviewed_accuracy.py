"""What reviews tell of all predictions: the estimate, and what settings would queue."""

from collections import Counter

import msgspec
import pytest
from msgspec.structs import replace

from seeme.clock import DAY
from seeme.domain.intervals import wilson
from seeme.errors import Invalid
from seeme.records.engine import DryRunRequest
from seeme.records.predictions import NewPrediction
from seeme.records.queries import MetricsQuery
from seeme.records.review import NewDecision
from seeme.store import review

from .test_queue import ADA, BEN, CORRECT, RULES, claim, log, recount_agrees, set_rules, totals


async def test_the_estimate_corrects_what_the_rules_chose(services, model, someone):
    """Unsure predictions are reviewed more often: the naive number is too low, the weighted one is not."""
    await set_rules(services, random_sample={"enabled": True, "rate": 0.2})
    new = [
        NewPrediction(model_id="digits", id=f"e{n}", label="0", confidence=0.5 if n % 2 else 0.9) for n in range(2000)
    ]
    for start in range(0, 2000, 1000):
        await services.ingest.predictions(new[start : start + 1000], someone)
    while rows := await claim(services, ADA, 100):
        for row in rows:
            sure = row.confidence == 0.9
            wrong = int(row.prediction_id[1:]) % (20 if sure else 3) < 1  # about 2 in 20 of the sure, 1 in 3 of others
            decision = NewDecision(decision="corrected", label="1") if wrong else CORRECT
            await services.queue.decide("digits", row.id, decision, ADA)
    truth = sum(n % (20 if n % 2 == 0 else 3) >= 1 for n in range(2000)) / 2000
    report = await services.accuracy.report("digits", None, None)
    found = report.accuracy
    assert found.low < truth < found.high
    assert found.naive_accuracy < truth - 0.04
    (week,) = [one for one in await services.reports.metrics("digits", MetricsQuery(lookback_weeks=1)) if one.reviewed]
    assert (week.accuracy, week.accuracy_low, week.reviewed) == (found.value, found.low, found.decided)
    assert week.naive_accuracy == found.naive_accuracy
    assert "naive" in week.accuracy_note.lower() or "reviewed" in week.accuracy_note
    (row,) = [one for one in report.classes.classes if one.label == "0"]
    assert row.precision == pytest.approx(truth, abs=0.05)
    assert [(pair.predicted, pair.actual) for pair in report.classes.confusions] == [("0", "1")]


async def test_a_dry_run_says_what_settings_would_queue(services, model, someone, clock):
    """Items a day by rule and in all, from the last predictions; nothing is set or queued."""
    await log(services, someone, 60)
    clock.forward(DAY // 2)
    request = msgspec.convert({"data_engine": RULES, "last": 1000}, DryRunRequest)
    found = await services.dry_runs.run("digits", request)
    assert (found.predictions, found.days) == (60, 0.5)
    by_rule = {one.rule: (one.matched, one.items_per_day) for one in found.rules}
    assert by_rule == {"low_confidence": (36, pytest.approx(36)), "random_sample": (60, pytest.approx(24))}
    assert found.items_per_day == pytest.approx((36 * 0.6 + 24 * 0.2) / 0.5)
    assert services.models.get("digits").data_engine.version == 0
    assert (await services.dry_runs.run("digits", replace(request, last=10))).predictions == 10


async def test_a_dry_run_without_predictions_knows_nothing(services, model):
    """Null, not 0."""
    request = msgspec.convert({"data_engine": RULES}, DryRunRequest)
    found = await services.dry_runs.run("digits", request)
    assert (found.days, found.items_per_day, found.rules[0].items_per_day) == (None, None, None)


async def test_a_dry_run_of_wrong_settings_is_refused(services, model):
    """As setting them would be."""
    request = msgspec.convert({"data_engine": {"edge_cases": {"conditions": ["no_detections"]}}}, DryRunRequest)
    with pytest.raises(Invalid, match="no_detections isn't one of a classification model's"):
        await services.dry_runs.run("digits", request)


async def test_a_day_that_waits_for_review_is_said(services, model, someone, clock):
    """Yesterday's decided ones stand for today's, and the report says so; each day alone has its own answer."""
    await set_rules(services, random_sample={"enabled": True, "rate": 1.0})
    for day in ("one", "two"):
        new = [NewPrediction(model_id="digits", id=f"{day}-{n}", label="0", confidence=0.9) for n in range(20)]
        await services.ingest.predictions(new, someone)
        if day == "one":
            for row in await claim(services, ADA, 100):
                await services.queue.decide("digits", row.id, CORRECT, ADA)
            clock.forward(DAY)
    found = (await services.accuracy.report("digits", None, None)).accuracy
    assert found.notes[0].startswith("50 % of the predictions are of days or versions of which none")
    alone = (await services.accuracy.report("digits", clock(), clock())).accuracy
    assert (alone.value, alone.predictions, alone.decided) == (None, 20, 0)
    assert alone.reasons["value"] == "20 predictions were taken for review and none has been decided yet"


async def everything(services, someone, count=12):
    """Log predictions that are all taken into one stratum, half of them of another label."""
    only = {"low_confidence": {"enabled": False}, "random_sample": {"enabled": True, "rate": 1.0}}
    await set_rules(services, **only)
    new = [NewPrediction(model_id="digits", id=f"o{n}", label="01"[n % 2], confidence=0.9) for n in range(count)]
    await services.ingest.predictions(new, someone)


async def is_marked(services):
    """Say whether the estimate isn't to be trusted; the sums must be what the rows add up to."""
    assert await recount_agrees(services)
    return (await services.accuracy.report("digits", None, None)).accuracy.marked


async def test_a_mark_ends_when_no_earlier_item_is_left_behind(services, model, someone):
    """However many later ones wait, and whether the earlier ones were judged, unusable or skipped."""
    await everything(services, someone)
    waiting = await review.open_items(services.database, "digits", "nobody", 100)
    (chosen,) = await claim(services, BEN, ids=[waiting[3].id])
    await services.queue.decide("digits", chosen.id, CORRECT, BEN)
    assert await is_marked(services)
    first, second, third = await claim(services, ADA, 3)
    await services.queue.decide("digits", first.id, NewDecision(decision="unusable"), ADA)
    await services.queue.decide("digits", second.id, CORRECT, ADA)
    assert await is_marked(services)
    await services.queue.skip("digits", third.id, None, ADA)
    assert not await is_marked(services)
    found = (await services.accuracy.report("digits", None, None)).accuracy
    assert (found.decided, found.strata[0].unusable, found.strata[0].skipped) == (2, 1, 1)
    await services.queue.undo("digits", chosen.id, BEN)
    assert (await totals(services))["out_of_order"] == 0
    assert await recount_agrees(services)


async def test_a_mark_stays_when_retention_takes_what_was_left_behind(services, model, someone, clock):
    """A choice that nobody can make good any more; in a day that was served in order nothing is marked."""
    await everything(services, someone)
    waiting = await review.open_items(services.database, "digits", "nobody", 100)
    for row in waiting[6:9]:
        await claim(services, ADA, ids=[row.id])
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    clock.forward(31 * DAY)
    await services.removal.retain()
    new = [NewPrediction(model_id="digits", id=f"later{n}", label="0", confidence=0.9) for n in range(2)]
    await services.ingest.predictions(new, someone)
    for row in await claim(services, ADA, 2):
        await services.queue.decide("digits", row.id, CORRECT, ADA)
    found = (await services.accuracy.report("digits", None, None)).accuracy
    assert (found.marked, found.strata[0].expired) == (True, 9)
    assert not (await services.accuracy.report("digits", clock(), clock())).accuracy.marked


async def test_copies_of_an_input_tell_no_more_than_one(services, model, someone, clock):
    """They are taken and served together, over days too; another version, or a day alone, sees its own."""
    only = {"low_confidence": {"enabled": False}, "random_sample": {"enabled": True, "rate": 1.0}}
    await set_rules(services, **only)
    for day in range(2):
        new = [
            NewPrediction(model_id="digits", id=f"{day}-{n}", label="0", input_hash=f"{n % 8:064x}") for n in range(16)
        ]
        await services.ingest.predictions(new, someone)
        clock.forward(DAY)
    rows = await claim(services, ADA, 16)
    assert sorted(Counter(row.place for row in rows).values()) == [4, 4, 4, 4]
    for row in rows:
        wrong = row.place == rows[0].place
        decision = NewDecision(decision="corrected", label="1") if wrong else CORRECT
        await services.queue.decide("digits", row.id, decision, ADA)
    report = await services.accuracy.report("digits", None, None)
    found = report.accuracy
    assert (found.decided, found.effective_n) == (16, 4)
    assert "16 of the reviewed predictions are of 4 inputs that came more than once" in " ".join(found.notes)
    assert (found.low, found.high) == pytest.approx(wilson(0.75, 4 / (1 - 16 / 32), 1.959964), abs=1e-6)
    assert report.classes.classes[0].precision_low == pytest.approx(found.low, abs=1e-6)
    day = clock() - 2 * DAY
    assert (await services.accuracy.report("digits", day, day)).accuracy.effective_n == 4
    (week,) = [one for one in await services.reports.metrics("digits", MetricsQuery(lookback_weeks=2)) if one.reviewed]
    assert (week.accuracy_low, week.reviewed) == (found.low, 16)
