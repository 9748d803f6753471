"""YOLO's files: names in the forms that tools write, boxes there and back, and what is wrong named by its line."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain import exchange_yolo
from seeme.errors import Invalid
from seeme.records.predictions import LabelledBox

from .test_exchange_coco import item

LABELS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=20)


@given(st.lists(LABELS, unique=True, max_size=5))
def test_names_are_read_by_a_real_reader_of_yaml_and_by_ours(labels):
    """Quotes, colons, line ends, signs that aren't printed: as they were."""
    text = exchange_yolo.data_yaml(labels)
    assert list((yaml.safe_load(text)["names"] or {}).values()) == labels
    assert exchange_yolo.read_names(text) == labels


@pytest.mark.parametrize(
    "text",
    [
        "nc: 2\nnames:\n  0: cat\n  1: big dog  # both\n",
        "names:\n- cat\n- big dog\ntrain: x\n",
        "train: x\nnames: ['cat', \"big dog\"]\nnc: 2",
        "names: [cat, big dog]  # two",
        "names: [\n  'cat',\n  'big dog'\n]\n",
        "names:\n\n  # in order\n  1: 'big dog'\n  0: \"cat\"\n",
    ],
)
def test_names_are_read_in_every_common_form(text):
    """A map of numbers, a list of lines, a list in brackets."""
    assert exchange_yolo.read_names(text) == ["cat", "big dog"]
    found = yaml.safe_load(text)["names"]
    assert sorted(found.items() if isinstance(found, dict) else enumerate(found)) == [(0, "cat"), (1, "big dog")]


@pytest.mark.parametrize(
    "text", ["", "names: cat", "names:\n  1: cat", "names:\n  - a\n  - a", "names:\n  - ''", "names: ["]
)
def test_names_that_are_none_are_refused(text):
    """With a sentence about data.yaml."""
    with pytest.raises(Invalid, match=r"data\.yaml"):
        exchange_yolo.read_names(text)


SIZES = st.tuples(st.integers(1, 8000), st.integers(1, 8000))


@given(SIZES, st.data())
def test_a_box_comes_back_to_a_millionth_of_a_pixel(size, data):
    """What is inside of its image."""
    left, top = (data.draw(st.integers(0, side * 1000 - 1)) / 1000 for side in size)
    wide = data.draw(st.integers(1, max(1, int(size[0] * 1000 - left * 1000)))) / 1000
    high = data.draw(st.integers(1, max(1, int(size[1] * 1000 - top * 1000)))) / 1000
    box = LabelledBox(label="b", box=(left, top, wide, high))
    text = exchange_yolo.labels_text(item("x", box, image_size=size), {"a": 0, "b": 1})
    assert text.startswith("1 ")
    (back,) = exchange_yolo.read_boxes(text, ["a", "b"], size, "x.txt")
    assert back.label == "b"
    assert back.box == pytest.approx(box.box, abs=2e-6)


def test_what_is_outside_of_the_image_is_cut_off():
    """Trainers refuse shares above 1; a box that is outside altogether isn't written."""
    boxes = [LabelledBox(label="a", box=box) for box in ((-10, -10, 20, 20), (90, 40, 100, 100), (200, 0, 5, 5))]
    text = exchange_yolo.labels_text(item("x", *boxes, image_size=(100, 50)), {"a": 0})
    found = exchange_yolo.read_boxes(text, ["a"], (100, 50), "x.txt")
    assert [box.box for box in found] == [(0, 0, 10, 10), (90, 40, 10, 10)]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("2 .5 .5 .1 .1", "there is no class 2"),
        ("-1 .5 .5 .1 .1", "there is no class -1"),
        ("0 .5 .5 .1", "got 4 values"),
        ("0 .1 .1 .2 .2 .3 .3", "polygons"),
        ("0 .5 nan .1 .1", "finite"),
        ("0 .5 inf .1 .1", "finite"),
        ("0 .5 x .1 .1", "four numbers"),
        ("0 320 240 10 10", "shares"),
        ("0 .5 .5 0 .1", "isn't empty"),
    ],
)
def test_a_line_that_is_no_box_is_named(line, says):
    """By its file and number."""
    with pytest.raises(Invalid, match=r"labels/x\.txt, line 2") as error:
        exchange_yolo.read_boxes(f"0 .5 .5 .1 .1\n{line}\n", ["a", "b"], (640, 480), "labels/x.txt")
    assert says in str(error.value)


def test_a_box_smaller_than_what_is_rounded_comes_back():
    """Our own export must be taken back, whatever a model found."""
    tiny = LabelledBox(label="a", box=(3.0, 3.0, 1e-7, 2e-7))
    text = exchange_yolo.labels_text(item("x", tiny, image_size=(10, 10)), {"a": 0})
    (back,) = exchange_yolo.read_boxes(text, ["a"], (10, 10), "x.txt")
    assert back.box[2:] == pytest.approx(tiny.box[2:], rel=1e-6)
