"""Where something lies on the bench: what stands out from the surface, cut apart where things touch.

No shape is looked for here; the regions are proposals, among them shadows, stains and clutter.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .drawing import Array
from .scene import Pixels

# How far a pixel has to differ from the surface, in the surface's own spread: faint things, and clear ones near others.
LEVELS = (4.0, 9.0)
# A region has to differ somewhere by this many times its level.
CERTAIN = 1.6
# The part of its difference that counts of a pixel which may be in a shadow.
SHADOW = 0.5
# The surface is averaged over so many blocks of so many pixels.
WIDE, STEP = 11, 4
SMALLEST = 60
# Two bumps are two things when the pass between them is lower than this share of the lower bump.
PASS = 0.8

Mask = NDArray[np.bool_]


class View(NamedTuple):
    """A picture as the detector sees it: its colours, the surface's brightness, and how much each pixel differs."""

    colours: Array
    ground: Array
    difference: Array


class Region(NamedTuple):
    """One proposal: where it is, its pixels there (holes filled), and which of them are holes."""

    place: tuple[slice, slice]
    mask: Mask
    holes: Mask


def look(pixels: Pixels) -> View:
    """Tell the surface from what lies on it; a shadow, darker but of the surface's colour, counts less."""
    colours = pixels / 255
    ground = _ground(colours)
    off = ndimage.gaussian_filter(colours - ground, (0.8, 0.8, 0))
    bare = np.abs(off).sum(axis=-1)
    bare = bare < np.quantile(bare, 0.7)
    spread = 2 * np.median(np.abs(off[bare]), axis=0) + 0.003
    difference = np.sqrt(((off / spread) ** 2).sum(axis=-1))
    return View(colours, ground, np.where(_shaded(off, ground), difference * SHADOW, difference))


def _shaded(off: Array, ground: Array) -> Mask:
    """Say which pixels have the surface's colour with less light."""
    light = 1 + off / (ground + 0.02)
    return np.asarray((light.max(axis=-1) < 1) & (np.ptp(light, axis=-1) < 0.12) & (light.mean(axis=-1) > 0.4))


def _ground(colours: Array) -> Array:
    """Return the surface without what lies on it: what differs from the wide average is left out of the next one."""
    rows, columns = (side // STEP for side in colours.shape[:2])
    small = colours[: rows * STEP, : columns * STEP].reshape(rows, STEP, columns, STEP, 3).mean(axis=(1, 3))
    weight = np.ones((rows, columns, 1))
    for _ in range(5):
        share = ndimage.gaussian_filter(weight, (WIDE, WIDE, 0))
        ground = ndimage.gaussian_filter(small * weight, (WIDE, WIDE, 0)) / (share + 1e-3)
        off = np.abs(small - ground).sum(axis=-1, keepdims=True)
        weight = (off < 2.5 * np.median(off[weight > 0])).astype(float)
    zoom = (colours.shape[0] / rows, colours.shape[1] / columns, 1)
    return np.asarray(ndimage.zoom(ground, zoom, order=1, grid_mode=True, mode="nearest"))


def propose(view: View) -> list[Region]:
    """Return what stands out from the surface, at each level; the same thing may come at both."""
    return [region for level in LEVELS for region in _stand_out(view, level)]


def _stand_out(view: View, level: float) -> list[Region]:
    """Return what stands out so far, one region for each thing as far as it can be cut apart."""
    above = ndimage.binary_opening(ndimage.binary_closing(view.difference > level, iterations=2))
    filled = ndimage.binary_fill_holes(above)
    pieces = _cut(filled)
    regions = []
    for index, place in enumerate(ndimage.find_objects(pieces), 1):
        mask = pieces[place] == index
        if mask.sum() >= SMALLEST and view.difference[place][mask].max() > CERTAIN * level:
            regions.append(Region(place, mask, mask & ~above[place]))
    return regions


def _cut(filled: Mask) -> NDArray[np.int32]:
    """Number the pieces: a watershed of the distance to the edge, its basins joined where the pass is high."""
    depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(filled), 1) * filled
    tops = (ndimage.maximum_filter(depth, 7) == depth) & (depth > 1)
    seeds, number = ndimage.label(tops, np.ones((3, 3)))
    slopes = np.clip(255 - depth * 4, 0, 255).astype(np.uint8)
    basins = ndimage.watershed_ift(slopes, np.where(filled, seeds, -1).astype(np.int32))
    basins = np.where(filled, np.maximum(basins, 0), 0)
    heights = np.concatenate([[0], ndimage.maximum(depth, basins, range(1, number + 1))]) if number else np.zeros(1)
    return np.asarray(_join(basins, depth, heights)[basins], dtype=np.int32)


def _join(basins: NDArray[np.int32], depth: Array, heights: Array) -> NDArray[np.int64]:
    """Return the new number of each basin, highest passes first."""
    names = np.arange(len(heights))
    tops = heights.copy()
    for height, one, other in sorted(_passes(basins, depth), reverse=True):
        a, b = names[one], names[other]
        if a != b and height > PASS * min(tops[a], tops[b]):
            names[names == b] = a
            tops[a] = max(tops[a], tops[b])
    return names


def _passes(basins: NDArray[np.int32], depth: Array) -> list[tuple[float, int, int]]:
    """Return the highest point of the border of each two basins that touch."""
    highest: dict[tuple[int, int], float] = {}
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        meet = (basins[one] != basins[other]) & (basins[one] > 0) & (basins[other] > 0)
        pairs = np.sort(np.stack([basins[one][meet], basins[other][meet]], axis=1), axis=1)
        for pair, height in zip(pairs.tolist(), np.minimum(depth[one][meet], depth[other][meet]), strict=True):
            highest[pair[0], pair[1]] = max(highest.get((pair[0], pair[1]), 0.0), float(height))
    return [(height, one, other) for (one, other), height in highest.items()]
