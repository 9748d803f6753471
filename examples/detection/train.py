"""`python -m detection.train`: make the detector's network from pictures that are neither shown nor measured with."""

import json
import sys
import warnings

import numpy as np
from numpy.typing import NDArray

from .detector import LABELS, NOTHING, WEIGHTS, Network, box, measure_all, shares
from .drawing import Array
from .matching import overlap
from .regions import look, propose
from .scene import Part, make

FIRST = 1_000_000
PICTURES = 700
# Further pictures, to see how sure the network may be.
HELD_OUT = 150
NEURONS = 24
DECAY = 0.3
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


def fit(rows: Array, truths: list[str]) -> Network:
    """Return the numbers of a network that tells the rows apart."""
    from sklearn.neural_network import MLPClassifier

    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-6
    net = MLPClassifier((NEURONS,), activation="tanh", alpha=DECAY, solver="lbfgs", max_iter=400, random_state=SEED)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is stopped before it has converged, which is meant
        net.fit((rows - mean) / spread, _wanted(truths))
    (first, second), (first_bias, second_bias) = net.coefs_, net.intercepts_
    parts = {"mean": mean, "spread": spread, "first": first, "first_bias": first_bias}
    return parts | {"second": second, "second_bias": second_bias}


def temper(net: Network, rows: Array, truths: list[str]) -> tuple[Network, float]:
    """Return the network as sure as it ought to be, and by how much it was too sure (Guo et al. 2017, temperature).

    The temperature is the one at which rows that it hasn't seen are least surprising.
    """
    wanted = _wanted(truths)
    heats = np.linspace(0.5, 4, 71)
    surprises = []
    for heat in heats:
        given = shares(rows, _divided(net, heat))[np.arange(len(rows)), wanted]
        surprises.append(-np.log(given + 1e-12).mean())
    best = float(heats[int(np.argmin(surprises))])
    return _divided(net, best), best


def _divided(net: Network, heat: float) -> Network:
    return net | {name: net[name] / heat for name in ("second", "second_bias")}


def _wanted(truths: list[str]) -> NDArray[np.int64]:
    return np.array([[*LABELS, NOTHING].index(truth) for truth in truths])


def main() -> int:
    """Make the weights anew."""
    rows, truths = examples(range(FIRST, FIRST + PICTURES))
    unseen = examples(range(FIRST + PICTURES, FIRST + PICTURES + HELD_OUT))
    net, heat = temper(fit(rows, truths), *unseen)
    stored = {name: np.round(value, 4).tolist() for name, value in net.items()}
    WEIGHTS.write_text(json.dumps(stored) + "\n", encoding="utf-8")
    counts = ", ".join(f"{truths.count(label)} {label}" for label in [*LABELS, NOTHING])
    print(f"{WEIGHTS.name} from {len(rows)} regions of {PICTURES} pictures: {counts}")
    print(f"Temperature {heat:.2f}, from {len(unseen[1])} regions of {HELD_OUT} other pictures")
    return 0


if __name__ == "__main__":
    sys.exit(main())
