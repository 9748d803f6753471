"""How many units and days an A/B test needs, and what difference it can show.

Power is that of the normal approximation, both tails. For the always-valid test it is the power of the last look; who
looks before may find a difference sooner, so the real power is a little higher.
"""

from collections.abc import Callable
from math import ceil, erfc, expm1, inf, isfinite, log, log1p, sqrt
from typing import NamedTuple

from seeme.domain.confidence_sequences import boundary
from seeme.domain.experiments import LEAST_OF_EACH, LEAST_UNITS, METRICS, Comparison, Metric
from seeme.domain.intervals import normal_quantile

MOST_UNITS = 10**12


class Design(NamedTuple):
    """How a test will be judged: B's share of the units, alpha shared among comparisons, looked at always or once."""

    share: float = 0.5
    alpha: float = 0.05
    comparisons: int = 1
    power: float = 0.8
    always_valid: bool = True


class Needed(NamedTuple):
    """Units for each arm; those of A are (1 - share) of all."""

    units_a: int
    units_b: int

    @property
    def units(self) -> int:
        """Return the units of both arms."""
        return self.units_a + self.units_b


def threshold(units: float, design: Design) -> float:
    """Return how many standard errors a difference must have to be significant at this many units in total."""
    level = design.alpha / design.comparisons
    return float(boundary(units, level)) if design.always_valid else normal_quantile(1 - level)


def power(effect: float, variance: float, units: float, design: Design) -> float:
    """Return the chance that a difference is significant; `variance` is that of the measured difference.

    >>> round(power(0.03, 0.8 * 0.2 / 5000 + 0.83 * 0.17 / 5000, 10_000, Design(always_valid=False)), 4)
    0.9717
    """
    passed, errors = threshold(units, design), abs(effect) / sqrt(variance)
    return _above(passed - errors) + _above(passed + errors)


def _above(z: float) -> float:
    return erfc(z / sqrt(2)) / 2


def units_needed(
    metric: Metric, effect: float, *, value: float | None = None, sd: float | None = None, design: Design | None = None
) -> Needed:
    """Return how many units are needed to find `effect` with the design's power.

    `effect` is B - A in the metric's own unit, and for latency the relative change (0.05 is 5 % slower). `value` is
    that of A (needed for rates), `sd` the standard deviation of one unit's value, for latency of its logarithm (needed
    except for rates, where it follows from the value of one event a unit). ValueError names what doesn't fit.
    """
    design = _checked(design)
    size = _size(metric, effect)
    variances = _variances(metric, size, value, sd)
    least = _least(metric, value, size, design)
    found = _first(lambda units: power(size, _spread(variances, units, design), units, design) >= design.power, least)
    if found > MOST_UNITS:
        raise ValueError(f"effect is too small for any test to find (got {effect})")
    return Needed(ceil(found * (1 - design.share)), ceil(found * design.share))


def detectable_effect(
    metric: Metric, units: float, *, value: float | None = None, sd: float | None = None, design: Design | None = None
) -> float | None:
    """Return the smallest difference upwards that so many units in total find with the design's power.

    None when there is none, as with fewer units than a result needs. Arguments and errors are those of `units_needed`.
    """
    design = _checked(design)
    _variances(metric, 0.0, value, sd)
    most = metric.high - value if metric.kind == "rate" and value is not None else inf

    def is_found(effect: float) -> bool:
        if effect >= most:
            return True
        variance = _spread(_variances(metric, effect, value, sd), units, design)
        return power(effect, variance, units, design) >= design.power

    if units < _least(metric, value, 0.0, design):
        return None
    effect = _first(is_found, 0.0)
    if effect >= most or units < _least(metric, value, effect, design):
        return None
    return expm1(effect) if metric.kind == "log" else effect


def days_needed(units: float, units_per_day: float) -> int:
    """Return the days until so many units are in the test, at so many new ones a day. ValueError for none a day."""
    if not (isfinite(units_per_day) and units_per_day > 0):
        raise ValueError(f"units_per_day must be above 0 (got {units_per_day})")
    return ceil(units / units_per_day)


def units_to_be_sure(found: Comparison) -> float | None:
    """Return the units in total at which the difference seen would be significant if it stayed; None beyond reach."""
    if found.variance is None or found.difference is None:
        return None
    units = found.units_a + found.units_b
    difference = log(found.difference) if METRICS[found.metric].kind == "log" else found.difference
    if difference == 0:
        return None
    design = Design(alpha=found.alpha, comparisons=found.comparisons)
    spread = found.variance * units
    needed = _first(lambda more: abs(difference) > threshold(more, design) * sqrt(spread / more), float(units))
    return needed if needed <= MOST_UNITS else None


def _first(holds: Callable[[float], bool], least: float) -> float:
    """Return the smallest number from `least` on at which a rule holds that goes on to hold; infinite if none."""
    if least > 0 and holds(least):
        return least
    low, high = least, max(2 * least, 1e-12)
    while not holds(high):
        if high > 2 * MOST_UNITS:
            return inf
        low, high = high, 2 * high
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _spread(variances: tuple[float, float], units: float, design: Design) -> float:
    """Return the variance of the difference between arms of so many units in total."""
    return variances[0] / (units * (1 - design.share)) + variances[1] / (units * design.share)


def _size(metric: Metric, effect: float) -> float:
    if not isfinite(effect) or effect == 0 or (metric.kind == "log" and effect <= -1):
        least = " and above -1" if metric.kind == "log" else ""
        raise ValueError(f"effect must not be 0{least} (got {effect})")
    return log1p(effect) if metric.kind == "log" else effect


def _variances(metric: Metric, size: float, value: float | None, sd: float | None) -> tuple[float, float]:
    """Return the variance of one unit's value in A and in B."""
    if metric.kind == "rate":
        if value is None or not metric.low < value < metric.high:
            raise ValueError(f"value must be between {metric.low} and {metric.high} for {metric.name} (got {value})")
        if not metric.low < value + size < metric.high:
            raise ValueError(f"effect must leave B between {metric.low} and {metric.high} (got {size} from {value})")
    if sd is not None:
        if not (isfinite(sd) and sd > 0):
            raise ValueError(f"sd must be above 0 (got {sd})")
        return sd * sd, sd * sd
    if metric.kind != "rate" or value is None:
        raise ValueError(f"sd is needed for {metric.name}: the standard deviation of one unit's value")
    of_a, of_b = ((metric.high - share) * (share - metric.low) for share in (value, value + size))
    return of_a, of_b


def _least(metric: Metric, value: float | None, size: float, design: Design) -> float:
    """Return the units in total at which a result is shown at all, on average."""
    shares = (1 - design.share, design.share)
    least = max(LEAST_UNITS / share for share in shares)
    if metric.kind == "rate" and value is not None:
        for share, rate in zip(shares, (value, value + size), strict=True):
            part = (rate - metric.low) / (metric.high - metric.low)
            least = max(least, LEAST_OF_EACH / share / min(part, 1 - part))
    return least


def _checked(design: Design | None) -> Design:
    design = design or Design()
    for name, number in (("share", design.share), ("alpha", design.alpha), ("power", design.power)):
        if not 0 < number < 1:
            raise ValueError(f"{name} must be between 0 and 1 (got {number})")
    if design.comparisons < 1:
        raise ValueError(f"comparisons must be at least 1 (got {design.comparisons})")
    return design
