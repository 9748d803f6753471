"""Rows as they are stored: field for field the columns of the tables, so that the store maps them without a list."""

from msgspec import Struct

EventKey = tuple[str, str]  # model, id


class PredictionRow(Struct, kw_only=True):
    """A row of `predictions`. `detail` is the JSON of what is stored but never searched.

    `arm` is the test and its arm that a prediction counts for, `assigned` the arm that its unit's hash gave.
    """

    model_id: str
    id: str
    version_id: str
    created_at: int
    received_at: int
    digest: bytes
    arm: str = ""
    label: str | None = None
    confidence: float | None = None
    value: float | None = None
    latency_ms: float | None = None
    error: str | None = None
    detection_count: int | None = None
    detail: str | None = None
    input_url: str | None = None
    input_hash: str | None = None
    input_id: str | None = None
    input_stored: int = 0
    subject: bytes | None = None
    matched: str | None = None
    taken: str | None = None
    rule_set: int | None = None
    pi: float | None = None
    ratings: int = 0
    ab_test_id: str | None = None
    unit: str | None = None
    assigned: str | None = None


class LabelRow(Struct, kw_only=True):
    """A row of `labels`: the truth about a prediction, as told once."""

    model_id: str
    id: str
    prediction_id: str
    created_at: int
    received_at: int
    digest: bytes
    status: str = "active"
    label: str | None = None
    value: float | None = None
    boxes: str | None = None


class FeedbackRow(Struct, kw_only=True):
    """A row of `feedback`. Of the rows of one `slot` (kind and voter) of a prediction, the latest is active."""

    model_id: str
    id: str
    prediction_id: str
    feedback_type: str
    slot: str
    created_at: int
    received_at: int
    digest: bytes
    key_id: str
    updated_at: int = 0
    status: str = "active"
    status_reason: str | None = None
    review: str = "pending"
    reviewed_by: str | None = None
    reviewed_at: int | None = None
    rating: int | None = None
    correct_label: str | None = None
    correct_value: float | None = None
    detection_index: int | None = None
    box: str | None = None
    notes: str | None = None
    supersedes: str | None = None
    subject: bytes | None = None


EventRow = PredictionRow | LabelRow | FeedbackRow


class Target(Struct, kw_only=True):
    """What feedback and labels need to know of their prediction."""

    model_id: str
    id: str
    version_id: str
    arm: str
    created_at: int
    label: str | None
    value: float | None
    detection_count: int | None
    ratings: int
    confidence: float | None
    rule_set: int | None
    matched: str | None
    pi: float | None
    input_hash: str | None
    subject: bytes | None
    ab_test_id: str | None
    unit: str | None


class ReviewRow(Struct, kw_only=True):
    """A row of `review_items`: a prediction that a person shall look at. `reasons` and `passed_by` are lists of words.

    `pi` is None where no rule took it: such an item tells nothing of the other predictions.
    """

    model_id: str
    id: str
    prediction_id: str
    reasons: str
    place: int
    version_id: str
    arm: str
    created_at: int
    queued_at: int
    round: int = 1
    dataset_id: str = ""
    status: str = "needs_review"
    rule_set: int | None = None
    matched: str = ""
    pi: float | None = None
    label: str | None = None
    confidence: float | None = None
    updated_at: int = 0
    in_order: int = 1
    passed_by: str = ""
    holder: str | None = None
    holder_key: str | None = None
    lease_until: int | None = None
    decision: str | None = None
    decided_label: str | None = None
    decided_value: float | None = None
    decided_boxes: str | None = None
    was_right: int | None = None
    note: str | None = None
    decided_by: str | None = None
    decided_key: str | None = None
    decided_at: int | None = None
    feedback_id: str | None = None
    subject: bytes | None = None


class ItemRow(Struct, kw_only=True):
    """A row of `dataset_items`. What is below `note` is filled in where the item is put into its dataset."""

    dataset_id: str
    id: str
    source: str
    created_at: int
    model_id: str | None = None
    prediction_id: str | None = None
    label: str | None = None
    value: float | None = None
    boxes: str | None = None
    width: int | None = None
    height: int | None = None
    input_hash: str | None = None
    input_url: str | None = None
    input_id: str | None = None
    reviewer: str | None = None
    feedback_id: str | None = None
    pi: float | None = None
    note: str | None = None
    split: str = ""
    since: int = 0
    until: int = 0
    digest: bytes = b""
    input_stored: int = 0
    subject: bytes | None = None


class UnitRow(Struct, kw_only=True):
    """A row of `ab_units`: what one unit (a keyed hash) did in one arm of a test, or by how much that changed.

    `outside` counts predictions while the coverage left the unit out, `misplaced` those in another arm than the hash's.
    """

    ab_test_id: str
    unit: str
    arm: str
    assigned: str = ""
    predictions: int = 0
    errors: int = 0
    rated: int = 0
    votes: int = 0
    net: int = 0
    confidence_n: int = 0
    confidence_sum: int = 0
    latency_n: int = 0
    latency_sum: int = 0
    outside: int = 0
    misplaced: int = 0
