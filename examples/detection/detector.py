"""The detector: regions that stand out, measured, and a small neural network that says what each of them is."""

import json
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import ndimage
from scipy.spatial import ConvexHull, QhullError

from .drawing import Array
from .regions import Region, View, look, propose
from .scene import Box, Pixels

WEIGHTS = Path(__file__).parent / "weights.json"
LABELS = ["screw", "nut", "washer"]
NOTHING = "nothing"
# Surer than this, or it isn't shown.
LEAST_SURE = 0.4
# Two boxes with this share of the smaller one in common are about the same thing.
SAME = 0.7
TURNS = 72

# The network's numbers by name: two layers, and what the measures are scaled by.
Network = dict[str, Array]


class Detection(NamedTuple):
    """One thing that was found: what it is, how sure the model is, its box (x, y, width, height) in pixels."""

    label: str
    confidence: float
    box: Box


class Answer(NamedTuple):
    """What the detector says of a picture, and how long it took to say it."""

    detections: list[Detection]
    latency_ms: float


def detect(pixels: Pixels) -> Answer:
    """Run the detector on one picture (height x width x 3) and measure it; the surest come first."""
    start = time.perf_counter()
    view = look(pixels)
    regions = propose(view)
    found = [_judge(region, row) for region, row in zip(regions, shares(measure_all(view, regions)), strict=True)]
    sure = [each for each in found if each.label != NOTHING and each.confidence >= LEAST_SURE]
    kept = _once(sorted(sure, key=lambda each: -each.confidence))
    return Answer(kept, round((time.perf_counter() - start) * 1000, 3))


def _once(found: list[Detection]) -> list[Detection]:
    """Leave out what lies mostly in, or around, something surer."""
    kept: list[Detection] = []
    for each in found:
        if all(common(each.box, other.box) < SAME for other in kept):
            kept.append(each)
    return kept


def common(one: Box, other: Box) -> float:
    """Return the intersection of two boxes over the smaller of them."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    return max(0, width) * max(0, height) / min(one[2] * one[3], other[2] * other[3])


def _judge(region: Region, row: Array) -> Detection:
    best = int(row.argmax())
    return Detection([*LABELS, NOTHING][best], round(float(row[best]), 4), box(region))


def box(region: Region) -> Box:
    """Return the region's box: x, y, width, height."""
    rows, columns = region.place
    return columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start


@cache
def _network() -> Network:
    """Return the trained numbers, which `python -m detection.train` makes."""
    stored = json.loads(WEIGHTS.read_text(encoding="utf-8"))
    return {name: np.asarray(value, dtype=float) for name, value in stored.items()}


def shares(rows: Array, net: Network | None = None) -> Array:
    """Return for each row of measures how likely each label, and last that it is nothing: they sum to 1."""
    net = net or _network()
    if not len(rows):
        return np.empty((0, len(LABELS) + 1))
    hidden = np.tanh((rows - net["mean"]) / net["spread"] @ net["first"] + net["first_bias"])
    votes = np.exp(hidden @ net["second"] + net["second_bias"])
    return np.asarray(votes / votes.sum(axis=1, keepdims=True))


def measure_all(view: View, regions: list[Region]) -> Array:
    """Return the measures of each region, one row each."""
    grey = view.colours.mean(axis=-1)
    edges = ndimage.gaussian_gradient_magnitude(grey, 1)
    return np.array([measure(view, region, edges[region.place]) for region in regions])


def measure(view: View, region: Region, edges: Array) -> list[float]:
    """Return what is measured of a region: its outline, its hole, and how it looks beside the surface."""
    rows, columns = np.nonzero(region.mask)
    points = np.stack([columns, rows], axis=1).astype(float)
    middle = points.mean(axis=0)
    return [*_outline(points, middle), *_waves(region, middle), *_hole(region, middle), *_looks(view, region, edges)]


def _outline(points: Array, middle: Array) -> list[float]:
    """Size, slenderness, and how well the region fills its convex hull and its own rectangle."""
    long, short = np.sqrt(np.linalg.eigvalsh(np.cov((points - middle).T) + np.eye(2) / 12)[::-1])
    turned = (points - middle) @ np.linalg.eigh(np.cov((points - middle).T))[1]
    rectangle = np.prod(np.ptp(turned, axis=0) + 1)
    try:
        hull = ConvexHull(points).volume + ConvexHull(points).area / 2 + 1
    except QhullError:
        hull = rectangle
    lopsided = float(np.abs((turned**3).mean(axis=0)).max() / long**3)
    area = len(points)
    return [np.log(area), np.log(long / short), area / hull, area / rectangle, lopsided, np.log(short)]


def _waves(region: Region, middle: Array) -> list[float]:
    """How the outline goes in and out on the way around: a hexagon has six corners, a circle none."""
    edge = region.mask & ~ndimage.binary_erosion(region.mask)
    rows, columns = np.nonzero(edge)
    x, y = columns - middle[0], rows - middle[1]
    turn = ((np.arctan2(y, x) / (2 * np.pi) % 1) * TURNS).astype(int) % TURNS
    reach = np.zeros(TURNS)
    np.maximum.at(reach, turn, np.hypot(x, y))
    known = np.nonzero(reach)[0]
    reach = np.interp(np.arange(TURNS), known, reach[known], period=TURNS)
    waves = np.abs(np.fft.rfft(reach / reach.mean())) / TURNS
    return [float(waves[count]) for count in (2, 3, 4, 5, 6, 7, 12)]


def _hole(region: Region, middle: Array) -> list[float]:
    """How much of the region is hole, and how far from its middle."""
    share = region.holes.sum() / region.mask.sum()
    if not share:
        return [0.0, 1.0]
    rows, columns = np.nonzero(region.holes)
    off = np.hypot(columns.mean() - middle[0], rows.mean() - middle[1]) / np.sqrt(region.mask.sum())
    return [float(np.sqrt(share)), float(off)]


def _looks(view: View, region: Region, edges: Array) -> list[float]:
    """Brightness and colour beside the surface's, in the middle and farther out, and how sharp the edge is."""
    ground = view.ground[region.place].mean(axis=-1) + 0.02
    depth = ndimage.distance_transform_edt(np.pad(region.mask, 1))[1:-1, 1:-1]
    seen = view.colours[region.place] / ground[..., None]
    base = view.ground[region.place] / ground[..., None]
    solid = region.mask & ~region.holes
    bright, colour = seen.mean(axis=-1), seen - seen.mean(axis=-1, keepdims=True)
    tint = colour - (base - base.mean(axis=-1, keepdims=True))
    middle = region.mask & (depth > 0.75 * depth.max())
    rim = region.mask & (depth <= 2)
    return [
        float(bright[solid].mean()),
        float(bright[solid].std()),
        float(np.percentile(bright[solid], 95) - np.median(bright[solid])),
        float(bright[middle].mean() - bright[solid].mean()),
        *(float(value) for value in tint[solid].mean(axis=0)[[0, 2]]),
        *(float(value) for value in colour[solid].mean(axis=0)[[0, 2]]),
        float((edges[rim] / ground[rim]).mean()),
        float((edges[solid] / ground[solid]).mean()),
        float(np.log(view.difference[region.place][solid].mean())),
    ]
