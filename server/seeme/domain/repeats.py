"""What inputs that came more than once tell: copies are taken together and judged alike, so they are one cluster.

Source: Kish (1965), Survey Sampling, 5.4 and 8.2: the variance of a sample of clusters is that of as many independent
items, times the design effect 1 + (size - 1) * rho; rho is 1 for copies. Clusters of unequal sizes and weights have
sum over clusters of (sum of w)^2 in the place of sum of w^2.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from seeme.domain.strata import Key


class Repeat(NamedTuple):
    """A decided prediction whose input another decided one has, too: its stratum, its input and what was found."""

    key: Key
    place: int  # of its input in the queue: the same for copies
    predicted: str | None = None
    actual: str | None = None


def design_effects(
    repeats: Iterable[Repeat], decided: Mapping[Key, int], weights: Mapping[Key, float]
) -> dict[Key, float]:
    """Return by how much copies increase the variance that each stratum's decided ones add; 1 without any.

    `decided` and `weights` (how many predictions one decided one stands for) are by stratum. Copies in several strata
    go together too: times the weights' squares, the effects add up to the sum over inputs of their weights squared.

    >>> design_effects([Repeat((1, ()), 7)] * 5, {(1, ()): 5}, {(1, ()): 2.0})
    {(1, ()): 5.0}
    """
    counts: defaultdict[int, defaultdict[Key, int]] = defaultdict(lambda: defaultdict(int))
    for one in repeats:
        counts[one.place][one.key] += 1
    more: defaultdict[Key, float] = defaultdict(float)
    for of_input in counts.values():
        total = sum(count * weights[key] for key, count in of_input.items())
        for key, count in of_input.items():
            more[key] += count * (total / weights[key] - 1)
    return {key: 1 + more[key] / count for key, count in decided.items() if count}
