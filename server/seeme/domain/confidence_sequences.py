"""Intervals and p-values for a difference of two means: one that may be looked at all the time, one for a set end.

All functions take numbers, or numpy arrays of floats of one shape.

Sources: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024), Time-uniform central limit theory and asymptotic
confidence sequences, Annals of Statistics 52, 2613-2640 (arXiv 2103.06476): theorem 2.2 for the boundary, appendix B.2
for rho; Welch (1947), Biometrika 34, 28-35.
"""

from math import log
from typing import Any

import numpy

# The boundary is tightest when both arms together have about this many units, and valid at any number.
TIGHTEST_AT = 5_000

Number = Any  # a float, or an array of them


def rho_squared(alpha: float) -> float:
    """Return rho^2, which makes the boundary tightest at `TIGHTEST_AT` units.

    >>> round(rho_squared(0.05), 7)
    0.0015872
    """
    return (-2 * log(alpha) + log(1 - 2 * log(alpha))) / TIGHTEST_AT


def boundary(units: Number, alpha: float) -> Number:
    """Return how many standard errors from zero are needed at this many units (in total) to be sure at `alpha`.

    >>> round(float(boundary(5_000, 0.05)), 3)
    3.035
    """
    known = units * rho_squared(alpha)
    return numpy.sqrt((known + 1) / known * (numpy.log1p(known) - 2 * log(alpha)))


def always_valid_p(difference: Number, variance: Number, units: Number, alpha: float) -> Number:
    """Return the p-value that is below `alpha` if and only if `boundary` is passed, at however many looks.

    It solves |difference| = boundary * standard error for alpha, with rho held.
    """
    known = units * rho_squared(alpha)
    exponent = difference * difference / variance * (known / (2 * (known + 1)))
    return numpy.minimum(1.0, numpy.sqrt(known + 1) * numpy.exp(-exponent))


def welch_freedom(variance_a: Number, units_a: Number, variance_b: Number, units_b: Number) -> Number:
    """Return the degrees of freedom of Welch's test; the variances are those of the means."""
    # As shares of their sum, so that no square of a tiny variance is rounded to 0.
    part_a, part_b = variance_a / (variance_a + variance_b), variance_b / (variance_a + variance_b)
    return 1 / (part_a * part_a / (units_a - 1) + part_b * part_b / (units_b - 1))


def student(difference: Number, variance: Number, freedom: Number, alpha: float) -> tuple[Number, Number]:
    """Return half the width of the interval at 1 - alpha, and the two-sided p-value; infinite freedom is the normal."""
    from scipy import special  # only here: who asks for no results never loads it

    error = numpy.sqrt(variance)
    half = -special.stdtrit(freedom, alpha / 2) * error
    return half, 2 * special.stdtr(freedom, -abs(difference) / error)
