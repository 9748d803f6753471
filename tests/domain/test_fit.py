"""What fits which model, and what the sender is told when it doesn't."""

import pytest

from seeme.domain.fit import feedback_misfit, prediction_misfit, truth_misfit
from seeme.records.predictions import Detection, NewPrediction

DETECTIONS = [Detection(label="car", box=(0.0, 0.0, 2.0, 2.0))]
SAID = {"classification": {"label": "cat"}, "detection": {"detections": DETECTIONS}, "regression": {"value": 1.5}}
TASKS = list(SAID)
PLAIN = {"correct_label": None, "correct_value": None, "detection_index": None, "detections": None}


def feedback(task, kind, **fields):
    """Return the misfit of feedback."""
    return feedback_misfit(task, kind, **{**PLAIN, **fields})


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("said", TASKS)
def test_a_prediction_says_what_its_task_is_about(task, said):
    """A label, detections or a value fit their own task alone, and the message names both fields."""
    (field,) = SAID[said]
    (needed,) = SAID[task]
    wrong = prediction_misfit(task, NewPrediction(model_id="m", **SAID[said]))
    if task == said:
        assert wrong is None
    else:
        assert (wrong.path, wrong.message) == (f"$.{field}", f"a {task} model takes `{needed}`, not `{field}`")


@pytest.mark.parametrize("task", TASKS)
def test_a_prediction_without_an_answer_is_an_error_or_refused(task):
    """Nothing predicted is fine only where an error says why."""
    assert prediction_misfit(task, NewPrediction(model_id="m")).path == f"$.{next(iter(SAID[task]))}"
    assert prediction_misfit(task, NewPrediction(model_id="m", error="out of memory")) is None
    assert prediction_misfit(task, NewPrediction(model_id="m", error="late", **SAID[task])) is None


def test_no_detections_are_an_answer_too():
    """An empty list says that nothing was found, which is something else than nothing said."""
    assert prediction_misfit("detection", NewPrediction(model_id="m", detections=[])) is None


@pytest.mark.parametrize("task", TASKS)
def test_scores_belong_to_classification(task):
    """Scores by label mean nothing for the other tasks."""
    wrong = prediction_misfit(task, NewPrediction(model_id="m", scores={"cat": 0.5}, **SAID[task]))
    assert (wrong is None) == (task == "classification")
    assert wrong is None or wrong.path == "$.scores"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("told", [{"label": "cat"}, {"value": 0.0}, {"boxes": []}])
def test_a_truth_is_of_its_models_kind(task, told):
    """Labels are the truth of classification, values of regression, boxes of detection: 0 and no boxes count too."""
    wrong = truth_misfit(task, **{"label": None, "value": None, "boxes": None, **told})
    (name,) = told
    fits = {"classification": "label", "regression": "value", "detection": "boxes"}[task] == name
    assert (wrong is None) == fits
    assert fits or wrong.path == f"$.{name}"


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["rating", "comment", "correct"])
def test_thumbs_words_and_all_is_well_fit_every_model(task, kind):
    """A rating, a comment and a plain `correct` need no task."""
    assert feedback(task, kind) is None


@pytest.mark.parametrize("kind", ["wrong_label", "wrong_box", "false_positive", "missed_object"])
@pytest.mark.parametrize("task", TASKS)
def test_verdicts_on_objects_are_for_detection(task, kind):
    """What is said of a single object fits detection models alone."""
    wrong = feedback(task, kind)
    assert (wrong is None) == (task == "detection")
    assert wrong is None or wrong.path == "$.feedback_type"


@pytest.mark.parametrize(
    ("task", "fields", "path"),
    [
        ("classification", {"correct_label": "dog"}, None),
        ("classification", {"correct_value": 1.0}, "$.correct_value"),
        ("detection", {"correct_value": 0.0}, "$.correct_value"),
        ("regression", {"correct_value": 0.0}, None),
        ("regression", {"correct_label": "dog"}, "$.correct_label"),
    ],
)
def test_a_correction_is_of_the_models_kind(task, fields, path):
    """Regression is corrected by a value, the others by a label."""
    wrong = feedback(task, "correction", **fields)
    assert (wrong.path if wrong else None) == path


@pytest.mark.parametrize("task", TASKS)
def test_a_box_that_is_off_may_have_a_wrong_label_too(task):
    """Both are said at once; as alone, of detections only."""
    wrong = feedback(task, "wrong_box", correct_label="van", detection_index=0)
    assert (wrong.path if wrong else None) == (None if task == "detection" else "$.feedback_type")


def test_a_detection_that_is_pointed_at_exists():
    """Detections are counted from 0; before the prediction is known, any index may be right."""
    assert feedback("detection", "correct", detection_index=1, detections=2) is None
    assert feedback("detection", "correct", detection_index=7, detections=None) is None
    wrong = feedback("detection", "correct", detection_index=2, detections=2)
    assert wrong.message == "the prediction has 2 detections, counted from 0"
    assert feedback("detection", "correct", detection_index=0, detections=0).path == "$.detection_index"
    assert feedback("classification", "correct", detection_index=0).path == "$.detection_index"
