"""Does an event fit its model's task and its prediction? Each answer is None, or a FieldError that says what to do."""

from typing import Any

from seeme.errors import FieldError
from seeme.records.predictions import NewPrediction

NEEDED = {"classification": "label", "detection": "detections", "regression": "value"}
_VERDICTS = {"wrong_label", "wrong_box", "false_positive", "missed_object"}


def prediction_misfit(task: str, new: NewPrediction) -> FieldError | None:
    """Return why a prediction doesn't fit a model's task.

    >>> prediction_misfit("regression", NewPrediction(model_id="m", label="cat"))
    FieldError(path='$.label', message='a regression model takes `value`, not `label`')
    """
    needed = NEEDED[task]
    for other in NEEDED.values():
        if other != needed and getattr(new, other) is not None:
            return FieldError(f"$.{other}", f"a {task} model takes `{needed}`, not `{other}`")
    if new.error is None and getattr(new, needed) is None:
        return FieldError(f"$.{needed}", f"a prediction of a {task} model has a `{needed}`, or an `error` if it failed")
    if new.scores is not None and task != "classification":
        return FieldError("$.scores", "`scores` belong to classification models")
    return None


def truth_misfit(task: str, *, label: Any, value: Any, boxes: Any) -> FieldError | None:
    """Return why a true label doesn't fit a model's task."""
    given = {"label": label, "value": value, "boxes": boxes}
    needed = {"classification": "label", "detection": "boxes", "regression": "value"}[task]
    for name, part in given.items():
        if part is not None and name != needed:
            return FieldError(f"$.{name}", f"the truth of a {task} model is a `{needed}`, not a `{name}`")
    return None


def feedback_misfit(
    task: str,
    feedback_type: str,
    *,
    correct_label: str | None,
    correct_value: float | None,
    detection_index: int | None,
    detections: int | None,
) -> FieldError | None:
    """Return why feedback doesn't fit its model or its prediction's number of detections (None: not known yet)."""
    if feedback_type in _VERDICTS and task != "detection":
        return FieldError("$.feedback_type", f"`{feedback_type}` is for detection models, this one is {task}")
    if feedback_type == "correction":
        if task == "regression" and correct_label is not None:
            return FieldError("$.correct_label", "a regression model is corrected by `correct_value`")
        if task != "regression" and correct_value is not None:
            return FieldError("$.correct_value", f"a {task} model is corrected by `correct_label`")
    if detection_index is None:
        return None
    if task != "detection":
        return FieldError("$.detection_index", f"a {task} model has no detections")
    if detections is not None and detection_index >= detections:
        return FieldError("$.detection_index", f"the prediction has {detections} detections, counted from 0")
    return None
