"""Boxes [x, y, width, height] in pixels: areas, overlaps, and which of two sets of boxes belong together."""

from collections.abc import Sequence

import numpy
from numpy.typing import NDArray

Box = tuple[float, float, float, float]
Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.int64]
MATCH = 0.5
FEW = 12
CHUNK = 20_000


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


def mostly_overlapping(found: Sequence[Box], least: float) -> bool:
    """Say whether at least half of some boxes have an IoU of at least `least` (above 0) with another one.

    Only boxes that begin before another one ends, along one side of the image, are compared, and no more of them than
    it takes to say so: 1,000 boxes are a million pairs.
    """
    if len(found) <= FEW:
        return _few_overlap(found, least)
    table = numpy.array(found, dtype=float)
    ends = table[:, :2] + table[:, 2:]
    sides = [_candidates(table[:, side], ends[:, side]) for side in (0, 1)]
    order, counts = min(sides, key=lambda side: int(side[1].sum()))
    table, ends = table[order], ends[order]
    areas = table[:, 2] * table[:, 3]
    hit = numpy.zeros(len(table), dtype=bool)
    stops = numpy.cumsum(counts)
    start = 0
    while start < len(table):
        done = stops[start - 1] if start else 0
        stop = max(start + 1, int(numpy.searchsorted(stops, done + CHUNK, "right")))
        some = counts[start:stop]
        ones = numpy.repeat(numpy.arange(start, stop), some)
        others = ones + 1 + numpy.arange(len(ones)) - numpy.repeat(numpy.cumsum(some) - some, some)
        shared = numpy.minimum(ends[ones], ends[others]) - numpy.maximum(table[ones, :2], table[others, :2])
        area = shared[:, 0].clip(0) * shared[:, 1].clip(0)
        near = area >= least * (areas[ones] + areas[others] - area)
        hit[ones[near]] = hit[others[near]] = True
        if 2 * int(hit.sum()) >= len(table):
            return True
        start = stop
    return False


def _candidates(starts: Floats, ends: Floats) -> tuple[Integers, Integers]:
    """Return boxes in the order of their starts, and how many of the next ones begin before each of them ends."""
    order = numpy.argsort(starts, kind="stable")
    starts = starts[order]
    later = numpy.searchsorted(starts, ends[order], "left") - numpy.arange(len(order)) - 1
    return order, later.clip(0)


def _few_overlap(found: Sequence[Box], least: float) -> bool:
    """Do the same for a handful of boxes, for which tables take longer than they save."""
    hit = [False] * len(found)
    spans = [(x, y, x + width, y + height, width * height) for x, y, width, height in found]
    for i, (left, top, right, bottom, area) in enumerate(spans):
        for j in range(i):
            other = spans[j]
            width = min(right, other[2]) - max(left, other[0])
            height = min(bottom, other[3]) - max(top, other[1])
            if width > 0 and height > 0:
                shared = width * height
                if shared >= least * (area + other[4] - shared):
                    hit[i] = hit[j] = True
    return 2 * sum(hit) >= len(found)


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
