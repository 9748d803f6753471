"""Every number of a period, against an independent computation with numpy on the raw values."""

from collections import Counter

import numpy
import pytest

from seeme.clock import HOUR
from seeme.domain import metrics, sums
from seeme.domain.periods import Span

SPAN = Span("2025-11-20T12Z", 1_763_640_000_000_000, 1_763_640_000_000_000 + HOUR)
LABELS = ["cat", "dog", "owl"]
RANDOM = numpy.random.default_rng(5)


def plain_prediction(**fields):
    """Return the lanes of a prediction that has only these fields."""
    plain = {"failed": False, "confidence": None, "latency_ms": None, "detections": None, "label_position": None}
    return sums.of_prediction(**{**plain, **fields})


def numbers(lanes, task="classification", complete=False, partial=False, labels=LABELS):
    """Return the metrics of lanes."""
    delta = sums.Delta()
    delta.add("m", "", "", SPAN.start, lanes)
    vectors = []
    for amounts in delta.rows(SPAN.stop).values():
        one = sums.empty()
        sums.apply(one, amounts)
        vectors.append(sums.pack(one))
    return metrics.of_period(SPAN, sums.total(vectors[:1]), metrics.Subject(task, labels, complete), partial=partial)


def raw(count):
    """Return columns of raw values for predictions of a classification model."""
    return {
        "confidence": RANDOM.uniform(0, 1, count),
        "latency_ms": RANDOM.lognormal(3, 1, count),
        "label": RANDOM.choice([0, 1, 2], count, p=[0.6, 0.3, 0.1]),
        "failed": RANDOM.uniform(0, 1, count) < 0.1,
        "true": RANDOM.choice([0, 1, 2], count),
        "rating": RANDOM.choice([None, 1, -1], count),
    }


def lanes_of(columns):
    """Return the lanes of all raw values together."""
    lanes = []
    for n in range(len(columns["failed"])):
        label = LABELS[columns["label"][n]]
        lanes += sums.of_prediction(
            failed=bool(columns["failed"][n]),
            confidence=float(columns["confidence"][n]),
            latency_ms=float(columns["latency_ms"][n]),
            detections=None,
            label_position=int(columns["label"][n]),
        )
        lanes += sums.of_truth(label, None, LABELS[columns["true"][n]], None)
        if columns["rating"][n] is not None:
            lanes += sums.of_feedback("rating", columns["rating"][n]) + sums.of_rated()
    return lanes


@pytest.mark.parametrize("count", [1, 7, 1000])
def test_numbers_agree_with_the_raw_values(count):
    """Counts and shares are exact, the mean confidence within half a step, quantiles of latency within 2 %."""
    columns = raw(count)
    found = numbers(lanes_of(columns), complete=True)
    assert (found.predictions, found.errors) == (count, columns["failed"].sum())
    assert found.error_rate == pytest.approx(columns["failed"].mean())
    assert found.avg_confidence == pytest.approx(columns["confidence"].mean(), abs=0.5e-4)
    assert found.avg_latency_ms == pytest.approx(columns["latency_ms"].mean(), abs=0.5e-3)
    for q, shown in ((50, found.p50_latency_ms), (95, found.p95_latency_ms), (99, found.p99_latency_ms)):
        true = numpy.quantile(columns["latency_ms"], q / 100, method="inverted_cdf")
        assert shown == pytest.approx(true, rel=0.0201)
    counted = Counter(LABELS[n] for n in columns["label"])
    assert {one.label: one.count for one in found.labels} == counted
    assert [one.count for one in found.labels] == sorted(counted.values(), reverse=True)
    right = columns["label"] == columns["true"]
    assert (found.labelled, found.accuracy, found.naive_accuracy) == (count, right.mean(), right.mean())
    up, down = sum(columns["rating"] == 1), sum(columns["rating"] == -1)
    assert (found.thumbs_up, found.thumbs_down, found.rated) == (up, down, up + down)
    assert found.satisfaction == (None if up + down == 0 else up / (up + down))
    assert found.response_rate == (up + down) / count


def test_regression_errors_agree_with_numpy():
    """MAE, RMSE and bias are those of the raw pairs."""
    predicted, true = RANDOM.normal(100, 20, 400), RANDOM.normal(90, 20, 400)
    lanes = []
    for one, other in zip(predicted.tolist(), true.tolist(), strict=True):
        lanes += plain_prediction() + sums.of_truth(None, one, None, other)
    found = numbers(lanes, task="regression")
    error = predicted - true
    assert found.labelled == 400
    assert found.mae == pytest.approx(numpy.abs(error).mean(), abs=1e-6)
    assert found.rmse == pytest.approx(numpy.sqrt((error**2).mean()), rel=1e-7)
    assert found.bias == pytest.approx(error.mean(), abs=1e-6)
    assert not {"mae", "rmse", "bias"} & found.reasons.keys()


def test_regression_errors_survive_the_largest_values():
    """An error of 2e12 is as exact as a small one, whatever its sign."""
    lanes = plain_prediction() + sums.of_truth(None, -1e12, None, 1e12)
    found = numbers(lanes, task="regression")
    assert (found.mae, found.rmse, found.bias) == (2e12, 2e12, -2e12)


