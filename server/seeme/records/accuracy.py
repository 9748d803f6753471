"""Accuracy from partly reviewed predictions. What isn't known is null, and `reasons` says why, field by field."""

from typing import Literal

from seeme.records.types import Time, View

Method = Literal["hajek", "difference"]


class StratumRow(View, frozen=True, kw_only=True):
    """Predictions that one rule set treated alike: which rules matched, how likely each was taken for review.

    `skipped` counts times that one was given back, `unusable` those that can't be judged, `expired` those whose
    predictions were gone by age before anybody decided. `weight` says how many predictions one decided one stands for.
    `marked` says that this weight can't be trusted; `note` says why, or why there is none.
    """

    rule_set: int
    rules: list[str]
    pi: float
    predictions: int
    taken: int
    decided: int
    right: int
    skipped: int
    unusable: int
    expired: int
    weight: float | None
    marked: bool
    note: str | None


class AccuracyEstimate(View, frozen=True, kw_only=True):
    """The share of predictions that are right, estimated from those that were reviewed.

    `value` is between `low` and `high` (the interval of `level`) and is about `covered_share` of the predictions.
    `effective_n` is how many equally weighted reviews would tell as much. `naive_accuracy` is the share of right ones
    among the reviewed, which is another number wherever rules choose what is reviewed. `marked` is true when an
    assumption was broken; `notes` say so in words.
    """

    value: float | None
    low: float | None
    high: float | None
    level: float
    method: Method | None
    predictions: int
    taken: int
    decided: int
    effective_n: float | None
    covered_share: float | None
    naive_accuracy: float | None
    marked: bool
    notes: list[str]
    strata: list[StratumRow]
    reasons: dict[str, str]


class ClassRow(View, frozen=True, kw_only=True):
    """How a classification model does on one label, weighted by how the reviewed predictions were chosen.

    `predicted` and `actual` count reviewed predictions with this label. Of precision, recall and F1 each has its
    interval; all three are null when too few were reviewed.
    """

    label: str
    predicted: int
    actual: int
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    recall_low: float | None
    recall_high: float | None
    f1: float | None
    f1_low: float | None
    f1_high: float | None
    reasons: dict[str, str]


class ConfusionPair(View, frozen=True, kw_only=True):
    """A label taken for another: how often among the reviewed, and about how many predictions these stand for."""

    predicted: str
    actual: str
    count: int
    weighted: float


class ClassTable(View, frozen=True, kw_only=True):
    """Every label that was reviewed, and the pairs that were confused, the most frequent (weighted) first."""

    level: float
    decided: int
    classes: list[ClassRow]
    confusions: list[ConfusionPair]
    marked: bool
    notes: list[str]


class AccuracyReport(View, frozen=True, kw_only=True):
    """The accuracy of a model's predictions of some days; `start` and `end` are null when all of them are meant.

    `classes` is null for tasks without labels. For detections a prediction is right when all of its boxes are.
    """

    model_id: str
    version_id: str | None
    start: Time | None
    end: Time | None
    accuracy: AccuracyEstimate
    classes: ClassTable | None
