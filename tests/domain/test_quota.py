"""Quotas: thinner rates that are set ahead, seldom, and leave the estimate unbiased."""

from collections import Counter
from random import Random
from statistics import fmean, stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from seeme.clock import DAY, HOUR, MINUTE
from seeme.domain import quota, sampling, strata
from seeme.domain.estimation import estimate
from seeme.domain.quota import Total
from seeme.domain.strata import Stratum
from seeme.records.engine import DataEngine, LowConfidence, RandomSample, Thinning
from seeme.records.predictions import NewPrediction

RATES = {"low_confidence": 0.5, "margin": 1.0, "random_sample": 0.05}
NAMES = tuple(RATES)
START = 20_000 * DAY

matched_counts = st.dictionaries(
    st.sets(st.sampled_from(NAMES)).map(lambda names: ",".join(sorted(names))), st.integers(0, 1_000_000), max_size=8
)


@given(matched_counts, st.integers(1, 1000))
@settings(max_examples=200)
def test_thinned_rates_keep_the_quota_and_take_everything_that_fits(counts, most):
    """No more than the quota on average; all of it, unless the rates fit as they were set; and no rate is ever 0."""
    counts = {",".join(sorted({*matched.split(","), "random_sample"} - {""})): n for matched, n in counts.items()}
    thinning = quota.kept(counts, RATES, most)
    rates = sampling.thinned(RATES, thinning)
    found = quota.expected(counts, rates)
    assert all(rates.values())
    if quota.expected(counts, RATES) <= most:
        assert thinning == Thinning()
    else:
        assert found == pytest.approx(most, rel=1e-3)


def test_the_random_sample_keeps_half_of_the_quota_when_a_model_gets_unsure():
    """It is untouched while half of the quota is enough for it; and gives what others don't need."""
    unsure = {"low_confidence,random_sample": 9_000}
    thinning = quota.kept(unsure, RATES, 1_000)
    assert thinning.random_sample == 1
    assert 0.05 < thinning.others < 0.2
    busy = {"random_sample": 100_000, "low_confidence,random_sample": 100}
    thinning = quota.kept(busy, RATES, 100)
    assert thinning.others == pytest.approx(1, abs=0.01)
    assert thinning.random_sample == pytest.approx(0.01, rel=0.02)


