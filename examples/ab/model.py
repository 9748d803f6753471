"""The two classifiers, trained on scikit-learn's handwritten digits, and the images that neither has seen."""

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB

LABELS = [str(digit) for digit in range(10)]
SEED = 41
TRAINED_ON = 1000
# Clean images would teach them to trust pixels that no visitor's scanner delivers.
TRAINING_NOISE = 0.1

Image = NDArray[np.float64]
Classifier = GaussianNB | LogisticRegression


class Answer(NamedTuple):
    """What a classifier said of one image, and how long it took to say it."""

    label: str
    confidence: float
    scores: dict[str, float]
    latency_ms: float


class Digits(NamedTuple):
    """The classifiers by version, and the held-out images (8 x 8, ink 0 to 1) with their true labels."""

    classifiers: dict[str, Classifier]
    images: Image
    truths: list[str]


def train() -> Digits:
    """Train both on the same part of the data set and hold out the rest: under a second.

    Naive Bayes takes each pixel for a witness of its own, so it is sure of nearly everything, also of what is wrong.
    """
    data = load_digits()
    images, truths = data.images / 16, data.target.astype(str)
    random = np.random.default_rng(SEED)
    order = random.permutation(len(images))
    chosen, held_out = order[:TRAINED_ON], order[TRAINED_ON:]
    seen = scan(images[chosen], TRAINING_NOISE, random).reshape(TRAINED_ON, -1)
    classifiers: dict[str, Classifier] = {
        "bayes": GaussianNB(var_smoothing=0.01).fit(seen, truths[chosen]),
        "logistic": LogisticRegression(max_iter=1000).fit(seen, truths[chosen]),
    }
    return Digits(classifiers, images[held_out], truths[held_out].tolist())


def predict(classifier: Classifier, image: Image) -> Answer:
    """Run a classifier on one image and measure it.

    Raises:
        ValueError: from scikit-learn, for an image that isn't 8 x 8.
    """
    start = time.perf_counter()
    shares = classifier.predict_proba(image.reshape(1, -1))[0]
    milliseconds = (time.perf_counter() - start) * 1000
    scores = {str(label): round(float(share), 6) for label, share in zip(classifier.classes_, shares, strict=True)}
    label = max(scores, key=scores.__getitem__)
    return Answer(label, scores[label], scores, round(milliseconds, 4))


def scan(image: Image, noise: float, random: np.random.Generator) -> Image:
    """Return images as a scanner with so much noise (standard deviation, ink is 0 to 1) would deliver them."""
    return np.clip(image + random.normal(0, noise, image.shape), 0, 1)
