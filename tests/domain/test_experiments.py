"""Results of A/B tests against scipy and statsmodels, their properties, and what is said where nothing is known."""

import subprocess
import sys
import timeit
from functools import reduce
from math import exp, isfinite, log, sqrt
from random import Random

import numpy
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.stats import proportion, weightstats

from seeme.domain.confidence_sequences import always_valid_p, boundary, rho_squared
from seeme.domain.experiments import (
    METRICS,
    ArmSums,
    Comparison,
    Metric,
    arm_value,
    arm_variance,
    compare,
    compare_estimates,
    is_enough,
)

VOTES, LATENCY, ERRORS = METRICS["feedback_score"], METRICS["latency"], METRICS["error_rate"]
CONFIDENCE, ACCURACY = METRICS["confidence"], METRICS["accuracy"]
NUMBERS = ("difference", "low", "high", "p_value", "fixed_low", "fixed_high", "fixed_p_value", "variance")


def sums(units: list[tuple[int, int]]) -> ArmSums:
    """Return the sums of units (x, n)."""
    return merge([ArmSums(1, x, n, x * x, n * n, x * n) for x, n in units])


def merge(parts: list[ArmSums]) -> ArmSums:
    """Return the sums of several writers."""
    return reduce(lambda one, other: ArmSums(*(i + j for i, j in zip(one, other, strict=True))), parts, ArmSums())


def unknown(found: Comparison) -> bool:
    """Say whether no number of a comparison is known, and why is said."""
    names = (*NUMBERS, "significant", "fixed_significant")
    return bool(found.reason) and all(getattr(found, name) is None for name in names)


@st.composite
def arms(draw: st.DrawFn, metric: Metric) -> list[tuple[int, int]]:
    """Return 0 to 120 units of a metric with 1 to 4 events each."""
    random = Random(draw(st.integers(0, 2**32)))
    count, center = draw(st.integers(0, 120)), draw(st.floats(0.02, 0.98))
    units = []
    for n in (random.randint(1, 4) for _ in range(count)):
        if metric.kind == "rate":
            x = sum(metric.high if random.random() < center else metric.low for _ in range(n))
        else:
            x = sum(round(10_000 * (5 + center + random.gauss(0, 0.3))) for _ in range(n))
        units.append((x, n))
    return units


PAIRS = st.sampled_from([VOTES, ERRORS, LATENCY, CONFIDENCE]).flatmap(
    lambda metric: st.tuples(st.just(metric), arms(metric), arms(metric))
)


@pytest.mark.parametrize(("seed", "count_a", "count_b"), [(1, 25, 25), (2, 900, 100), (3, 40, 4000)])
def test_the_fixed_horizon_result_is_scipys_welch_test(seed, count_a, count_b):
    """scipy.stats.ttest_ind(equal_var=False), its p and its interval, on one value a unit."""
    random = Random(seed)
    a, b = ([round(1e4 * random.gauss(0.8, 0.15)) for _ in range(count)] for count in (count_a, count_b))
    found = compare(CONFIDENCE, sums([(x, 1) for x in a]), sums([(x, 1) for x in b]))
    expected = scipy.stats.ttest_ind([x / 1e4 for x in b], [x / 1e4 for x in a], equal_var=False)
    limits = expected.confidence_interval(0.95)
    assert found.fixed_p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.fixed_low, found.fixed_high) == pytest.approx((limits.low, limits.high), rel=1e-9, abs=1e-12)
    assert found.difference == pytest.approx(sum(b) / 1e4 / count_b - sum(a) / 1e4 / count_a, rel=1e-9)


def test_the_fixed_horizon_result_is_statsmodels_welch_test():
    """statsmodels' CompareMeans with unequal variances, at a Bonferroni level of 4 comparisons."""
    random = numpy.random.default_rng(4)
    a, b = random.integers(0, 9000, 300), random.integers(1300, 9000, 70)
    found = compare(CONFIDENCE, sums([(x, 1) for x in a.tolist()]), sums([(x, 1) for x in b.tolist()]), comparisons=4)
    means = weightstats.CompareMeans.from_data(b / 1e4, a / 1e4)
    assert (found.fixed_low, found.fixed_high) == pytest.approx(means.tconfint_diff(0.05 / 4, usevar="unequal"), 1e-9)
    assert found.fixed_p_value == pytest.approx(4 * means.ttest_ind(usevar="unequal")[1], rel=1e-9)


