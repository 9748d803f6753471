"""From a summed vector to numbers a person may act on; what isn't known is None, with a reason."""

from collections.abc import Sequence
from math import inf, sqrt
from typing import Any, NamedTuple

from seeme.clock import from_micros
from seeme.domain import sums
from seeme.domain.histograms import LATENCY_BINS, latency_quantiles
from seeme.domain.periods import Span
from seeme.records.accuracy import AccuracyEstimate
from seeme.records.metrics import LabelCount, PeriodMetrics

NO_PREDICTIONS = "no predictions in this period"
NO_CONFIDENCE = "no prediction of this period has a confidence"
NO_LATENCY = "no prediction of this period has a latency"
SLOW = "slower than the 13 minutes that quantiles are kept for"
NO_THUMBS = "nobody has voted on a prediction of this period"
NO_LABELS = "no true labels are known for this period"
NO_VALUES = "no true values are known for this period"
INCOMPLETE = (
    "labels that happen to arrive are not a random part of the predictions; set config.labels_complete if every "
    "prediction gets its true label, or see naive_accuracy"
)
NO_REVIEWS = "no true labels are known for this period, and nothing of it was reviewed (by day)"
NOT_JUDGED = "The data engine judged {judged:,} of {answered:,} predictions; the estimate is for these."
ALL_KNOWN = "every prediction has its true label, so there is nothing to estimate"
ACCURACY = ("accuracy", "accuracy_low", "accuracy_high")
OTHER_TASK = "this is a number of {} models"
MOST_LABELS = 50
BOXES = "whether the boxes of an image are all right is known from review alone: switch the data engine on"


class Subject(NamedTuple):
    """What of a model the meaning of its sums depends on."""

    task: str
    labels: Sequence[str]  # by position
    labels_complete: bool


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def of_period(
    span: Span, vector: sums.Vector, subject: Subject, *, partial: bool, reviewed: AccuracyEstimate | None = None
) -> PeriodMetrics:
    """Return the numbers of one period from its summed vector, and from what was reviewed of it."""
    lane = vector.tolist()
    reasons: dict[str, str] = {}
    predictions, confident = lane[sums.PREDICTIONS], lane[sums.CONFIDENCE_N]
    _explain(reasons, not predictions, NO_PREDICTIONS, "error_rate", "response_rate")
    _explain(reasons, not confident, NO_CONFIDENCE, "avg_confidence")
    return PeriodMetrics(
        period=span.name,
        start=from_micros(span.start),
        end=from_micros(span.stop),
        partial=partial,
        predictions=predictions,
        errors=lane[sums.ERRORS],
        error_rate=_share(lane[sums.ERRORS], predictions),
        avg_confidence=lane[sums.CONFIDENCE_SUM] / confident / sums.MOMENT_SCALE if confident else None,
        labels=_labels(lane, subject.labels),
        detections=lane[sums.DETECTIONS],
        corrections=lane[sums.CORRECTIONS],
        comments=lane[sums.COMMENTS],
        labelled=lane[sums.PAIRS] if subject.task == "regression" else lane[sums.LABELLED],
        **_latency(vector, lane, reasons),
        **_votes(lane, reasons),
        **_accuracy(lane, subject, reviewed, reasons),
        **_regression(vector, subject, reasons),
        reasons=reasons,
    )


