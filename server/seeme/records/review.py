"""The review queue: predictions that a person shall look at, leases on them, and what was decided."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from seeme.records.feedback import Feedback
from seeme.records.predictions import LabelledBox, Prediction
from seeme.records.types import Id, Label, Note, Time, Value, View, Wire

ReviewStatus = Literal["needs_review", "in_review", "approved", "rejected"]
Decision = Literal["correct", "corrected", "unusable"]
Reason = Literal[
    "low_confidence",
    "no_detections",
    "high_density",
    "unusual_size",
    "margin",
    "new_class",
    "random_sample",
    "negative_feedback",
]
LeaseSeconds = Annotated[int, Meta(ge=10, le=86_400, description="For how long the items are kept from others")]


class ReviewItem(View, frozen=True, kw_only=True):
    """A prediction in the queue. `pi` is how likely its rules were to take it; null when feedback alone queued it."""

    id: str
    model_id: str
    prediction_id: str
    dataset_id: str | None
    status: ReviewStatus
    second: bool
    reasons: list[str]
    pi: float | None
    rule_set: int | None
    predicted_label: str | None
    confidence: float | None
    created_at: Time
    queued_at: Time
    input_url: str | None
    has_input: bool
    held_by: str | None
    lease_until: Time | None
    decision: Decision | None
    label: str | None
    value: float | None
    boxes: list[LabelledBox] | None
    note: str | None
    decided_by: str | None
    decided_at: Time | None


class LogEntry(View, frozen=True, kw_only=True):
    """Who did what with an item, and when."""

    at: Time
    who: str
    action: str
    detail: str | None


class ReviewTask(View, frozen=True, kw_only=True):
    """An item with all that a reviewer needs: the prediction (null once retention took it), what users said, labels."""

    item: ReviewItem
    prediction: Prediction | None
    feedback: list[Feedback]
    why: list[str]
    log: list[LogEntry]


class Claim(Wire, frozen=True, kw_only=True):
    """A wish for items of a model: the next ones of the queue, or some by their ids.

    Only the unfiltered queue, of a model or a dataset, serves items in the order that keeps accuracy unbiased: items
    claimed by label, reason or id are marked.
    """

    model_id: Id
    limit: Annotated[int, Meta(ge=1, le=100)] = 1
    dataset_id: Id | UnsetType = UNSET
    reason: Reason | UnsetType = UNSET
    label: Label | UnsetType = UNSET
    ids: Annotated[list[Id], Meta(min_length=1, max_length=100)] | UnsetType = UNSET
    lease_seconds: LeaseSeconds = 600


class Claimed(View, frozen=True, kw_only=True):
    """The items that are the caller's until their leases end, and how many others are open."""

    items: list[ReviewTask]


class Renewal(Wire, frozen=True, kw_only=True):
    """A longer lease, from now on."""

    lease_seconds: LeaseSeconds = 600


class NewDecision(Wire, frozen=True, kw_only=True):
    """What a reviewer decided: the prediction is correct, what would have been, or that the input can't be judged."""

    decision: Decision
    label: Label | None = None
    value: Value | None = None
    boxes: Annotated[list[LabelledBox], Meta(max_length=1000)] | None = None
    note: Note | None = None

    def __post_init__(self) -> None:
        given = sum(part is not None for part in (self.label, self.value, self.boxes))
        if self.decision == "corrected" and given != 1:
            raise ValueError("`corrected` needs exactly one of `label`, `value` and `boxes`: what is right")
        if self.decision != "corrected" and given:
            raise ValueError(f"`{self.decision}` takes no `label`, `value` or `boxes`; use `corrected`")


class Skip(Wire, frozen=True, kw_only=True):
    """A skipped item goes back to the queue, for others."""

    note: Note | None = None


class Lease(Wire, frozen=True, kw_only=True):
    """An item that the caller holds, and until when: as it was told."""

    id: Id
    lease_until: Time


class Release(Wire, frozen=True, kw_only=True):
    """Held items to give back undecided; those of whom the lease has changed since stay as they are."""

    model_id: Id
    items: Annotated[list[Lease], Meta(min_length=1, max_length=100)]


class Released(View, frozen=True, kw_only=True):
    """Which items are open again."""

    ids: list[str]


class QueueState(View, frozen=True, kw_only=True):
    """How many items of a model are in each state, and how well two reviewers of the same items agree."""

    needs_review: int
    in_review: int
    approved: int
    rejected: int
    reviewed_twice: int
    agreement: float | None
    agreement_measure: str | None
    agreement_reason: str | None