@pytest.mark.parametrize("share", [0.5, 0.02, 0.98])
def test_two_proportions_are_those_of_statsmodels(share):
    """Wald's test and interval for independent proportions, from values and variances known beforehand."""
    right_a, n_a, right_b, n_b = round(900 * share), 900, round(640 * share) + 5, 640
    estimates = [(right / n, right / n * (1 - right / n) / n, n) for right, n in ((right_a, n_a), (right_b, n_b))]
    found = compare_estimates(ACCURACY, *estimates)
    expected = proportion.test_proportions_2indep(right_b, n_b, right_a, n_a, method="wald")
    limits = proportion.confint_proportions_2indep(right_b, n_b, right_a, n_a, method="wald")
    assert found.fixed_p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.fixed_low, found.fixed_high) == pytest.approx(limits, rel=1e-9, abs=1e-12)


def test_latency_is_a_ratio_of_geometric_means():
    """The difference of mean logarithms, shown as a ratio with its limits; no difference is 1."""
    random = Random(5)
    a, b = ([random.lognormvariate(4 + shift, 0.5) for _ in range(2000)] for shift in (0, 0.2))
    found = compare(LATENCY, *(sums([(round(1e4 * log(ms)), 1) for ms in arm]) for arm in (a, b)))
    means = [float(scipy.stats.gmean(arm)) for arm in (a, b)]
    assert (found.value_a, found.value_b) == pytest.approx(means, rel=1e-5)
    assert found.difference == pytest.approx(means[1] / means[0], rel=1e-5)
    assert 1 < found.low < found.difference < found.high
    assert found.significant


def test_the_boundary_is_that_of_the_asymptotic_confidence_sequence():
    """Waudby-Smith et al., theorem 2.2, for variance 1."""
    alpha, t = 0.05, 3000
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / 5000
    radius = sqrt(2 * (t * rho2 + 1) / (t * t * rho2) * log(sqrt(t * rho2 + 1) / alpha))
    assert rho_squared(alpha) == pytest.approx(rho2, rel=1e-12)
    assert boundary(t, alpha) / sqrt(t) == pytest.approx(radius, rel=1e-12)
    assert always_valid_p(radius, 1 / t, t, alpha) == pytest.approx(alpha, rel=1e-12)


def test_the_boundary_is_tightest_near_5000_units():
    """The width at 5,000 units is within 1 % of what any rho gives there."""
    rho2 = rho_squared(0.05) * numpy.geomspace(0.1, 10, 1000)
    known = 5000 * rho2
    best = numpy.sqrt((known + 1) / known * (numpy.log1p(known) - 2 * log(0.05))).min()
    assert best <= boundary(5000, 0.05) <= 1.01 * best


@given(PAIRS, st.floats(0.001, 0.6), st.integers(1, 12))
def test_p_is_below_alpha_if_and_only_if_the_interval_excludes_no_difference(pair, alpha, comparisons):
    """At any level and number of comparisons, for both results; and every number is finite."""
    metric, a, b = pair
    found = compare(metric, sums(a), sums(b), alpha=alpha, comparisons=comparisons)
    if found.reason:
        assert unknown(found)
        return
    none = 1 if metric is LATENCY else 0
    assert all(isfinite(getattr(found, name)) for name in NUMBERS)
    assert (found.p_value < alpha) == (not found.low <= none <= found.high) == found.significant
    assert (found.fixed_p_value < alpha) == (not found.fixed_low <= none <= found.fixed_high) == found.fixed_significant
    assert found.low <= found.fixed_low <= found.difference <= found.fixed_high <= found.high
    assert 0 <= found.fixed_p_value <= 1
    assert 0 <= found.p_value <= 1


def test_p_and_the_interval_agree_where_they_meet():
    """Differences within rounding of the boundary: the two never contradict each other."""
    for variance in (1e-4, 3e-5, 7e-7):
        edge = float(boundary(1000, 0.05)) * sqrt(variance)
        for step in range(-8, 9):
            value = 0.3 + edge * (1 + step * 1e-16)
            found = compare_estimates(ACCURACY, (0.3, variance / 2, 500), (value, variance / 2, 500))
            assert (found.p_value < 0.05) == (found.low > 0) == found.significant


