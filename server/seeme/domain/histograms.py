"""Fixed-bin histograms of confidence and latency, and the quantiles that can be read from them."""

from collections.abc import Sequence
from math import ceil, inf, log

import numpy
from numpy.typing import NDArray

CONFIDENCE_BINS = 50
COUNT_BINS = 33  # 0..31 detections, and "32 or more"

# DDSketch's mapping (Masson, Rim & Lee, VLDB 2019, section 2): bins grow by gamma, and the value reported for a bin
# is within `LATENCY_ERROR` of everything in it.
LATENCY_ERROR = 0.02
LATENCY_FLOOR_MS = 0.1
LATENCY_BINS = 400
GAMMA = (1 + LATENCY_ERROR) / (1 - LATENCY_ERROR)
_PER_LOG = 1 / log(GAMMA)


def confidence_bin(confidence: float) -> int:
    """Return the bin (0..49, each 0.02 wide, the last one closed) of a confidence in [0, 1]."""
    return min(int(confidence * CONFIDENCE_BINS), CONFIDENCE_BINS - 1)


def count_bin(count: int) -> int:
    """Return the bin (0..32) of a number of detections."""
    return min(count, COUNT_BINS - 1)


def latency_bin(milliseconds: float) -> int:
    """Return the log-spaced bin (0..399) of a latency; bin 0 is 0.1 ms and less, the last from about 13 minutes.

    >>> latency_bin(0.05), latency_bin(12.0), latency_bin(1e9)
    (0, 120, 399)
    """
    if milliseconds <= LATENCY_FLOOR_MS:
        return 0
    return min(ceil(log(milliseconds / LATENCY_FLOOR_MS) * _PER_LOG), LATENCY_BINS - 1)


def latency_of(index: int) -> float:
    """Return the value in ms that stands for a bin: within 2 % of all that fell into it (the end bins excepted)."""
    if index == 0:
        return LATENCY_FLOOR_MS
    return float(LATENCY_FLOOR_MS * 2 * GAMMA**index / (GAMMA + 1))


def latency_quantiles(counts: Sequence[int] | NDArray[numpy.int64], shares: Sequence[float]) -> list[float | None]:
    """Return quantiles in ms (nearest rank) of latency bins, for shares in (0, 1]; None of no latencies.

    One that falls into the last bin, which has no end, is infinite: no number stands for all that is in there.

    >>> bins = [0] * LATENCY_BINS
    >>> for ms in (10.0, 20.0, 30.0, 1000.0): bins[latency_bin(ms)] += 1
    >>> [round(ms) for ms in latency_quantiles(bins, (0.5, 0.99))]
    [20, 1011]
    """
    reached = numpy.cumsum(counts)
    total = int(reached[-1])
    if total <= 0:
        return [None] * len(shares)
    ranks = [max(1, ceil(share * total)) for share in shares]
    places = [int(place) for place in numpy.searchsorted(reached, ranks)]
    return [inf if place == LATENCY_BINS - 1 else latency_of(place) for place in places]
