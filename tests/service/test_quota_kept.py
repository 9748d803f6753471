"""Quotas at work: a burst makes a thinner version of the rules, quiet takes it back, and nothing is cut off."""

import msgspec
import pytest
from msgspec.structs import replace

from seeme.clock import DAY, HOUR, MINUTE
from seeme.records.engine import DryRunRequest, Thinning
from seeme.records.feedback import Rating
from seeme.records.models import ModelPatch
from seeme.records.predictions import NewPrediction
from seeme.store import events, strata

from .test_queue import listed

RULES = {
    "enabled": True,
    "low_confidence": {"enabled": True, "threshold": 0.6, "sample_rate": 0.5},
    "random_sample": {"enabled": True, "rate": 0.2},
    "quota": {"per_hour": 60},
}


async def set_rules(services, **parts):
    """Change the data engine's settings."""
    patch = msgspec.convert({"data_engine": parts}, ModelPatch)
    return (await services.models.patch("digits", patch, "Ada")).data_engine


async def traffic(services, someone, clock, minutes, per_minute, name="p"):
    """Let predictions come, of which a fifth are unsure, and have the quota looked at every minute."""
    for minute in range(minutes):
        new = [
            NewPrediction(model_id="digits", id=f"{name}{minute}-{n}", label="0", confidence=0.5 if n % 5 == 0 else 0.9)
            for n in range(per_minute)
        ]
        if new:
            await services.ingest.predictions(new, someone)
        clock.forward(MINUTE)
        await services.quotas.keep()


async def judged(services, id):
    """Return what is stored of a prediction, with its rule set and pi."""
    async with services.database.transaction() as tx:
        return (await events.targets(tx, {("digits", id)}))["digits", id]


async def rule_sets(services):
    """Return the versions of the model's settings."""
    return (await services.models.rule_sets(services.database, "digits")).items


async def test_a_burst_makes_a_thinner_version_that_keeps_the_quota(services, model, someone, clock):
    """Rates as they were set stay; those in force are shown, made by the quota, and are the pi of what comes after."""
    await set_rules(services, **RULES)
    await services.quotas.keep()
    await traffic(services, someone, clock, 30, 100)
    found = await rule_sets(services)
    assert 2 <= len(found) <= 6
    assert [one.made_by for one in found] == ["Ada", *["quota"] * (len(found) - 1)]
    assert found[0].rates == {"low_confidence": 0.5, "random_sample": 0.2}
    assert all(0 < found[-1].rates[name] < found[0].rates[name] / 3 for name in found[0].rates)
    engine = services.models.get("digits").data_engine
    assert (engine.random_sample.rate, engine.low_confidence.sample_rate) == (0.2, 0.5)
    assert engine == found[-1].settings
    items = await listed(services)
    assert len(items) < 120  # 900 without a quota; 5 standard deviations above it
    rates = {one.version: one.rates for one in found}
    for row in await strata.between(services.database, "digits", 0, 2**62, None):
        missed = 1.0
        for rule in row["matched"].split(","):
            missed *= 1 - rates[row["rule_set"]][rule]
        assert row["pi"] == pytest.approx(1 - missed)
    (late,) = await services.ingest.predictions([NewPrediction(model_id="digits", id="late", label="0")], someone)
    assert late.status == "created"
    assert (await judged(services, "late")).pi == pytest.approx(found[-1].rates["random_sample"])


async def test_quiet_takes_the_thinning_back_and_versions_stay_few(services, model, someone, clock):
    """An hour that fits, and rates are as they were set."""
    await set_rules(services, **RULES)
    await services.quotas.keep()
    await traffic(services, someone, clock, 20, 100)
    thin = services.models.get("digits").data_engine
    assert thin.thinning != Thinning()
    await traffic(services, someone, clock, 130, 1, "q")
    engine = services.models.get("digits").data_engine
    assert engine.thinning == Thinning()
    assert engine.version - thin.version <= 6


async def test_negative_feedback_is_queued_however_thin_the_rates_are(services, model, someone, clock):
    """It is no rule with a rate: it isn't thinned, doesn't count against the quota, and leaves pi alone."""
    await set_rules(services, **RULES)
    await services.quotas.keep()
    await traffic(services, someone, clock, 10, 100)
    taken = {item.prediction_id for item in await listed(services)}
    missed = next(f"p9-{n}" for n in range(100) if f"p9-{n}" not in taken)
    before = await judged(services, missed)
    await services.ingest.feedback([Rating(prediction_id=missed, model_id="digits", rating=-1)], someone)
    (item,) = [item for item in await listed(services) if item.prediction_id == missed]
    assert (item.reasons, item.pi) == (["negative_feedback"], None)
    after = await judged(services, missed)
    assert (after.pi, after.rule_set, after.matched) == (before.pi, before.rule_set, before.matched)
    pace = await strata.pace(services.database, "digits")
    await traffic(services, someone, clock, 1, 0)
    assert (await strata.pace(services.database, "digits")).expected == pace.expected