@given(PAIRS)
def test_swapping_the_arms_mirrors_the_interval(pair):
    """b - a is -(a - b), limits and all; a ratio is the inverse."""
    metric, a, b = pair
    one, other = compare(metric, sums(a), sums(b)), compare(metric, sums(b), sums(a))
    assert (one.value_a, one.units_a, one.value_b) == (other.value_b, other.units_b, other.value_a)
    assert bool(one.reason) == bool(other.reason)
    if one.reason:
        return
    assert (one.p_value, one.fixed_p_value, one.significant) == (other.p_value, other.fixed_p_value, other.significant)
    mirrored = [other.difference, other.high, other.low, other.fixed_high, other.fixed_low]
    mirrored = [1 / limit if metric is LATENCY else -limit for limit in mirrored]
    assert [one.difference, one.low, one.high, one.fixed_low, one.fixed_high] == pytest.approx(mirrored, rel=1e-12)


@given(arms(VOTES), arms(VOTES), st.randoms(use_true_random=False))
def test_sums_merged_in_any_order_give_the_same(a, b, random):
    """Units counted by several writers, in any order: the same to the last bit."""
    first = compare(VOTES, sums(a), sums(b))
    random.shuffle(a)
    cut = random.randint(0, len(a))
    assert compare(VOTES, merge([sums(a[cut:]), ArmSums(), sums(a[:cut])]), sums(b)) == first


@given(arms(CONFIDENCE))
def test_the_variance_is_the_delta_methods(units):
    """Of a ratio of means: s^2 of x - R n over U, divided by the mean n squared."""
    assume(len(units) > 1)
    x, n = numpy.array(units, dtype=float).T / [[1e4], [1]]
    ratio = x.sum() / n.sum()
    expected = (x - ratio * n).var(ddof=1) / len(units) / n.mean() ** 2
    assert arm_value(CONFIDENCE, sums(units)) == pytest.approx(ratio)
    assert arm_variance(CONFIDENCE, sums(units)) == pytest.approx(expected, rel=1e-6)


@given(PAIRS)
def test_arrays_give_what_numbers_give(pair):
    """The formulas take numpy arrays of floats, as the simulation uses them: the same rule, the same numbers."""
    metric, *both = pair
    exact = [sums(units) for units in both]
    arrays = [ArmSums(*(numpy.array([float(number)]) for number in arm)) for arm in exact]
    enough = [bool(is_enough(metric, arm)[0]) for arm in arrays]
    found = compare(metric, *exact)
    assert enough == [bool(is_enough(metric, arm)) for arm in exact]
    assert all(enough) == (found.reason is None)
    if all(enough):
        difference = arm_value(metric, arrays[1]) - arm_value(metric, arrays[0])
        variance = arm_variance(metric, arrays[0]) + arm_variance(metric, arrays[1])
        p = always_valid_p(difference, variance, arrays[0].units + arrays[1].units, 0.05)
        assert found.p_value == pytest.approx(p[0], rel=1e-6)
        assert found.variance == pytest.approx(variance[0], rel=1e-6)


def test_a_billion_units_are_exact():
    """Sums beyond 64 bits lose nothing: the difference of two votes among 2 * 10^9 is seen."""
    count = 10**9
    a = ArmSums(count, 0, count, count, count, 0)
    b = a._replace(x=2, xn=2)
    found = compare(VOTES, a, b)
    assert found.difference == pytest.approx(2e-9, rel=1e-12)
    wide = ArmSums(count, 90_000 * count, count, 90_000**2 * count + count, count, 90_000 * count)
    assert arm_variance(LATENCY, wide) == pytest.approx(1e-8 / (count - 1), rel=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ([], [], "arm old has 0 units with votes; at least 25 are needed; arm new has 0 units"),
        ([(1, 1)], [(1, 1), (-1, 1)] * 20, "arm old has 1 units"),
        ([(1, 1)] * 60, [(1, 1), (-1, 1)] * 20, "all units of arm old have the same feedback_score"),
        ([(1, 1)] * 60, [(-1, 1)] * 60, "all units of arm new have the same feedback_score"),
        ([(1, 1)] * 60 + [(-1, 1)] * 4, [(1, 1), (-1, 1)] * 20, "arm old has too few events of one kind"),
    ],
)
def test_what_is_not_known_has_a_reason(a, b, words):
    """No data, one unit, no variance, few of a kind: no numbers, no NaN, and the arm is named."""
    found = compare(VOTES, sums(a), sums(b), arms=("old", "new"))
    assert unknown(found)
    assert words in found.reason
    assert (found.value_a is None) == (not a)


