"""The query strings and small bodies of the API: what callers write, and the queries that it means."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from seeme.clock import DAY, to_micros
from seeme.errors import invalid
from seeme.records.ab_tests import AbMetric, Alpha, DurationDays, TrafficSplit
from seeme.records.comparing import CompareRequest
from seeme.records.datasets import ExportFormat, Source, Split
from seeme.records.feedback import FeedbackStatus, FeedbackType, ReviewState
from seeme.records.queries import (
    FeedbackQuery,
    Keyset,
    MetricsQuery,
    Order,
    Period,
    PlanQuery,
    PredictionQuery,
    ReviewQuery,
    from_cursor,
)
from seeme.records.review import Reason, ReviewStatus
from seeme.records.tokens import PredictionToken
from seeme.records.types import Id, Label, Name, Probability, Unit, Wire

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)
_PLUS_LOST = re.compile(r"(T[\d:.]+) (\d\d:\d\d)\Z", re.ASCII)

Effect = Annotated[float, Meta(ge=-1e6, le=1e6)]
Day = Annotated[
    str,
    Meta(
        max_length=40,
        # ' ' for '+': what becomes of an offset that wasn't percent-encoded.
        title="a date or a time with offset (2026-11-20 or 2026-11-20T13:00:00Z)",
        pattern=r"^\d{4}-\d\d-\d\d([Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+\- ]\d\d:\d\d))?$(?!\n)",
        description="A time as in RFC 3339, or a date alone: the whole day in UTC. Both ends of a period are included",
        examples=["2026-01-31", "2026-01-31T12:00:00Z"],
    ),
]
Cursor = Annotated[str, Meta(max_length=1000, description="The `next_cursor` of the page before")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="How many items a page has at most")]


class Params(Wire, frozen=True):
    """The base of all query strings: unknown parameters are refused."""


class ListParams(Params, frozen=True):
    """One page of a list."""

    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET


class ItemParams(ListParams, frozen=True):
    """Which items of a dataset to list: those of a version, or of the working set when none is named."""

    version: Id | UnsetType = UNSET
    split: Split | UnsetType = UNSET
    source: Source | UnsetType = UNSET
    label: Label | UnsetType = UNSET


class ExportParams(Params, frozen=True):
    """How to export a version; of several shards, each has its own part of the items, and all have them once."""

    format: ExportFormat = "jsonl"
    shard: Annotated[int, Meta(ge=1, le=1000)] = 1
    shards: Annotated[int, Meta(ge=1, le=1000, description="For yolo: how many archives to make")] = 1

    def __post_init__(self) -> None:
        if self.shard > self.shards:
            raise ValueError("`shard` must not be above `shards`")
        if self.shards > 1 and self.format != "yolo":
            raise ValueError("only the format `yolo` comes in shards")


class InModelParams(Params, frozen=True):
    """Names the model that an id belongs to; needed only when several models use the same id."""

    model_id: Id | UnsetType = UNSET


class SignInParams(Params, frozen=True):
    """Names who signs in: decisions are signed with that name instead of the key's holder's."""

    holder: Name | UnsetType = UNSET


class PredictionParams(Params, frozen=True, kw_only=True):
    """Which predictions to list."""

    model_id: Id
    version_id: Id | UnsetType = UNSET
    label: Label | UnsetType = UNSET
    start_date: Day | UnsetType = UNSET
    end_date: Day | UnsetType = UNSET
    min_confidence: Probability | UnsetType = UNSET
    max_confidence: Probability | UnsetType = UNSET
    order: Annotated[Order, Meta(description="desc: newest first")] = "desc"
    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET

    def query(self) -> PredictionQuery:
        """Return the query that is meant.

        Raises:
            Invalid: for a date that is none, or a cursor of something else.
        """
        start, end = period_of(self.start_date, self.end_date)
        return PredictionQuery(
            model_id=self.model_id,
            version_id=given(self.version_id),
            label=given(self.label),
            start=start,
            end=end,
            min_confidence=given(self.min_confidence),
            max_confidence=given(self.max_confidence),
            order=self.order,
            limit=self.limit,
            after=keyset(self.cursor),
        )


class FeedbackParams(Params, frozen=True, kw_only=True):
    """Which feedback to list; `updated_since` makes it a change feed, oldest change first."""

    model_id: Id
    feedback_type: FeedbackType | UnsetType = UNSET
    status: FeedbackStatus | UnsetType = UNSET
    review: ReviewState | UnsetType = UNSET
    prediction_id: Id | UnsetType = UNSET
    start_date: Day | UnsetType = UNSET
    end_date: Day | UnsetType = UNSET
    updated_since: Day | UnsetType = UNSET
    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET

    def query(self) -> FeedbackQuery:
        """Return the query that is meant.

        Raises:
            Invalid: for a date that is none, or a cursor of something else.
        """
        start, end = period_of(self.start_date, self.end_date)
        return FeedbackQuery(
            model_id=self.model_id,
            feedback_type=given(self.feedback_type),
            status=given(self.status),
            review=given(self.review),
            prediction_id=given(self.prediction_id),
            start=start,
            end=end,
            updated_since=day_start("updated_since", self.updated_since),
            limit=self.limit,
            after=keyset(self.cursor),
        )


class ReviewParams(Params, frozen=True, kw_only=True):
    """Which items of the review queue to list: those of a model, or of the dataset that they are for."""

    model_id: Id | UnsetType = UNSET
    dataset_id: Id | UnsetType = UNSET
    status: ReviewStatus | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    label: Annotated[Label, Meta(description="The predicted label")] | UnsetType = UNSET
    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET

    def query(self) -> ReviewQuery:
        """Return the query that is meant.

        Raises:
            Invalid: without a model and a dataset, or for a cursor of something else.
        """
        if self.model_id is UNSET and self.dataset_id is UNSET:
            raise invalid("$.model_id", "is needed, or a dataset_id")
        return ReviewQuery(
            model_id=given(self.model_id),
            dataset_id=given(self.dataset_id),
            status=given(self.status),
            reason=given(self.reason),
            label=given(self.label),
            limit=self.limit,
            after=keyset(self.cursor),
        )


class MetricsParams(Params, frozen=True):
    """Which periods to report: the last `lookback_weeks` weeks, or those between two dates."""

    period: Period = "week"
    lookback_weeks: Annotated[int, Meta(ge=1, le=1040, description="12 when no dates are given")] | UnsetType = UNSET
    start_date: Day | UnsetType = UNSET
    end_date: Day | UnsetType = UNSET
    version_id: Id | UnsetType = UNSET

    def query(self) -> MetricsQuery:
        """Return the query that is meant.

        Raises:
            Invalid: for a date that is none, or for both ways at once.
        """
        start, end = period_of(self.start_date, self.end_date)
        if self.lookback_weeks is not UNSET and (start is not None or end is not None):
            raise invalid("$.lookback_weeks", "must not be given together with dates")
        weeks = 12 if self.lookback_weeks is UNSET else self.lookback_weeks
        return MetricsQuery(
            period=self.period, lookback_weeks=weeks, start=start, end=end, version_id=given(self.version_id)
        )


class AccuracyParams(Params, frozen=True):
    """Whose accuracy to estimate: all days that are known, or those between two dates, both included."""

    start_date: Day | UnsetType = UNSET
    end_date: Day | UnsetType = UNSET
    version_id: Id | UnsetType = UNSET


class DisagreementParams(Params, frozen=True, kw_only=True):
    """Which disagreements of two versions to list: those on a dataset, or on a version of one."""

    version_a: Id
    version_b: Id
    test_dataset_id: Id
    dataset_version_id: Id | UnsetType = UNSET
    split: Split | UnsetType = UNSET
    limit: Limit = 100
    cursor: Cursor | UnsetType = UNSET

    def request(self) -> CompareRequest:
        """Return the comparison that is meant."""
        return CompareRequest(
            version_a=self.version_a,
            version_b=self.version_b,
            test_dataset_id=self.test_dataset_id,
            dataset_version_id=given(self.dataset_version_id),
            split=given(self.split),
        )


class UnitParams(Params, frozen=True):
    """Which unit's arm is wanted; without one only what arms follow from is answered."""

    unit: Unit | UnsetType = UNSET


