"""What the widget may know: of a model with a publishable key, of a prediction and a vote with a token."""

from seeme.records.predictions import Detection
from seeme.records.types import Task, View


class ShownPrediction(View, frozen=True, kw_only=True):
    """What a page with a token for this prediction may know of it: what was said, of which image."""

    label: str | None
    value: float | None
    detections: list[Detection] | None
    image_size: tuple[int, int] | None
    input_url: str | None


class OwnVote(View, frozen=True, kw_only=True):
    """The vote in force of the token's subject; `id` is the one to name in `supersedes`."""

    id: str
    rating: int


class WidgetContext(View, frozen=True, kw_only=True):
    """What the widget may know; `prediction` and `vote` are null without a prediction token."""

    model_id: str
    task: Task
    labels: list[str]
    prediction: ShownPrediction | None
    vote: OwnVote | None
