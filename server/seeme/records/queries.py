"""What a list is asked for, already understood: times in microseconds UTC, both ends inclusive, keyset paging."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal, NamedTuple

import msgspec
from msgspec import Meta

from seeme.errors import invalid
from seeme.records.ab_tests import AbMetric
from seeme.records.feedback import FeedbackStatus, FeedbackType, ReviewState
from seeme.records.review import Reason, ReviewStatus
from seeme.records.types import Integer, View

Period = Literal["hour", "day", "week"]
Order = Literal["desc", "asc"]


class Keyset(NamedTuple):
    """Where a page ended: the time it is ordered by (microseconds UTC) and the id that breaks ties."""

    at: Integer
    id: Annotated[str, Meta(max_length=128)]


class PredictionQuery(View, frozen=True, kw_only=True):
    """Predictions of one model, ordered by (created_at, id); `start` and `end` are both included."""

    model_id: str
    version_id: str | None = None
    label: str | None = None
    start: int | None = None
    end: int | None = None
    min_confidence: float | None = None
    max_confidence: float | None = None
    order: Order = "desc"
    limit: int = 100
    after: Keyset | None = None


class FeedbackQuery(View, frozen=True, kw_only=True):
    """Feedback of one model, newest first by (created_at, id).

    With `updated_since` (included) it is a change feed instead: ascending by (updated_at, id), and `after` means those.
    """

    model_id: str
    feedback_type: FeedbackType | None = None
    status: FeedbackStatus | None = None
    review: ReviewState | None = None
    prediction_id: str | None = None
    start: int | None = None
    end: int | None = None
    updated_since: int | None = None
    limit: int = 100
    after: Keyset | None = None


class ReviewQuery(View, frozen=True, kw_only=True):
    """Review items of one model or of one dataset, the longest in the queue first, by (queued_at, id)."""

    model_id: str | None = None
    dataset_id: str | None = None
    status: ReviewStatus | None = None
    reason: Reason | None = None
    label: str | None = None
    limit: int = 100
    after: Keyset | None = None


class MetricsQuery(View, frozen=True, kw_only=True):
    """Periods of one model: those between `start` and `end` (both included), else the last `lookback_weeks`."""

    period: Period = "week"
    lookback_weeks: int = 12
    start: int | None = None
    end: int | None = None
    version_id: str | None = None


_decoder = msgspec.json.Decoder(Keyset)


def to_cursor(at: int, id: str) -> str:
    """Return the opaque text of a keyset, for `next_cursor`."""
    return urlsafe_b64encode(msgspec.json.encode((at, id))).rstrip(b"=").decode()


def from_cursor(text: str) -> Keyset:
    """Return the keyset of a `next_cursor`.

    Raises:
        Invalid: for any other text.
    """
    try:
        found = _decoder.decode(urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4)))
        if "\0" in found.id:
            raise ValueError
        return found
    except (ValueError, msgspec.MsgspecError):
        raise invalid("$.cursor", "must be a `next_cursor` of this list, unchanged") from None


class PlanQuery(View, frozen=True, kw_only=True):
    """A test to plan: the effect to find, or how long it may take at how many new units a day."""

    metric: AbMetric = "feedback_score"
    effect: float | None = None
    value: float | None = None
    sd: float | None = None
    units_per_day: float | None = None
    duration_days: float | None = None
    traffic_split: float = 0.5
    alpha: float = 0.05
    comparisons: int = 1
    power: float = 0.8
