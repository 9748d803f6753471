"""`python -m detection.evaluate`: how good the detector is, on pictures that it wasn't made with."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from .detector import LABELS, Answer, detect
from .matching import match, outcome, overlap
from .scene import KINDS, Scene, make

FIRST = 2_000_000
PICTURES = 300
# A box with this much of a union in common with a part was meant for it.
NEAR = 0.1


class Figures(NamedTuple):
    """Counts of boxes and parts, and what follows from them."""

    parts: int
    boxes: int
    right: int

    @property
    def precision(self) -> float:
        """The share of boxes that are right."""
        return self.right / self.boxes if self.boxes else float("nan")

    @property
    def recall(self) -> float:
        """The share of parts that were found."""
        return self.right / self.parts if self.parts else float("nan")


class Evaluation(NamedTuple):
    """The figures of all pictures, by label and by kind of picture; and what the wrong boxes are."""

    all: Figures
    by_label: dict[str, Figures]
    by_kind: dict[str, Figures]
    wrong: dict[str, int]
    median_ms: float


def evaluate(numbers: Iterable[int]) -> Evaluation:
    """Run the detector on these pictures and compare with the truth."""
    counts: Counter[tuple[str, str]] = Counter()
    latencies = []
    for number in numbers:
        scene = make(number)
        answer = detect(scene.pixels)
        counts.update(_count(scene, answer))
        latencies.append(answer.latency_ms)
    wrong = {what: counts["wrong", what] for what in ("wrong label", "wrong box", "no part there", "twice")}
    by_kind = {kind: _figures(counts, kind) for kind in KINDS}
    return Evaluation(
        _figures(counts, "all"), {label: _figures(counts, label) for label in LABELS}, by_kind, wrong,
        float(np.median(latencies)),
    )  # fmt: skip


def _figures(counts: Counter[tuple[str, str]], of: str) -> Figures:
    return Figures(counts["parts", of], counts["boxes", of], counts["right", of])


def _count(scene: Scene, answer: Answer) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()
    matched = outcome(answer.detections, scene.parts)
    for part in scene.parts:
        counts.update(("parts", of) for of in ("all", scene.kind, part.label))
    for found, index in zip(answer.detections, matched, strict=True):
        counts.update(("boxes", of) for of in ("all", scene.kind, found.label))
        if index is not None:
            counts.update(("right", of) for of in ("all", scene.kind, found.label))
        else:
            counts["wrong", _mistake(found.box, found.label, scene)] += 1
    return counts


def _mistake(box: tuple[int, int, int, int], label: str, scene: Scene) -> str:
    """Say what is wrong with a box that found no part of its label."""
    (fits,) = match([box], scene.parts)
    if fits is not None:
        return "twice" if scene.parts[fits].label == label else "wrong label"
    near = any(overlap(box, part.box) >= NEAR for part in scene.parts)
    return "wrong box" if near else "no part there"


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(prog="python -m detection.evaluate", description=__doc__)
    parser.add_argument("--pictures", type=int, default=PICTURES, help="how many (%(default)s)")
    options = parser.parse_args()
    found = evaluate(range(FIRST, FIRST + options.pictures))
    print("| | parts | boxes | precision | recall |\n|---|---|---|---|---|")
    for name, figures in {"all": found.all, **found.by_label, **found.by_kind}.items():
        print(f"| {name} | {figures.parts} | {figures.boxes} | {figures.precision:.2f} | {figures.recall:.2f} |")
    print("\nWrong boxes: " + ", ".join(f"{count} {what}" for what, count in found.wrong.items()))
    print(f"Median time of a picture: {found.median_ms:.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
