"""The classifier: scikit-learn's handwritten digits, two versions of a model, and the images that neither has seen."""

import struct
import time
import zlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

LABELS = [str(digit) for digit in range(10)]
SEED = 20
# The first version learnt from few images, the second from all that aren't held out.
TRAINED_ON = {"v1": 150, "v2": 1000}

Image = NDArray[np.float64]


class Answer(NamedTuple):
    """What the model said of one image, and how long it took to say it."""

    label: str
    confidence: float
    scores: dict[str, float]
    latency_ms: float


class Digits(NamedTuple):
    """The trained versions by name, and the held-out images (8 x 8, ink 0 to 1) with their true labels."""

    versions: dict[str, LogisticRegression]
    images: Image
    truths: list[str]


def train() -> Digits:
    """Train both versions on one part of the data set and hold out the rest: well under a second."""
    data = load_digits()
    images, truths = data.images / 16, data.target.astype(str)
    order = np.random.default_rng(SEED).permutation(len(images))
    versions = {}
    for name, size in TRAINED_ON.items():
        chosen = order[:size]
        versions[name] = LogisticRegression(max_iter=1000).fit(images[chosen].reshape(size, -1), truths[chosen])
    held_out = order[max(TRAINED_ON.values()) :]
    return Digits(versions, images[held_out], truths[held_out].tolist())


def predict(version: LogisticRegression, image: Image) -> Answer:
    """Run the model on one image and measure it.

    Raises:
        ValueError: from scikit-learn, for an image that isn't 8 x 8.
    """
    start = time.perf_counter()
    shares = version.predict_proba(image.reshape(1, -1))[0]
    milliseconds = (time.perf_counter() - start) * 1000
    best = int(shares.argmax())
    scores = {str(label): round(float(share), 6) for label, share in zip(version.classes_, shares, strict=True)}
    label = str(version.classes_[best])
    return Answer(label, scores[label], scores, round(milliseconds, 4))


def scan(image: Image, noise: float, random: np.random.Generator) -> Image:
    """Return the image as a scanner with so much noise (standard deviation, ink is 0 to 1) would deliver it."""
    return np.clip(image + random.normal(0, noise, image.shape), 0, 1)


def png(image: Image, scale: int = 16) -> bytes:
    """Return the image as a grey PNG, dark ink on light paper, each pixel a square of `scale` by `scale`."""
    grey = np.kron(255 - np.round(image * 255), np.ones((scale, scale))).astype(np.uint8)
    height, width = grey.shape
    rows = b"".join(b"\0" + row.tobytes() for row in grey)  # filter 0, none, before each row
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
