"""What people said of a prediction: a union told apart by `feedback_type`."""

from typing import Literal

from seeme.records.tokens import PredictionToken
from seeme.records.types import Box, Id, Index, Label, Note, Subject, Time, Value, View, Wire


class _NewFeedback(Wire, tag_field="feedback_type", frozen=True, kw_only=True):
    """What every kind of feedback has.

    `supersedes` names the FIRST feedback that this one replaces: keep naming the first when a mind changes again,
    so that it doesn't matter in which order they arrive. `prediction_token` isn't part of what was said: a retry with a
    renewed token is the same feedback.
    """

    prediction_id: Id
    model_id: Id | None = None
    id: Id | None = None
    created_at: Time | None = None
    subject: Subject | None = None
    supersedes: Id | None = None
    notes: Note | None = None
    prediction_token: PredictionToken | None = None


class Rating(_NewFeedback, tag="rating", frozen=True, kw_only=True):
    """Thumbs up (1), down (-1), or taken back (0)."""

    rating: Literal[1, 0, -1]


class Correction(_NewFeedback, tag="correction", frozen=True, kw_only=True):
    """What the prediction should have been: a label, or a value for a regression."""

    correct_label: Label | None = None
    correct_value: Value | None = None

    def __post_init__(self) -> None:
        if (self.correct_label is None) == (self.correct_value is None):
            raise ValueError("a correction has exactly one of `correct_label` and `correct_value`")


class Comment(_NewFeedback, tag="comment", frozen=True, kw_only=True):
    """Words only, in `notes`."""

    def __post_init__(self) -> None:
        if self.notes is None:
            raise ValueError("a comment has its text in `notes`")


class Correct(_NewFeedback, tag="correct", frozen=True, kw_only=True):
    """A detection, or the whole prediction without `detection_index`, was right."""

    detection_index: Index | None = None


class WrongLabel(_NewFeedback, tag="wrong_label", frozen=True, kw_only=True):
    """An object was found, but it is something else."""

    detection_index: Index
    correct_label: Label


class WrongBox(_NewFeedback, tag="wrong_box", frozen=True, kw_only=True):
    """The right object, but its box is off; with `correct_label` its label is wrong too."""

    detection_index: Index
    box: Box
    correct_label: Label | None = None


class FalsePositive(_NewFeedback, tag="false_positive", frozen=True, kw_only=True):
    """There is no such object."""

    detection_index: Index


class MissedObject(_NewFeedback, tag="missed_object", frozen=True, kw_only=True):
    """An object was not found."""

    correct_label: Label
    box: Box


NewFeedback = Rating | Correction | Comment | Correct | WrongLabel | WrongBox | FalsePositive | MissedObject
FeedbackType = Literal[
    "rating", "correction", "comment", "correct", "wrong_label", "wrong_box", "false_positive", "missed_object"
]
FeedbackStatus = Literal["active", "superseded", "quarantined", "orphan"]
ReviewState = Literal["pending", "approved", "rejected"]


class Feedback(View, frozen=True, kw_only=True):
    """Stored feedback. `status` says whether it counts; `review` what a person decided about it."""

    id: str
    model_id: str
    prediction_id: str
    feedback_type: FeedbackType
    status: FeedbackStatus
    review: ReviewState
    created_at: Time
    received_at: Time
    updated_at: Time
    rating: int | None
    correct_label: str | None
    correct_value: float | None
    detection_index: int | None
    box: Box | None
    notes: str | None
    supersedes: str | None
    status_reason: str | None
    reviewed_by: str | None
    reviewed_at: Time | None
    predicted_label: str | None
    predicted_value: float | None
    input_url: str | None
    has_input: bool


class Accepted(View, frozen=True, kw_only=True):
    """The answer to an event: its id, and whether it is new, a replay, or kept as an orphan."""

    id: str
    model_id: str
    status: Literal["created", "unchanged", "orphan", "quarantined"]
