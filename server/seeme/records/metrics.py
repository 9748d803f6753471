"""Numbers that come from the sums. What isn't known is null, and `reasons` says why, field by field."""

from seeme.records.types import Time, View


class LabelCount(View, frozen=True, kw_only=True):
    """How often a label was predicted.

    A period has its 50 most frequent labels; `label` is null for all others together, and for those beyond the model's
    first 1,000.
    """

    label: str | None
    count: int


class PeriodMetrics(View, frozen=True, kw_only=True):
    """One hour, day or ISO week of one model (all its versions, or one).

    Shares are 0 to 1, latencies milliseconds (2 % relative error), `partial` marks the period that is still running.
    `accuracy` is that of the true labels where the model's feed of them is declared complete, else the estimate from
    reviewed predictions, with the ends of its 95 % interval; `accuracy_note` says what the estimate
    covers and rests on, `reviewed` how many that rules took were decided.
    `mae`, `rmse` and `bias` are of errors kept to 1e-6 of the value's unit, so scale your units.
    """

    period: str
    start: Time
    end: Time
    partial: bool
    predictions: int
    errors: int
    error_rate: float | None
    avg_confidence: float | None
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    labels: list[LabelCount]
    detections: int
    thumbs_up: int
    thumbs_down: int
    satisfaction: float | None
    rated: int
    response_rate: float | None
    corrections: int
    comments: int
    labelled: int
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    accuracy_note: str
    reviewed: int
    naive_accuracy: float | None
    mae: float | None
    rmse: float | None
    bias: float | None
    reasons: dict[str, str]


class Rebuilt(View, frozen=True, kw_only=True):
    """What a rebuild did: days whose sums were made again from rows, and days refused with the reason."""

    days: list[str]
    changed: list[str]
    refused: dict[str, str]


class Health(View, frozen=True, kw_only=True):
    """Whether the service can take and store events, and what waits."""

    status: str
    version: str
    waiting: int
