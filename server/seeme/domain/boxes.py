"""Boxes [x, y, width, height] in pixels: areas, overlaps, and which of two sets of boxes belong together."""

from collections.abc import Sequence

import numpy

Box = tuple[float, float, float, float]
MATCH = 0.5


def clipped(box: Box, size: tuple[int, int] | None) -> Box:
    """Return the part of a box that lies in an image of a size (width, height); all of it where that isn't known.

    >>> clipped((-10, 0, 30, 20), (100, 100))
    (0, 0, 20, 20)
    """
    if size is None:
        return box
    x, y, width, height = box
    left, top = max(x, 0), max(y, 0)
    return left, top, max(min(x + width, size[0]) - left, 0), max(min(y + height, size[1]) - top, 0)


def area(box: Box) -> float:
    """Return a box's area in square pixels."""
    return box[2] * box[3]


def iou(one: Box, other: Box) -> float:
    """Return the intersection over the union of two boxes (Jaccard 1912).

    >>> iou((0, 0, 2, 2), (1, 0, 2, 2))
    0.3333333333333333
    """
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (area(one) + area(other) - shared)


def overlapping(found: Sequence[Box], least: float) -> int:
    """Return how many boxes have an IoU of at least `least` with another one."""
    table = numpy.array(found, dtype=float)
    left, top = table[:, 0], table[:, 1]
    right, bottom = left + table[:, 2], top + table[:, 3]
    areas = table[:, 2] * table[:, 3]
    widths = numpy.minimum.outer(right, right) - numpy.maximum.outer(left, left)
    heights = numpy.minimum.outer(bottom, bottom) - numpy.maximum.outer(top, top)
    shared = widths.clip(0) * heights.clip(0)
    unions = numpy.add.outer(areas, areas) - shared
    numpy.fill_diagonal(shared, 0.0)
    return int((shared >= least * unions).any(axis=1).sum())


def matched(ones: Sequence[tuple[str, Box]], others: Sequence[tuple[str, Box]]) -> list[tuple[int, int, float]]:
    """Return pairs (index, index, IoU) of boxes with equal labels and an IoU of 0.5 or more, best first, each once."""
    pairs = [
        (iou(box, other), i, j)
        for i, (label, box) in enumerate(ones)
        for j, (name, other) in enumerate(others)
        if label == name
    ]
    left, right, found = set[int](), set[int](), []
    for overlap, i, j in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2])):
        if overlap >= MATCH and i not in left and j not in right:
            left.add(i)
            right.add(j)
            found.append((i, j, overlap))
    return found