async def test_a_change_of_other_settings_keeps_the_thinning_and_no_quota_ends_it(services, model, someone, clock):
    """A burst goes on while settings change; without a quota rates are as they were set."""
    await set_rules(services, **RULES)
    await services.quotas.keep()
    await traffic(services, someone, clock, 10, 100)
    thin = services.models.get("digits").data_engine
    changed = await set_rules(services, low_confidence={"threshold": 0.7})
    assert (changed.thinning, changed.version) == (thin.thinning, thin.version + 1)
    engine = await set_rules(services, quota=None)
    assert (engine.quota, engine.thinning) == (None, Thinning())
    await traffic(services, someone, clock, 3, 100, "q")
    assert services.models.get("digits").data_engine == engine


async def test_what_is_off_has_no_quota_to_keep(services, model, someone, clock):
    """No rules, or no queue: nothing is looked at. A deleted model leaves nothing behind."""
    await set_rules(services, **RULES, auto_queue_for_review=False)
    await traffic(services, someone, clock, 5, 100)
    assert services.models.get("digits").data_engine.version == 1
    assert await strata.pace(services.database, "digits") is None
    await set_rules(services, auto_queue_for_review=True)
    await traffic(services, someone, clock, 1, 1, "q")
    assert await strata.pace(services.database, "digits") is not None
    await services.models.delete("digits")
    await services.quotas.keep()
    await services.removal.retain()
    assert await strata.pace(services.database, "digits") is None


async def test_a_quota_is_kept_of_days_too_and_over_a_restart_of_counting(services, model, someone, clock):
    """From a quota of hours to one of days: what was counted by the hour is forgotten."""
    await set_rules(services, **{**RULES, "quota": {"per_day": 200}})
    await services.quotas.keep()
    await traffic(services, someone, clock, 10, 100)
    assert services.models.get("digits").data_engine.thinning != Thinning()
    assert len(await listed(services)) < 250
    engine = await set_rules(services, quota={"per_hour": 100_000})
    assert (engine.quota.per_day, engine.quota.per_hour) == (None, 100_000)
    await services.quotas.keep()
    pace = await strata.pace(services.database, "digits")
    assert (pace.width, pace.matched) == (HOUR, {})


async def test_a_dry_run_says_what_the_quota_would_do(services, model, someone, clock):
    """At the rates as they were set, also while they are thinned; null without a quota."""
    await set_rules(services, **RULES)
    await services.quotas.keep()
    await traffic(services, someone, clock, 10, 100)
    clock.forward(DAY // 2 - 10 * MINUTE)
    request = msgspec.convert({"data_engine": {}, "last": 1000}, DryRunRequest)
    found = await services.dry_runs.run("digits", request)
    assert found.taken == pytest.approx(200 * 0.6 + 800 * 0.2)
    assert (found.thinning, found.items_per_day_in_quota) == (Thinning(), pytest.approx(560))
    tight = msgspec.convert({"data_engine": {"quota": {"per_day": 100}}}, DryRunRequest)
    found = await services.dry_runs.run("digits", tight)
    assert found.items_per_day == pytest.approx(560)
    assert found.items_per_day_in_quota == pytest.approx(100)
    assert found.thinning.random_sample < 1
    free = replace(request, data_engine=msgspec.convert({"quota": None}, type(request.data_engine)))
    found = await services.dry_runs.run("digits", free)
    assert (found.thinning, found.items_per_day_in_quota) == (None, None)


@pytest.mark.long
@pytest.mark.timeout(120)
async def test_other_nodes_judge_by_the_thinned_rates_after_a_refresh(nodes, someone, clock):
    """And what both took counts towards the quota."""
    a, b = nodes
    await set_rules(a, **RULES)
    await b.cluster.refresh()
    await a.quotas.keep()
    await traffic(b, someone, clock, 5, 100)
    await traffic(a, someone, clock, 5, 100, "q")
    await b.cluster.refresh()
    await a.cluster.refresh()
    engine = b.models.get("digits").data_engine
    assert engine == a.models.get("digits").data_engine
    assert engine.thinning != Thinning()
    await b.ingest.predictions([NewPrediction(model_id="digits", id="late", label="0")], someone)
    late = await judged(b, "late")
    assert late.rule_set == engine.version
    assert late.pi == pytest.approx(0.2 * engine.thinning.random_sample)
