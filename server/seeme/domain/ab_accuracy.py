"""The accuracy of one arm of an A/B test from the strata of its reviewed predictions, for a comparison of arms."""

from collections.abc import Iterable
from typing import NamedTuple

from seeme.domain.estimation import NONE_DECIDED, effects_of, estimate, variances
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Key, Stratum, merged

NO_ESTIMATE = "no prediction of this arm was reviewed (true labels that were logged don't count here)"


class ArmEstimate(NamedTuple):
    """An accuracy, the variance of the process that made it (without the factor 1 - pi), its effective number."""

    value: float | None
    variance: float | None
    items: float
    reason: str | None


class Judged(NamedTuple):
    """A decided prediction: its stratum, the place of its input in the queue, and its unit ('' once it has expired)."""

    key: Key
    place: int
    unit: str


def of_strata(strata: Iterable[Stratum], judged: Iterable[Judged] = ()) -> ArmEstimate:
    """Return an arm's accuracy; what it is worth is that of `estimation.estimate`.

    Units are what was assigned, so the predictions of one are counted as one, as though all were right or none: where
    they differ, the variance is too large, never too small.
    """
    every = merged(strata)
    repeats = clusters(judged)
    found = estimate(every, for_comparison=True, repeats=repeats)
    if found.value is None:
        return ArmEstimate(None, None, 0.0, found.reasons.get("value", NONE_DECIDED) if every else NO_ESTIMATE)
    seen = [one for one in every if one.pi > 0 and one.sums.decided]
    both = variances(seen, found.value, True, effects_of(seen, repeats))
    variance = both.difference if found.method == "difference" else both.hajek
    return ArmEstimate(found.value, variance, found.effective_n or 0.0, None)


def clusters(judged: Iterable[Judged]) -> list[Repeat]:
    """Return decided predictions with one number for all that share a unit or an input, directly or through others.

    >>> [one.place for one in clusters([Judged((1, ()), 7, "a"), Judged((1, ()), 8, "a"), Judged((1, ()), 8, "b")])]
    [0, 0, 0]
    """
    every, joined = list(judged), dict[int | str, int | str]()

    def root(one: int | str) -> int | str:
        while (next_one := joined.setdefault(one, one)) != one:
            joined[one] = one = joined[next_one]
        return one

    for one in every:
        if one.unit:
            joined[root(one.unit)] = root(one.place)
    numbers: dict[int | str, int] = {}
    return [Repeat(one.key, numbers.setdefault(root(one.place), len(numbers))) for one in every]
