"""How things on the bench look: outlines as signed distances, lit metal, shadows, surfaces and uneven light."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Array = NDArray[np.float64]

# Colour (red, green, blue: 0 to 1) and how much it shines.
MATERIALS = {
    "steel": ((0.70, 0.72, 0.75), 0.55),
    "brass": ((0.78, 0.60, 0.28), 0.45),
    "black": ((0.20, 0.20, 0.22), 0.30),
    "rubber": ((0.13, 0.13, 0.14), 0.08),
    "wood": ((0.74, 0.58, 0.38), 0.0),
    "plastic": ((0.66, 0.24, 0.22), 0.25),
    "copper": ((0.72, 0.43, 0.30), 0.40),
}
SURFACES = {
    "plank": (0.62, 0.44, 0.28),
    "plate": (0.52, 0.54, 0.56),
    "felt": (0.17, 0.26, 0.24),
    "mat": (0.16, 0.36, 0.36),
    "card": (0.74, 0.64, 0.50),
}
UP = np.array([0.0, 0.0, 1.0])
# The shapes that are parts; the others are clutter.
PARTS = ("screw", "nut", "washer")
CLUTTER = ("coin", "ring", "chip", "wire")


class Item(NamedTuple):
    """One thing on the bench: where its middle is, its half length in pixels, how it is turned, what it looks like."""

    shape: str
    x: float
    y: float
    size: float
    angle: float
    material: str
    variant: float


def distance(item: Item, x: Array, y: Array) -> Array:
    """Return how far points are from the item's outline, in pixels, negative inside; exact enough for edges."""
    cos, sin = np.cos(item.angle), np.sin(item.angle)
    u = (x - item.x) * cos + (y - item.y) * sin
    v = (y - item.y) * cos - (x - item.x) * sin
    return OUTLINES[item.shape](u, v, item.size, item.variant)


def _screw(u: Array, v: Array, size: float, variant: float) -> Array:
    """A head of a sixth of the length, and a shank with threads and a tip."""
    head = np.maximum(np.abs(u + size * 0.84) - size * 0.16, np.abs(v) - size * (0.30 + 0.08 * variant))
    threads = 0.014 * size * np.sin(u * 2 * np.pi / (0.11 * size))
    taper = np.clip((u - size * 0.72) / (size * 0.28), 0, 1)
    shank = np.abs(v) - size * (0.13 + 0.04 * variant) * (1 - taper) - threads
    return np.minimum(head, np.maximum(shank, np.abs(u - size * 0.1) - size * 0.9))


def _nut(u: Array, v: Array, size: float, variant: float) -> Array:
    """A hexagon with a hole."""
    across = size * 0.9
    sides = np.maximum(np.abs(v), np.abs(v) / 2 + np.abs(u) * np.sqrt(3) / 2) - across
    return np.maximum(sides, size * (0.42 + 0.1 * variant) - np.hypot(u, v))


def _washer(u: Array, v: Array, size: float, variant: float) -> Array:
    radius = np.hypot(u, v)
    return np.maximum(radius - size, size * (0.40 + 0.18 * variant) - radius)


def _coin(u: Array, v: Array, size: float, variant: float) -> Array:
    return np.hypot(u, v) - size


def _ring(u: Array, v: Array, size: float, variant: float) -> Array:
    """A rubber ring: a thin washer, but no washer."""
    width = size * (0.09 + 0.05 * variant)
    return np.abs(np.hypot(u, v) - size + width) - width


def _chip(u: Array, v: Array, size: float, variant: float) -> Array:
    """A splinter with six uneven sides."""
    turns = np.arange(6) * np.pi / 3 + np.sin(np.arange(6) * 2.4 + variant * 9) * 0.4
    reach = size * (0.45 + 0.3 * np.cos(np.arange(6) * 1.7 + variant * 7))
    return np.max([u * np.cos(a) + v * np.sin(a) * 1.8 - r for a, r in zip(turns, reach, strict=True)], axis=0)


def _wire(u: Array, v: Array, size: float, variant: float) -> Array:
    """A bent piece of wire: part of a wide circle."""
    radius = size * (1.2 + variant)
    off = np.abs(np.hypot(u, v + radius) - radius) - max(1.4, size * 0.06)
    return np.maximum(off, np.abs(u) - size)


OUTLINES = {
    "screw": _screw,
    "nut": _nut,
    "washer": _washer,
    "coin": _coin,
    "ring": _ring,
    "chip": _chip,
    "wire": _wire,
}


def paint(canvas: Array, item: Item, light: Array, random: np.random.Generator) -> tuple[tuple[slice, slice], Array]:
    """Draw the item and its shadow into the canvas, and return where it is and how much of each pixel it covers."""
    place, x, y = _patch(canvas.shape, item)
    away = distance(item, x, y)
    cover = np.clip(0.5 - away, 0, 1)
    dark = ndimage.gaussian_filter(ndimage.shift(cover, (-light[1] * 5, -light[0] * 5), order=1), 2.5)
    canvas[place] *= 1 - 0.5 * (dark * (1 - cover))[..., None]
    colour = _lit(item, away, light, random)
    canvas[place] += (colour - canvas[place]) * cover[..., None]
    return place, cover


