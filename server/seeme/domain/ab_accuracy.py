"""The accuracy of one arm of an A/B test from the strata of its reviewed predictions, for a comparison of arms."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from seeme.domain.estimation import NONE_DECIDED, effects_of, estimate, variances
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, merged

NO_ESTIMATE = "there are no reviews of this arm's predictions"


class ArmEstimate(NamedTuple):
    """An accuracy, the variance of the process that made it (without the factor 1 - pi), its effective number."""

    value: float | None
    variance: float | None
    items: float
    reason: str | None


def of_strata(strata: Iterable[Stratum], repeats: Sequence[Repeat] = ()) -> ArmEstimate:
    """Return an arm's accuracy; what it is worth, and what `repeats` are, is that of `estimation.estimate`."""
    every = merged(strata)
    found = estimate(every, for_comparison=True, repeats=repeats)
    if found.value is None:
        return ArmEstimate(None, None, 0.0, found.reasons.get("value", NONE_DECIDED) if every else NO_ESTIMATE)
    seen = [one for one in every if one.pi > 0 and one.sums.decided]
    both = variances(seen, found.value, True, effects_of(seen, repeats))
    variance = both.difference if found.method == "difference" else both.hajek
    return ArmEstimate(found.value, variance, found.effective_n or 0.0, None)
