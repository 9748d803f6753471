"""What is usual for a model, by the predictions it made: the boxes of an image, their sizes by label, and the labels.

A box is unusual when its share of the image lies in a tail of its label's own. How far out the tails begin is set such
that about 1 % of the images, not of the boxes, have such a box: by the 1 % quantile of each image's least usual box
(two-sided ranks, as in conformal prediction: Vovk, Gammerman and Shafer 2005). Of order statistics a logarithm changes
nothing, so that shares are kept as they are.
"""

from array import array
from collections import Counter
from collections.abc import Iterable

import numpy
from msgspec.structs import replace
from numpy.typing import NDArray

from seeme.clock import from_micros, to_micros
from seeme.domain import boxes
from seeme.records.engine import Reference, SizeRange
from seeme.records.predictions import Prediction

LEAST_IMAGES = 500  # 5 of them are then unusual
MOST_LABELS = 1000
MOST_BOXES = 1_000_000
UNUSUAL = 0.01

Floats = NDArray[numpy.float64]
Integers = NDArray[numpy.int64]


class Seen:
    """What was gathered from predictions, packed: images may have many boxes."""

    def __init__(self) -> None:
        self.first, self.last = 2**62, -(2**62)
        self.predictions = 0
        self.labels: Counter[str] = Counter()  # of classifications
        self.counts = array("q")  # boxes, by image
        self.sized = 0  # images whose size is known
        self.names: dict[str, int] = {}  # of boxes
        self.image, self.name, self.share = array("q"), array("q"), array("d")  # by box of a sized image

    def add(self, found: Iterable[Prediction]) -> None:
        """Gather predictions; failed ones say nothing."""
        for one in found:
            if one.error is not None:
                continue
            at = to_micros(one.created_at)
            self.first, self.last = min(self.first, at), max(self.last, at)
            self.predictions += 1
            if one.label is not None:
                self.labels[one.label] += 1
            if one.detections is not None:
                self.counts.append(len(one.detections))
                if one.image_size is not None:
                    self._add_boxes(one, one.image_size)

    def _add_boxes(self, one: Prediction, size: tuple[int, int]) -> None:
        for found in one.detections or ():
            area = boxes.area(boxes.clipped(found.box, size))
            if area > 0:  # else it lies beside the image, which is unusual anyway
                self.image.append(self.sized)
                self.name.append(self.names.setdefault(found.label, len(self.names)))
                self.share.append(area / (size[0] * size[1]))
        self.sized += 1


def reference_of(task: str, seen: Seen, at: int) -> Reference:
    """Return what is usual for a model, by at least one prediction."""
    made = Reference(
        made_at=from_micros(at),
        start=from_micros(seen.first),
        end=from_micros(seen.last),
        predictions=seen.predictions,
    )
    return _of_detections(seen, made) if task == "detection" else _of_labels(seen, made)


def _of_labels(seen: Seen, made: Reference) -> Reference:
    if not 0 < len(seen.labels) <= MOST_LABELS:
        return replace(made, notes=[f"there were {len(seen.labels):,} labels, so new_class goes by the model's own"])
    return replace(made, labels=sorted(seen.labels))


def _of_detections(seen: Seen, made: Reference) -> Reference:
    notes, most = [], None
    if len(seen.counts) >= LEAST_IMAGES:
        most = sorted(seen.counts)[-(-99 * len(seen.counts) // 100) - 1]
    else:
        notes.append(f"only {len(seen.counts):,} images, of {LEAST_IMAGES} that the number of boxes needs")
    if seen.sized < LEAST_IMAGES:
        notes.append(f"only {seen.sized:,} images have a size, of {LEAST_IMAGES} that sizes of boxes need")
        return replace(made, most_boxes=most, notes=notes)
    name, share = numpy.array(seen.name, dtype=numpy.int64), numpy.array(seen.share)
    names = list(seen.names)
    amounts = numpy.bincount(name, minlength=len(names))
    usual, unusual = _usual(numpy.array(seen.image, dtype=numpy.int64), name, share, amounts, seen.sized)
    few = sorted(set(range(len(names))) - usual.keys(), key=lambda n: (-amounts[n], names[n]))
    if few:
        notes.append(f"{len(few):,} of {len(names):,} labels have too few boxes and keep the plain rule")
    return replace(
        made,
        most_boxes=most,
        sizes={names[n]: SizeRange(low=low, high=high, boxes=int(amounts[n])) for n, (low, high) in usual.items()},
        too_few={names[n]: int(amounts[n]) for n in few[:MOST_LABELS]},
        unusual_share=unusual,
        notes=notes,
    )


def _usual(
    image: Integers, name: Integers, share: Floats, amounts: Integers, images: int
) -> tuple[dict[int, tuple[float, float]], float | None]:
    """Return the range of usual shares by label, and how many of the images have a box outside.

    A label whose boxes are too few to have one in each tail has none; its boxes then don't count.
    """
    depth = _depths(name, share, amounts)
    kept = set(numpy.argsort(-amounts, kind="stable")[:MOST_LABELS].tolist())
    while kept:
        inside = numpy.isin(name, list(kept))
        least = numpy.full(images, numpy.inf)
        numpy.minimum.at(least, image[inside], depth[inside])
        limit = float(numpy.partition(least, int(UNUSUAL * images))[int(UNUSUAL * images)])
        few = sorted((n for n in kept if 2 / (amounts[n] + 1) >= limit), key=lambda n: amounts[n])
        if not few:
            return _ranges(kept, name, share, depth >= limit), float((least < limit).mean())
        kept -= set(few[: (len(few) + 1) // 2])  # without their boxes there may be enough of the others
    return {}, None


def _depths(name: Integers, share: Floats, amounts: Integers) -> Floats:
    """Return how deep each box lies among those of its label, between 0 (at an end) and about 1 (in the middle)."""
    order = numpy.lexsort((share, name))
    depth = numpy.empty(len(share))
    start = 0
    for n in amounts.tolist():
        part = order[start : start + n]
        values = share[part]
        below = numpy.searchsorted(values, values, "right")
        above = n - numpy.searchsorted(values, values, "left")
        depth[part] = 2 * numpy.minimum(below, above) / (n + 1)
        start += n
    return depth


def _ranges(
    kept: set[int], name: Integers, share: Floats, usual: NDArray[numpy.bool_]
) -> dict[int, tuple[float, float]]:
    found = {}
    for n in sorted(kept):
        values = share[usual & (name == n)]
        found[n] = (float(values.min()), float(values.max()))
    return found
