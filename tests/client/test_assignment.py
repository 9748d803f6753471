"""Assignment to the arms of an A/B test: as GrowthBook's, without gaps or overlaps, and nobody is moved by growth."""

import doctest
import json
from collections import Counter
from fractions import Fraction
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
from growthbook.core import chooseVariation, gbhash, getBucketRanges
from hypothesis import given
from hypothesis import strategies as st

from seeme import assignment
from seeme.assignment import STEPS, assigned, hash01, ranges
from seeme.errors import Invalid

# Shared with the JavaScript test; the hashes are those of GrowthBook's JavaScript SDK.
VECTORS = json.loads((Path(__file__).parents[1] / "widget" / "assignment_vectors.json").read_text())
LONE = [text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass") for text in VECTORS["refused_texts"]]
TEXTS = st.text(min_size=1, max_size=60)
COVERAGES = st.floats(0, 1)


@st.composite
def splits(draw: st.DrawFn) -> list[float]:
    """Two to six shares that add up to 1, each of 10 steps or more."""
    weights = draw(st.lists(st.integers(10, 3000), min_size=2, max_size=6))
    return [weight / sum(weights) for weight in weights]


def steps(shares: list[float], coverage: float) -> list[range]:
    """Return the ranges as whole steps."""
    return [range(round(low * STEPS), round(high * STEPS)) for low, high in ranges(shares, coverage)]


@pytest.mark.parametrize(("seed", "unit", "expected"), VECTORS["hash01"])
def test_the_hash_is_that_of_the_vectors(seed: str, unit: str, expected: float) -> None:
    """Emoji, combining characters, long ids and control characters are hashed as in browsers."""
    assert hash01(seed, unit) == expected


@pytest.mark.parametrize(("shares", "coverage", "expected"), VECTORS["ranges"])
def test_the_ranges_are_those_of_the_vectors(shares: list[float], coverage: float, expected: list[list[float]]) -> None:
    """Thirds, tenths, tiny shares and tiny coverages are rounded as in browsers."""
    assert ranges(shares, coverage) == [tuple(pair) for pair in expected]


@pytest.mark.parametrize(("seed", "shares", "coverage", "unit", "expected"), VECTORS["assigned"])
def test_the_arm_is_that_of_the_vectors(
    seed: str, shares: list[float], coverage: float, unit: str, expected: int | None
) -> None:
    """Also outside the test, which is None."""
    assert assigned(seed, shares, coverage, unit) == expected


@given(TEXTS, TEXTS)
def test_the_hash_is_growthbooks(seed: str, unit: str) -> None:
    """Its hash version 2, on any texts."""
    assert hash01(seed, unit) == gbhash(seed, unit, 2)


@given(splits(), COVERAGES, st.integers(0, 10_000))
def test_the_arm_is_growthbooks(shares: list[float], coverage: float, user: int) -> None:
    """But for units within a step of an end, where it does not round."""
    unit = f"user-{user}"
    theirs = getBucketRanges(len(shares), coverage, shares)
    place = gbhash("test", unit, 2)
    ends = [end for pair in [*theirs, *ranges(shares, coverage)] for end in pair]
    if all(abs(place - end) > 1 / STEPS for end in ends):
        found = assigned("test", shares, coverage, unit)
        assert (-1 if found is None else found) == chooseVariation(place, theirs)


@given(splits())
def test_at_full_coverage_every_unit_has_one_arm(shares: list[float]) -> None:
    """Every step belongs to exactly one arm, whatever the shares are rounded to."""
    assert [step for arm in steps(shares, 1) for step in arm] == list(range(STEPS))


@given(splits(), COVERAGES, COVERAGES)
def test_growing_coverage_moves_nobody(shares: list[float], one: float, other: float) -> None:
    """Whoever is in an arm at a coverage is in it at every greater one."""
    small, large = sorted([one, other])
    for before, after in zip(steps(shares, small), steps(shares, large), strict=True):
        assert set(before) <= set(after)


@given(splits(), COVERAGES)
def test_ranges_are_within_a_step_of_the_exact_ones(shares: list[float], coverage: float) -> None:
    """The lower end is rounded once, the upper end after it."""
    below = Fraction(0)
    for share, (low, high) in zip(shares, ranges(shares, coverage), strict=True):
        assert abs(low - below) <= 0.501 / STEPS
        assert abs(high - low - Fraction(share) * Fraction(coverage)) <= 1.501 / STEPS
        below += Fraction(share)


def test_units_fall_into_arms_by_their_shares() -> None:
    """Of 40,000 units within four standard errors, and so in each arm of another test (the seeds don't depend)."""
    shares, coverage, count = [0.6, 0.3, 0.1], 0.8, 40_000
    one = [assigned("one", shares, coverage, f"user-{number}") for number in range(count)]
    other = [assigned("other", shares, coverage, f"user-{number}") for number in range(count)]
    expected: dict[int | None, float] = {0: 0.48, 1: 0.24, 2: 0.08, None: 0.2}
    together = Counter(zip(one, other, strict=True))
    for arm, share in expected.items():
        assert abs(one.count(arm) / count - share) < 4 * sqrt(share * (1 - share) / count)
        for second, part in expected.items():
            both = share * part
            assert abs(together[arm, second] / count - both) < 4 * sqrt(both * (1 - both) / count)


@pytest.mark.parametrize("wrong", LONE)
@pytest.mark.parametrize("path", ["$.seed", "$.unit"])
def test_half_a_surrogate_pair_is_refused(path: str, wrong: str) -> None:
    """No JSON could carry it, so a service could never agree; the error says which argument."""
    texts = (wrong, "user-1") if path == "$.seed" else ("test", wrong)
    with pytest.raises(Invalid, match="half of a surrogate pair") as caught:
        hash01(*texts)
    assert caught.value.errors[0].path == path


@pytest.mark.parametrize("wrong", ["", 42, None])
def test_a_unit_that_is_no_id_is_refused(wrong: Any) -> None:
    """Everybody without an id would be in one arm, and nobody knows whether 42 is the unit "42"."""
    with pytest.raises(Invalid) as caught:
        assigned("test", [0.5, 0.5], 1, wrong)
    assert caught.value.errors[0].path == "$.unit"


@pytest.mark.parametrize("wrong", VECTORS["refused_shares"])
def test_shares_that_are_no_split_are_refused(wrong: list[float]) -> None:
    """Too few, at or beyond 0 and 1, not adding up to 1, or less than the step of the hash."""
    with pytest.raises(Invalid) as caught:
        ranges(wrong, 1)
    assert caught.value.errors[0].path.startswith("$.shares")


@pytest.mark.parametrize("wrong", [-0.1, 1.1, float("nan")])
def test_a_coverage_outside_0_to_1_is_refused(wrong: float) -> None:
    """A percentage, for instance."""
    with pytest.raises(Invalid, match=r"from 0 to 1.*\$\.coverage"):
        ranges([0.5, 0.5], wrong)


def test_the_examples_in_the_docstrings_are_true() -> None:
    """They are run."""
    assert doctest.testmod(assignment).failed == 0
