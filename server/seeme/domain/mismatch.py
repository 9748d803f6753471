"""Did the split work? A test of the arms' unit counts that may be looked at all the time.

A split that isn't the planned one means that units get lost, or counted twice, in one arm more than in another; the
arms then differ in more than the model, and no result of the test can be trusted.

Source: Lindon and Malek (2022), Anytime-valid inference for multinomial count data, NeurIPS 35 (arXiv 2011.03567).
"""

from collections.abc import Sequence
from math import exp, inf, lgamma, log
from typing import NamedTuple

# How sure the prior is of the planned shares: as if this many units had been seen. False alarms don't depend on it.
PRIOR_UNITS = 1000
ALARM = 100  # at most 1 false alarm in 100 tests, at however many looks
_LARGEST = 709.0  # exp of more overflows


class Mismatch(NamedTuple):
    """Units by arm beside those expected; `leaks` are units in arms that should get none.

    `e_value` is how much likelier the counts are under other shares; infinite where it can't be written.
    """

    log_e_value: float
    e_value: float
    alarm: bool
    counts: tuple[int, ...]
    expected: tuple[float, ...]
    leaks: int


def mismatch(counts: Sequence[int], shares: Sequence[float]) -> Mismatch:
    """Return whether distinct units by assigned arm, before exclusions, fit the planned shares.

    >>> mismatch([5300, 4700], [0.5, 0.5]).alarm, mismatch([5030, 4970], [0.5, 0.5]).alarm
    (True, False)

    Shares are of any sum; an arm with share 0 has no part in the e-value, its units are leaks. ValueError where the two
    don't fit together or a count or share is negative.
    """
    if len(counts) != len(shares) or not sum(shares) > 0:
        raise ValueError(f"shares must be one for each count, and not all 0 (got {list(shares)} for {len(counts)})")
    if min(counts) < 0 or min(shares) < 0:
        raise ValueError("counts and shares must not be negative")
    total = sum(shares)
    planned = [(count, share / total) for count, share in zip(counts, shares, strict=True) if share > 0]
    seen = sum(count for count, _ in planned)
    # Dirichlet-multinomial over multinomial: B(prior + counts) / B(prior) / product of share^count.
    evidence = lgamma(PRIOR_UNITS) - lgamma(PRIOR_UNITS + seen)
    for count, share in planned:
        prior = PRIOR_UNITS * share
        evidence += lgamma(prior + count) - lgamma(prior) - count * log(share)
    return Mismatch(
        log_e_value=evidence,
        e_value=exp(evidence) if evidence < _LARGEST else inf,
        alarm=evidence >= log(ALARM),
        counts=tuple(counts),
        expected=tuple(seen * share / total for share in shares),
        leaks=sum(count for count, share in zip(counts, shares, strict=True) if share == 0),
    )
