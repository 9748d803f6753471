"""The alarm for a split that isn't the planned one."""

from math import comb, exp, inf, log

import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain.mismatch import mismatch

COUNTS = st.lists(st.integers(0, 10**6), min_size=2, max_size=5)


@given(COUNTS)
def test_the_e_value_is_the_dirichlet_multinomial_over_the_multinomial(counts):
    """Lindon and Malek (2022), by scipy's log gamma function."""
    shares = [(i + 1) / sum(range(1, len(counts) + 1)) for i in range(len(counts))]
    gamma = scipy.special.gammaln
    prior = [1000 * share for share in shares]
    expected = gamma(1000) - gamma(1000 + sum(counts))
    expected += sum(gamma(p + c) - gamma(p) - c * log(s) for p, c, s in zip(prior, counts, shares, strict=True))
    assert mismatch(counts, shares).log_e_value == pytest.approx(expected, rel=1e-9, abs=1e-6)


@pytest.mark.parametrize("n", [1, 7, 300])
def test_under_the_planned_split_the_e_value_is_1_on_average(n):
    """So that it reaches 100 in 1 of 100 tests at most, at however many looks (Ville's inequality)."""
    share = 0.3
    mean = sum(
        comb(n, k) * share**k * (1 - share) ** (n - k) * mismatch([k, n - k], [share, 1 - share]).e_value
        for k in range(n + 1)
    )
    assert mean == pytest.approx(1, rel=1e-9)


def test_the_alarm_is_at_100():
    """And an e-value that can't be written is infinite, its logarithm is kept."""
    quiet, loud, huge = (mismatch([5000 + more, 5000 - more], [1, 1]) for more in (0, 300, 4000))
    assert (quiet.alarm, loud.alarm, huge.alarm) == (False, True, True)
    assert quiet.e_value == pytest.approx(exp(quiet.log_e_value))
    assert quiet.e_value < 1
    assert loud.log_e_value > log(100)
    assert huge.e_value == inf
    assert huge.log_e_value > 709
    assert loud.expected == (5000, 5000)


def test_no_units_say_nothing():
    """The e-value starts at 1."""
    assert mismatch([0, 0, 0], [0.2, 0.3, 0.5]).e_value == 1


def test_units_in_an_arm_that_gets_none_are_leaks():
    """They are counted apart, and the other arms are compared among themselves."""
    found = mismatch([500, 500, 3], [0.5, 0.5, 0])
    assert (found.leaks, found.alarm, found.expected) == (3, False, (500, 500, 0))


@pytest.mark.parametrize(
    ("counts", "shares"), [([1], [0.5, 0.5]), ([1, 2], [0, 0]), ([-1, 2], [0.5, 0.5]), ([1, 2], [1.5, -0.5]), ([], [])]
)
def test_counts_and_shares_that_do_not_fit_are_refused(counts, shares):
    """Naming what is wrong."""
    with pytest.raises(ValueError, match="shares must"):
        mismatch(counts, shares)
