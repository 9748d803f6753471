"""The accuracy of all predictions from those that were reviewed, out of exact integer sums per stratum.

Sources: Hajek (1971), in Foundations of Statistical Inference, p. 236, for sum(w y) / sum(w); Sarndal, Swensson and
Wretman (1992), Model Assisted Survey Sampling, 5.7 (a mean as a ratio of totals), 6.3 (difference estimator), 9.8 and
15.6 (weights for non-response within groups). What it means, its limits and a simulation: docs/accuracy.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from typing import NamedTuple

from seeme.domain.intervals import Group, Limits, effective, limits, normal_quantile
from seeme.domain.repeats import Repeat, design_effects
from seeme.domain.strata import Key, Stratum, merged
from seeme.domain.sums import MOMENT_SCALE
from seeme.domain.wording import coverage_notes, difference_note, lag_note, too_little
from seeme.records.accuracy import AccuracyEstimate, Method, StratumRow

LEAST_DECIDED = 2
# With fewer right or wrong ones, how far confidences are off is seen too poorly to correct by them.
LEAST_OF_EACH = 5
NONE_DECIDED = "nothing has been reviewed yet"
NEVER_TAKEN = "no rule can take these predictions for review (pi is 0); a random_sample rule reaches all"
NONE_TAKEN = "chance took none of these for review"
WAITING = "taken for review, but none is decided yet"
NO_VERDICT = "taken for review, but none of those reviewed could be judged"
OUT_OF_ORDER = "served out of hash order while others wait, so the decided ones may not be a random part"
UNKNOWN = ("value", "low", "high", "method", "effective_n", "covered_share")


class Variances(NamedTuple):
    """Sampling variances of the two estimators, and the mean of y - c that one of them adds to the mean c."""

    hajek: float
    difference: float
    correction: float


def estimate(
    strata: Iterable[Stratum],
    *,
    level: float = 0.95,
    for_comparison: bool = False,
    parts: Iterable[Iterable[Stratum]] = (),
    repeats: Sequence[Repeat] = (),
) -> AccuracyEstimate:
    """Return the accuracy of the predictions of some strata, with its interval.

    The interval is for these very predictions; with `for_comparison` it is for the process that made them, as versions
    or arms are compared by. Strata of several days are merged by key; `parts`, the same strata by day or version, are
    for a note where some of these wait for the others. `repeats` are the decided ones whose inputs came more than
    once: copies count as one. ValueError for counts that can't be.
    """
    every = merged(strata)
    seen = [one for one in every if one.pi > 0 and one.sums.decided]
    effects = effects_of(seen, repeats)
    predictions, decided = sum(one.sums.n for one in every), sum(one.sums.decided for one in every)
    naive = sum(one.sums.right for one in every) / decided if decided else None
    why = too_little(every)
    method, found = (None, None) if why else _found(seen, normal_quantile(level), for_comparison, effects)
    return AccuracyEstimate(
        value=found.mean if found else None,
        low=found.low if found else None,
        high=found.high if found else None,
        level=level,
        method=method,
        predictions=predictions,
        taken=sum(one.sums.taken for one in every),
        decided=decided,
        effective_n=effective(_group(one, for_comparison, effects) for one in seen) if found else None,
        covered_share=sum(one.sums.n for one in seen) / predictions if found else None,
        naive_accuracy=naive,
        marked=any(one.marked for one in seen),
        notes=coverage_notes(every, found) + lag_note(parts, seen) + difference_note(seen, found, naive, repeats),
        strata=[row(one) for one in every],
        reasons=dict.fromkeys(UNKNOWN if why else (), why or "")
        | ({} if decided else {"naive_accuracy": NONE_DECIDED}),
    )


def row(one: Stratum) -> StratumRow:
    """Return a stratum as it is shown."""
    sums = one.sums
    note = None
    if not sums.decided:
        waiting = NO_VERDICT if sums.unusable else WAITING
        note = NEVER_TAKEN if one.pi <= 0 else waiting if sums.taken else NONE_TAKEN
    elif one.marked:
        note = OUT_OF_ORDER
    return StratumRow(
        rule_set=one.rule_set,
        rules=list(one.matched),
        pi=one.pi,
        predictions=sums.n,
        taken=sums.taken,
        decided=sums.decided,
        right=sums.right,
        skipped=sums.skipped,
        unusable=sums.unusable,
        expired=sums.expired,
        weight=one.weight,
        marked=one.marked,
        note=note,
    )


def effects_of(seen: Sequence[Stratum], repeats: Iterable[Repeat]) -> dict[Key, float]:
    """Return the design effect of each of some strata whose decided ones repeat inputs."""
    decided = {one.key: one.sums.decided for one in seen}
    known = [one for one in repeats if one.key in decided]
    return design_effects(known, decided, {one.key: one.weight or 0.0 for one in seen})


def _group(one: Stratum, for_comparison: bool, effects: Mapping[Key, float]) -> Group:
    """Return a stratum's decided ones as a group; how many are taken is binomial, so its variance is n(1 - pi)/pi."""
    effect = effects[one.key]
    spread = one.expected / one.pi * (1.0 if for_comparison else 1 - one.pi) * effect
    return Group(one.sums.decided, one.sums.right, one.weight or 0.0, spread, effect)


