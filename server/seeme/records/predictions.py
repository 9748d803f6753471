"""What a model said (predictions), what was true (labels), and how both are read back."""

from typing import Annotated

from msgspec import Meta

from seeme.records.types import (
    Box,
    Id,
    Index,
    Key,
    Label,
    Milliseconds,
    Note,
    Probability,
    Scalar,
    Sha256,
    Side,
    Subject,
    Time,
    Unit,
    Url,
    Value,
    View,
    Wire,
)


class Detection(Wire, frozen=True, kw_only=True):
    """One found object; `box` is [x, y, width, height] in pixels of the image."""

    label: Label
    box: Box
    confidence: Probability | None = None


class NewPrediction(Wire, frozen=True, kw_only=True):
    """A prediction as it is logged; which fields fit depends on the model's task."""

    model_id: Id
    id: Id | None = None
    version_id: Id | None = None
    created_at: Time | None = None
    label: Label | None = None
    confidence: Probability | None = None
    scores: Annotated[dict[Label, Probability], Meta(max_length=1000)] | None = None
    value: Value | None = None
    detections: Annotated[list[Detection], Meta(max_length=1000)] | None = None
    image_size: tuple[Side, Side] | None = None
    latency_ms: Milliseconds | None = None
    error: Note | None = None
    input_url: Url | None = None
    input_hash: Sha256 | None = None
    input_id: Id | None = None
    features: Annotated[dict[Key, Scalar], Meta(max_length=1000)] | None = None
    attributions: Annotated[dict[Key, float], Meta(max_length=1000)] | None = None
    attributes: Annotated[dict[Key, Scalar], Meta(max_length=100)] | None = None
    subject: Subject | None = None
    ab_test_id: Id | None = None
    unit: Unit | None = None


class Detail(Wire, frozen=True, kw_only=True):
    """What is stored of a prediction but never searched."""

    scores: dict[str, float] | None = None
    detections: list[Detection] | None = None
    image_size: tuple[int, int] | None = None
    features: dict[str, Scalar] | None = None
    attributions: dict[str, float] | None = None
    attributes: dict[str, Scalar] | None = None


class LabelledBox(Wire, frozen=True, kw_only=True):
    """One true object of an image."""

    label: Label
    box: Box


class NewLabel(Wire, frozen=True, kw_only=True):
    """The truth about one prediction, known later: exactly one of label, value and boxes."""

    prediction_id: Id
    model_id: Id | None = None
    id: Id | None = None
    created_at: Time | None = None
    label: Label | None = None
    value: Value | None = None
    boxes: Annotated[list[LabelledBox], Meta(max_length=1000)] | None = None

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.label, self.value, self.boxes)) != 1:
            raise ValueError("a label has exactly one of `label`, `value` and `boxes`")


class Truth(View, frozen=True, kw_only=True):
    """The true label in force for a prediction: the latest by (created_at, id)."""

    id: str
    created_at: Time
    label: str | None = None
    value: float | None = None
    boxes: list[LabelledBox] | None = None


class Prediction(View, frozen=True, kw_only=True):
    """A stored prediction."""

    id: str
    model_id: str
    version_id: str | None
    created_at: Time
    received_at: Time
    label: str | None
    confidence: float | None
    scores: dict[str, float] | None
    value: float | None
    detections: list[Detection] | None
    image_size: tuple[int, int] | None
    latency_ms: float | None
    error: str | None
    input_url: str | None
    input_hash: str | None
    input_id: str | None
    has_input: bool
    features: dict[str, Scalar] | None
    attributions: dict[str, float] | None
    attributes: dict[str, Scalar] | None
    ab_test_id: str | None = None
    arm: str | None = None
    truth: Truth | None = None


class StoredLabel(View, frozen=True, kw_only=True):
    """A true label as it was told, with whether it is in force."""

    id: str
    model_id: str
    prediction_id: str
    status: str
    created_at: Time
    label: str | None
    value: float | None
    boxes: list[LabelledBox] | None


class StoredInput(View, frozen=True, kw_only=True):
    """The answer to an upload: the input's SHA-256 of its bytes, its size and what its bytes say it is."""

    prediction_id: str
    input_hash: str
    size: int
    media_type: str


__all__ = [
    "Detail",
    "Detection",
    "Index",
    "LabelledBox",
    "NewLabel",
    "NewPrediction",
    "Prediction",
    "StoredInput",
    "StoredLabel",
    "Truth",
]
