"""Which units the arms of an A/B test own: what the assignment's hash makes of its shares and its coverage."""

from collections.abc import Sequence
from functools import lru_cache

from seeme import assignment
from seeme.errors import Invalid, invalid
from seeme.records.ab_tests import AbTest, Arm

COARSE = 0.02  # by how much of it an arm may own more or less than its share


@lru_cache(maxsize=256)
def _ranges(shares: tuple[float, ...], coverage: float) -> Sequence[tuple[float, float]]:
    return assignment.ranges(shares, coverage)


def shares_counted(test: AbTest, counts: Sequence[int]) -> list[float]:
    """Return the parts of the units that the arms were to get, of those that are nearest to the counts.

    Rounded to the hash's steps, shares differ a little with the coverage: of one that has grown, units may be in parts
    between those of all coverages it has had.
    """
    shares = tuple(arm.share for arm in test.arms)
    owned = []
    for coverage in (test.config.coverage, *test.config.former_coverages):
        sizes = [high - low for low, high in _ranges(shares, coverage)]
        owned.append([size / sum(sizes) for size in sizes])
    seen = sum(counts) or 1
    parts = zip(*owned, strict=True)
    return [min(max(count / seen, min(of_arm)), max(of_arm)) for count, of_arm in zip(counts, parts, strict=True)]


def ranges_of(test: AbTest) -> Sequence[tuple[float, float]]:
    """Return each arm's range of hashes."""
    return _ranges(tuple(arm.share for arm in test.arms), test.config.coverage)


def fitting(test: AbTest) -> AbTest:
    """Return a test whose arms own what was meant, to 2 %, as the hash has it in steps; raises Invalid."""
    try:
        owned = [high - low for low, high in ranges_of(test)]
    except Invalid:
        raise invalid("$.arms", "an arm's share is less than 0.0001, a step of the hash; give it more") from None
    for arm, share in zip(test.arms, owned, strict=True):
        meant = arm.share * test.config.coverage
        if abs(share - meant) > COARSE * meant:
            problem = (
                f"the hash's steps of 0.0001 give the arm {arm.name} {share:.4f} of all units instead of {meant:.3g}"
            )
            raise invalid("$.config.coverage", f"{problem}; raise the coverage or that arm's share")
    return test


def arm_of(test: AbTest, unit: str) -> Arm | None:
    """Return the arm that the hash gives a unit, or None outside of the coverage."""
    place = assignment.hash01(test.config.seed, unit)
    ranges = ranges_of(test)
    return next((arm for arm, (low, high) in zip(test.arms, ranges, strict=True) if low <= place < high), None)