def test_values_are_shown_before_a_difference_is():
    """Each arm's own value is a plain fact about those seen; None without any."""
    found = compare(LATENCY, sums([(10_000 * 4, 1)]), ArmSums())
    assert found.value_a == pytest.approx(exp(4))
    assert found.value_b is None


def test_five_of_each_are_enough_with_one_event_a_unit():
    """And four aren't."""
    assert is_enough(ERRORS, sums([(1, 1)] * 5 + [(0, 1)] * 20))
    assert not is_enough(ERRORS, sums([(1, 1)] * 4 + [(0, 1)] * 21))
    assert not is_enough(ERRORS, sums([(1, 1)] * 5 + [(0, 1)] * 19))


def test_events_of_one_unit_count_as_one_unit():
    """Thirty errors of one user are one unit's worth; five need a share of 5 in the number of units."""
    assert not is_enough(ERRORS, sums([(30, 30)] + [(0, 30)] * 60))
    assert not is_enough(ERRORS, sums([(30, 30)] * 4 + [(0, 30)] * 60))
    assert is_enough(ERRORS, sums([(30, 30)] * 5 + [(0, 30)] * 60))
    assert is_enough(ERRORS, sums([(2, 30), (4, 30)] * 25))


@pytest.mark.parametrize(
    ("one", "words"),
    [
        ((None, None, 0), "arm B has no accuracy yet"),
        ((0.8, 0.001, 12.5), "arm B has reviews that tell as much as 12"),
        ((1.0, 0.0, 300), "no variance"),
        ((0.99, 0.0001, 100), "arm B has too few of one kind"),
    ],
)
def test_an_estimate_that_says_too_little_has_a_reason(one, words):
    """Accuracy from too few reviews isn't compared."""
    found = compare_estimates(ACCURACY, (0.8, 0.001, 300), one)
    assert unknown(found)
    assert words in found.reason


def test_bonferroni_widens_the_interval_and_multiplies_p():
    """At alpha / m, and p is at most 1."""
    a, b = sums([(1, 1), (-1, 1)] * 200), sums([(1, 1), (-1, 1)] * 175 + [(1, 1)] * 50)
    one, three, many = (compare(VOTES, a, b, comparisons=count) for count in (1, 3, 1000))
    assert three.fixed_p_value == pytest.approx(3 * one.fixed_p_value)
    assert one.low > three.low > many.low
    assert many.p_value == 1


@pytest.mark.parametrize(("alpha", "comparisons"), [(0, 1), (1, 1), (float("nan"), 1), (0.05, 0)])
def test_an_impossible_level_is_refused(alpha, comparisons):
    """Naming what is wrong."""
    with pytest.raises(ValueError, match="must be"):
        compare(VOTES, ArmSums(), ArmSums(), alpha=alpha, comparisons=comparisons)


def test_who_asks_for_no_result_loads_no_scipy():
    """It costs about 30 MB; the service imports these modules at its start."""
    code = "import sys, seeme.domain.verdict; print('scipy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "False"


def test_a_result_takes_microseconds():
    """About 20 on a quiet machine (`make bench` measures it); here a bound that a loaded one meets too."""
    a, b = sums([(50_000 + i, 1) for i in range(5000)]), sums([(51_000 + i, 1) for i in range(5000)])
    compare(LATENCY, a, b)
    assert min(timeit.repeat(lambda: compare(LATENCY, a, b), number=200, repeat=5)) / 200 < 200e-6


def test_limits_of_a_rate_stay_within_what_is_possible():
    """Thumbs are -1 to 1, so two arms differ by 2 at most."""
    a, b = ArmSums(25, 15, 25, 25, 25, 15), ArmSums(25, -15, 25, 25, 25, -15)
    found = compare(METRICS["feedback_score"], a, b)
    assert (found.low, found.difference) == (-2.0, -1.2)
    assert found.high < 2
    errors = compare(METRICS["error_rate"], ArmSums(30, 5, 30, 5, 30, 5), ArmSums(30, 25, 30, 25, 30, 25))
    assert errors.high == 1.0


def test_what_always_holds_is_never_narrower_than_what_holds_once():
    """Also for a small arm and an alpha so small that Student's distribution matters."""
    a, b = ArmSums(26, 13, 26, 13, 26, 13), ArmSums(2600, 1300, 2600, 1300, 2600, 1300)
    found = compare(METRICS["error_rate"], a, b, alpha=0.0001, comparisons=63)
    assert found.low <= found.fixed_low < found.fixed_high <= found.high
    assert found.p_value >= found.fixed_p_value