def _latency(vector: sums.Vector, lane: list[int], reasons: dict[str, str]) -> dict[str, Any]:
    """Return the mean and quantiles of latency in ms; quantiles are within 2 %."""
    timed = lane[sums.LATENCY_N]
    bins = vector[sums.LATENCIES : sums.LATENCIES + LATENCY_BINS]
    names = ("p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
    quantiles = dict(zip(names, latency_quantiles(bins, (0.50, 0.95, 0.99)), strict=True))
    mean = sums.wide(vector, sums.LATENCY_SUM, 2) / timed / 1000 if timed else None
    _explain(reasons, not timed, NO_LATENCY, "avg_latency_ms", *quantiles)
    slow = [name for name, value in quantiles.items() if value == inf]
    _explain(reasons, bool(slow), SLOW, *slow)
    return {"avg_latency_ms": mean, **quantiles, **dict.fromkeys(slow)}


def _votes(lane: list[int], reasons: dict[str, str]) -> dict[str, Any]:
    """Return thumbs, the share of thumbs that are up, and the share of predictions that have any."""
    up, down, rated = lane[sums.THUMBS_UP], lane[sums.THUMBS_DOWN], lane[sums.RATED]
    _explain(reasons, not up + down, NO_THUMBS, "satisfaction")
    return {
        "thumbs_up": up,
        "thumbs_down": down,
        "satisfaction": _share(up, up + down),
        "rated": rated,
        "response_rate": _share(rated, lane[sums.PREDICTIONS]),
    }


def _explain(reasons: dict[str, str], unknown: bool, reason: str, *names: str) -> None:
    if unknown:
        reasons.update(dict.fromkeys(names, reason))


def _labels(lane: list[int], labels: Sequence[str]) -> list[LabelCount]:
    """Return the counts of the most frequent labels; all others together, without a name."""
    counts = [
        LabelCount(label=label, count=count)
        for label, count in zip(labels, lane[sums.FIRST_LABEL :], strict=False)
        if count
    ]
    counts.sort(key=_by_count)
    others = lane[sums.OTHER_LABEL] + sum(one.count for one in counts[MOST_LABELS:])
    named = counts[:MOST_LABELS]
    return sorted([*named, LabelCount(label=None, count=others)], key=_by_count) if others else named


def _by_count(one: LabelCount) -> tuple[int, bool, str]:
    return -one.count, one.label is None, one.label or ""


def _accuracy(
    lane: list[int], subject: Subject, reviewed: AccuracyEstimate | None, reasons: dict[str, str]
) -> dict[str, Any]:
    """Return the accuracy of a complete label feed, else that estimated from reviews; and the naive one beside it."""
    labelled = subject.task == "classification"
    naive = _share(lane[sums.LABELLED_RIGHT], lane[sums.LABELLED]) if labelled else None
    if labelled and subject.labels_complete:
        _explain(reasons, naive is None, NO_LABELS, *ACCURACY, "naive_accuracy")
        _explain(reasons, naive is not None, ALL_KNOWN, *ACCURACY[1:])
        found = {"accuracy": naive, "accuracy_low": None, "accuracy_high": None}
        return {
            **found,
            "accuracy_note": "",
            "naive_accuracy": naive,
            "reviewed": reviewed.decided if reviewed else 0,
        }
    if reviewed is None:
        why = NO_REVIEWS if labelled else BOXES if subject.task == "detection" else OTHER_TASK.format("classification")
        if labelled and naive is not None:
            why = INCOMPLETE
        _explain(reasons, True, why, *ACCURACY)
        _explain(reasons, naive is None, NO_LABELS if labelled else why, "naive_accuracy")
        return {**dict.fromkeys(ACCURACY), "accuracy_note": "", "naive_accuracy": naive, "reviewed": 0}
    _explain(reasons, reviewed.value is None, reviewed.reasons.get("value", NO_REVIEWS), *ACCURACY)
    naive = reviewed.naive_accuracy if naive is None else naive
    _explain(reasons, naive is None, reviewed.reasons.get("naive_accuracy", NO_LABELS), "naive_accuracy")
    found = {"accuracy": reviewed.value, "accuracy_low": reviewed.low, "accuracy_high": reviewed.high}
    judged, answered = reviewed.predictions, lane[sums.PREDICTIONS] - lane[sums.ERRORS]
    unjudged = [NOT_JUDGED.format(judged=judged, answered=answered)] if judged < answered else []
    note = " ".join([*unjudged, *reviewed.notes])
    return {**found, "accuracy_note": note, "naive_accuracy": naive, "reviewed": reviewed.decided}


def _regression(vector: sums.Vector, subject: Subject, reasons: dict[str, str]) -> dict[str, Any]:
    """Return MAE, RMSE and bias (predicted minus true, on average) in the model's units.

    Errors are kept to 1e-6 of the unit: smaller ones count as 0, so values that are that small want another unit.
    """
    pairs = int(vector[sums.PAIRS])
    if subject.task != "regression" or pairs <= 0:
        why = NO_VALUES if subject.task == "regression" else OTHER_TASK.format("regression")
        _explain(reasons, True, why, "mae", "rmse", "bias")
        return {"mae": None, "rmse": None, "bias": None}
    absolute, signed = sums.wide(vector, sums.ABSOLUTE, 2), sums.wide(vector, sums.SIGNED, 2)
    squares = sums.wide(vector, sums.SQUARES, 4)
    scale = sums.VALUE_SCALE
    return {
        "mae": absolute / pairs / scale,
        "rmse": sqrt(squares / pairs) / scale,
        "bias": signed / pairs / scale,
    }
