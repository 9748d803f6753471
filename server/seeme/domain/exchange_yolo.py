"""YOLO's text form of detections: `data.yaml` with the names of the classes, and a file of boxes for each image.

A box is `class x y width height`, the middle and the size as shares of the image. Format:
https://docs.ultralytics.com/datasets/detect/
"""

import json
import math
import re
from collections.abc import Sequence

from seeme.errors import invalid
from seeme.records.datasets import DatasetItem
from seeme.records.predictions import LabelledBox
from seeme.records.types import Box

MOST_BOXES = 1000
_PLACES = 6  # of a pixel, when shares become pixels again
_KEY = re.compile(r"^(\w+)\s*:\s*(.*)$")
_NUMBERED = re.compile(r"^\s+(\d+)\s*:\s*(\S.*)$")
# A text in a list in brackets: quoted, or plain.
_TEXT = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,'"\[\]{}][^,\[\]{}]*)"""
_LISTED = re.compile(r"^\s*-\s+(\S.*)$")


def data_yaml(labels: Sequence[str]) -> str:
    """Return the file that says where the images are and what the classes are called."""
    names = "".join(f"  {number}: {_quoted(label)}\n" for number, label in enumerate(labels))
    return "path: .\ntrain: images/train\nval: images/val\ntest: images/test\nnames:\n" + (names or "  {}\n")


def _quoted(text: str) -> str:
    """Return a text as YAML's double-quoted one, in which whatever isn't printed is a number."""
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(letter if letter.isprintable() else f"\\U{ord(letter):08x}" for letter in quoted)


def labels_text(item: DatasetItem, numbers: dict[str, int]) -> str:
    """Return the boxes of an item, which has a size; what of a box is outside of the image is cut off.

    Trainers refuse shares outside of 0 to 1. A box that is outside altogether has nothing to learn from.
    """
    assert item.image_size
    width, height = item.image_size
    lines = []
    for box in item.boxes or ():
        left, top = max(box.box[0], 0.0), max(box.box[1], 0.0)
        right, bottom = min(box.box[0] + box.box[2], width), min(box.box[1] + box.box[3], height)
        if right > left and bottom > top:
            shares = ((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width)
            lines.append(f"{numbers[box.label]} {' '.join(map(repr, (*shares, (bottom - top) / height)))}\n")
    return "".join(lines)


def read_names(text: str) -> list[str]:
    """Return the names of the classes in a data.yaml: a map of numbers, or a list in lines or brackets.

    It is read by hand, as it needs no more of YAML than this.

    Raises:
        Invalid: the names aren't there, or in another form.
    """
    lines = [line.rstrip() for line in text.splitlines()]
    starts = [at for at, line in enumerate(lines) if (key := _KEY.match(line)) and key[1] == "names"]
    if len(starts) != 1:
        raise invalid("data.yaml", "expected one `names:`, a map or list of the classes' names")
    rest = lines[starts[0]].partition(":")[2].strip()
    if rest and not rest.startswith("#"):
        while "]" not in rest and starts[0] + 1 < len(lines):
            starts[0] += 1
            rest += " " + lines[starts[0]].strip()
        return _checked(_bracketed(rest))
    names: dict[int, str] = {}
    for line in lines[starts[0] + 1 :]:
        numbered, listed = _NUMBERED.match(line), _LISTED.match(line)
        if numbered and int(numbered[1]) in names:
            raise invalid("data.yaml", f"`names` has the number {numbered[1]} twice")
        if numbered:
            names[int(numbered[1])] = _unquoted(numbered[2])
        elif listed:
            names[len(names)] = _unquoted(listed[1])
        elif line.strip() and not line.lstrip().startswith("#"):
            break
    if sorted(names) != list(range(len(names))):
        raise invalid("data.yaml", "`names` must be numbered from 0 without a gap")
    return _checked([names[number] for number in range(len(names))])


def _bracketed(text: str) -> list[str]:
    """Return the texts of ['a', "b", c]."""
    if text in ("{}", "[]"):
        return []
    found = re.match(r"^\[(.*)\]\s*(#.*)?$", text)
    if not found:
        raise invalid("data.yaml", f"`names` is neither a map of lines nor a list, got {text[:60]!r}")
    if not re.fullmatch(rf"\s*{_TEXT}\s*(?:,\s*{_TEXT}\s*)*,?\s*", found[1]):
        raise invalid("data.yaml", f"`names` isn't a list of texts with commas between them, got {text[:60]!r}")
    return [_unquoted(part) for part in re.findall(_TEXT, found[1])]


def _unquoted(text: str) -> str:
    text = text.strip()
    if text.startswith('"'):
        quoted = re.match(r'"(?:[^"\\]|\\.)*"', text)
        plain = quoted and re.sub(r"\\U([0-9a-fA-F]{8})", lambda one: json.dumps(chr(int(one[1], 16)))[1:-1], quoted[0])
        try:
            return str(json.loads(plain or ""))
        except ValueError:
            raise invalid("data.yaml", f"{text[:60]} isn't a text in quotes") from None
    if text.startswith("'"):
        quoted = re.fullmatch(r"'((?:[^']|'')*)'\s*(?:#.*)?", text)
        if quoted is None:
            raise invalid("data.yaml", f"{text[:60]} isn't a text in quotes")
        return quoted[1].replace("''", "'")
    return text.split(" #", 1)[0].strip()


def _checked(names: list[str]) -> list[str]:
    for number, name in enumerate(names):
        if not 1 <= len(name) <= 200:
            raise invalid("data.yaml", f"the name of class {number} must have 1 to 200 characters")
        if names.index(name) != number:
            raise invalid("data.yaml", f"the classes {names.index(name)} and {number} are both called {name!r}")
    return names


def read_boxes(text: str, names: Sequence[str], size: tuple[int, int], place: str) -> list[LabelledBox]:
    """Return the boxes of a file of labels in pixels of an image of a size; `place` is what errors call the file.

    Raises:
        Invalid: with the file and line of what isn't a box, or of no class.
    """
    boxes = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            boxes.append(_box(line.split(), names, size, f"{place}, line {number}"))
    if len(boxes) > MOST_BOXES:
        raise invalid(place, f"has more than {MOST_BOXES} boxes")
    return boxes


def _box(parts: list[str], names: Sequence[str], size: tuple[int, int], place: str) -> LabelledBox:
    if len(parts) != 5:
        raise invalid(place, f"expected `class x y width height`, got {len(parts)} values (polygons aren't taken)")
    if not parts[0].isdecimal() or int(parts[0]) >= len(names):
        raise invalid(place, f"there is no class {parts[0]}: data.yaml names {len(names)}")
    try:
        x, y, width, height = map(float, parts[1:])
    except ValueError:
        raise invalid(place, f"expected four numbers after the class, got {' '.join(parts[1:])[:60]!r}") from None
    if not all(map(math.isfinite, (x, y, width, height))):
        raise invalid(place, "expected finite numbers")
    if not (-0.01 <= x <= 1.01 and -0.01 <= y <= 1.01 and 0 < width <= 1.01 and 0 < height <= 1.01):
        raise invalid(place, "expected shares of the image, from 0 to 1, and a box that isn't empty")
    box: Box = (
        round((x - width / 2) * size[0], _PLACES),
        round((y - height / 2) * size[1], _PLACES),
        _side(width * size[0]),
        _side(height * size[1]),
    )
    return LabelledBox(label=names[int(parts[0])], box=box)


def _side(pixels: float) -> float:
    """Return a side rounded; one that rounding would take away stays as it is."""
    return round(pixels, _PLACES) or pixels
