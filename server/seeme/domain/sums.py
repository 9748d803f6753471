"""The packed sums: one vector of 64-bit integers per (model, version, arm, grain, bucket, writer).

Everything is an integer, so sums are exactly additive, subtractable and free of order. A lane is a place in the
vector; labels follow the fixed lanes, one each, so that the vector grows at its end only.
"""

from array import array
from collections import Counter, defaultdict
from math import log
from zlib import compress, decompress

import numpy
from numpy.typing import NDArray

from seeme.clock import DAY, HOUR, MINUTE
from seeme.domain.histograms import CONFIDENCE_BINS, COUNT_BINS, LATENCY_BINS, confidence_bin, count_bin, latency_bin

LAYOUT = 1
FINE, HOURLY, DAILY = 1, 2, 3
WIDTHS = {FINE: 5 * MINUTE, HOURLY: HOUR, DAILY: DAY}

# Fixed point. Confidence and ln(latency in ms): 1e-4, squares 1e-8, so that 9e10 events fit 63 bits.
MOMENT_SCALE = 10_000
# Latency in microseconds and regression errors in 1e-6 units are wider: they are kept as 32-bit limbs, one lane each.
VALUE_SCALE = 1_000_000
LEAST_LATENCY_MS = 0.001
_LIMB = 0xFFFF_FFFF

PREDICTIONS, ERRORS = 0, 1
CONFIDENCE_N, CONFIDENCE_SUM, CONFIDENCE_SQUARES = 2, 3, 4
LATENCY_N, LATENCY_LOG_SUM, LATENCY_LOG_SQUARES = 5, 6, 7
LATENCY_SUM = 8  # 2 limbs
DETECTED_N, DETECTIONS = 10, 11
THUMBS_UP, THUMBS_DOWN, RATED = 12, 13, 14
CORRECTIONS, COMMENTS = 15, 16
CORRECT, WRONG_LABEL, WRONG_BOX, FALSE_POSITIVE, MISSED_OBJECT = 17, 18, 19, 20, 21
LABELLED, LABELLED_RIGHT = 22, 23
PAIRS = 24
ABSOLUTE = 25  # 2 limbs
SIGNED = 27  # 2 limbs
SQUARES = 29  # 4 limbs
CONFIDENCES = 40
COUNTS = CONFIDENCES + CONFIDENCE_BINS
LATENCIES = COUNTS + COUNT_BINS
OTHER_LABEL = LATENCIES + LATENCY_BINS
FIRST_LABEL = OTHER_LABEL + 1
_LENGTH = 2 * 8 * FIRST_LABEL  # room for a usual vector, so that inflating needs no second try
MAX_LABELS = 1000

Lanes = list[tuple[int, int]]
Bucket = tuple[str, str, str, int]  # model, version, arm, start of the 5 minutes
RowKey = tuple[str, str, str, int, int]  # model, version, arm, grain, start
UnitKey = tuple[str, str, str]  # A/B test, unit, arm
Vector = NDArray[numpy.int64]

FEEDBACK_LANE = {
    "correction": CORRECTIONS,
    "comment": COMMENTS,
    "correct": CORRECT,
    "wrong_label": WRONG_LABEL,
    "wrong_box": WRONG_BOX,
    "false_positive": FALSE_POSITIVE,
    "missed_object": MISSED_OBJECT,
}


def _limbs(lane: int, number: int, count: int) -> Lanes:
    """Split a number of any sign into 32-bit limbs of that sign; lane sums stay exact for 2^31 events."""
    sign = -1 if number < 0 else 1
    number = abs(number)
    return [(lane + i, sign * (number >> 32 * i & _LIMB)) for i in range(count)]


def of_prediction(
    failed: bool,
    confidence: float | None,
    latency_ms: float | None,
    detections: int | None,
    label_position: int | None,
) -> Lanes:
    """Return what one prediction adds; `label_position` is the label's index in its model, or None without a label."""
    lanes: Lanes = [(PREDICTIONS, 1)]
    if failed:
        lanes.append((ERRORS, 1))
    if confidence is not None:
        q = round(confidence * MOMENT_SCALE)
        place = CONFIDENCES + confidence_bin(confidence)
        lanes += (CONFIDENCE_N, 1), (CONFIDENCE_SUM, q), (CONFIDENCE_SQUARES, q * q), (place, 1)
    if latency_ms is not None:
        q = round(log(latency_ms if latency_ms > LEAST_LATENCY_MS else LEAST_LATENCY_MS) * MOMENT_SCALE)
        place = LATENCIES + latency_bin(latency_ms)
        lanes += (LATENCY_N, 1), (LATENCY_LOG_SUM, q), (LATENCY_LOG_SQUARES, q * q), (place, 1)
        microseconds = round(latency_ms * 1000)
        lanes += (LATENCY_SUM, microseconds & _LIMB), (LATENCY_SUM + 1, microseconds >> 32)
    if detections is not None:
        lanes += (DETECTED_N, 1), (DETECTIONS, detections), (COUNTS + count_bin(detections), 1)
    if label_position is not None:
        lanes.append((label_lane(label_position), 1))
    return lanes


