"""`python -m detection.train`: make the detector's network from pictures that are neither shown nor measured with."""

import json
import sys
import warnings

import numpy as np

from .detector import LABELS, NOTHING, WEIGHTS, box, measure_all
from .drawing import Array
from .matching import overlap
from .regions import look, propose
from .scene import Part, make

FIRST = 1_000_000
PICTURES = 700
NEURONS = 24
SEED = 11
# What a region has to share with a part's box to be an example of it; between the two it is neither.
IS, IS_NOT = 0.6, 0.3


def examples(numbers: range) -> tuple[Array, list[str]]:
    """Return the measures of the regions of these pictures, and what they are."""
    rows: list[Array] = []
    truths: list[str] = []
    for number in numbers:
        scene = make(number)
        view = look(scene.pixels)
        regions = propose(view)
        for row, region in zip(measure_all(view, regions), regions, strict=True):
            truth = _truth(box(region), scene.parts)
            if truth:
                rows.append(row)
                truths.append(truth)
    return np.array(rows), truths


def _truth(where: tuple[int, int, int, int], parts: list[Part]) -> str:
    """Return the label of the part that a region is, `nothing`, or no text when it can't be said."""
    best = max(parts, key=lambda part: overlap(where, part.box), default=None)
    shared = overlap(where, best.box) if best else 0.0
    if best and shared >= IS:
        return best.label
    return NOTHING if shared < IS_NOT else ""


def fit(rows: Array, truths: list[str]) -> dict[str, list[float]]:
    """Return the numbers of a network that tells the rows apart."""
    from sklearn.neural_network import MLPClassifier

    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    wanted = np.array([[*LABELS, NOTHING].index(truth) for truth in truths])
    net = MLPClassifier((NEURONS,), activation="tanh", alpha=0.3, solver="lbfgs", max_iter=400, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net.fit((rows - mean) / spread, wanted)
    (first, second), (first_bias, second_bias) = net.coefs_, net.intercepts_
    parts = {"mean": mean, "spread": spread, "first": first, "first_bias": first_bias}
    parts |= {"second": second, "second_bias": second_bias}
    return {name: np.round(value, 4).tolist() for name, value in parts.items()}


def main() -> int:
    """Make the weights anew."""
    rows, truths = examples(range(FIRST, FIRST + PICTURES))
    WEIGHTS.write_text(json.dumps(fit(rows, truths)) + "\n", encoding="utf-8")
    counts = ", ".join(f"{truths.count(label)} {label}" for label in [*LABELS, NOTHING])
    print(f"{WEIGHTS.name} from {len(rows)} regions of {PICTURES} pictures: {counts}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
