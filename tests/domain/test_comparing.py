"""Versions compared: against scikit-learn, pycocotools and sums done by hand, and where there is nothing to compare."""

import contextlib
import io

import numpy
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import f1_score, precision_recall_fscore_support

from seeme.domain.average_precision import Ranking
from seeme.domain.comparing import Left, Version, compared
from seeme.domain.tallies import MOST_SEGMENTS, TooManySegments, tally_of
from seeme.records.predictions import Detection, LabelledBox

ABOUT = {"model_id": "m", "dataset_id": "d", "dataset_version_id": None, "split": None}


def run(task, items, versions=2, segment=None, **left):
    """Return the comparison of items, each a truth with the versions' answers and the segment."""
    tally = tally_of(task, versions)
    for truth, answers, *value in items:
        tally.add(truth, answers, *value)
    n = len(items)
    named = [Version(name, name.upper(), n, 0) for name in "abcdefgh"[:versions]]
    left = Left(**{"items": n, "unmatched": 0, "failed": 0, "repeated": 0} | left)
    return compared(tally, named, left, ABOUT | {"task": task, "segment": segment})


def some_labels(n, seed=1):
    """Return true labels, and two versions' answers of which the second is better."""
    generator = numpy.random.default_rng(seed)
    truth = generator.choice(["cat", "dog", "owl"], n, p=[0.6, 0.3, 0.1])
    answers = [
        numpy.where(generator.random(n) < share, truth, generator.choice(["cat", "dog", "emu"], n))
        for share in (0.6, 0.8)
    ]
    return list(zip(truth.tolist(), zip(*(one.tolist() for one in answers), strict=True), strict=True))


def test_labels_are_scored_as_scikit_learn_does():
    """Accuracy, F1 over the true labels, and precision and recall of each label."""
    items = some_labels(500)
    found = run("classification", items)
    truth = [one for one, _ in items]
    labels = sorted(set(truth))
    for at, version in enumerate(found.versions):
        said = [answers[at] for _, answers in items]
        assert version.right == sum(a == b for a, b in zip(truth, said, strict=True))
        assert version.macro_f1 == pytest.approx(f1_score(truth, said, labels=labels, average="macro", zero_division=0))
        assert version.weighted_f1 == pytest.approx(
            f1_score(truth, said, labels=labels, average="weighted", zero_division=0)
        )
        precision, recall, f1, actual = precision_recall_fscore_support(truth, said, labels=labels, zero_division=0)
        for place, label in enumerate(labels):
            (row,) = [one for one in found.classes if one.label == label]
            mine = row.versions[at]
            assert (mine.precision or 0, mine.recall, mine.f1, row.actual) == pytest.approx(
                (precision[place], recall[place], f1[place], actual[place])
            )
    assert found.delta == pytest.approx(found.version_b.accuracy - found.version_a.accuracy)
    assert found.low > 0
    assert found.p_value < 0.05


def test_the_four_counts_and_the_confusions_add_up():
    """Every item is in one of them; a label that was never true has no recall."""
    items = some_labels(300)
    found = run("classification", items)
    (pair,) = found.pairs
    assert pair.both_right + pair.only_a_right + pair.only_b_right + pair.both_wrong == 300
    assert pair.delta == (pair.only_b_right - pair.only_a_right) / 300
    assert sum(row.count_a for row in found.confusions) == sum(row.count_b for row in found.confusions) == 300
    assert sum(row.delta for row in found.confusions) == 0
    for row in found.confusions:
        pairs = [(truth, answers[1]) for truth, answers in items]
        assert row.count_b == pairs.count((row.actual, row.predicted))
    (emu,) = [row for row in found.classes if row.label == "emu"]
    assert (emu.actual, emu.versions[0].recall, emu.recall_delta, emu.recall_low) == (0, None, None, None)


def test_segments_have_their_own_change():
    """True and 1 are two values; the segments hold all items."""
    items = [(truth, answers, [True, 1, None][at % 3]) for at, (truth, answers) in enumerate(some_labels(300))]
    found = run("classification", items, segment="camera")
    assert sorted(str(row.value) for row in found.segments) == ["1", "None", "True"]
    assert [row.items for row in found.segments] == [100, 100, 100]
    mean = numpy.mean([row.scores[1] for row in found.segments])
    assert mean == pytest.approx(found.version_b.accuracy)
    assert all(row.low <= row.delta <= row.high for row in found.segments)
    assert "aren't adjusted" in found.notes[0]
    with pytest.raises(TooManySegments):
        run("classification", [("a", ("a", "a"), at) for at in range(MOST_SEGMENTS + 1)], segment="user")


