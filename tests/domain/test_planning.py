"""Plans of A/B tests: against statsmodels, and back and forth."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower

from seeme.domain.experiments import METRICS, ArmSums, compare
from seeme.domain.planning import (
    Design,
    Needed,
    days_needed,
    detectable_effect,
    power,
    threshold,
    units_needed,
    units_to_be_sure,
)

VOTES, LATENCY, CONFIDENCE = METRICS["feedback_score"], METRICS["latency"], METRICS["confidence"]
ONCE = Design(always_valid=False)


@dataclass
class Case:
    """What a test wants to find."""

    name: str
    effect: float
    value: float | None = None
    sd: float | None = None


CASES = [
    Case("feedback_score", 0.06, value=0.6),
    Case("error_rate", -0.01, value=0.02),
    Case("confidence", 0.02, sd=0.15),
    Case("latency", 0.05, sd=0.5),
    Case("error_rate", 0.01, value=0.1, sd=0.2),
]


@pytest.mark.parametrize("effect", [0.01, 0.05, -0.2])
@pytest.mark.parametrize(("units_a", "units_b"), [(500, 500), (1800, 200), (10, 90)])
@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_power_at_a_set_end_is_statsmodels(effect, units_a, units_b, alpha):
    """NormalIndPower, both tails, at any split."""
    variance = 0.15**2 * (1 / units_a + 1 / units_b)
    expected = NormalIndPower().power(effect / 0.15, units_a, alpha, ratio=units_b / units_a)
    found = power(effect, variance, units_a + units_b, ONCE._replace(alpha=alpha))
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.1])
@pytest.mark.parametrize("wanted", [0.8, 0.95])
def test_the_sample_size_at_a_set_end_is_statsmodels(share, wanted):
    """NormalIndPower.solve_power, rounded up by arm."""
    expected = NormalIndPower().solve_power(0.02 / 0.15, alpha=0.05, power=wanted, ratio=share / (1 - share))
    found = units_needed(CONFIDENCE, 0.02, sd=0.15, design=ONCE._replace(share=share, power=wanted))
    assert found.units_a == pytest.approx(expected, abs=1.001)
    assert found.units_b == pytest.approx(expected * share / (1 - share), abs=1.001)
    assert found.units == found.units_a + found.units_b


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.effect}")
@pytest.mark.parametrize("design", [Design(), ONCE, Design(share=0.1, comparisons=3, power=0.9)])
def test_the_units_needed_have_the_power_wanted(case, design):
    """With so many units the power is reached, with 1 % fewer it isn't; and the always-valid test needs more."""
    metric = METRICS[case.name]
    needed = units_needed(metric, case.effect, value=case.value, sd=case.sd, design=design)
    size = case.effect if metric is not LATENCY else 0.04879016416943204
    if case.sd is not None:
        of_a = of_b = case.sd**2
    else:
        of_a, of_b = ((metric.high - x) * (x - metric.low) for x in (case.value, case.value + case.effect))

    def reached(units: float) -> float:
        return power(size, of_a / units / (1 - design.share) + of_b / units / design.share, units, design)

    assert reached(needed.units) >= design.power > reached(0.99 * needed.units)
    once = design._replace(always_valid=False)
    assert units_needed(metric, case.effect, value=case.value, sd=case.sd, design=once).units <= needed.units


@pytest.mark.parametrize("case", [case for case in CASES if case.effect > 0], ids=lambda case: case.name)
@pytest.mark.parametrize("design", [Design(), ONCE, Design(share=0.2)])
def test_the_detectable_effect_of_the_units_needed_is_the_effect(case, design):
    """There and back again."""
    metric = METRICS[case.name]
    needed = units_needed(metric, case.effect, value=case.value, sd=case.sd, design=design)
    found = detectable_effect(metric, needed.units, value=case.value, sd=case.sd, design=design)
    assert found == pytest.approx(case.effect, rel=2e-3)


def test_nothing_can_be_detected_with_too_few_units():
    """Fewer than a result needs, or no room above."""
    assert detectable_effect(VOTES, 40, value=0.6) is None
    assert detectable_effect(VOTES, 300, value=0.95) is None
    assert detectable_effect(CONFIDENCE, 0, sd=0.1) is None


