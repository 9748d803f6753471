"""Which predictions the rules take: conditions, rates, hashes and the settings' two forms."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from seeme.domain import boxes, sampling
from seeme.records.engine import DataEngine, DataEnginePatch
from seeme.records.predictions import Detection, NewPrediction


def engine(**parts):
    """Return settings changed by a patch as it comes in."""
    patch = msgspec.convert(parts, DataEnginePatch)
    return sampling.merged(DataEngine(), patch)


def rules(task="classification", labels=("cat", "dog"), **parts):
    """Return the rules of settings that are on."""
    found = sampling.rules_of("m", task, list(labels), engine(enabled=True, **parts))
    assert found is not None
    return found.rules


def matched(rules, **fields):
    """Return what a prediction matches."""
    return sampling.decide(rules, NewPrediction(model_id="m", **fields), "p").matched


def image(*found, size=(1000, 1000)):
    """Return the fields of an image's prediction."""
    return {"detections": [Detection(label="cat", box=box) for box in found], "image_size": size}


def test_nothing_is_judged_when_the_engine_is_off():
    """Settings alone don't switch it on."""
    assert sampling.rules_of("m", "classification", [], engine(random_sample={"enabled": True})) is None


def test_a_confidence_below_the_threshold_is_low():
    """Not one at it, and not a prediction that has none."""
    low = rules(low_confidence={"enabled": True, "threshold": 0.6})
    found = [matched(low, label="cat", confidence=confidence) for confidence in (0.59, 0.6, None)]
    assert found == [("low_confidence",), (), ()]


def test_the_least_sure_box_speaks_for_an_image():
    """A detection model's confidences stand at its boxes."""
    low = rules("detection", low_confidence={"enabled": True, "threshold": 0.6})
    boxes = [Detection(label="cat", box=(0, 0, 50, 50), confidence=confidence) for confidence in (0.9, 0.5)]
    assert matched(low, detections=boxes) == ("low_confidence",)
    assert matched(low, detections=boxes[:1]) == ()


def test_an_empty_list_of_detections_is_an_edge_case():
    """Nothing was found; that isn't the same as a prediction that says nothing of detections."""
    edge = rules("detection", edge_cases={"enabled": True, "conditions": ["no_detections"]})
    assert matched(edge, detections=[]) == ("no_detections",)
    assert matched(edge, error="broken") == ()


def test_crowded_boxes_are_dense_from_half_of_five_on():
    """At least 5 boxes, at least half of which overlap another one by 0.3."""
    dense = rules("detection", edge_cases={"enabled": True, "conditions": ["high_density"]})
    far = [(500, 100 * n, 50, 50) for n in range(3)]
    near = [(0, 0, 100, 100), (10, 0, 100, 100)]
    assert matched(dense, **image(*near, *far)) == ()  # 2 of 5
    assert matched(dense, **image(*near, *far[:2], (20, 0, 100, 100))) == ("high_density",)
    assert matched(dense, **image(*near, (20, 0, 100, 100), far[0])) == ()  # 4 boxes


@pytest.mark.parametrize(
    ("box", "unusual"),
    [
        ((0, 0, 32, 32), False),
        ((0, 0, 32, 31), True),
        ((0, 0, 1000, 500), False),
        ((0, 0, 1000, 501), True),
        ((980, 980, 100, 100), True),  # what of it lies in the image is 20 x 20
    ],
)
def test_boxes_of_unusual_size_are_clipped_to_the_image_first(box, unusual):
    """Smaller than 32 x 32 pixels, or larger than half of the image."""
    size = rules("detection", edge_cases={"enabled": True, "conditions": ["unusual_size"]})
    assert bool(matched(size, **image(box))) == unusual


def test_close_scores_and_unknown_labels_are_edge_cases_of_classifications():
    """Without named conditions all that fit the task are meant."""
    edge = rules(edge_cases={"enabled": True})
    assert matched(edge, label="fox", scores={"fox": 0.5, "cat": 0.45}) == ("margin", "new_class")
    assert matched(edge, label="cat", scores={"cat": 0.9, "dog": 0.1}) == ()


def test_each_rule_takes_its_share_and_pi_is_what_happens():
    """Over many ids the taken share is the inclusion probability (exact binomial test), rule by rule and together."""
    both = rules(low_confidence={"enabled": True, "sample_rate": 0.3}, random_sample={"enabled": True, "rate": 0.2})
    prediction = NewPrediction(model_id="m", label="cat", confidence=0.1)
    found = [sampling.decide(both, prediction, f"p{n}") for n in range(20_000)]
    assert all(one.pi == pytest.approx(1 - 0.7 * 0.8) for one in found)
    for taken, rate in (
        (sum("low_confidence" in one.taken for one in found), 0.3),
        (sum("random_sample" in one.taken for one in found), 0.2),
        (sum(bool(one.taken) for one in found), 0.44),
    ):
        assert stats.binomtest(taken, len(found), rate).pvalue > 1e-4