class Run:
    """A model whose predictions all match the same rules, looked at every minute."""

    def __init__(self, most, width, rates, at=START):
        self.most, self.width, self.rates, self.at = most, width, rates, at
        self.thinning, self.version, self.changes = Thinning(), 1, []
        self.totals: Counter = Counter()
        self.pi: dict = {}
        self.taken: Counter = Counter()  # by period
        self.pace = quota.began(width, at, 0, [])

    def go(self, minutes, per_minute, matched="random_sample"):
        """Let traffic come for some minutes."""
        for _ in range(minutes):
            pi = quota.expected({matched: 1}, sampling.thinned(self.rates, self.thinning))
            key = (self.version, matched)
            self.pi[key] = pi
            self.totals[key] += per_minute
            self.taken[self.at // self.width] += per_minute * pi
            self.at += MINUTE
            rows = [Total(*key, self.pi[key], n) for key, n in self.totals.items() if key[0] >= self.pace.rule_set]
            self.pace = quota.advanced(self.pace, self.at, self.version, rows)
            found = quota.changed(self.pace, self.rates, self.thinning, self.most, self.at)
            if found is not None:
                self.thinning, self.version = found, self.version + 1
                self.pace = quota.marked(self.pace, self.at)
                self.changes.append(self.at)


@pytest.mark.parametrize(("width", "minutes"), [(DAY, 1440), (HOUR, 60)])
def test_steady_traffic_beyond_the_quota_is_thinned_once_and_stays(width, minutes):
    """Ten times too much: the first period stays near the quota, and rates then don't flap."""
    run = Run(50, width, {"random_sample": 0.05})
    per_minute = round(50 / 0.05 / minutes * 10)
    run.go(minutes, per_minute)
    first = len(run.changes)
    assert 1 <= first <= 8
    run.go(5 * minutes, per_minute)
    assert len(run.changes) - first <= 3
    for taken in list(run.taken.values())[:-1]:
        assert taken <= 50 * 1.25
    assert list(run.taken.values())[3] == pytest.approx(45, rel=0.1)


def test_a_burst_is_thinned_and_rates_go_back_up():
    """Twenty times the traffic for four hours; a day after it rates are as they were set."""
    run = Run(200, DAY, {"random_sample": 0.1})
    run.go(1440 + 600, 1)
    assert run.changes == []
    run.go(240, 20)
    burst = len(run.changes)
    assert 1 <= burst <= 10
    assert run.thinning.random_sample > 0
    run.go(1440 * 3, 1)
    assert run.thinning == Thinning()
    assert len(run.changes) - burst <= 6
    assert max(run.taken.values()) <= 200 * 1.2


def test_days_with_busy_hours_do_not_flap():
    """Traffic of office hours, a little above the quota and well below it."""
    for most, allowed in ((1000, 0), (300, 8)):
        run = Run(most, DAY, {"random_sample": 0.1})
        for _ in range(6):
            run.go(8 * 60, 0)
            run.go(8 * 60, 10)
            run.go(8 * 60, 1)
        assert len(run.changes) <= allowed
        assert max(run.taken.values()) <= most * 1.15


def test_nothing_to_do_changes_nothing():
    """No traffic, or a service that was away for days."""
    run = Run(200, DAY, {"random_sample": 0.1})
    run.go(600, 0)
    run.at += 5 * DAY
    run.go(600, 1)
    assert run.changes == []


def test_what_was_erased_is_not_counted_as_new():
    """Totals may shrink."""
    pace = quota.began(DAY, START, 0, [Total(1, "random_sample", 0.1, 50)])
    pace = quota.advanced(pace, START + MINUTE, 1, [Total(1, "random_sample", 0.1, 40)])
    assert pace.matched == {}
    pace = quota.advanced(pace, START + 2 * MINUTE, 1, [Total(1, "random_sample", 0.1, 45)])
    assert (pace.matched, pace.expected) == ({"random_sample": 5}, 0.5)


def test_the_estimate_stays_unbiased_while_a_quota_thins_the_rates():
    """A day's burst judged by the rules themselves, thinned by the quota every so often, reviewed completely."""
    runs = [_simulated(seed) for seed in range(120)]
    errors = [found - truth for found, truth, _, _ in runs]
    assert abs(fmean(errors)) <= 3 * stdev(errors) / len(errors) ** 0.5
    assert stdev(errors) < 0.1
    assert all(versions >= 2 for *_, versions in runs)
    naive = [taken_right - truth for _, truth, taken_right, _ in runs]
    assert fmean(naive) < -0.05


def _simulated(seed):
    """Return the estimate, the truth, the naive number and how many rule sets a day with a burst had."""
    random, at, n, right = Random(seed), START, 0, 0
    engine = DataEngine(
        enabled=True,
        version=1,
        low_confidence=LowConfidence(enabled=True, threshold=0.6, sample_rate=0.5),
        random_sample=RandomSample(enabled=True, rate=0.1),
    )
    pace, cells = quota.began(DAY, at, 0, []), {}
    for step in range(24):
        rules = sampling.rules_of("m", "classification", [], engine)
        for _ in range(240 if 8 <= step < 12 else 30):
            n += 1
            right += _reviewed(random, rules, f"{seed}-{n}", cells)
        at += HOUR
        totals = [Total(one.rule_set, ",".join(one.matched), one.pi, one.sums.n) for one in cells.values()]
        pace = quota.advanced(pace, at, engine.version, [one for one in totals if one.rule_set >= pace.rule_set])
        thinning = quota.changed(pace, sampling.rates("classification", engine), engine.thinning, 250, at)
        if thinning is not None:
            pace = quota.marked(pace, at)
            engine = replace(engine, version=engine.version + 1, thinning=thinning)
    found = estimate(cells.values())
    return found.value, right / n, found.naive_accuracy, engine.version


def _reviewed(random, rules, id, cells):
    """Judge a prediction, review it when it is taken, and count it in its stratum; say whether it was right."""
    confidence = random.random()
    right = random.random() < confidence**0.5
    found = sampling.decide(rules.rules, NewPrediction(model_id="m", confidence=confidence, label="a"), id)
    added = strata.of_prediction(None, bool(found.taken))
    if found.taken:
        added += strata.of_decided(right, None)
    key = (rules.version, found.matched)
    cells[key] = cells.get(key, Stratum(*key, found.pi)).plus(added)
    return right
