"""Pictures of a bench with screws, nuts and washers on it, made from a number: the same number, the same picture.

As each thing is drawn by us, what is in the picture is known, and by how much it is hidden.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .drawing import CLUTTER, PARTS, SURFACES, Array, Item, distance, lighting, paint, stain, surface

WIDTH, HEIGHT = 480, 320
SEED = 7
# A part of which less than this is seen isn't asked for.
LEAST_SEEN = 0.3
KINDS = {"usual": 0.62, "crowded": 0.12, "dim": 0.12, "close": 0.08, "bare": 0.06}
PART_MATERIALS = {"steel": 0.55, "brass": 0.25, "black": 0.20}
CLUTTER_MATERIALS = {
    "coin": ("copper", "brass", "plastic"),
    "ring": ("rubber",),
    "chip": ("wood", "plastic"),
    "wire": ("copper", "steel"),
}
SIZES = {"screw": (24, 38), "nut": (12, 18), "washer": (11, 19), "coin": (12, 19), "ring": (11, 18), "chip": (16, 32)}
SIZES["wire"] = (18, 40)

Pixels = NDArray[np.uint8]
Box = tuple[int, int, int, int]


class Part(NamedTuple):
    """One part that is in the picture: what it is, the box (x, y, width, height) of what is seen, and how much is."""

    label: str
    box: Box
    seen: float
    material: str


class Scene(NamedTuple):
    """One picture (height x width x 3), what it is of, and the parts that are in it."""

    number: int
    kind: str
    surface: str
    pixels: Pixels
    parts: list[Part]


def make(number: int) -> Scene:
    """Return the picture with this number."""
    random = np.random.default_rng([SEED, number])
    kind = _pick(KINDS, random)
    ground = str(random.choice(list(SURFACES)))
    turn = random.uniform(0, 2 * np.pi)
    light = np.array([np.cos(turn) * 0.55, np.sin(turn) * 0.55, 0.83])
    canvas = surface(ground, (HEIGHT, WIDTH), random)
    for _ in range(random.poisson(0.5)):
        stain(canvas, random)
    items = _lay(kind, random)
    whole = [paint(canvas, item, light, random) for item in items]
    pixels = _photograph(canvas, kind, light, random)
    return Scene(number, kind, ground, pixels, _truth(items, whole))


def _pick(shares: dict[str, float], random: np.random.Generator) -> str:
    return str(random.choice(list(shares), p=list(shares.values())))


def _lay(kind: str, random: np.random.Generator) -> list[Item]:
    """Lay things on the bench, mostly with room between them; what comes later lies on top."""
    parts, clutter = {
        "usual": (random.integers(4, 10), random.integers(0, 4)),
        "crowded": (random.integers(20, 30), random.integers(1, 5)),
        "dim": (random.integers(4, 10), random.integers(0, 3)),
        "close": (random.integers(1, 4), random.integers(0, 2)),
        "bare": (random.integers(0, 2), random.integers(1, 4)),
    }[kind]
    shapes = [*random.choice(PARTS, parts), *random.choice(CLUTTER, clutter)]
    laid: list[Item] = []
    for shape in random.permutation(shapes):
        laid.append(_place(str(shape), laid, kind, random))
    return laid


def _place(shape: str, laid: list[Item], kind: str, random: np.random.Generator) -> Item:
    """Return a thing in a free place; one in six lies where it falls, so things touch and hide each other."""
    scale = random.uniform(2.0, 2.8) if kind == "close" else 0.85 if kind == "crowded" else 1.0
    size = random.uniform(*SIZES[shape]) * scale
    material = str(random.choice(CLUTTER_MATERIALS[shape])) if shape in CLUTTER else _pick(PART_MATERIALS, random)
    careless = random.random() < 0.16
    while True:
        x, y = random.uniform(0.03, 0.97) * WIDTH, random.uniform(0.04, 0.96) * HEIGHT
        gaps = [np.hypot(x - other.x, y - other.y) - 0.9 * (size + other.size) for other in laid]
        if careless or min(gaps, default=0) >= 0:
            break
        careless = random.random() < 0.04
    return Item(shape, x, y, size, random.uniform(0, 2 * np.pi), material, random.uniform(0, 1))


def _photograph(canvas: Array, kind: str, light: Array, random: np.random.Generator) -> Pixels:
    """Return what a camera makes of it: uneven light, a little blur, noise, and 6 bits a channel."""
    exposure, noise = (0.3, 0.016) if kind == "dim" else (random.uniform(0.85, 1.12), 0.010)
    lit = canvas * lighting((HEIGHT, WIDTH), light, random)[..., None] * exposure
    seen = ndimage.gaussian_filter(lit, (0.6, 0.6, 0)) + random.normal(0, noise, lit.shape)
    return (np.round(np.clip(seen, 0, 1) * 63) * (255 / 63)).astype(np.uint8)


def _truth(items: list[Item], whole: list[tuple[tuple[slice, slice], Array]]) -> list[Part]:
    """Return the parts of which enough is seen, with the boxes of what is seen."""
    owner = np.full((HEIGHT, WIDTH), -1)
    for index, (place, cover) in enumerate(whole):
        owner[place][cover > 0.5] = index
    found = []
    for index, (item, (_, cover)) in enumerate(zip(items, whole, strict=True)):
        rows, columns = np.nonzero(owner == index)
        seen = len(rows) / max(1, _area(item, cover))
        if item.shape in PARTS and seen >= LEAST_SEEN:
            corner = int(columns.min()), int(rows.min())
            box = (*corner, int(columns.max()) + 1 - corner[0], int(rows.max()) + 1 - corner[1])
            found.append(Part(item.shape, box, round(seen, 3), item.material))
    return found


def _area(item: Item, cover: Array) -> float:
    """Return the item's whole area in pixels, also what lies beyond the picture's edge."""
    reach = int(item.size * 1.2) + 2
    y, x = np.mgrid[-reach:reach, -reach:reach] + 0.5
    return float((distance(item._replace(x=0.0, y=0.0), x, y) < 0).sum())
