"""Versions compared on the same items: each one's scores, every pair with interval and test, and parts of the items."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

import numpy
from msgspec.structs import replace
from numpy.typing import NDArray

from seeme.domain.paired import (
    LEAST_PAIRS,
    LEVEL,
    Difference,
    cochran_q,
    count,
    holm,
    mcnemar,
    mean_difference,
    tango,
)
from seeme.domain.scoring import FEW_PAIRS, MOST_CLASSES, classes, confusions, scores
from seeme.domain.tallies import Boxes, Labels, Tally, Values
from seeme.records.comparing import (
    CochranQ,
    McNemar,
    MeanChange,
    ModelComparison,
    SegmentComparison,
    VersionPair,
    VersionScore,
)
from seeme.records.types import Scalar

NO_SPREAD = "all differences are the same, so nothing says how sure it is"
ALIKE = "no item tells the versions apart"
NOT_RIGHT = "numbers are near or far, not right or wrong"
SEVERAL = "more than two versions are compared; see `pairs`"
NOT_ADJUSTED = "Intervals by {what} aren't adjusted for how many there are: of those alike, 1 in 20 excludes 0."
FIRST_CLASSES = "The {most} most frequent labels are listed."
_INTERVAL = ("low", "high", "p_value")


class Version(NamedTuple):
    """A version, with how many items it has a prediction for, and how many of those are errors."""

    id: str
    name: str
    found: int
    failed: int


class Left(NamedTuple):
    """How many items a dataset has, and how many of them are left out."""

    items: int
    unmatched: int
    failed: int
    repeated: int


def compared(
    tally: Tally[Any, Any], versions: Sequence[Version], left: Left, about: Mapping[str, Any]
) -> ModelComparison:
    """Return the comparison of what a tally holds; `about` are the fields that say what was compared on what."""
    why = None if tally.items else _nothing(versions, left)
    each = [_version(tally, at, version, why) for at, version in enumerate(versions)]
    pairs = _pairs(tally, versions, why)
    two = len(versions) == 2
    reasons = {} if two else dict.fromkeys(("version_a", "version_b", "delta", *_INTERVAL), SEVERAL)
    cochran, unknown = _cochran(tally) if tally.items else (None, why or "")
    if not two and cochran is None:
        reasons["cochran_q"] = unknown
    rows = classes(tally) if tally.items else []
    return ModelComparison(
        **about,
        level=LEVEL,
        **left._asdict(),
        compared=tally.items,
        version_a=each[0] if two else None,
        version_b=each[1] if two else None,
        delta=pairs[0].delta if two else None,
        low=pairs[0].low if two else None,
        high=pairs[0].high if two else None,
        p_value=pairs[0].p_value if two else None,
        versions=each,
        pairs=pairs,
        cochran_q=None if two else cochran,
        classes=rows,
        confusions=confusions(tally) if tally.items else [],
        segments=_segments(tally) if tally.items and about["segment"] is not None else [],
        notes=_notes(tally, rows, about["segment"]),
        reasons=reasons | (pairs[0].reasons if two else {}),
    )


def _notes(tally: Tally[Any, Any], rows: Sequence[Any], segment: str | None) -> list[str]:
    parts = [*(["label"] if isinstance(tally, Labels) and len(rows) > 2 else []), *(["segment"] if segment else [])]
    notes = [NOT_ADJUSTED.format(what=" and ".join(parts))] if parts and tally.versions == 2 else []
    return notes + ([FIRST_CLASSES.format(most=MOST_CLASSES)] if len(rows) == MOST_CLASSES else [])


def _nothing(versions: Sequence[Version], left: Left) -> str:
    """Return why there is no item that every version has answered."""
    if not left.items:
        return "the dataset has no item here"
    for version in versions:
        if not version.found:
            return (
                f"the version {version.id} has no prediction for any of the {left.items} items: log them with the "
                "`input_hash` or `input_id` that the items have"
            )
        if version.found == version.failed:
            return f"all predictions of the version {version.id} for these items are errors"
    found = ", ".join(f"{version.id} has a prediction for {version.found}" for version in versions)
    return f"the versions never answered the same item: of {left.items} items, {found}, and none is for all of them"


def _version(tally: Tally[Any, Any], at: int, version: Version, why: str | None) -> VersionScore:
    numbers, reasons = ({}, {_headline(tally): why}) if why else scores(tally, at)
    return VersionScore(**version._asdict(), **numbers, reasons=reasons)


def _headline(tally: Tally[Any, Any]) -> str:
    return "mae" if isinstance(tally, Values) else "accuracy"


def _pairs(tally: Tally[Any, Any], versions: Sequence[Version], why: str | None) -> list[VersionPair]:
    places = list(combinations(range(len(versions)), 2))
    pairs = [_pair(tally, versions, a, b, why) for a, b in places]
    known = [at for at, pair in enumerate(pairs) if pair.p_value is not None]
    adjusted = dict(zip(known, holm([pairs[at].p_value or 0.0 for at in known]), strict=True))
    return [replace(pair, holm_p_value=adjusted.get(at)) for at, pair in enumerate(pairs)]


def _pair(tally: Tally[Any, Any], versions: Sequence[Version], a: int, b: int, why: str | None) -> VersionPair:
    fields: dict[str, Any] = {"version_a": versions[a].id, "version_b": versions[b].id, "holm_p_value": None}
    if why:
        reasons = dict.fromkeys(("delta", *_INTERVAL), why)
        return VersionPair(**fields, delta=None, low=None, high=None, p_value=None, reasons=reasons)
    if isinstance(tally, Values):
        errors = tally.errors()
        change = _mean_change(errors[a], errors[b])
        squares = numpy.sqrt((errors[[a, b]] ** 2).mean(axis=1))
        numbers = {name: getattr(change, name) for name in ("delta", *_INTERVAL, "reasons")}
        return VersionPair(**fields, **numbers, rmse_delta=float(squares[1] - squares[0]))
    assert isinstance(tally, Labels | Boxes)
    right = tally.right()
    counts = count(right[a], right[b])
    value, low, high, p_value = tango(counts)
    exact, mid_p, corrected = mcnemar(counts)
    f1 = tally.f1() if isinstance(tally, Boxes) else None
    return VersionPair(
        **fields,
        delta=value,
        low=low,
        high=high,
        p_value=p_value,
        both_right=counts.both,
        only_a_right=counts.only_a,
        only_b_right=counts.only_b,
        both_wrong=counts.neither,
        mcnemar=McNemar(exact_p_value=exact, mid_p_value=mid_p, corrected_p_value=corrected),
        f1=None if f1 is None else _mean_change(f1[a], f1[b]),
        reasons={} if corrected is not None else {"mcnemar.corrected_p_value": ALIKE},
    )


def _mean_change(a: NDArray[numpy.float64], b: NDArray[numpy.float64]) -> MeanChange:
    found = mean_difference(a, b)
    if found is None:
        few = len(a) < LEAST_PAIRS
        why = FEW_PAIRS.format(least=LEAST_PAIRS, count=len(a)) if few else NO_SPREAD
        reasons = dict.fromkeys(_INTERVAL, why)
        return MeanChange(delta=float((b - a).mean()), low=None, high=None, p_value=None, reasons=reasons)
    value, low, high, p_value = found
    return MeanChange(delta=value, low=low, high=high, p_value=p_value, reasons={})


def _cochran(tally: Tally[Any, Any]) -> tuple[CochranQ | None, str]:
    """Return Cochran's Q, or why there is none."""
    if not isinstance(tally, Labels | Boxes):
        return None, NOT_RIGHT
    found = cochran_q(tally.right())
    if found is None:
        return None, ALIKE
    return CochranQ(q=found.q, degrees_of_freedom=found.freedom, p_value=found.p_value), ""


def _segments(tally: Tally[Any, Any]) -> list[SegmentComparison]:
    if isinstance(tally, Values):
        table: NDArray[Any] = tally.errors()
    else:
        assert isinstance(tally, Labels | Boxes)
        table = tally.right()
    return [_segment(value, table[:, mine]) for value, mine in tally.segments()]


def _segment(value: Scalar, table: NDArray[Any]) -> SegmentComparison:
    found: Difference | None = None
    means = [float(row.mean()) for row in table]
    if len(table) == 2:
        found = tango(count(table[0], table[1])) if table.dtype == bool else mean_difference(table[0], table[1])
    return SegmentComparison(
        value=value,
        items=table.shape[1],
        scores=means,
        delta=means[1] - means[0] if len(means) == 2 else None,
        low=found.low if found else None,
        high=found.high if found else None,
        p_value=found.p_value if found else None,
    )
