"""From a summed vector to numbers a person may act on; what isn't known is None, with a reason."""

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

from seeme.clock import from_micros
from seeme.domain import sums
from seeme.domain.histograms import LATENCY_BINS, latency_quantile
from seeme.domain.periods import Span
from seeme.records.metrics import LabelCount, PeriodMetrics

NO_PREDICTIONS = "no predictions in this period"
NO_CONFIDENCE = "no prediction of this period has a confidence"
NO_LATENCY = "no prediction of this period has a latency"
NO_THUMBS = "nobody has voted on a prediction of this period"
NO_LABELS = "no true labels are known for this period"
NO_VALUES = "no true values are known for this period"
INCOMPLETE = (
    "labels that happen to arrive are not a random part of the predictions; set config.labels_complete if every "
    "prediction gets its true label, or see naive_accuracy"
)
OTHER_TASK = "this is a number of {} models"
BOXES = "the accuracy of detections needs matched boxes and isn't computed from sums"


class Subject(NamedTuple):
    """What of a model the meaning of its sums depends on."""

    task: str
    labels: Sequence[str]  # by position
    labels_complete: bool


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole > 0 else None


def of_period(span: Span, vector: sums.Vector, subject: Subject, *, partial: bool) -> PeriodMetrics:
    """Return the numbers of one period from its summed vector."""
    lane = vector.tolist()
    reasons: dict[str, str] = {}
    predictions = lane[sums.PREDICTIONS]
    up, down, rated = lane[sums.THUMBS_UP], lane[sums.THUMBS_DOWN], lane[sums.RATED]
    bins = lane[sums.LATENCIES : sums.LATENCIES + LATENCY_BINS]
    timed = lane[sums.LATENCY_N]
    confident = lane[sums.CONFIDENCE_N]
    _explain(reasons, not predictions, NO_PREDICTIONS, "error_rate", "response_rate")
    _explain(reasons, not confident, NO_CONFIDENCE, "avg_confidence")
    latency = ("avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms")
    _explain(reasons, not timed, NO_LATENCY, *latency)
    _explain(reasons, not up + down, NO_THUMBS, "satisfaction")
    accuracy, naive = _accuracy(lane, subject, reasons)
    mae, rmse, bias = _regression(vector, subject, reasons)
    return PeriodMetrics(
        period=span.name,
        start=from_micros(span.start),
        end=from_micros(span.stop),
        partial=partial,
        predictions=predictions,
        errors=lane[sums.ERRORS],
        error_rate=_share(lane[sums.ERRORS], predictions),
        avg_confidence=lane[sums.CONFIDENCE_SUM] / confident / sums.MOMENT_SCALE if confident else None,
        avg_latency_ms=sums.wide(vector, sums.LATENCY_SUM, 2) / timed / 1000 if timed else None,
        p50_latency_ms=latency_quantile(bins, 0.50),
        p95_latency_ms=latency_quantile(bins, 0.95),
        p99_latency_ms=latency_quantile(bins, 0.99),
        labels=_labels(lane, subject.labels),
        detections=lane[sums.DETECTIONS],
        thumbs_up=up,
        thumbs_down=down,
        satisfaction=_share(up, up + down),
        rated=rated,
        response_rate=_share(rated, predictions),
        corrections=lane[sums.CORRECTIONS],
        comments=lane[sums.COMMENTS],
        labelled=lane[sums.PAIRS] if subject.task == "regression" else lane[sums.LABELLED],
        accuracy=accuracy,
        naive_accuracy=naive,
        mae=mae,
        rmse=rmse,
        bias=bias,
        reasons=reasons,
    )


def _explain(reasons: dict[str, str], unknown: bool, reason: str, *names: str) -> None:
    if unknown:
        reasons.update(dict.fromkeys(names, reason))


def _labels(lane: list[int], labels: Sequence[str]) -> list[LabelCount]:
    """Return label counts, the most frequent first; those beyond the model's first 1,000 together, without a name."""
    counts = [
        LabelCount(label=label, count=lane[place])
        for position, label in enumerate(labels)
        if (place := sums.FIRST_LABEL + position) < len(lane) and lane[place]
    ]
    if lane[sums.OTHER_LABEL]:
        counts.append(LabelCount(label=None, count=lane[sums.OTHER_LABEL]))
    return sorted(counts, key=lambda one: (-one.count, one.label or "\uffff"))


def _accuracy(lane: list[int], subject: Subject, reasons: dict[str, str]) -> tuple[float | None, float | None]:
    """Return the accuracy (None unless the label feed is complete) and the naive one of whatever labels came."""
    if subject.task != "classification":
        why = BOXES if subject.task == "detection" else OTHER_TASK.format("classification")
        reasons["accuracy"] = reasons["naive_accuracy"] = why
        return None, None
    naive = _share(lane[sums.LABELLED_RIGHT], lane[sums.LABELLED])
    _explain(reasons, naive is None, NO_LABELS, "accuracy", "naive_accuracy")
    if naive is not None and not subject.labels_complete:
        reasons["accuracy"] = INCOMPLETE
    return naive if subject.labels_complete else None, naive


def _regression(
    vector: sums.Vector, subject: Subject, reasons: dict[str, str]
) -> tuple[float | None, float | None, float | None]:
    """Return MAE, RMSE and bias (predicted minus true, on average) in the model's units."""
    pairs = int(vector[sums.PAIRS])
    if subject.task != "regression" or pairs <= 0:
        why = NO_VALUES if subject.task == "regression" else OTHER_TASK.format("regression")
        _explain(reasons, True, why, "mae", "rmse", "bias")
        return None, None, None
    absolute, signed = sums.wide(vector, sums.ABSOLUTE, 2), sums.wide(vector, sums.SIGNED, 2)
    squares = sums.wide(vector, sums.SQUARES, 4)
    scale = sums.VALUE_SCALE
    return absolute / pairs / scale, sqrt(squares / pairs) / scale, signed / pairs / scale