def test_an_empty_period_knows_nothing_and_says_why():
    """Counts are 0; every share, mean and quantile is null, and has a reason."""
    found = numbers([])
    unknown = [name for name in found.__struct_fields__ if getattr(found, name) is None]
    expected = {"error_rate", "avg_confidence", "avg_latency_ms", "p50_latency_ms", "p95_latency_ms", "p99_latency_ms"}
    expected |= {"satisfaction", "response_rate", "naive_accuracy", "mae", "rmse", "bias"}
    expected |= {"accuracy", "accuracy_low", "accuracy_high"}
    assert set(unknown) == expected
    assert set(found.reasons) == set(unknown)
    assert found.reasons["error_rate"] == metrics.NO_PREDICTIONS
    assert (found.predictions, found.labels) == (0, [])


@pytest.mark.parametrize("task", ["classification", "detection", "regression"])
@pytest.mark.parametrize("complete", [False, True])
@pytest.mark.parametrize("what", ["nothing", "predictions", "labelled", "voted"])
def test_every_null_has_a_reason_and_every_reason_a_null(task, complete, what):
    """A number is null exactly where `reasons` says why."""
    lanes = [] if what == "nothing" else plain_prediction(confidence=0.5, latency_ms=3.0)
    if what == "labelled":
        lanes += sums.of_truth("cat", 1.0, "cat", None) + sums.of_truth(None, 1.0, None, 2.0)
    if what == "voted":
        lanes += sums.of_feedback("rating", 1) + sums.of_rated()
    found = numbers(lanes, task, complete)
    assert {name for name in found.__struct_fields__ if getattr(found, name) is None} == set(found.reasons)


def test_accuracy_needs_a_complete_label_feed():
    """Labels that happen to come give a naive accuracy only, and accuracy says why it is null."""
    lanes = plain_prediction() + sums.of_truth("cat", None, "cat", None)
    found = numbers(lanes)
    assert (found.accuracy, found.naive_accuracy, found.reasons["accuracy"]) == (None, 1.0, metrics.INCOMPLETE)
    assert numbers(lanes, complete=True).accuracy == 1.0


def test_other_tasks_say_whose_number_it_is():
    """Regression has no accuracy, classification no RMSE; the accuracy of boxes isn't made from sums."""
    assert numbers([], "regression").reasons["accuracy"] == "this is a number of classification models"
    assert numbers([]).reasons["rmse"] == "this is a number of regression models"
    assert numbers([], "detection").reasons["accuracy"] == metrics.BOXES


def test_labels_beyond_the_first_thousand_stand_together_without_a_name():
    """What shares a lane is shown as one row with a null label, after named ones of the same count."""
    lanes = plain_prediction(label_position=2) + plain_prediction(label_position=1000)
    assert [(one.label, one.count) for one in numbers(lanes).labels] == [("owl", 1), (None, 1)]


def test_satisfaction_is_of_thumbs_and_response_of_predictions():
    """Two up and one down on one of four predictions: satisfaction 2/3, response 1/4."""
    lanes = [lane for _ in range(4) for lane in plain_prediction()]
    for rating in (1, 1, -1, 0):
        lanes += sums.of_feedback("rating", rating)
    found = numbers(lanes + sums.of_rated())
    assert (found.satisfaction, found.response_rate) == (pytest.approx(2 / 3), 0.25)


def test_detections_and_other_feedback_are_counted():
    """Found objects, corrections and comments are plain counts."""
    lanes = plain_prediction(detections=3) + plain_prediction(detections=0)
    lanes += sums.of_feedback("correction", None) + sums.of_feedback("comment", None) * 2
    found = numbers(lanes, "detection")
    assert (found.detections, found.corrections, found.comments) == (3, 1, 2)


def test_a_period_says_when_it_is_and_whether_it_still_runs():
    """Name, start, end and partial come from the span."""
    found = numbers([], partial=True)
    assert (found.period, found.partial) == ("2025-11-20T12Z", True)
    assert (found.end - found.start).total_seconds() == 3600


def test_many_labels_are_the_fifty_most_frequent_and_the_rest():
    """Each period names 50 labels at most, and no prediction is lost from the counts."""
    lanes = [lane for n in range(60) for _ in range(n + 1) for lane in plain_prediction(label_position=n)]
    lanes += plain_prediction(label_position=1000)
    found = numbers(lanes, labels=[f"label {n}" for n in range(1000)]).labels
    assert [one.label for one in found if one.label is not None] == [f"label {n}" for n in range(59, 9, -1)]
    assert [one.count for one in found if one.label is None] == [sum(range(1, 11)) + 1]
    assert sum(one.count for one in found) == sum(range(1, 61)) + 1


def test_a_quantile_in_the_last_bin_is_not_known_and_says_so():
    """Where half of the latencies are an hour, the median isn't 13 minutes."""
    lanes = [lane for ms in (10.0, 10.0, 3.6e6) for lane in plain_prediction(latency_ms=ms)]
    found = numbers(lanes)
    assert found.p50_latency_ms == pytest.approx(10, rel=0.0201)
    assert (found.p95_latency_ms, found.reasons["p95_latency_ms"]) == (None, metrics.SLOW)
    assert (found.p99_latency_ms, found.reasons["p99_latency_ms"]) == (None, metrics.SLOW)
    assert "avg_latency_ms" not in found.reasons


def test_errors_below_a_millionth_of_the_unit_count_as_none():
    """They are kept to 1e-6, as is documented."""
    found = numbers(plain_prediction() + sums.of_truth(None, 1e-7, None, 2e-7), task="regression")
    assert (found.labelled, found.mae, found.rmse, found.bias) == (1, 0.0, 0.0, 0.0)
