"""Intervals against published tables and scipy."""

from itertools import permutations
from math import inf

import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain import intervals
from seeme.domain.intervals import Group, effective, limits, normal_quantile, wilson

Z = normal_quantile(0.95)
GROUPS = st.lists(
    st.tuples(st.integers(1, 60), st.floats(0, 1), st.floats(1, 100), st.floats(0, 100)).map(
        lambda made: Group(made[0], round(made[0] * made[1]), made[2], made[3])
    ),
    min_size=1,
    max_size=8,
)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.95, 0.99, 0.9999])
def test_the_normal_quantile_is_scipys(level):
    """z of a two-sided level."""
    assert normal_quantile(level) == pytest.approx(scipy.special.ndtri((1 + level) / 2), rel=1e-12)


@pytest.mark.parametrize("level", [0, 1, -0.5, 95])
def test_a_level_is_between_0_and_1(level):
    """95 is no level; 0.95 is."""
    with pytest.raises(ValueError, match="level must be between 0 and 1"):
        normal_quantile(level)


@pytest.mark.parametrize(
    ("right", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_limits_are_those_of_newcombes_table(right, n, low, high):
    """Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3."""
    assert wilson(right / n, n, Z) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@given(st.integers(1, 2000), st.floats(0, 1), st.sampled_from([0.8, 0.95, 0.99]))
def test_wilsons_limits_are_scipys(n, share, level):
    """scipy.stats.binomtest(...).proportion_ci(method='wilson')."""
    right = round(n * share)
    expected = scipy.stats.binomtest(right, n).proportion_ci(level, method="wilson")
    assert wilson(right / n, n, normal_quantile(level)) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize(
    ("one", "two", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_limits_put_together_are_those_of_newcombes_table(one, two, low, high, monkeypatch):
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10: the difference of two proportions.

    A difference p - q is twice the mean of p and 1 - q, less 1. The two stay apart here, though of like weight.
    """
    monkeypatch.setattr(intervals, "ALIKE", 0)
    (right, n), (other, m) = one, two
    groups = [Group(n, right, 1 / n), Group(m, m - other, 1 / m)]
    found = limits(groups, Z, finite=False)
    assert 2 * found.mean - 1 == pytest.approx(right / n - other / m)
    assert (2 * found.low - 1, 2 * found.high - 1) == (pytest.approx(low, abs=6e-5), pytest.approx(high, abs=6e-5))


def test_one_group_has_wilsons_limits():
    """Whatever its weight, when it is about more than those sampled from."""
    assert limits([Group(30, 27, 17.0)], Z, finite=False)[1:] == pytest.approx(wilson(0.9, 30, Z))


def test_all_right_in_small_groups_has_wilsons_limits_on_kishs_number():
    """Groups too small to stand alone are taken together, with (sum of w)^2 / sum of w^2 as their number."""
    groups = [Group(4, 4, 2.0), Group(5, 5, 20.0)]
    kish = (4 * 2 + 5 * 20) ** 2 / (4 * 4 + 5 * 400)
    assert effective(groups) == pytest.approx(kish)
    assert limits(groups, Z, finite=False) == pytest.approx((1.0, *wilson(1.0, kish, Z)))


def test_groups_of_like_weight_are_one():
    """Weights within a factor of two: Wilson's limits of the weighted share; further apart, limits put together."""
    groups = [Group(50, 45, 4.0), Group(60, 40, 6.0)]
    share, kish = (45 * 4 + 40 * 6) / (50 * 4 + 60 * 6), (50 * 4 + 60 * 6) ** 2 / (50 * 16 + 60 * 36)
    assert limits(groups, Z, finite=False) == pytest.approx((share, *wilson(share, kish, Z)))
    apart = [Group(50, 45, 4.0), Group(60, 40, 9.0)]
    share, kish = (45 * 4 + 40 * 9) / (50 * 4 + 60 * 9), (50 * 4 + 60 * 9) ** 2 / (50 * 16 + 60 * 81)
    assert limits(apart, Z, finite=False)[1:] != pytest.approx(wilson(share, kish, Z), abs=1e-3)


def test_a_sample_of_all_there_is_has_no_error():
    """Weight 1 means that nothing was left out; a comparison still has an interval."""
    assert limits([Group(50, 40, 1.0)], Z, finite=True) == pytest.approx((0.8, 0.8, 0.8))
    assert limits([Group(50, 40, 1.0)], Z, finite=False).low < 0.8
    assert wilson(0.8, inf, Z) == (0.8, 0.8)


@given(GROUPS, st.booleans())
def test_limits_are_shares_around_the_mean(groups, finite):
    """0 <= low <= mean <= high <= 1, of whatever groups."""
    found = limits(groups, Z, finite=finite)
    assert 0 <= found.low <= found.mean + 1e-12
    assert found.mean - 1e-12 <= found.high <= 1


@given(GROUPS.filter(lambda groups: len(groups) <= 4), st.booleans())
def test_the_order_of_groups_does_not_matter(groups, finite):
    """Bit by bit."""
    assert len({limits(order, Z, finite=finite) for order in permutations(groups)}) == 1


@given(GROUPS)
def test_no_groups_tell_more_than_their_items(groups):
    """Kish's number is at most the number of items, and at least 1."""
    assert 1 - 1e-9 <= effective(groups) <= sum(one.decided for one in groups) + 1e-9