class PlanParams(Params, frozen=True, kw_only=True):
    """What a planned A/B test is to find, or how long it may take."""

    metric: AbMetric = "feedback_score"
    effect: Effect | UnsetType = UNSET
    value: Effect | UnsetType = UNSET
    sd: Annotated[float, Meta(gt=0, le=1e6)] | UnsetType = UNSET
    units_per_day: Annotated[float, Meta(ge=0.001, le=1e9)] | UnsetType = UNSET
    duration_days: DurationDays | UnsetType = UNSET
    traffic_split: TrafficSplit = 0.5
    alpha: Alpha = 0.05
    comparisons: Annotated[int, Meta(ge=1, le=100)] = 1
    power: Annotated[float, Meta(ge=0.01, le=0.9999)] = 0.8

    def query(self) -> PlanQuery:
        """Return the query that is meant."""
        fields = {name: value for name in PlanQuery.__struct_fields__ if (value := getattr(self, name)) is not UNSET}
        return PlanQuery(**fields)


class WidgetParams(Params, frozen=True, kw_only=True):
    """Which model and prediction a widget shows."""

    model_id: Id
    prediction_id: Id | UnsetType = UNSET


class TokenHeaders(Wire, frozen=True, rename="kebab"):
    """The header of a request that comes with a prediction token."""

    prediction_token: PredictionToken | UnsetType = UNSET


