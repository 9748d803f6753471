"""Tails of the distributions that the paired tests need: normal, chi-square, Student's t and the binomial at 1/2.

All but the first come from the regularized incomplete beta and gamma functions (Press et al., Numerical Recipes, 3rd
edition, 6.2 and 6.4; Abramowitz and Stegun 1964, 26.4 and 26.5), in plain Python: they are asked for a few times each.
"""

from math import comb, erfc, exp, lgamma, log, pi, sqrt

_TINY = 1e-300
_PRECISE = 1e-15
_STEPS = 100_000  # it takes about the square root of the larger argument


def normal_p(z: float) -> float:
    """Return the two-sided p-value of a standard normal statistic.

    >>> round(normal_p(1.959964), 6)
    0.05
    """
    return erfc(abs(z) / sqrt(2))


def chi_square_p(statistic: float, freedom: int) -> float:
    """Return the chance that chi-square with so many degrees of freedom is at least this large (A&S 26.4.4, 26.4.5).

    >>> round(chi_square_p(5.991465, 2), 6)
    0.05
    """
    half = statistic / 2
    odd = freedom % 2
    total = erfc(sqrt(half)) if odd else 0.0
    term = 2 * sqrt(half / pi) * exp(-half) if odd else exp(-half)
    for at in range(2 + odd, freedom + 1, 2):
        total += term
        term *= statistic / at
    return total


def student_p(t: float, freedom: float) -> float:
    """Return the two-sided p-value of Student's t (A&S 26.5.27).

    >>> round(student_p(2.228139, 10), 6)
    0.05
    """
    square = t * t
    whole = freedom + square
    return incomplete_beta(freedom / whole, square / whole, freedom / 2, 0.5) if square else 1.0


def student_quantile(level: float, freedom: float) -> float:
    """Return t that a two-sided interval of a level reaches to, by bisection.

    >>> round(student_quantile(0.95, 10), 6)
    2.228139
    """
    low, high = 0.0, 1.0
    while student_p(high, freedom) > 1 - level:
        low, high = high, 2 * high
    while high - low > 1e-14 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if student_p(middle, freedom) > 1 - level else (low, middle)
    return high


def half_binomial(most: int, trials: int) -> float:
    """Return the chance of at most so many heads in throws of a fair coin.

    >>> half_binomial(1, 4)
    0.3125
    """
    if most >= trials:
        return 1.0
    if trials <= 1000:  # exact
        return sum(comb(trials, heads) for heads in range(most + 1)) / (1 << trials)
    return incomplete_beta(0.5, 0.5, trials - most, most + 1)


def half_binomial_at(heads: int, trials: int) -> float:
    """Return the chance of just so many heads in throws of a fair coin."""
    return exp(lgamma(trials + 1) - lgamma(heads + 1) - lgamma(trials - heads + 1) - trials * log(2))


def incomplete_beta(x: float, rest: float, a: float, b: float) -> float:
    """Return the regularized incomplete beta function I_x(a, b), by Lentz's continued fraction; `rest` is 1 - x.

    >>> round(incomplete_beta(0.5, 0.5, 2, 3), 9)
    0.6875
    """
    if x <= 0 or rest <= 0:
        return float(rest <= 0)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(rest))
    if x > (a + 1) / (a + b + 2):
        return 1 - front * _fraction(rest, b, a) / b
    return front * _fraction(x, a, b) / a


def _fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _apart(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _STEPS):
        for part in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _apart(1 + part * d)
            c = _apart(1 + part / c)
            found *= c * d
        if abs(c * d - 1) < _PRECISE:
            break
    return found


def _apart(value: float) -> float:
    """Keep a divisor from being 0."""
    return value if abs(value) > _TINY else _TINY