def test_the_place_in_the_queue_has_nothing_to_do_with_what_was_taken():
    """Else the first that are served would be other predictions than the rest."""
    ids = [f"p{n}" for n in range(5_000)]
    hashes = [sampling.hash01(b"salt", id) for id in ids]
    places = [sampling.place("m", id) for id in ids]
    assert abs(stats.spearmanr(hashes, places).statistic) < 0.06
    assert stats.kstest([place / 2**63 for place in places], "uniform").pvalue > 1e-4


def test_equal_inputs_are_taken_together():
    """Duplicates are one cluster: they share the key of their input."""
    assert sampling.key_of("a", "f" * 64) == sampling.key_of("b", "f" * 64) != sampling.key_of("b", None)


def test_a_higher_rate_keeps_what_a_lower_one_took():
    """The hash doesn't depend on the rate or the version of the settings."""
    one, other = (rules(random_sample={"enabled": True, "rate": rate}) for rate in (0.1, 0.3))
    prediction = NewPrediction(model_id="m", label="cat")
    taken = [id for id in map(str, range(500)) if sampling.decide(one, prediction, id).taken]
    assert all(sampling.decide(other, prediction, id).taken for id in taken)


def test_the_flat_form_writes_what_the_nested_one_does():
    """As the documents have both."""
    flat = engine(enabled=True, low_confidence_threshold=0.7, edge_case_detection=True, auto_queue_for_review=True)
    nested = engine(enabled=True, low_confidence={"enabled": True, "threshold": 0.7}, edge_cases={"enabled": True})
    assert flat == nested


def test_a_later_change_leaves_what_it_does_not_name():
    """And is a version of its own, but only when something changes."""
    first = engine(enabled=True, low_confidence={"enabled": True, "threshold": 0.6, "sample_rate": 0.3})
    second = sampling.merged(first, DataEnginePatch(low_confidence_threshold=0.5))
    assert (second.low_confidence.threshold, second.low_confidence.sample_rate, second.version) == (0.5, 0.3, 2)
    assert sampling.merged(second, DataEnginePatch(low_confidence_threshold=0.5)) is second


@pytest.mark.parametrize(
    ("task", "labels", "parts", "path"),
    [
        ("classification", ["a"], {"edge_cases": {"conditions": ["no_detections"]}}, "edge_cases.conditions"),
        ("detection", [], {"margin": {"enabled": True}}, "margin"),
        ("classification", [], {"new_class": {"enabled": True}}, "new_class"),
        ("regression", [], {"low_confidence_threshold": 0.5}, "low_confidence"),
        ("classification", [], {"enabled": True, "negative_feedback": {"enabled": False}}, "enabled"),
    ],
)
def test_settings_that_cannot_be_acted_on_are_refused(task, labels, parts, path):
    """With the field and a sentence."""
    wrong = sampling.misfit(task, labels, engine(**parts))
    assert wrong is not None
    assert wrong.path == f"$.data_engine.{path}"


def test_one_setting_in_both_forms_is_refused():
    """Which one is meant?"""
    patch = msgspec.convert({"edge_case_detection": True, "edge_cases": {"enabled": False}}, DataEnginePatch)
    wrong = sampling.contradiction(patch)
    assert wrong is not None
    assert "edge_cases.enabled" in wrong.message


box = st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 40)] * 2)


@given(box, box)
def test_the_overlap_of_two_boxes_is_that_of_their_pixels(one, other):
    """Counted pixel by pixel."""
    pixels = [{(x, y) for x in range(b[0], b[0] + b[2]) for y in range(b[1], b[1] + b[3])} for b in (one, other)]
    assert boxes.iou(one, other) == pytest.approx(len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1]))


def overlaps(found):
    """Say pair by pair whether at least half of the boxes have an IoU of 0.3 or more with another one."""
    hit = sum(any(i != j and boxes.iou(a, b) >= 0.3 for j, b in enumerate(found)) for i, a in enumerate(found))
    return 2 * hit >= len(found)


@given(st.lists(box, min_size=2, max_size=30))
def test_boxes_that_mostly_overlap_are_found_as_one_by_one(found):
    """A handful is compared in plain Python, more in tables, and few of the pairs: it says what all pairs say."""
    assert boxes.mostly_overlapping(found, 0.3) == overlaps(found)


@pytest.mark.parametrize("spread", [200, 900, 2000, 6000])
def test_many_boxes_that_mostly_overlap_are_found_as_one_by_one(spread, monkeypatch):
    """Crowded ones, sparse ones, and such as lie in one line; also where the pairs are looked at in small parts."""
    random = Random(spread)
    for chunk in (50, 20_000):
        monkeypatch.setattr(boxes, "CHUNK", chunk)
        for height in (spread, 1):
            found = [
                (random.randrange(spread), random.randrange(height), random.randint(1, 90), random.randint(1, 90))
                for _ in range(120)
            ]
            assert boxes.mostly_overlapping(found, 0.3) == overlaps(found)


def test_boxes_are_matched_best_first_and_once():
    """Only with equal labels and an IoU of at least 0.5."""
    ones = [("cat", (0, 0, 10, 10)), ("cat", (1, 0, 10, 10)), ("dog", (50, 50, 10, 10))]
    others = [("cat", (0, 0, 10, 10)), ("fox", (50, 50, 10, 10))]
    assert boxes.matched(ones, others) == [(0, 0, 1.0)]