class RebuildRange(Wire, frozen=True):
    """The days whose sums to make again from rows; all of them when none are named."""

    start: Day | None = None
    end: Day | None = None


class ReferenceRange(Wire, frozen=True):
    """From which predictions a reference is made: the `last` ones, of a time when `start` or `end` is given."""

    start: Day | None = None
    end: Day | None = None
    last: Annotated[int, Meta(ge=1, le=20_000, description="From how many predictions at most")] = 10_000


def given(value: Any) -> Any:
    """Return a parameter's value, None when it wasn't given."""
    return None if value is UNSET else value


def keyset(cursor: str | UnsetType) -> Keyset | None:
    """Return where the page before ended.

    Raises:
        Invalid: when the cursor isn't one of ours.
    """
    return None if isinstance(cursor, UnsetType) else from_cursor(cursor)


def period_of(
    start: str | UnsetType | None, end: str | UnsetType | None, names: tuple[str, str] = ("start_date", "end_date")
) -> tuple[int | None, int | None]:
    """Return the first and the last microsecond of a period; None where it is open.

    Raises:
        Invalid: for a date that is none, or an end before the start.
    """
    first, last = day_start(names[0], start), day_end(names[1], end)
    if first is not None and last is not None and last < first:
        raise invalid(f"$.{names[1]}", f"must not be before `{names[0]}`")
    return first, last


def day_start(name: str, text: str | UnsetType | None) -> int | None:
    """Return the time that is meant; for a date its first microsecond."""
    return None if text is None or isinstance(text, UnsetType) else _micros(name, text)[0]


def day_end(name: str, text: str | UnsetType | None) -> int | None:
    """Return the time that is meant; for a date its last microsecond."""
    return None if text is None or isinstance(text, UnsetType) else _micros(name, text)[1]


def _micros(name: str, text: str) -> tuple[int, int]:
    try:
        if _DATE.match(text):
            first = to_micros(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC))
            return first, first + DAY - 1
        # A + that wasn't percent-encoded arrives as a space.
        at = to_micros(msgspec.convert(_PLUS_LOST.sub(r"\1+\2", text), Annotated[datetime, Meta(tz=True)]))
    except (ValueError, msgspec.ValidationError):
        expected = "must be a date or a time with offset (2026-11-20 or 2026-11-20T13:00:00Z)"
        raise invalid(f"$.{name}", f"{expected}, got {text!r}") from None
    return at, at