def test_three_versions_have_cochran_and_pairs_by_holm():
    """None of them is a or b."""
    items = [(truth, (*answers, truth)) for truth, answers in some_labels(200)]
    found = run("classification", items, versions=3)
    assert (found.version_a, found.delta, found.cochran_q.degrees_of_freedom) == (None, None, 2)
    assert "pairs" in found.reasons["delta"]
    assert [(pair.version_a, pair.version_b) for pair in found.pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert all(pair.holm_p_value >= pair.p_value for pair in found.pairs)
    assert found.confusions == []
    alike = run("classification", [("x", ("x", "x", "x"))], versions=3)
    assert (alike.cochran_q, alike.reasons["cochran_q"]) == (None, "no item tells the versions apart")
    assert alike.pairs[0].p_value == 1


def test_numbers_are_compared_by_their_errors():
    """MAE and RMSE of each, and the mean difference of absolute errors; no right, no Q."""
    generator = numpy.random.default_rng(2)
    truth = generator.normal(size=50)
    a, b = truth + generator.normal(size=50), truth + generator.normal(size=50) / 2
    found = run("regression", [(t, (x, y)) for t, x, y in zip(truth, a, b, strict=True)])
    assert found.version_a.mae == pytest.approx(abs(a - truth).mean())
    assert found.version_b.rmse == pytest.approx(((b - truth) ** 2).mean() ** 0.5)
    assert found.version_a.mae_low < found.version_a.mae < found.version_a.mae_high
    assert found.delta == pytest.approx((abs(b - truth) - abs(a - truth)).mean())
    assert found.pairs[0].rmse_delta == pytest.approx(found.version_b.rmse - found.version_a.rmse)
    assert (found.version_a.accuracy, found.pairs[0].both_right, found.classes) == (None, None, [])
    few = run("regression", [(1.0, (1.5, 2.0))] * 3)
    assert (few.delta, few.low, few.p_value) == (0.5, None, None)
    assert "fewer than 10" in few.reasons["p_value"]


@pytest.mark.parametrize(
    ("found", "items", "says"),
    [
        ((0, 0), 0, "no item"),
        ((0, 3), 5, "a has no prediction for any of the 5"),
        ((2, 3), 5, "never answered the same item"),
    ],
)
@pytest.mark.parametrize("task", ["classification", "regression", "detection"])
def test_without_a_common_item_nothing_is_known(task, found, items, says):
    """Nulls with the reason."""
    versions = [Version(name, name, count, 0) for name, count in zip("ab", found, strict=True)]
    about = ABOUT | {"task": task, "segment": None}
    result = compared(tally_of(task, 2), versions, Left(items, items, 0, 0), about)
    assert (result.delta, result.low, result.p_value, result.compared) == (None, None, None, 0)
    assert says in result.reasons["delta"]
    assert says in result.version_a.reasons["mae" if task == "regression" else "accuracy"]


def some_boxes(images, seed=3):
    """Return images with true boxes, and detections that hit most of them: shifted, mislabelled, doubled, in vain."""
    generator = numpy.random.default_rng(seed)
    items = []
    for _ in range(images):
        truth = [
            LabelledBox(
                label=str(generator.choice(["car", "bus", "van"])), box=tuple(generator.uniform(5, 60, 4).tolist())
            )
            for _ in range(generator.integers(0, 6))
        ]
        items.append((truth, [_detected(generator, truth, spread) for spread in (4.0, 1.5)]))
    return items


def _detected(generator, truth, spread):
    found = []
    for one in [*truth, *truth[:1]]:
        if generator.random() < 0.85:
            box = numpy.maximum(numpy.array(one.box) + generator.normal(0, spread, 4), 0.5)
            label = one.label if generator.random() < 0.9 else "dog"
            found.append((label, box))
    if generator.random() < 0.3:
        found.append(("car", generator.uniform(5, 60, 4)))
    # Few levels of confidence, so that there are ties within images and between them.
    return [
        Detection(label=label, box=tuple(box.tolist()), confidence=round(float(generator.random()), 1))
        for label, box in found
    ]


def by_pycocotools(items, version):
    """Return COCOeval's mean average precision at .5, and over .5 to .95."""
    labels = sorted({one.label for truth, answers in items for one in [*truth, *answers[version]]})
    boxes, answers = [], []
    for image, (truth, said) in enumerate(items, 1):
        boxes += [(image, one, None) for one in truth]
        answers += [(image, one, one.confidence) for one in said[version]]

    def rows(found):
        return [
            {"id": at, "image_id": image, "category_id": labels.index(one.label) + 1, "bbox": list(one.box),
             "area": one.box[2] * one.box[3], "iscrowd": 0, "score": confidence}
            for at, (image, one, confidence) in enumerate(found, 1)
        ]  # fmt: skip

    with contextlib.redirect_stdout(io.StringIO()):
        truth, said = COCO(), COCO()
        for coco, found in ((truth, boxes), (said, answers)):
            coco.dataset = {
                "images": [{"id": image} for image in range(1, len(items) + 1)],
                "categories": [{"id": at, "name": label} for at, label in enumerate(labels, 1)],
                "annotations": rows(found),
            }
            coco.createIndex()
        evaluation = COCOeval(truth, said, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[1], evaluation.stats[0]


@pytest.mark.parametrize("seed", [3, 4, 5])
def test_average_precision_is_that_of_pycocotools(seed):
    """At .5 and over .5 to .95, with ties, doubled boxes, wrong labels and images without any."""
    items = some_boxes(40, seed)
    found = run("detection", items)
    for at, version in enumerate(found.versions):
        assert (version.map_50, version.map_50_95) == pytest.approx(by_pycocotools(items, at), abs=1e-12)
    assert found.version_b.map_50_95 > found.version_a.map_50_95


def test_the_hundred_best_of_an_image_count_as_in_coco():
    """More of one label in one image are left out."""
    box = LabelledBox(label="car", box=(0.0, 0.0, 10.0, 10.0))
    away = [Detection(label="car", box=(50.0 + at, 50.0, 5.0, 5.0), confidence=0.9) for at in range(100)]
    items = [([box], [[*away, Detection(label="car", box=box.box, confidence=0.5)]] * 2)]
    assert run("detection", items).version_a.map_50 == pytest.approx(by_pycocotools(items, 0)[0]) == 0


def test_an_image_is_right_when_all_of_it_is():
    """One box missing, one too many or one mislabelled makes it wrong; nothing found where nothing is, is right."""
    car, bus = (LabelledBox(label=name, box=(10.0 * at, 0.0, 9.0, 9.0)) for at, name in enumerate(("car", "bus")))
    seen = {one.label: Detection(label=one.label, box=one.box, confidence=0.9) for one in (car, bus)}
    other = Detection(label="bus", box=car.box, confidence=0.5)
    items = [
        ([car, bus], [[seen["car"]], [seen["bus"], seen["car"]]]),
        ([car], [[seen["car"], seen["bus"]], [seen["car"]]]),
        ([car], [[other], [seen["car"]]]),
        ([], [[], [seen["car"]]]),
    ]
    found = run("detection", items)
    (pair,) = found.pairs
    assert (pair.only_a_right, pair.only_b_right, pair.both_right) == (1, 3, 0)
    assert (found.version_a.precision, found.version_a.recall) == (2 / 4, 2 / 4)
    assert found.version_a.mean_f1 == pytest.approx((2 / 3 + 2 / 3 + 0 + 1) / 4)
    assert pair.f1.delta == pytest.approx(found.version_b.mean_f1 - found.version_a.mean_f1)
    assert {row.label: row.actual for row in found.classes} == {"car": 3, "bus": 1}


def test_boxes_without_confidence_have_no_average_precision():
    """Null with the reason; without a true box there is none either."""
    one = Detection(label="car", box=(0.0, 0.0, 1.0, 1.0))
    found = run("detection", [([], [[one], []])])
    assert (found.version_a.map_50, found.version_b.map_50) == (None, None)
    assert "no confidence" in found.version_a.reasons["map_50"]
    assert found.version_b.reasons["map_50_95"] == "no item has a true box"
    assert found.version_b.reasons["precision"] == "this version found no box at all"
    assert Ranking().precision() is None
