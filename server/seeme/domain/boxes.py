"""Boxes [x, y, width, height] in pixels: areas, overlaps, and which of two sets of boxes belong together."""

from collections.abc import Sequence

import numpy

Box = tuple[float, float, float, float]
MATCH = 0.5
FEW = 16  # for which tables take longer than they save
BLOCK = 48


def clipped(box: Box, size: tuple[int, int] | None) -> Box:
    """Return the part of a box that lies in an image of a size (width, height); all of it where that isn't known.

    >>> clipped((-10, 0, 30, 20), (100, 100))
    (0, 0, 20, 20)
    """
    if size is None:
        return box
    x, y, width, height = box
    if x >= 0 and y >= 0 and x + width <= size[0] and y + height <= size[1]:
        return box
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


def mostly_overlapping(found: Sequence[Box], least: float) -> bool:
    """Say whether at least half of some boxes have an IoU of at least `least` (above 0) with another one.

    Boxes are compared with those only that begin before they end, along the side of the image that tells them apart
    best, and no more of them than it takes to say so: 1,000 boxes are a million pairs.
    """
    if len(found) <= FEW:
        return _few_overlap(found, least)
    table = numpy.array(found, dtype=float)
    starts, sizes = table[:, :2], table[:, 2:]
    ends, areas = starts + sizes, sizes[:, 0] * sizes[:, 1]
    side = int(numpy.argmin(sizes.sum(axis=0) / (ends.max(axis=0) - starts.min(axis=0))))
    order = numpy.argsort(starts[:, side])
    left, top, right, bottom, areas = (
        column[order] for column in (starts[:, side], starts[:, 1 - side], ends[:, side], ends[:, 1 - side], areas)
    )
    hit = numpy.zeros(len(left), dtype=bool)
    for first in range(0, len(left), BLOCK):
        rows = slice(first, first + BLOCK)
        columns = slice(first, int(numpy.searchsorted(left, right[rows].max())))
        widths = numpy.minimum.outer(right[rows], right[columns]) - numpy.maximum.outer(left[rows], left[columns])
        heights = numpy.minimum.outer(bottom[rows], bottom[columns]) - numpy.maximum.outer(top[rows], top[columns])
        shared = widths.clip(0) * heights.clip(0)
        near = shared >= least * (numpy.add.outer(areas[rows], areas[columns]) - shared)
        numpy.fill_diagonal(near, False)
        hit[rows] |= near.any(axis=1)
        hit[columns] |= near.any(axis=0)
        if 2 * int(hit.sum()) >= len(hit):
            return True
    return False


def _few_overlap(found: Sequence[Box], least: float) -> bool:
    """Do the same for a handful of boxes."""
    spans = sorted((x, x + width, y, y + height, width * height) for x, y, width, height in found)
    hit = set[int]()
    for i, (_, right, top, bottom, area) in enumerate(spans):
        for j in range(i + 1, len(spans)):
            left, other_right, other_top, other_bottom, other = spans[j]
            if left >= right:
                break
            height = min(bottom, other_bottom) - max(top, other_top)
            if height > 0:
                shared = (min(right, other_right) - left) * height
                if shared >= least * (area + other - shared):
                    hit |= {i, j}
        if 2 * len(hit) >= len(spans):
            return True
    return False


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