def _found(
    seen: Sequence[Stratum], z: float, for_comparison: bool, effects: Mapping[Key, float]
) -> tuple[Method, Limits]:
    """Return Hajek's estimate with limits, or the difference estimate where confidences make it the surer one."""
    hajek = limits([_group(one, for_comparison, effects) for one in seen], z, finite=not for_comparison)
    decided = sum(one.sums.decided for one in seen)
    right = sum(one.sums.right for one in seen)
    confident = all(one.sums.confident == one.sums.n and one.sums.dc_n == one.sums.decided for one in seen)
    apart = sum(one.sums.decided / effects[one.key] for one in seen) / decided  # 1 without copies
    if not confident or min(right, decided - right) * apart < LEAST_OF_EACH:
        return "hajek", hajek
    found = variances(seen, hajek.mean, for_comparison, effects)
    if not found.difference < found.hajek:
        return "hajek", hajek
    steps, n = sum(one.sums.c_sum for one in seen), sum(one.sums.n for one in seen)
    value = min(1.0, max(0.0, steps / n / MOMENT_SCALE + found.correction))
    # The same shape of interval, as much shorter as the standard error is.
    ratio = sqrt(found.difference / found.hajek)
    low = max(0.0, value - ratio * (hajek.mean - hajek.low))
    return "difference", Limits(value, low, min(1.0, value + ratio * (hajek.high - hajek.mean)))


def variances(seen: Sequence[Stratum], mean: float, for_comparison: bool, effects: Mapping[Key, float]) -> Variances:
    """Return both estimators' variances, linearised.

    For a comparison the predictions are themselves a sample, which adds Var(y)/N to both: the same, in expectation, as
    dropping the factor (1 - pi) from Hajek's and as the sum of psi^2 / N^2 for the difference.
    """
    size = sum(one.expected for one in seen)
    correction = sum(one.expected * one.sums.d_sum / one.sums.decided for one in seen) / size / MOMENT_SCALE
    of_y = of_d = 0.0
    for one in seen:
        sums = one.sums
        effect = effects[one.key]
        of_y += effect * _variance(one, sums.right, sums.right, mean)
        of_d += effect * _variance(one, sums.d_sum / MOMENT_SCALE, sums.d_squares / MOMENT_SCALE**2, correction)
    copies = sum(one.expected * effects[one.key] for one in seen) / size
    more = copies * mean * (1 - mean) / size if for_comparison else 0.0
    return Variances(of_y / size**2 + more, of_d / size**2 + more, correction)


def _variance(one: Stratum, total: float, squares: float, mean: float) -> float:
    """Return a stratum's part in the variance of a weighted total of e = value - mean.

    Two phases: chance takes `taken` of n (a binomial number, seen in the mean e), then `decided` are a simple random
    sample of them (seen in the spread of e within the stratum).
    """
    decided = one.sums.decided
    inside = total / decided
    spread = max(0.0, squares / decided - inside**2)
    within = one.expected**2 * spread / decided * (1 - decided / one.expected)
    return within + one.expected / one.pi * (1 - one.pi) * (inside - mean) ** 2
