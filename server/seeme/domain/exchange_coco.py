"""COCO's JSON of detections, written piece by piece and read with every reference checked.

Format: https://cocodataset.org/#format-data. What it has no place for is written beside it in names of our own
(`item_id`, `split`, `input_hash`, `input_id`), which other readers pass over.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct

from seeme.domain.exchange import file_stem, given_id
from seeme.errors import invalid
from seeme.records.datasets import DatasetItem, NewDatasetItem
from seeme.records.predictions import LabelledBox
from seeme.records.types import Box, Label, Sha256, Side, Url

MOST_BOXES = 1000
_encode = msgspec.json.Encoder().encode


class _Category(Struct):
    id: int
    name: Label


class _Image(Struct):
    id: int
    width: Side
    height: Side
    file_name: Annotated[str, Meta(min_length=1, max_length=1000)]
    coco_url: str | None = None
    item_id: str | None = None
    input_hash: Sha256 | None = None
    input_id: str | None = None


class _Annotation(Struct):
    image_id: int
    category_id: int
    bbox: Box
    iscrowd: int = 0


class _Document(Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


class Found(NamedTuple):
    """The items of a file, and how many regions of crowds, which are no objects, were left out."""

    items: list[NewDatasetItem]
    crowds: int


def head(name: str, labels: Sequence[str]) -> bytes:
    """Return how the file begins: what it is, and its categories, numbered from 1 in the order of `labels`."""
    categories = [{"id": number, "name": label, "supercategory": ""} for number, label in enumerate(labels, 1)]
    return b'{"info":%b,"licenses":[],"categories":%b' % (_encode({"description": name}), _encode(categories))


def image(number: int, item: DatasetItem, suffix: str) -> bytes:
    """Return the image of an item, which has a size; `number` is its place in the file, from 1."""
    assert item.image_size
    width, height = item.image_size
    found: dict[str, Any] = {"id": number, "width": width, "height": height}
    found["file_name"] = f"images/{item.split}/{file_stem(item.id)}{suffix}"
    found |= {"license": 0, "date_captured": "", "coco_url": item.input_url or ""}
    found |= {"item_id": item.id, "split": item.split, "input_hash": item.input_hash, "input_id": item.input_id}
    return _encode(found)


def annotations(first: int, image_number: int, item: DatasetItem, numbers: dict[str, int]) -> Iterator[bytes]:
    """Yield the boxes of an item, numbered from `first`; `numbers` are those of the categories."""
    for number, box in enumerate(item.boxes or (), first):
        found: dict[str, Any] = {"id": number, "image_id": image_number, "category_id": numbers[box.label]}
        yield _encode({**found, "bbox": box.box, "area": box.box[2] * box.box[3], "iscrowd": 0, "segmentation": []})


def read(content: bytes) -> Found:
    """Return the items of a COCO file.

    Raises:
        Invalid: naming the place of what is wrong: an annotation of no image or category, a box that is none.
    """
    try:
        document = msgspec.json.decode(content, type=_Document)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at ")
        raise invalid(place.strip("`") or "$", message) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid("$", f"isn't JSON ({error})") from None
    names = _names(document.categories)
    boxes = _boxes(document, names)
    crowds = sum(1 for one in document.annotations if one.iscrowd)
    return Found(_unique([_item(at, one, boxes[one.id]) for at, one in enumerate(document.images)]), crowds)


def _names(categories: Iterable[_Category]) -> dict[int, str]:
    names: dict[int, str] = {}
    for at, category in enumerate(categories):
        if category.id in names:
            raise invalid(f"$.categories[{at}].id", f"{category.id} is another category's, too")
        names[category.id] = category.name
    return names


def _boxes(document: _Document, names: dict[int, str]) -> dict[int, list[LabelledBox]]:
    """Return the boxes of each image."""
    boxes: dict[int, list[LabelledBox]] = {}
    for at, image in enumerate(document.images):
        if image.id in boxes:
            raise invalid(f"$.images[{at}].id", f"{image.id} is another image's, too")
        boxes[image.id] = []
    for at, one in enumerate(document.annotations):
        if one.image_id not in boxes:
            raise invalid(f"$.annotations[{at}].image_id", f"there is no image {one.image_id}")
        if one.category_id not in names:
            raise invalid(f"$.annotations[{at}].category_id", f"there is no category {one.category_id}")
        if not one.iscrowd:
            boxes[one.image_id].append(LabelledBox(label=names[one.category_id], box=one.bbox))
            if len(boxes[one.image_id]) > MOST_BOXES:
                raise invalid(f"$.annotations[{at}]", f"the image {one.image_id} has more than {MOST_BOXES} boxes")
    return boxes


def _item(at: int, image: _Image, boxes: list[LabelledBox]) -> NewDatasetItem:
    ours = image.item_id is not None
    id = given_id(image.item_id or image.file_name)
    return NewDatasetItem(
        id=id,
        boxes=boxes,
        image_size=(image.width, image.height),
        input_hash=image.input_hash,
        input_url=_url(image.coco_url),
        input_id=(given_id(image.input_id) if image.input_id else None) if ours else id,
    )


def _url(text: str | None) -> str | None:
    try:
        return msgspec.convert(text, Url)
    except msgspec.ValidationError:
        return None


def _unique(items: list[NewDatasetItem]) -> list[NewDatasetItem]:
    seen: set[str] = set()
    for at, item in enumerate(items):
        if item.id in seen:
            raise invalid(f"$.images[{at}]", f"the file name or item_id of {item.id!r} stands twice")
        seen.add(item.id)
    return items
