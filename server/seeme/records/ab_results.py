"""What an A/B test says. What isn't known is null, and `reasons` or `reason` say why."""

from typing import Literal

from seeme.records.ab_tests import AbMetric, AbStatus
from seeme.records.types import Time, View

Role = Literal["metric", "guardrail", "beside"]
AbState = Literal["untrustworthy", "stop", "better", "worse", "mixed", "not_enough", "no_difference"]


class Excluded(View, frozen=True, kw_only=True):
    """Units seen in an arm that don't count: in two arms, in another than the hash's, outside of the coverage."""

    mixed: int
    misplaced: int
    outside: int


class ArmResult(View, frozen=True, kw_only=True):
    """An arm's numbers, over the `units` that count; `assigned` is how many the hash gave it, before exclusions.

    `latency_ms` is the geometric mean. `accuracy` is estimated from reviews of all the arm's predictions.
    """

    name: str
    model_id: str
    version_id: str | None
    share: float
    units: int
    seen: int
    assigned: int
    excluded: Excluded
    predictions: int
    votes: int
    feedback_score: float | None
    feedback_per_unit: float | None
    response_rate: float | None
    latency_ms: float | None
    error_rate: float | None
    avg_confidence: float | None
    accuracy: float | None
    reasons: dict[str, str]


class MetricResult(View, frozen=True, kw_only=True):
    """One metric of a challenger (b) against the first arm (a): `difference` is b - a, for latency the ratio b / a.

    `low`, `high`, `p_value` and `significant` hold at any time; those that begin with `fixed_` only at the planned end.
    `role` is `beside` for what is shown beside the metrics that were named, `guardrail` for what only guards.
    """

    metric: AbMetric
    role: Role
    kind: Literal["rate", "mean", "ratio"]
    better: Literal["higher", "lower", "neither"]
    arm_a: str
    arm_b: str
    units_a: int
    units_b: int
    value_a: float | None
    value_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None
    significant: bool | None
    fixed_low: float | None
    fixed_high: float | None
    fixed_p_value: float | None
    fixed_significant: bool | None
    reason: str | None


class Challenger(View, frozen=True, kw_only=True):
    """What is said of one arm against the first: `verdict` is one sentence, `notes` are more."""

    arm: str
    state: AbState
    verdict: str
    winner: str | None
    notes: list[str]
    metrics: dict[AbMetric, MetricResult]


class SampleRatio(View, frozen=True, kw_only=True):
    """Whether units came to the arms as planned: `alarm` is true when the results can't be trusted.

    `log_e_value` is how much likelier (its natural logarithm) other shares are; the alarm is at ln 100.
    """

    alarm: bool
    log_e_value: float
    counts: list[int]
    expected: list[float]


class LookMetric(View, frozen=True, kw_only=True):
    """A metric of a challenger as it was seen once."""

    arm: str
    metric: AbMetric
    difference: float | None
    low: float | None
    high: float | None
    p_value: float | None


class Look(View, frozen=True, kw_only=True):
    """What a test showed at a time."""

    at: Time
    units: list[int]
    alarm: bool
    metrics: list[LookMetric]


class AbResults(View, frozen=True, kw_only=True):
    """What an A/B test says now. `p_value` is that of the first metric named, `metrics` those of the first challenger.

    Intervals are at 1 - alpha / comparisons, p-values are multiplied by `comparisons` (metrics named, times
    challengers). `planned_end` is true when the fixed-horizon numbers are valid: at the end that was planned.
    """

    ab_test_id: str
    name: str
    status: AbStatus
    at: Time
    days: float | None
    alpha: float
    comparisons: int
    planned_end: bool
    verdict: str
    state: AbState
    winner: str | None
    chosen_arm: str | None
    notes: list[str]
    p_value: float | None
    model_a: ArmResult
    model_b: ArmResult
    arms: list[ArmResult]
    metrics: dict[AbMetric, MetricResult]
    challengers: list[Challenger]
    sample_ratio: SampleRatio
    leaks: int
    history: list[Look]
    reasons: dict[str, str]


class AbRebuilt(View, frozen=True, kw_only=True):
    """Whether a test's sums were wrong, and are mended."""

    ab_test_id: str
    changed: bool


class PlannedMetric(View, frozen=True, kw_only=True):
    """Units, in all arms together, and days to find `effect`; or the effect that so many days can show."""

    always_valid: bool
    units: int | None
    days: int | None
    detectable_effect: float | None
    reason: str | None


class Plan(View, frozen=True, kw_only=True):
    """A plan for an A/B test of two arms, for the always-valid result and for one look at the planned end."""

    metric: AbMetric
    traffic_split: float
    alpha: float
    comparisons: int
    power: float
    effect: float | None
    units_per_day: float | None
    duration_days: float | None
    always_valid: PlannedMetric
    fixed_horizon: PlannedMetric