def test_a_large_effect_still_needs_the_least_a_result_needs():
    """25 units in each arm, and five of each kind for a rate."""
    assert units_needed(CONFIDENCE, 100, sd=0.1, design=Design(share=0.1)) == Needed(225, 25)
    assert units_needed(METRICS["error_rate"], 0.5, value=0.01, design=ONCE).units_a >= 500


@given(st.floats(0.001, 0.3), st.floats(0.05, 0.95), st.booleans())
def test_a_smaller_effect_needs_more_units(effect, share, always):
    """Monotone, at any split."""
    design = Design(share=share, always_valid=always)
    larger = units_needed(CONFIDENCE, 1.5 * effect, sd=0.2, design=design)
    assert larger.units <= units_needed(CONFIDENCE, effect, sd=0.2, design=design).units


def test_the_always_valid_threshold_is_above_the_fixed_one():
    """That is what looking whenever one likes costs: about half as much again where it is tightest."""
    assert threshold(5000, Design()) / threshold(5000, ONCE) == pytest.approx(1.5486, abs=1e-3)


def test_days_are_whole_ones():
    """Rounded up; no traffic is an error."""
    assert days_needed(1001, 100) == 11
    for traffic in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="units_per_day must be above 0"):
            days_needed(10, traffic)


def test_the_units_to_be_sure_are_where_the_difference_seen_is_significant():
    """If it stays: with so many units of the same kind it is, with 1 % fewer it isn't."""

    def votes(units: float, up: float) -> ArmSums:
        count, x = round(units), round(units * (2 * up - 1))
        return ArmSums(count, x, count, count, count, x)

    found = compare(VOTES, votes(1000, 0.8), votes(1000, 0.83))
    assert found.significant is False
    needed = units_to_be_sure(found)
    for more, significant in ((1.01, True), (0.99, False)):
        units = needed / 2 * more
        assert compare(VOTES, votes(units, 0.8), votes(units, 0.83)).significant is significant
    assert units_to_be_sure(compare(VOTES, votes(1000, 0.8), votes(1000, 0.8))) is None
    assert units_to_be_sure(compare(VOTES, ArmSums(), ArmSums())) is None


@pytest.mark.parametrize(
    ("metric", "effect", "options", "words"),
    [
        ("confidence", 0, {"sd": 0.1}, "effect must not be 0"),
        ("confidence", float("nan"), {"sd": 0.1}, "effect must not be 0"),
        ("latency", -1, {"sd": 0.1}, "effect must not be 0 and above -1"),
        ("latency", 0.1, {}, "sd is needed for latency"),
        ("latency", 0.1, {"sd": 0}, "sd must be above 0"),
        ("error_rate", 0.1, {}, "value must be between 0 and 1 for error_rate"),
        ("feedback_score", 0.5, {"value": 0.6}, "effect must leave B between -1 and 1"),
        ("confidence", 1e-9, {"sd": 1}, "effect is too small"),
        ("confidence", 1, {"sd": 1, "design": Design(share=1)}, "share must be between 0 and 1"),
        ("confidence", 1, {"sd": 1, "design": Design(power=0)}, "power must be between 0 and 1"),
        ("confidence", 1, {"sd": 1, "design": Design(comparisons=0)}, "comparisons must be at least 1"),
    ],
)
def test_what_does_not_fit_is_named(metric, effect, options, words):
    """Each message begins with the name of what is wrong."""
    with pytest.raises(ValueError, match=words):
        units_needed(METRICS[metric], effect, **options)


def test_the_power_of_the_last_look_is_a_little_below_that_of_20_looks():
    """.848, .908 and .93 were simulated for these at 20 looks."""
    cases = [(0.03, 0.8 * 0.2 + 0.83 * 0.17, 10_000), (0.02, 2 * 0.15**2, 4000), (0.0488, 2 * 0.25, 8000)]
    found = [power(effect, both / (units / 2), units, Design()) for effect, both, units in cases]
    assert found == pytest.approx([0.789, 0.880, 0.906], abs=0.002)
