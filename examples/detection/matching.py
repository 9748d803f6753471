"""Which box belongs to which part: the surest first, each to the part that it covers best."""

from collections.abc import Sequence

from .detector import Detection
from .scene import Box, Part

# A box fits when it and the true one have at least this share of their union in common.
FITS = 0.5


def overlap(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over their union."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    common = max(0, width) * max(0, height)
    return common / (one[2] * one[3] + other[2] * other[3] - common)


def match(boxes: Sequence[Box], parts: Sequence[Part]) -> list[int | None]:
    """Return for each box the index of the part it fits, in the boxes' order; each part is given away once."""
    free = set(range(len(parts)))
    matched: list[int | None] = []
    for box in boxes:
        best = max(free, key=lambda index: (overlap(box, parts[index].box), -index), default=None)
        if best is not None and overlap(box, parts[best].box) >= FITS:
            free.discard(best)
            matched.append(best)
        else:
            matched.append(None)
    return matched


def outcome(detections: Sequence[Detection], parts: Sequence[Part]) -> list[int | None]:
    """Return for each detection, surest first, the index of the part it found: one with its label, that it fits."""
    matched: list[int | None] = [None] * len(detections)
    for label in {each.label for each in detections}:
        of_label = [at for at, each in enumerate(detections) if each.label == label]
        same = [at for at, part in enumerate(parts) if part.label == label]
        found = match([detections[at].box for at in of_label], [parts[at] for at in same])
        for at, index in zip(of_label, found, strict=True):
            matched[at] = None if index is None else same[index]
    return matched
