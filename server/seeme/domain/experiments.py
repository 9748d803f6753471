"""What an A/B test says about a metric: the arms' values, their difference with intervals, and p-values.

A unit (a user) is what was assigned, so a unit is what is counted: each metric is a ratio of sums over units, with the
delta method's variance (Deng, Knoblich and Lu 2018, Applying the delta method in metric analytics, KDD). Arms keep
exact integers, so a result costs the same whatever the number of rows. What it means, and a simulation:
docs/ab-tests.md.
"""

from math import exp, inf, nextafter
from typing import Literal, NamedTuple

from seeme.domain.confidence_sequences import Number, always_valid_p, boundary, student, welch_freedom
from seeme.domain.sums import MOMENT_SCALE

# Before this the normal approximation can't be relied on: at a 90/10 split the type I error was .27 without it.
LEAST_UNITS = 25
LEAST_OF_EACH = 5

Kind = Literal["rate", "mean", "log"]
Arms = tuple[str, str]


class Metric(NamedTuple):
    """What is compared: an event's number is `low` to `high` for a rate, and stored in steps of 1 / scale."""

    name: str
    scale: int
    kind: Kind
    better: int  # 1: more is better, -1: less is better, 0: neither
    winner: bool = True  # whether it can make an arm the winner
    low: int = 0
    high: int = 1


METRICS = {
    metric.name: metric
    for metric in (
        Metric("feedback_score", 1, "rate", 1, low=-1),
        Metric("feedback_per_unit", 1, "mean", 1),
        Metric("response_rate", 1, "rate", 0, winner=False),
        Metric("latency", MOMENT_SCALE, "log", -1),
        Metric("error_rate", 1, "rate", -1),
        Metric("accuracy", 1, "rate", 1),
        # A model can be sure and wrong, so confidence is compared but never makes a winner.
        Metric("confidence", MOMENT_SCALE, "mean", 0, winner=False),
    )
}


class ArmSums(NamedTuple):
    """Sums over the units of an arm that have n > 0: x_u is a unit's sum in steps of the metric, n_u its events."""

    units: int = 0
    x: int = 0
    n: int = 0
    xx: int = 0
    nn: int = 0
    xn: int = 0


class Comparison(NamedTuple):
    """Arm b against arm a; what isn't known is None, and `reason` says why.

    The difference is b - a with limits `low` and `high`; for latency all three are ratios b / a of geometric means.
    `p_value` and these limits hold at any time, the `fixed_` ones only at the end that was planned before. All are for
    `alpha` shared among `comparisons`: p < alpha if and only if 0 (for a ratio 1) is outside the limits.
    """

    metric: str
    alpha: float
    comparisons: int
    units_a: int
    units_b: int
    value_a: float | None = None
    value_b: float | None = None
    variance: float | None = None  # of the difference; for latency of that of the logarithms
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    significant: bool | None = None
    fixed_low: float | None = None
    fixed_high: float | None = None
    fixed_p_value: float | None = None
    fixed_significant: bool | None = None
    reason: str | None = None


def arm_value(metric: Metric, sums: ArmSums) -> Number:
    """Return the mean of all events, or the mean logarithm for latency; sums must not be empty."""
    return sums.x / (sums.n * metric.scale)


def arm_variance(metric: Metric, sums: ArmSums) -> Number:
    """Return the variance of `arm_value` between units (delta method) with at least two of them.

    With one event a unit it is s^2 / U, exactly. Sums may be numpy arrays of floats.
    """
    squares = sums.n * sums.n * (metric.scale * metric.scale)
    return sums.units * _residual(sums) / ((sums.units - 1) * squares * sums.n * sums.n)


def _residual(sums: ArmSums) -> Number:
    """Return n^2 times the sum over units of (x_u - mean * n_u)^2, exactly for integers."""
    _, x, n, xx, nn, xn = sums
    return xx * n * n - 2 * x * n * xn + x * x * nn


def is_enough(metric: Metric, sums: ArmSums) -> Number:
    """Say whether an arm has enough for a result; sums may be numpy arrays of floats, and so is the answer then.

    Events of one unit are alike, 30 failures of one user are hardly more than one. So a rate's successes and failures
    are counted in units' worth, share * units: with one event a unit these are the events themselves.
    """
    enough = (sums.units >= LEAST_UNITS) & (_residual(sums) > 0)
    if metric.kind != "rate":
        return enough
    least = LEAST_OF_EACH * (metric.high - metric.low) * sums.n
    for few in (sums.x - metric.low * sums.n, metric.high * sums.n - sums.x):
        enough &= few * sums.units >= least
    return enough


def _lack(metric: Metric, sums: ArmSums, arm: str) -> str | None:
    """Return what an arm lacks for a result, in words."""
    if is_enough(metric, sums):
        return None
    if sums.units < LEAST_UNITS:
        return f"arm {arm} has {sums.units} units with {_thing(metric)}; at least {LEAST_UNITS} are needed"
    if not _residual(sums):
        return f"all units of arm {arm} have the same {metric.name}, so there is no variance to judge by"
    return (
        f"arm {arm} has too few events of one kind: a rate needs at least {LEAST_OF_EACH} units' worth of successes "
        f"and {LEAST_OF_EACH} of failures"
    )


def _thing(metric: Metric) -> str:
    return {"feedback_score": "votes", "latency": "a latency", "confidence": "a confidence"}.get(
        metric.name, "predictions"
    )


