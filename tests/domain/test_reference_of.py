"""What is usual for a model: about 1 % of images are unusual, whatever the number of their boxes."""

import math
from random import Random

import msgspec
import pytest

from seeme.domain import sampling
from seeme.domain.reference import Seen, reference_of
from seeme.records.engine import DataEngine, DataEnginePatch
from seeme.records.predictions import NewPrediction, Prediction

SIZE = (1000, 800)
AT = 1_763_640_000_000_000
FIELDS = dict.fromkeys(Prediction.__struct_fields__)
MEANS = {"car": 0.01, "person": 0.002, "bus": 0.03}


def stored(**fields):
    """Return a prediction as it is stored."""
    base = {**FIELDS, "id": "p", "model_id": "m", "has_input": False}
    return msgspec.convert(
        {**base, "created_at": "2025-11-20T12:00:00Z", "received_at": "2025-11-20T12:00:00Z", **fields}, Prediction
    )


def box(random, label, size=SIZE):
    """Return a detection whose share of the image is log-normal by its label."""
    area = MEANS[label] * math.exp(random.gauss(0, 0.5)) * size[0] * size[1]
    side = area**0.5
    return {"label": label, "confidence": 0.9, "box": [10, 10, side, side]}


def images(seed, count, per_image, labels=("car", "person", "bus")):
    """Return images with that many boxes, or of numbers drawn from a list."""
    random = Random(seed)
    found = []
    for _ in range(count):
        n = per_image if isinstance(per_image, int) else random.choice(per_image)
        found.append([box(random, random.choice(labels)) for _ in range(n)])
    return found


def reference(found, task="detection", **fields):
    """Return what is usual by images' detections."""
    seen = Seen()
    seen.add([stored(detections=one, image_size=SIZE, **fields) for one in found])
    return reference_of(task, seen, AT)


def flagged(reference, found, condition="unusual_size"):
    """Return how many images an edge case flags, by the rules themselves."""
    engine = DataEngine(enabled=True, reference=reference)
    patch = msgspec.convert({"edge_cases": {"enabled": True, "conditions": [condition]}}, DataEnginePatch)
    rules = sampling.rules_of("m", "detection", [], sampling.merged(engine, patch))
    return [bool(sampling.decide(rules.rules, as_sent(one), "k").matched) for one in found]


def as_sent(found):
    """Return an image's prediction."""
    return msgspec.convert({"model_id": "m", "detections": found, "image_size": SIZE}, NewPrediction)


@pytest.mark.parametrize("per_image", [1, 5, [0, 1, 2, 20]])
def test_about_one_image_in_a_hundred_is_unusual_whatever_its_boxes(per_image):
    """Of the reference and of later images; a rule for 1 % of the boxes would flag 4.9 % of 5-box images."""
    made = reference(images(1, 3000, per_image))
    assert set(made.sizes) == set(MEANS)
    assert made.too_few == {}
    assert 0.008 <= made.unusual_share <= 0.01
    assert sum(flagged(made, images(1, 3000, per_image))) == round(made.unusual_share * 3000)
    assert 0.003 <= sum(flagged(made, images(2, 3000, per_image))) / 3000 <= 0.02


def test_labels_have_ranges_of_their_own():
    """What is usual for a bus isn't for a person."""
    made = reference(images(1, 2000, 5))
    assert made.sizes["person"].high < 0.02 < made.sizes["bus"].high
    random = Random(3)
    person = box(random, "person") | {"box": [0, 0, 200, 150]}  # 3.75 % of the image
    assert flagged(made, [[person], [person | {"label": "bus"}]]) == [True, False]


def test_a_label_of_few_boxes_keeps_the_plain_rule_and_so_does_a_new_one():
    """A tail needs boxes to be seen in; it is said which labels have too few."""
    random = Random(4)
    found = images(1, 2000, 3, ["car"])
    for n in range(40):
        found[n].append(box(random, "bus"))
    made = reference(found)
    assert (set(made.sizes), made.too_few) == ({"car"}, {"bus": 40})
    assert made.notes == ["1 of 2 labels have too few boxes and keep the plain rule"]
    boxes = {"tiny": [0, 0, 20, 20], "large": [0, 0, 900, 700], "plain": [0, 0, 400, 400]}
    for label in ("bus", "tram"):
        one = box(random, "bus") | {"label": label}
        assert flagged(made, [[one | {"box": size}] for size in boxes.values()]) == [True, True, False]


