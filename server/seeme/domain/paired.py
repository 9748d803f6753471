"""Versions that answered the same items: differences with intervals, and the tests that go with them.

Sources: McNemar (1947), Psychometrika 12, 153-157; Cochran (1950), Biometrika 37, 256-266; Tango (1998), Statistics in
Medicine 17, 891-908; Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13, 91, for mid-P; Holm
(1979), Scandinavian Journal of Statistics 6, 65-70.
"""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from seeme.domain.distributions import (
    chi_square_p,
    half_binomial,
    half_binomial_at,
    normal_p,
    student_p,
    student_quantile,
)
from seeme.domain.intervals import normal_quantile

LEVEL = 0.95
LEAST_PAIRS = 10  # a mean difference of fewer has an interval that its shape, not its length, decides


class Counts(NamedTuple):
    """Items by who was right of two versions: both, only the first, only the second, neither."""

    both: int
    only_a: int
    only_b: int
    neither: int

    @property
    def items(self) -> int:
        """How many items there are."""
        return sum(self)


class Difference(NamedTuple):
    """A difference (second minus first) with its interval, and the p-value of no difference."""

    value: float
    low: float
    high: float
    p_value: float


class Agreement(NamedTuple):
    """p-values of McNemar's test: exact, mid-P, and by chi-square with the continuity correction (None: no item)."""

    exact: float
    mid_p: float
    corrected: float | None


class Cochran(NamedTuple):
    """Cochran's Q for several versions, with its degrees of freedom and p-value."""

    q: float
    freedom: int
    p_value: float


def count(a: NDArray[numpy.bool_], b: NDArray[numpy.bool_]) -> Counts:
    """Return the four counts of two versions' right answers to the same items."""
    both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())
    return Counts(both, only_a, only_b, len(a) - both - only_a - only_b)


def tango(counts: Counts, level: float = LEVEL) -> Difference:
    """Return the difference of two shares of right answers with Tango's score interval and its test.

    The limits are where the score statistic is the normal quantile, and p is that of the statistic at 0: so the
    interval of 95 % excludes 0 if and only if p < .05. At 0 it is McNemar's statistic without correction.

    >>> [round(x, 4) for x in tango(Counts(59, 6, 16, 80))]  # Fagerland et al. (2014), complete response: b - a
    [0.0621, 0.0054, 0.124, 0.033]
    """
    if not counts.items:
        raise ValueError("there is no item to compare on")
    value = (counts.only_b - counts.only_a) / counts.items
    z = normal_quantile(level)
    low = _root(lambda at: _score(counts, at) > z, -1.0, value)
    high = _root(lambda at: _score(counts, at) > -z, value, 1.0)
    return Difference(value, low, high, normal_p(_score(counts, 0.0)))


def _score(counts: Counts, at: float) -> float:
    """Return Tango's statistic for a true difference `at`: about normal, falling in `at`."""
    n, b, c = counts.items, counts.only_b, counts.only_a
    distance = b - c - n * at
    if not distance:
        return 0.0
    linear = -b - c + (2 * n - b + c) * at
    constant = -c * at * (1 - at)
    share = (sqrt(max(linear * linear - 8 * n * constant, 0.0)) - linear) / (4 * n)
    variance = n * (2 * share + at * (1 - at))
    if variance <= 0:
        return float("inf") if distance > 0 else float("-inf")
    return distance / sqrt(variance)


def _root(is_below: Callable[[float], bool], low: float, high: float) -> float:
    """Return where `is_below` turns from true to false, as far as numbers tell."""
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return high if is_below(low) else low
        low, high = (middle, high) if is_below(middle) else (low, middle)


def mcnemar(counts: Counts) -> Agreement:
    """Return McNemar's p-values: they look only at the items that one version alone has right.

    >>> [round(p, 4) for p in mcnemar(Counts(59, 6, 16, 80))]
    [0.0525, 0.0347, 0.055]
    """
    b, c = counts.only_b, counts.only_a
    if not b + c:
        return Agreement(1.0, 1.0, None)
    point, tail = half_binomial_at(min(b, c), b + c), half_binomial(min(b, c), b + c)
    corrected = chi_square_p((abs(b - c) - 1) ** 2 / (b + c), 1)
    return Agreement(min(1.0, 2 * tail), 1 - point / 2 if b == c else 2 * tail - point, corrected)


def cochran_q(right: NDArray[numpy.bool_]) -> Cochran | None:
    """Return Cochran's Q of versions (rows) on items (columns); None when no item tells them apart."""
    versions = len(right)
    by_version, by_item = right.sum(axis=1, dtype=float), right.sum(axis=0, dtype=float)
    total = float(by_version.sum())
    spread = versions * total - float((by_item**2).sum())
    if spread <= 0:
        return None
    q = (versions - 1) * (versions * float((by_version**2).sum()) - total**2) / spread
    return Cochran(q, versions - 1, chi_square_p(q, versions - 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values: below alpha for none that is no difference, but with a chance of alpha at most.

    >>> [round(p, 4) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    adjusted, least = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=lambda at: p_values[at])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[at]))
        adjusted[at] = least
    return adjusted


def mean_difference(a: NDArray[numpy.float64], b: NDArray[numpy.float64], level: float = LEVEL) -> Difference | None:
    """Return the mean of b - a with Student's interval and the paired t-test, which agree by construction.

    None for fewer than 10 pairs, or when all differences are the same but 0: nothing then says how sure it is.
    """
    if len(a) < LEAST_PAIRS:
        return None
    differences = b - a
    value, freedom = float(differences.mean()), len(a) - 1
    error = float(differences.std(ddof=1)) / sqrt(len(a))
    if error <= 1e-12 * max(abs(value), float(numpy.abs(a).max()), 1e-300):
        return Difference(0.0, 0.0, 0.0, 1.0) if not differences.any() else None
    half = student_quantile(level, freedom) * error
    return Difference(value, value - half, value + half, student_p(value / error, freedom))


def mean_limits(values: NDArray[numpy.float64], level: float = LEVEL) -> tuple[float, float] | None:
    """Return Student's limits of a mean that can't be below 0; None for fewer than 10 values."""
    if len(values) < LEAST_PAIRS:
        return None
    half = student_quantile(level, len(values) - 1) * float(values.std(ddof=1)) / sqrt(len(values))
    return max(0.0, float(values.mean()) - half), float(values.mean()) + half
