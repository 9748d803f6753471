"""Precision, recall and F1 per label from partly reviewed predictions, weighted by how they were chosen.

Each is a share within a domain, as Sarndal, Swensson and Wretman (1992) 5.8 have it: precision that of right ones among
those predicted so, recall among those that are so. F1 = 2J/(1 + J) with J the share among those that are either.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from seeme.domain.intervals import Part, domain_limits, normal_quantile
from seeme.domain.repeats import Repeat, design_effects
from seeme.domain.strata import Key, Stratum, merged
from seeme.domain.wording import percent
from seeme.records.accuracy import ClassRow, ClassTable, ConfusionPair

LEAST = 2
TOO_FEW = "{count} of the reviewed predictions {what} {label}; it takes {least}"
NO_LABEL = "{count} reviewed predictions have no actual label and are left out of this table."
LEFT_OUT = "{share} of the predictions aren't covered: no rule can take them, or none of their kind is decided yet."
UNDRAWN = "Where a part is reviewed, chance may have drawn none of a rare label: such a one isn't in this table."
MARKED = "Some were served out of order while others wait, so these numbers may be biased; see the strata."

Counts = Mapping[tuple[Key, str, str], int]


class Cell(NamedTuple):
    """How many decided items of a stratum have these two labels."""

    key: Key
    predicted: str
    actual: str
    decided: int


class _Reviewed(NamedTuple):
    """What was reviewed: counts by stratum and labels, and by stratum how many, of which weight, and which copies."""

    counts: Counts
    decided: Mapping[Key, int]
    weights: Mapping[Key, float]
    effects: Mapping[Key, float]
    repeats: Sequence[Repeat]
    z: float


def class_table(
    cells: Iterable[Cell],
    strata: Iterable[Stratum],
    *,
    level: float = 0.95,
    repeats: Iterable[Repeat] = (),
) -> ClassTable:
    """Return every label's precision, recall and F1, and the confused pairs.

    `repeats` are the decided ones whose inputs came more than once: copies count as one.
    KeyError for a cell of a stratum that isn't among `strata`, ValueError for counts that can't be.
    """
    known = {one.key: one for one in merged(strata)}
    counts: defaultdict[tuple[Key, str, str], int] = defaultdict(int)
    for key, predicted, actual, count in cells:
        counts[key, predicted, actual] += count
    per_stratum: defaultdict[Key, int] = defaultdict(int)
    for (key, _, _), count in counts.items():
        per_stratum[key] += count
    for key, count in per_stratum.items():
        if count > known[key].sums.decided:
            raise ValueError(f"{key} has {known[key].sums.decided} decided, and labels of {count}")
    weights = {key: known[key].weight or 0.0 for key in per_stratum}
    present = {place: count for place, count in sorted(counts.items()) if count > 0}
    labels = sorted({label for _, *both in present for label in both})
    decided = sum(present.values())
    copies = [one for one in repeats if one.key in weights]
    effects = design_effects(copies, per_stratum, weights)
    seen = _Reviewed(present, per_stratum, weights, effects, copies, normal_quantile(level))
    return ClassTable(
        level=level,
        decided=decided,
        classes=[_class_row(label, seen) for label in labels],
        confusions=_confusions(present, weights),
        marked=any(known[key].marked for key in per_stratum),
        notes=_notes(known.values(), decided),
    )


def _notes(every: Collection[Stratum], labelled: int) -> list[str]:
    """Return what the table leaves out and what may bias it."""
    notes = [MARKED] if any(one.sums.decided and one.marked for one in every) else []
    unlabelled = sum(one.sums.decided for one in every) - labelled
    if unlabelled:
        notes.append(NO_LABEL.format(count=unlabelled))
    out = sum(one.sums.n for one in every if one.pi <= 0 or (one.sums.taken and not one.sums.decided))
    if out:
        notes.append(LEFT_OUT.format(share=percent(out / sum(one.sums.n for one in every))))
    if any(one.weight and one.weight > 1 for one in every):
        notes.append(UNDRAWN)
    return notes


def _class_row(label: str, seen: _Reviewed) -> ClassRow:
    """Return one label's row."""
    predicted = {place: count for place, count in seen.counts.items() if place[1] == label}
    actual = {place: count for place, count in seen.counts.items() if place[2] == label}
    either = {**predicted, **actual}
    reasons: dict[str, str] = {}
    fields: dict[str, Any] = {}
    for name, domain, what in (
        ("precision", predicted, "were predicted to be"),
        ("recall", actual, "are"),
        ("f1", either, "were predicted to be, or are,"),
    ):
        names = (name, f"{name}_low", f"{name}_high")
        count = sum(domain.values())
        if count < LEAST:
            reasons |= dict.fromkeys(names, TOO_FEW.format(count=count, what=what, label=label, least=LEAST))
            fields |= dict.fromkeys(names)
            continue
        found = domain_limits(_parts(label, domain, seen), seen.z)
        fields |= zip(names, map(_f1, found) if name == "f1" else found, strict=True)
    return ClassRow(
        label=label, predicted=sum(predicted.values()), actual=sum(actual.values()), reasons=reasons, **fields
    )


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)


def _parts(label: str, domain: Counts, seen: _Reviewed) -> Sequence[Part]:
    """Return every stratum with what of its decided ones is in a domain, which may be none."""
    within: defaultdict[Key, int] = defaultdict(int)
    right: defaultdict[Key, int] = defaultdict(int)
    for (key, predicted, actual), count in domain.items():
        within[key] += count
        right[key] += count * (predicted == actual == label)
    copies = [one for one in seen.repeats if (one.key, one.predicted, one.actual) in domain]
    effects = {**seen.effects, **design_effects(copies, within, seen.weights)}
    return [
        Part(count, within[key], right[key], seen.weights[key], effects[key])
        for key, count in seen.decided.items()
        if count
    ]


def _confusions(counts: Counts, weights: Mapping[Key, float]) -> list[ConfusionPair]:
    """Return the pairs of different labels, by weighted count."""
    found: defaultdict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for (key, predicted, actual), count in counts.items():
        if predicted != actual:
            found[predicted, actual].append((count, count * weights[key]))
    pairs = [
        ConfusionPair(predicted=p, actual=a, count=sum(n for n, _ in both), weighted=sum(w for _, w in both))
        for (p, a), both in found.items()
    ]
    return sorted(pairs, key=lambda pair: (-pair.weighted, -pair.count, pair.predicted, pair.actual))
