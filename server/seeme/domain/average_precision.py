"""Mean average precision of detections, as COCO defines it (Lin et al. 2014; the reference is pycocotools' COCOeval).

Within an image and a label, the 100 most confident detections take the true box that they overlap most, each box once,
if the overlap reaches the threshold. Precision at 101 levels of recall, made falling, is averaged; then labels are.
"""

from array import array
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy

from seeme.domain.boxes import Box, iou
from seeme.records.predictions import Detection, LabelledBox

THRESHOLDS = tuple(float(at) for at in numpy.linspace(0.5, 0.95, 10))
_RECALLS = numpy.linspace(0, 1, 101)
_MOST = 100  # detections of one label in one image
_BITS = tuple(1 << at for at in range(len(THRESHOLDS)))


class Precision(NamedTuple):
    """Mean average precision at an overlap of .5, and as the mean over .5, .55 ... .95."""

    at_half: float
    over_all: float


class _Found:
    """The detections of one label: confidences, and a bit for each threshold at which it found a true box."""

    def __init__(self) -> None:
        self.confidences = array("d")
        self.hits = array("H")
        self.boxes = 0


class Ranking:
    """Detections of many images, kept in 10 bytes each until their average precision is asked for."""

    def __init__(self) -> None:
        self._labels: defaultdict[str, _Found] = defaultdict(_Found)
        self.unranked = 0

    def add(self, truth: Sequence[LabelledBox], detections: Sequence[Detection]) -> None:
        """Add an image. Detections without a confidence are only counted, in `unranked`: they have no rank."""
        self.unranked += sum(one.confidence is None for one in detections)
        for label in {one.label for one in truth} | {one.label for one in detections}:
            boxes = [one.box for one in truth if one.label == label]
            mine = [(one.confidence, one.box) for one in detections if one.label == label]
            ranked = sorted(((c, box) for c, box in mine if c is not None), key=lambda one: -one[0])[:_MOST]
            found = self._labels[label]
            found.boxes += len(boxes)
            found.confidences.extend(confidence for confidence, _ in ranked)
            found.hits.extend(_hits(boxes, [box for _, box in ranked]))

    def precision(self) -> Precision | None:
        """Return the mean over the labels that are true anywhere; None where there are none."""
        curves = [_average(found) for found in self._labels.values() if found.boxes]
        if not curves:
            return None
        means = numpy.mean(curves, axis=0)
        return Precision(float(means[0]), float(means.mean()))


def _hits(boxes: Sequence[Box], ranked: Sequence[Box]) -> list[int]:
    """Return for each detection, the most confident first, at which thresholds it finds a true box, as bits."""
    overlaps = [[iou(one, box) for box in boxes] for one in ranked]
    hits = [0] * len(ranked)
    for bit, threshold in zip(_BITS, THRESHOLDS, strict=True):
        taken: set[int] = set()
        for at, row in enumerate(overlaps):
            best, most = -1, min(threshold, 1 - 1e-10)
            for place, overlap in enumerate(row):
                if overlap >= most and place not in taken:  # of equal ones the last, as COCOeval does
                    best, most = place, overlap
            if best >= 0:
                taken.add(best)
                hits[at] |= bit
    return hits


def _average(found: _Found) -> list[float]:
    """Return a label's average precision at each threshold."""
    order = numpy.argsort(-numpy.asarray(found.confidences), kind="stable")
    hits = numpy.asarray(found.hits, dtype=numpy.uint16)[order]
    return [_area((hits & bit) > 0, found.boxes) for bit in _BITS]


def _area(hit: "numpy.ndarray[tuple[int], numpy.dtype[numpy.bool_]]", boxes: int) -> float:
    if not len(hit):
        return 0.0
    right = numpy.cumsum(hit)
    recall = right / boxes
    precision = right / (numpy.arange(1, len(hit) + 1) + numpy.spacing(1))
    falling = numpy.maximum.accumulate(precision[::-1])[::-1]
    places = numpy.searchsorted(recall, _RECALLS, side="left")
    return float(numpy.append(falling, 0.0)[places].mean())