def label_lane(position: int) -> int:
    """Return the lane of a label's position in its model; beyond the first 1,000 all share one."""
    return FIRST_LABEL + position if position < MAX_LABELS else OTHER_LABEL


def of_feedback(feedback_type: str, rating: int | None) -> Lanes:
    """Return what one active feedback adds (whether its prediction is rated at all is counted by `of_rated`)."""
    if feedback_type == "rating":
        return [(THUMBS_UP, 1)] if rating == 1 else [(THUMBS_DOWN, 1)] if rating == -1 else []
    return [(FEEDBACK_LANE[feedback_type], 1)]


def of_rated() -> Lanes:
    """Return what a prediction with at least one active thumb adds."""
    return [(RATED, 1)]


def of_truth(
    predicted_label: str | None, predicted_value: float | None, true_label: str | None, true_value: float | None
) -> Lanes:
    """Return what a true label or value adds to its prediction's bucket; nothing where the two can't be compared."""
    if true_label is not None and predicted_label is not None:
        return [(LABELLED, 1), (LABELLED_RIGHT, int(predicted_label == true_label))]
    if true_value is not None and predicted_value is not None:
        error = round((predicted_value - true_value) * VALUE_SCALE)
        return [
            (PAIRS, 1),
            *_limbs(ABSOLUTE, abs(error), 2),
            *_limbs(SIGNED, error, 2),
            *_limbs(SQUARES, error * error, 4),
        ]
    return []


class Delta:
    """What a batch changes: amounts per 5-minute bucket and lane, and the units of A/B tests."""

    def __init__(self) -> None:
        self.buckets: defaultdict[Bucket, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        self.units: defaultdict[UnitKey, Counter[str]] = defaultdict(Counter)
        self.assigned: dict[UnitKey, str] = {}

    def add(self, model: str, version: str, arm: str, at: int, lanes: Lanes, sign: int = 1) -> None:
        """Add (or with sign -1 take away) lanes at a time in microseconds UTC."""
        width = WIDTHS[FINE]
        bucket = self.buckets[model, version, arm, at // width * width]
        for lane, amount in lanes:
            bucket[lane] += sign * amount

    def rows(self, fine_from: int) -> dict[RowKey, dict[int, int]]:
        """Return the changes of every grain; 5-minute rows only from `fine_from` on, as older ones aren't kept."""
        rows: dict[RowKey, dict[int, int]] = {}
        for (model, version, arm, start), lanes in self.buckets.items():
            for grain, width in WIDTHS.items():
                if grain == FINE and start < fine_from:
                    continue
                row = rows.setdefault((model, version, arm, grain, start // width * width), {})
                for lane, amount in lanes.items():
                    row[lane] = row.get(lane, 0) + amount
        return rows


def apply(vector: "array[int]", lanes: dict[int, int]) -> None:
    """Add lanes to a vector in place, growing it for new labels."""
    highest = max(lanes, default=0)
    if highest >= len(vector):
        vector.frombytes(bytes(8 * (highest + 1 - len(vector))))
    for lane, amount in lanes.items():
        vector[lane] += amount


def empty() -> "array[int]":
    """Return a vector of zeros (the fixed lanes)."""
    return array("q", bytes(8 * FIRST_LABEL))


def pack(vector: "array[int]") -> bytes:
    """Return a vector as it is stored: 64-bit little-endian, deflated (mostly zeros: 4 KB become about 200 bytes)."""
    return compress(vector.tobytes(), 1)


def unpack(blob: bytes) -> "array[int]":
    """Return a stored vector, writable."""
    return array("q", decompress(blob))


def total(blobs: list[bytes]) -> Vector:
    """Return the sum of stored vectors of any lengths."""
    vectors = [numpy.frombuffer(decompress(blob, bufsize=_LENGTH), dtype="<i8") for blob in blobs]
    result = numpy.zeros(max([FIRST_LABEL, *map(len, vectors)]), dtype=numpy.int64)
    for vector in vectors:
        result[: len(vector)] += vector
    return result


def pack_total(blobs: list[bytes]) -> bytes:
    """Return the sum of stored vectors as it is stored."""
    return compress(total(blobs).astype("<i8").tobytes(), 1)


def wide(vector: Vector, lane: int, limbs: int) -> int:
    """Return a number kept as 32-bit limbs."""
    return sum(int(vector[lane + i]) << 32 * i for i in range(limbs))