def _patch(shape: tuple[int, ...], item: Item) -> tuple[tuple[slice, slice], Array, Array]:
    """Return the part of the image that the item and its shadow reach, and its pixels' middles."""
    reach = item.size * 1.3 + 14
    rows, columns = (
        slice(int(np.clip(at - reach, 0, end - 2)), int(np.clip(at + reach, 2, end)))
        for at, end in ((item.y, shape[0]), (item.x, shape[1]))
    )
    y, x = np.mgrid[rows, columns] + 0.5
    return (rows, columns), x, y


def _lit(item: Item, away: Array, light: Array, random: np.random.Generator) -> Array:
    """Return the item's colour in each pixel: a surface that is round at its edges, in light from one side."""
    base, shine = MATERIALS[item.material]
    bevel = max(2.0, item.size * (0.34 if item.shape in ("ring", "wire") else 0.2))
    inner = np.clip(-away / bevel, 0, 1)
    slope_y, slope_x = np.gradient(bevel * np.sqrt(1 - (1 - inner) ** 2))
    normal = np.stack([-slope_x, -slope_y, np.ones_like(away)], axis=-1)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    facing = np.clip(normal @ light, 0, 1)
    gloss = np.clip(normal @ _unit(light + UP), 0, 1) ** 24
    grain = 1 + ndimage.gaussian_filter(random.normal(0, 0.09, away.shape), (0.5, 1.5))
    return np.asarray(base) * ((0.26 + 0.68 * facing) * grain)[..., None] + (shine * gloss * facing)[..., None] * 0.5


def _unit(vector: Array) -> Array:
    return np.asarray(vector / np.linalg.norm(vector))


def surface(name: str, shape: tuple[int, int], random: np.random.Generator) -> Array:
    """Return an evenly lit surface with its texture."""
    noise = random.normal(0, 1, shape)
    if name == "plank":
        texture = 0.9 * _even(ndimage.gaussian_filter(noise, (1.2, 45))) * 0.07 + _rings(shape, random)
    elif name == "plate":
        texture = _even(ndimage.gaussian_filter(noise, (0.5, 22))) * 0.035
    elif name == "mat":
        texture = _even(ndimage.gaussian_filter(noise, 0.7)) * 0.02 + _grid(shape, random)
    else:
        texture = _even(ndimage.gaussian_filter(noise, 0.8)) * (0.07 if name == "felt" else 0.03)
    blotches = _even(ndimage.gaussian_filter(random.normal(0, 1, shape), 30)) * 0.025
    return np.asarray(SURFACES[name]) * (1 + texture + blotches)[..., None]


def _even(noise: Array) -> Array:
    """Return the noise with a standard deviation of 1."""
    return np.asarray(noise / noise.std())


def _rings(shape: tuple[int, int], random: np.random.Generator) -> Array:
    """The rings of a tree, cut lengthwise."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    bend = 14 * np.sin(x / random.uniform(90, 160) + random.uniform(0, 6))
    return 0.06 * np.sin((y + bend) / random.uniform(5, 9))


def _grid(shape: tuple[int, int], random: np.random.Generator) -> Array:
    """The printed lines of a cutting mat."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    step, start = int(random.integers(38, 56)), random.integers(0, 38, 2)
    return 0.22 * (((y + start[0]) % step < 1) | ((x + start[1]) % step < 1))


def lighting(shape: tuple[int, int], light: Array, random: np.random.Generator) -> Array:
    """Return how bright each pixel is lit: a lamp to one side, darker corners, at times somebody's shadow."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    across, down = x / shape[1] * 2 - 1, y / shape[0] * 2 - 1
    bright = 1 + random.uniform(0.08, 0.26) * (across * light[0] + down * light[1])
    bright -= random.uniform(0.05, 0.2) * (across**2 + down**2) / 2
    if random.random() < 0.3:
        turn, where = random.uniform(0, 2 * np.pi), random.uniform(-0.3, 0.7)
        edge = (across * np.cos(turn) + down * np.sin(turn) - where) * 9
        bright *= 1 - random.uniform(0.2, 0.45) / (1 + np.exp(-edge))
    return bright


def stain(canvas: Array, random: np.random.Generator) -> None:
    """Put a soft dark spot of oil on the surface."""
    y, x = np.mgrid[: canvas.shape[0], : canvas.shape[1]]
    size, where = random.uniform(9, 26), random.uniform(0.1, 0.9, 2) * canvas.shape[:2]
    away = np.hypot((y - where[0]) * random.uniform(0.7, 1.4), x - where[1]) / size
    canvas *= 1 - (random.uniform(0.2, 0.45) / (1 + np.exp((away - 1) * 8)))[..., None]