def compare(
    metric: Metric,
    a: ArmSums,
    b: ArmSums,
    *,
    alpha: float = 0.05,
    comparisons: int = 1,
    arms: Arms = ("A", "B"),
) -> Comparison:
    """Return how arm b differs from arm a on a metric; `comparisons` is (metrics) x (arms - 1), for Bonferroni.

    `arms` are names for the reason. ValueError for an alpha outside (0, 1) or comparisons below 1.
    """
    _check(alpha, comparisons)
    mean_a, mean_b = (arm_value(metric, sums) if sums.n else None for sums in (a, b))
    shown_a, shown_b = (value if value is None or metric.kind != "log" else exp(value) for value in (mean_a, mean_b))
    known = Comparison(metric.name, alpha, comparisons, a.units, b.units, shown_a, shown_b)
    reasons = [lack for sums, arm in zip((a, b), arms, strict=True) if (lack := _lack(metric, sums, arm))]
    if reasons or mean_a is None or mean_b is None:
        return known._replace(reason="; ".join(reasons))
    variances = arm_variance(metric, a), arm_variance(metric, b)
    freedom = welch_freedom(variances[0], a.units, variances[1], b.units)
    return _filled(known, metric, mean_b - mean_a, variances[0] + variances[1], freedom)


def compare_estimates(
    metric: Metric,
    a: tuple[float | None, float | None, float],
    b: tuple[float | None, float | None, float],
    *,
    alpha: float = 0.05,
    comparisons: int = 1,
    arms: Arms = ("A", "B"),
) -> Comparison:
    """Return how arm b differs from arm a, each (value, variance of the value, effective number of items).

    For rates known from a designed sample, such as accuracy from reviews; the fixed-horizon result uses the normal
    distribution. ValueError as for `compare`.
    """
    _check(alpha, comparisons)
    known = Comparison(metric.name, alpha, comparisons, int(a[2]), int(b[2]), a[0], b[0])
    reasons = [lack for one, arm in zip((a, b), arms, strict=True) if (lack := _lack_of_items(metric, *one, arm))]
    if reasons or a[0] is None or b[0] is None or a[1] is None or b[1] is None:
        return known._replace(reason="; ".join(reasons))
    return _filled(known, metric, b[0] - a[0], a[1] + b[1], inf, units=a[2] + b[2])


def _lack_of_items(metric: Metric, value: float | None, variance: float | None, items: float, arm: str) -> str | None:
    """Return what an arm's estimate lacks for a result, in words."""
    if value is None or variance is None:
        return f"arm {arm} has no {metric.name} yet"
    if items < LEAST_UNITS:
        return f"arm {arm} has reviews that tell as much as {int(items)}; at least {LEAST_UNITS} are needed"
    if not variance > 0:
        return f"all reviewed ones of arm {arm} are alike, so there is no variance to judge by"
    share = (value - metric.low) / (metric.high - metric.low)
    if min(share, 1 - share) * items < LEAST_OF_EACH:
        return f"arm {arm} has too few of one kind: {LEAST_OF_EACH} right and {LEAST_OF_EACH} wrong are needed"
    return None


def _check(alpha: float, comparisons: int) -> None:
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must be between 0 and 1 (got {alpha})")
    if comparisons < 1:
        raise ValueError(f"comparisons must be at least 1 (got {comparisons})")


def _filled(
    known: Comparison,
    metric: Metric,
    difference: float,
    variance: float,
    freedom: float,
    *,
    units: float | None = None,
) -> Comparison:
    """Return a comparison with its numbers, for a difference (of logarithms for a ratio) and its variance.

    Limits of a rate stay within what is possible. What holds at any time holds at a planned end, so it is never the
    narrower one, though it doesn't know of Student's distribution: that matters for alphas below .0001 alone.
    """
    level = known.alpha / known.comparisons
    total = known.units_a + known.units_b if units is None else units
    shown, none = (exp, 1.0) if metric.kind == "log" else (float, 0.0)
    fixed_half, fixed_p = student(difference, variance, freedom, level)
    half = max(float(boundary(total, level)) * variance**0.5, fixed_half)
    most = float(metric.high - metric.low) if metric.kind == "rate" else inf
    low, high, fixed_low, fixed_high = (
        shown(min(max(limit, -most), most))
        for size in (half, fixed_half)
        for limit in (difference - size, difference + size)
    )
    significant, fixed_significant = (not one <= none <= other for one, other in ((low, high), (fixed_low, fixed_high)))
    p = max(float(always_valid_p(difference, variance, total, level)), float(fixed_p))
    return known._replace(
        variance=variance,
        difference=shown(difference),
        low=low,
        high=high,
        p_value=_shared(p, known, significant),
        significant=significant,
        fixed_low=fixed_low,
        fixed_high=fixed_high,
        fixed_p_value=_shared(fixed_p, known, fixed_significant),
        fixed_significant=fixed_significant,
    )


def _shared(p: float, known: Comparison, significant: bool) -> float:
    """Return Bonferroni's p, on the side of alpha where the shown interval is.

    The two agree by their formulas; where they are equal but for rounding, the interval decides.
    """
    shared = min(1.0, known.comparisons * float(p))
    return min(shared, nextafter(known.alpha, 0)) if significant else max(shared, known.alpha)
