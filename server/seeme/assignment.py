"""Which arm of an A/B test a unit is in: a hash of its id and fixed ranges, so that nothing has to be stored or asked.

The hash is GrowthBook's version 2 (FNV-1a of 32 bits, taken twice), over UTF-16 code units, so that browsers, which
have no other strings, agree with Python on every id; `widget/src/assign.js` is the same in JavaScript. The standard
library alone, as the client computes it too.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import floor

from seeme.errors import invalid

STEPS = 10_000
_PRIME, _OFFSET, _MASK = 0x01000193, 0x811C9DC5, 0xFFFFFFFF


def hash01(seed: str, unit: str) -> float:
    """Return where a unit falls in [0, 1), in steps of 1e-4: the same for ever, and even over units.

    Args:
        seed: of the test (its id, unless another was given); tests with different seeds don't depend on each other.
        unit: the id of what is assigned, such as a user, compared code unit by code unit: no case folding, no
            normal form.

    Source: fnv1a32(str(fnv1a32(seed + unit))) % 10000 / 10000, GrowthBook's `hash(seed, value, version=2)`
    (https://docs.growthbook.io/lib/build-your-own#hashing).

    Raises:
        Invalid: an argument is no text, the unit is empty, or half of a surrogate pair stands alone, which no
            JSON could carry to another machine.

    >>> hash01("checkout", "user-1")
    0.7893
    """
    _check_text("$.seed", seed)
    _check_text("$.unit", unit)
    if not unit:
        raise invalid("$.unit", "expected the id of what is assigned, not an empty text")
    return _fnv1a32(str(_fnv1a32(seed + unit))) % STEPS / STEPS


def ranges(shares: Sequence[float], coverage: float) -> list[tuple[float, float]]:
    """Return each arm's range of hashes, `low <= hash < high`, in whole steps of 1e-4.

    Arm i owns [C_i, C_i + coverage * share_i), where C_i is the sum of the shares before it. A share's ends are rounded
    to the nearest step first (halves go up), then `coverage` of the steps between them is (halves up again). So arms
    never overlap, at coverage 1 every unit has one, and as the lower ends don't depend on the coverage, raising it
    takes units in and moves nobody.

    Args:
        shares: each arm's part of the units in the test, two or more, which add up to 1 (to half a step; the last
            arm takes the rest).
        coverage: the part of all units that is in the test, 0 to 1.

    Raises:
        Invalid: naming the argument.

    >>> ranges([0.9, 0.1], coverage=0.5)
    [(0.0, 0.45), (0.9, 0.95)]
    """
    _check_shares(shares)
    if not 0 <= coverage <= 1:
        raise invalid("$.coverage", f"expected a number from 0 to 1 (got {coverage})")
    ends = [0]
    total = 0.0
    for share in shares:
        total += share  # one by one, as JavaScript does: Python's sum() is exact since 3.12 and would differ
        ends.append(floor(total * STEPS + 0.5))
    ends[-1] = STEPS
    found = []
    for index, (low, end) in enumerate(pairwise(ends)):
        if low >= end:
            raise invalid(f"$.shares[{index}]", f"expected 0.0001 or more, the step of the hash (got {shares[index]})")
        found.append((low / STEPS, (low + floor((end - low) * coverage + 0.5)) / STEPS))
    return found


def assigned(seed: str, shares: Sequence[float], coverage: float, unit: str) -> int | None:
    """Return the index of a unit's arm, or None when the unit is outside the test.

    Args and errors are those of `hash01` and `ranges`.

    >>> assigned("checkout", [0.5, 0.5], coverage=1, unit="user-1")
    1
    """
    place = hash01(seed, unit)
    for index, (low, high) in enumerate(ranges(shares, coverage)):
        if low <= place < high:
            return index
    return None


def _fnv1a32(text: str) -> int:
    """Return the 32-bit FNV-1a of a text, one step for each UTF-16 code unit (not byte)."""
    value = _OFFSET
    for unit in memoryview(text.encode("utf-16-le")).cast("H"):
        value = (value ^ unit) * _PRIME & _MASK
    return value


def _check_text(path: str, text: object) -> None:
    if not isinstance(text, str):
        raise invalid(path, f"expected a text (got {type(text).__name__}); for a number give str(number)")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise invalid(path, "half of a surrogate pair stands alone in it; give the id as whole characters") from None


def _check_shares(shares: Sequence[float]) -> None:
    if len(shares) < 2:
        raise invalid("$.shares", f"expected one for each of two or more arms (got {len(shares)})")
    for index, share in enumerate(shares):
        if not 0 < share < 1:
            raise invalid(f"$.shares[{index}]", f"expected a number above 0 and below 1 (got {share})")
    if abs(sum(shares) - 1) > 0.5 / STEPS:  # digits that weren't written, as in 0.33333, are rounded away
        raise invalid("$.shares", f"expected numbers that add up to 1 (got {sum(shares):.10g})")