def test_more_boxes_than_in_99_of_100_images_are_dense():
    """Beside those that overlap."""
    made = reference(images(1, 1000, [3] * 50 + [8] * 49 + [40]))
    assert made.most_boxes in (8, 40)
    made = msgspec.structs.replace(made, most_boxes=8)
    apart = [{"label": "car", "confidence": 0.9, "box": [60 * n, 0, 50, 50]} for n in range(9)]
    assert flagged(made, [apart, apart[:8]], "high_density") == [True, False]
    assert flagged(None, [apart], "high_density") == [False]
    piled = [{"label": "car", "confidence": 0.9, "box": [n, 0, 50, 50]} for n in range(5)]
    assert flagged(made, [piled], "high_density") == [True]


def test_the_99th_percentile_is_the_least_number_that_99_of_100_images_keep_to():
    """Exactly."""
    counts = [1] * 700 + [5] * 290 + [9] * 10
    made = reference([[box(Random(1), "car")] * n for n in counts])
    assert made.most_boxes == 5
    apart = [box(Random(1), "car") | {"box": [99 * n, 0, 50, 50]} for n in range(6)]
    assert flagged(made, [apart[:5], apart], "high_density") == [False, True]


def test_without_image_sizes_there_are_no_ranges_and_a_box_has_no_share():
    """It is said; the plain rule holds, as it does for an image of unknown size later."""
    seen = Seen()
    seen.add([stored(detections=one) for one in images(1, 600, 2)])
    made = reference_of("detection", seen, AT)
    assert (made.sizes, made.unusual_share, made.most_boxes) == ({}, None, 2)
    assert "only 0 images have a size" in made.notes[0]
    known = reference(images(1, 1000, 2))
    engine = DataEngine(enabled=True, reference=known)
    patch = DataEnginePatch(edge_case_detection=True)
    rules = sampling.rules_of("m", "detection", [], sampling.merged(engine, patch)).rules
    for side, unusual in ((31, True), (900, False)):
        new = msgspec.convert(
            {"model_id": "m", "detections": [{"label": "car", "box": [0, 0, side, side]}]}, NewPrediction
        )
        assert ("unusual_size" in sampling.decide(rules, new, "k").matched) == unusual


def test_a_box_beside_the_image_is_unusual_and_teaches_nothing():
    """It has no share of it."""
    aside = {"label": "car", "confidence": 0.9, "box": [2000, 10, 50, 50]}
    found = images(1, 1000, 1)
    made = reference([*found, *[[aside]] * 20])
    assert made.sizes["car"].low > 0
    assert flagged(made, [[aside]]) == [True]


def test_labels_that_came_are_those_a_class_is_new_beside():
    """Also ones that the model's own list doesn't have; failed predictions say nothing."""
    seen = Seen()
    seen.add([stored(label=label) for label in ["cat"] * 400 + ["dog"] * 200])
    seen.add([stored(label=None, error="broken")])
    made = reference_of("classification", seen, AT)
    assert (made.labels, made.predictions) == (["cat", "dog"], 600)
    engine = sampling.merged(
        DataEngine(reference=made), msgspec.convert({"enabled": True, "new_class": {"enabled": True}}, DataEnginePatch)
    )
    assert sampling.misfit("classification", [], engine) is None
    rules = sampling.rules_of("m", "classification", ["cat", "fox"], engine).rules
    new = [NewPrediction(model_id="m", label=label) for label in ("cat", "dog", "fox")]
    assert [sampling.decide(rules, one, "k").matched for one in new] == [(), (), ("new_class",)]


def test_labels_without_end_are_no_reference():
    """Then the model's own hold."""
    seen = Seen()
    seen.add([stored(label=f"l{n}") for n in range(1200)])
    made = reference_of("classification", seen, AT)
    assert made.labels is None
    assert "1,200 labels" in made.notes[0]


def test_many_labels_of_many_boxes_are_sorted_out_in_time():
    """Rare ones drop out; the frequent ones stay calibrated."""
    random = Random(5)
    names = ["car"] * 200 + [f"rare{n}" for n in range(300)]
    found = [[box(random, "car") | {"label": random.choice(names)} for _ in range(10)] for _ in range(2000)]
    made = reference(found)
    assert set(made.sizes) == {"car"}
    assert len(made.too_few) == 300
    assert 0.008 <= made.unusual_share <= 0.01
