"""COCO's JSON: what is written comes back, and what is wrong in a file is named by its place."""

import json
from copy import deepcopy
from datetime import UTC, datetime

import pytest

from seeme.domain import exchange_coco
from seeme.errors import Invalid
from seeme.records.datasets import DatasetItem
from seeme.records.predictions import LabelledBox

FILE = {
    "images": [
        {"id": 7, "width": 640, "height": 480, "file_name": "street 1.jpg", "coco_url": "https://a.example/1.jpg"},
        {"id": 9, "width": 100, "height": 50, "file_name": "street-2.jpg", "coco_url": "nothing"},
    ],
    "annotations": [
        {"id": 1, "image_id": 7, "category_id": 3, "bbox": [1, 2, 3.5, 4], "iscrowd": 0, "area": 14},
        {"id": 2, "image_id": 7, "category_id": 3, "bbox": [0, 0, 9, 9], "iscrowd": 1},
    ],
    "categories": [{"id": 3, "name": "car", "supercategory": "vehicle"}],
}


def item(id, *boxes, **fields):
    """Return an item of an image."""
    values = dict.fromkeys(DatasetItem.__struct_fields__) | {"has_input": False, "source": "import", "split": "train"}
    values |= {"id": id, "boxes": list(boxes), "image_size": (640, 480), "created_at": datetime(2026, 1, 1, tzinfo=UTC)}
    return DatasetItem(**values | fields)


def written(items, labels):
    """Return a whole file."""
    numbers = {label: number for number, label in enumerate(labels, 1)}
    images = [exchange_coco.image(at, one, ".jpg") for at, one in enumerate(items, 1)]
    boxes = []
    for at, one in enumerate(items, 1):
        boxes += exchange_coco.annotations(len(boxes) + 1, at, one, numbers)
    parts = (exchange_coco.head("D", labels), b",".join(images), b",".join(boxes))
    return b'%b,"images":[%b],"annotations":[%b]}' % parts


def test_a_file_from_elsewhere_becomes_items():
    """Names that are no ids get one made from them, crowds are left out and counted."""
    items, crowds = exchange_coco.read(json.dumps(FILE).encode())
    assert crowds == 1
    assert [one.id.startswith("import-") for one in items] == [True, False]
    assert (items[1].id, items[1].input_id, items[1].boxes, items[1].input_url) == (
        "street-2.jpg",
        "street-2.jpg",
        [],
        None,
    )
    assert items[0].boxes == [LabelledBox(label="car", box=(1, 2, 3.5, 4))]
    assert (items[0].image_size, items[0].input_url) == ((640, 480), "https://a.example/1.jpg")


def test_what_is_written_comes_back():
    """Ids, sizes, boxes, labels and what is known of the input, whatever the labels are."""
    boxes = [LabelledBox(label=label, box=(0.1, 0.2, 1 / 3, 9.75)) for label in ('"', "=x", "\u2028", "emoji 😀")]
    items = [
        item("a", *boxes, input_hash="0" * 64, input_url="https://a.example/x"),
        item("CON", input_id="i:1"),
        item("c"),
    ]
    found = exchange_coco.read(written(items, sorted(box.label for box in boxes))).items
    for one, back in zip(items, found, strict=True):
        for name in ("id", "boxes", "image_size", "input_hash", "input_url", "input_id"):
            assert getattr(back, name) == getattr(one, name)


WRONG = [
    (("annotations", 0, "image_id"), 8, "$.annotations[0].image_id", "there is no image 8"),
    (("annotations", 1, "category_id"), 1, "$.annotations[1].category_id", "there is no category 1"),
    (("annotations", 0, "bbox"), [1, 2, 0, 4], "$.annotations[0].bbox[2]", "> 0"),
    (("annotations", 0, "bbox"), [1, 2, 3], "$.annotations[0].bbox", "length 4"),
    (("images", 1, "id"), 7, "$.images[1].id", "another image's"),
    (("images", 1, "width"), 0, "$.images[1].width", ">= 1"),
    (("images", 1, "file_name"), "street 1.jpg", "$.images[1]", "stands twice"),
    (("categories",), FILE["categories"] * 2, "$.categories[1].id", "another category's"),
    (("categories", 0, "name"), "", "$.categories[0].name", "length >= 1"),
]


@pytest.mark.parametrize(("where", "value", "path", "says"), WRONG, ids=lambda value: str(value)[:30])
def test_what_is_wrong_is_named_by_its_place(where, value, path, says):
    """The first thing that is wrong ends it."""
    document = deepcopy(FILE)
    inner = document
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    with pytest.raises(Invalid) as error:
        exchange_coco.read(json.dumps(document).encode())
    assert error.value.errors[0].path == path
    assert says in error.value.errors[0].message


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"images": []', b"\xff", b'{"images": [], "annotations": []}', b"[" * 100_000]
    + [json.dumps(FILE).replace("3.5", text).encode() for text in ("NaN", "1e999", "-Infinity")],
    ids=lambda content: repr(content[:20]),
)
def test_what_is_no_coco_file_is_refused(content):
    """Numbers that aren't finite among them."""
    with pytest.raises(Invalid):
        exchange_coco.read(content)
