"""Tests of paired answers: against published examples, and against readers that nobody here wrote."""

from math import isfinite

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import cochrans_q
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.multitest import multipletests

from seeme.domain import distributions
from seeme.domain.paired import Counts, cochran_q, count, holm, mcnemar, mean_difference, mean_limits, tango

COUNTS = st.builds(Counts, *[st.integers(0, 300)] * 4).filter(lambda counts: counts.items > 0)
EXACT = 1e-9


@pytest.mark.parametrize(
    ("counts", "interval"),
    [
        # Fagerland, Lydersen and Laake (2014), Statistics in Medicine 33, 2850-2875: airway hyper-responsiveness, and
        # complete response; theirs is the first minus the second.
        (Counts(1, 1, 7, 12), (-0.517, -0.026)),
        (Counts(59, 6, 16, 80), (-0.1240, -0.0054)),
    ],
)
def test_tango_gives_the_published_intervals(counts, interval):
    """To the places that were printed."""
    found = tango(counts)
    digits = 4 if counts.items > 100 else 3
    assert (round(-found.high, digits), round(-found.low, digits)) == interval


@given(COUNTS)
def test_the_interval_excludes_zero_just_when_the_test_says_so(counts):
    """They agree by construction; swapping the versions mirrors both."""
    found = tango(counts)
    assert -1 <= found.low <= found.value <= found.high <= 1
    assert all(map(isfinite, found))
    if abs(found.p_value - 0.05) > 1e-12:
        assert (found.p_value < 0.05) == (found.low > 0 or found.high < 0)
    mirrored = tango(Counts(counts.both, counts.only_b, counts.only_a, counts.neither))
    assert mirrored == pytest.approx((-found.value, -found.high, -found.low, found.p_value), abs=1e-9)


@given(COUNTS)
def test_tango_tests_what_mcnemar_does(counts):
    """At no difference the score statistic is McNemar's without correction."""
    if counts.only_a + counts.only_b:
        table = [[counts.both, counts.only_a], [counts.only_b, counts.neither]]
        theirs = their_mcnemar(table, exact=False, correction=False).pvalue
        assert tango(counts).p_value == pytest.approx(theirs, abs=EXACT)


@given(COUNTS)
def test_mcnemar_is_that_of_statsmodels(counts):
    """Exact and corrected to 1e-9; mid-P is the sum of what is as unlikely, the point itself by half."""
    found = mcnemar(counts)
    alone = counts.only_a + counts.only_b
    if not alone:
        assert found == (1.0, 1.0, None)
        return
    table = [[counts.both, counts.only_a], [counts.only_b, counts.neither]]
    assert found.exact == pytest.approx(their_mcnemar(table, exact=True).pvalue, abs=EXACT)
    assert found.corrected == pytest.approx(their_mcnemar(table, exact=False, correction=True).pvalue, abs=EXACT)
    far = abs(numpy.arange(alone + 1) - alone / 2)
    mine, chances = abs(counts.only_a - alone / 2), stats.binom.pmf(numpy.arange(alone + 1), alone, 0.5)
    assert found.mid_p == pytest.approx(chances[far > mine].sum() + chances[far == mine].sum() / 2, abs=EXACT)


def test_mcnemar_holds_for_a_hundred_thousand_items():
    """Beyond where each term is added up."""
    found = mcnemar(Counts(40_000, 24_800, 25_200, 10_000))
    assert found.exact == pytest.approx(stats.binomtest(24_800, 50_000).pvalue, abs=EXACT)


@given(st.integers(2, 6), st.integers(1, 60), st.integers(0, 10_000))
def test_cochran_q_is_that_of_statsmodels(versions, items, seed):
    """Statistic and p-value to 1e-9; for two versions it is McNemar's."""
    right = numpy.random.default_rng(seed).random((versions, items)) < 0.6
    found = cochran_q(right)
    if found is None:
        assert (right == right[0]).all()
        return
    theirs = cochrans_q(right.T)
    assert (found.q, found.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), abs=EXACT)
    if versions == 2:
        assert found.p_value == pytest.approx(tango(count(right[0], right[1])).p_value, abs=EXACT)


@pytest.mark.parametrize("tests", [1, 2, 12])
def test_holm_is_that_of_statsmodels(tests):
    """In the order in which they were given."""
    p_values = (numpy.random.default_rng(tests).random(tests) ** 3).tolist()
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist(), abs=EXACT)


def test_the_paired_mean_is_that_of_scipy():
    """Interval and p-value of the t-test, from ten pairs on."""
    generator = numpy.random.default_rng(1)
    for items in (10, 200, 100_000):
        a, b = generator.lognormal(size=(2, items))
        theirs = stats.ttest_rel(b, a)
        limits = theirs.confidence_interval(0.95)
        expected = ((b - a).mean(), limits.low, limits.high, theirs.pvalue)
        assert mean_difference(a, b) == pytest.approx(expected, abs=EXACT)
    assert mean_difference(a[:9], b[:9]) is None
    assert mean_limits(a[:9]) is None
    assert mean_limits(a)[0] < a.mean() < mean_limits(a)[1]


def test_a_difference_that_is_the_same_everywhere_has_no_interval():
    """But none at all is known to be none."""
    values = numpy.arange(20.0)
    assert mean_difference(values, values + 2) is None
    assert mean_difference(values, values) == (0, 0, 0, 1)


@pytest.mark.parametrize("freedom", [1, 2, 3, 7, 30, 1_000, 100_000])
def test_tails_are_those_of_scipy(freedom):
    """To 1e-9, near and far out."""
    for value in (1e-6, 0.3, 1.0, 2.5, 8.0, 40.0):
        assert distributions.student_p(value, freedom) == pytest.approx(2 * stats.t.sf(value, freedom), abs=EXACT)
        if freedom <= 30:
            expected = stats.chi2.sf(value, freedom)
            assert distributions.chi_square_p(value, freedom) == pytest.approx(expected, abs=EXACT)
    assert distributions.student_quantile(0.95, freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=EXACT)
