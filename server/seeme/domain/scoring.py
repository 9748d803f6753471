"""How well each of several versions did on the same items: the numbers of one version alone, and those by label."""

from collections.abc import Sequence
from typing import Any

import numpy
from numpy.typing import NDArray

from seeme.domain.intervals import normal_quantile, wilson
from seeme.domain.paired import LEAST_PAIRS, LEVEL, count, mean_limits, tango
from seeme.domain.tallies import Boxes, Labels, Tally, Values
from seeme.records.comparing import ClassComparison, ClassScores, ConfusionChange

MOST_CLASSES = 1000
MOST_CONFUSIONS = 400  # a table of 20 labels, whole
FEW_PAIRS = "a mean of fewer than {least} items has no interval here (there are {count})"
UNRANKED = "{count} detections of this version have no confidence, and average precision needs them in order"
NO_BOXES = "no item has a true box"
NOTHING_SAID = "this version found no box at all"

Numbers = dict[str, Any]
Scored = tuple[Numbers, dict[str, str]]


def scores(tally: Tally[Any, Any], version: int) -> Scored:
    """Return the fields of a VersionScore that a tally of at least one item tells, and why others are null."""
    if isinstance(tally, Values):
        return _of_values(tally.errors()[version])
    assert isinstance(tally, Labels | Boxes)
    right = int(tally.right()[version].sum())
    low, high = wilson(right / tally.items, tally.items, normal_quantile(LEVEL))
    share = {"right": right, "accuracy": right / tally.items, "accuracy_low": low, "accuracy_high": high}
    numbers, reasons = _of_labels(tally, version) if isinstance(tally, Labels) else _of_boxes(tally, version)
    return share | numbers, reasons


def _of_values(errors: NDArray[numpy.float64]) -> Scored:
    limits = mean_limits(errors)
    numbers = {"mae": float(errors.mean()), "rmse": float(numpy.sqrt((errors**2).mean()))}
    if limits is None:
        why = FEW_PAIRS.format(least=LEAST_PAIRS, count=len(errors))
        return numbers, {"mae_low": why, "mae_high": why}
    return numbers | {"mae_low": limits[0], "mae_high": limits[1]}, {}


def _of_labels(tally: Labels, version: int) -> Scored:
    """Return F1 over the labels that are true of any item: for all versions the same, so that they can be compared."""
    actual, predicted, hits = _label_counts(tally, version)
    true = actual > 0
    f1 = 2 * hits[true] / (actual[true] + predicted[true])
    return {"macro_f1": float(f1.mean()), "weighted_f1": float((f1 * actual[true]).sum() / actual.sum())}, {}


def _label_counts(tally: Labels, version: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return by label how often it was true, said, and both."""
    most, truths, said = len(tally.labels), tally.truths(), tally.said()[version]
    return (
        numpy.bincount(truths, minlength=most),
        numpy.bincount(said, minlength=most),
        numpy.bincount(truths[truths == said], minlength=most),
    )


def _of_boxes(tally: Boxes, version: int) -> Scored:
    found, said, true = tally.found[version].total(), tally.predicted[version].total(), tally.actual.total()
    numbers: Numbers = {"mean_f1": float(tally.f1()[version].mean())}
    numbers |= {"precision": _share(found, said), "recall": _share(found, true)}
    reasons = {} if said else {"precision": NOTHING_SAID}
    ranking = tally.rankings[version]
    average = ranking.precision()
    why = UNRANKED.format(count=ranking.unranked) if ranking.unranked else None if average else NO_BOXES
    if why is None and average is not None:
        numbers |= {"map_50": average.at_half, "map_50_95": average.over_all}
    else:
        reasons |= dict.fromkeys(("map_50", "map_50_95"), why or NO_BOXES)
    return numbers, reasons | ({} if true else {"recall": NO_BOXES})


def classes(tally: Tally[Any, Any]) -> list[ClassComparison]:
    """Return every label's scores by version, the most frequent labels first; of numbers there are none."""
    if isinstance(tally, Labels):
        rows = _classes_of_labels(tally)
    elif isinstance(tally, Boxes):
        labels = tally.actual.keys() | {label for said in tally.predicted for label in said}
        rows = [_class_of_boxes(tally, label) for label in labels]
    else:
        return []
    return sorted(rows, key=lambda row: (-row.actual, row.label))[:MOST_CLASSES]


def _classes_of_labels(tally: Labels) -> list[ClassComparison]:
    counts = [_label_counts(tally, version) for version in range(tally.versions)]
    right, truths = tally.right(), tally.truths()
    rows = []
    for place, label in enumerate(tally.labels):
        actual = int(counts[0][0][place])
        each = [_class_scores(actual, int(said[place]), int(hits[place])) for _, said, hits in counts]
        limits: tuple[float | None, float | None] = None, None
        if tally.versions == 2 and actual:
            mine = right[:, truths == place]
            limits = tango(count(mine[0], mine[1]))[1:3]
        rows.append(_class(label, actual, each, limits))
    return rows


def _class_of_boxes(tally: Boxes, label: str) -> ClassComparison:
    actual = tally.actual[label]
    each = [_class_scores(actual, tally.predicted[at][label], tally.found[at][label]) for at in range(tally.versions)]
    return _class(label, actual, each, (None, None))


def _class_scores(actual: int, predicted: int, hits: int) -> ClassScores:
    return ClassScores(
        predicted=predicted,
        precision=_share(hits, predicted),
        recall=_share(hits, actual),
        f1=_share(2 * hits, actual + predicted),
    )


def _class(
    label: str, actual: int, each: Sequence[ClassScores], limits: tuple[float | None, float | None]
) -> ClassComparison:
    def change(name: str) -> float | None:
        values = [getattr(one, name) for one in each]
        return values[1] - values[0] if len(values) == 2 and None not in values else None

    return ClassComparison(
        label=label,
        actual=actual,
        versions=list(each),
        precision_delta=change("precision"),
        recall_delta=change("recall"),
        recall_low=limits[0],
        recall_high=limits[1],
        f1_delta=change("f1"),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def confusions(tally: Tally[Any, Any]) -> list[ConfusionChange]:
    """Return what two versions took for what, how often, the largest changes first; only of labels."""
    if not isinstance(tally, Labels) or tally.versions != 2:
        return []
    most, truths = len(tally.labels), tally.truths().astype(numpy.int64)
    cells = [
        dict(zip(*(found.tolist() for found in numpy.unique(truths * most + said, return_counts=True)), strict=True))
        for said in tally.said()
    ]
    rows = []
    for cell in cells[0].keys() | cells[1].keys():
        actual, predicted = (tally.labels[place] for place in divmod(cell, most))
        a, b = (found.get(cell, 0) for found in cells)
        rows.append(ConfusionChange(actual=actual, predicted=predicted, count_a=a, count_b=b, delta=b - a))
    rows.sort(key=lambda row: (-abs(row.delta), -row.count_a - row.count_b, row.actual, row.predicted))
    return rows[:MOST_CONFUSIONS]
