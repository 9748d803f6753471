"""What several versions answered to the same items, kept in a few bytes an item until it is compared."""

from array import array
from collections import Counter
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import numpy
from numpy.typing import NDArray

from seeme.domain.average_precision import Ranking
from seeme.domain.boxes import matched
from seeme.records.predictions import Detection, LabelledBox
from seeme.records.types import Scalar

MOST_SEGMENTS = 200
Truth = TypeVar("Truth")
Answer = TypeVar("Answer")


class TooManySegments(ValueError):
    """An attribute has so many values that it doesn't group anything."""


class Tally(Generic[Truth, Answer]):
    """The items that every version has answered, in the order they come."""

    def __init__(self, versions: int) -> None:
        self.versions = versions
        self.items = 0
        self._segments = array("H")
        self._values: dict[tuple[type, Scalar], int] = {}

    def add(self, truth: Truth, answers: Sequence[Answer], segment: Scalar = None) -> None:
        """Add an item with each version's answer; raises TooManySegments."""
        key = (type(segment), segment)  # True and 1 are equal, but not the same value
        place = self._values.setdefault(key, len(self._values))
        if place >= MOST_SEGMENTS:
            raise TooManySegments
        self._segments.append(place)
        self.items += 1
        self._judge(truth, answers)

    def _judge(self, truth: Truth, answers: Sequence[Answer]) -> None:
        raise NotImplementedError

    def segments(self) -> list[tuple[Scalar, NDArray[numpy.bool_]]]:
        """Return each value of the attribute with which items have it, the most frequent first."""
        places = numpy.asarray(self._segments)
        found = [(value, places == place) for (_, value), place in self._values.items()]
        return sorted(found, key=lambda one: (-int(one[1].sum()), str(one[0])))


class Labels(Tally[str, str]):
    """Labels: right is what is equal."""

    def __init__(self, versions: int) -> None:
        super().__init__(versions)
        self._places: dict[str, int] = {}
        self._truths = array("i")
        self._said = [array("i") for _ in range(versions)]

    def _judge(self, truth: str, answers: Sequence[str]) -> None:
        self._truths.append(self._place(truth))
        for said, answer in zip(self._said, answers, strict=True):
            said.append(self._place(answer))

    def _place(self, label: str) -> int:
        return self._places.setdefault(label, len(self._places))

    @property
    def labels(self) -> list[str]:
        """The labels that were true or said, in the order of their numbers."""
        return list(self._places)

    def truths(self) -> NDArray[numpy.int32]:
        """Return the number of each item's true label."""
        return numpy.asarray(self._truths, dtype=numpy.int32)

    def said(self) -> NDArray[numpy.int32]:
        """Return the number of the label that each version (rows) said of each item (columns)."""
        return numpy.asarray(self._said, dtype=numpy.int32).reshape(self.versions, self.items)

    def right(self) -> NDArray[numpy.bool_]:
        """Return whether each version (rows) has each item (columns) right."""
        return numpy.equal(self.said(), self.truths())


class Values(Tally[float, float]):
    """Numbers: how far each was from the true one."""

    def __init__(self, versions: int) -> None:
        super().__init__(versions)
        self._errors = [array("d") for _ in range(versions)]

    def _judge(self, truth: float, answers: Sequence[float]) -> None:
        for errors, answer in zip(self._errors, answers, strict=True):
            errors.append(abs(answer - truth))

    def errors(self) -> NDArray[numpy.float64]:
        """Return the absolute error of each version (rows) on each item (columns)."""
        return numpy.asarray(self._errors, dtype=float).reshape(self.versions, self.items)


class Boxes(Tally[Sequence[LabelledBox], Sequence[Detection]]):
    """Boxes, matched at an overlap of .5: an image is right when each true box is found and no other."""

    def __init__(self, versions: int) -> None:
        super().__init__(versions)
        self._right = [array("b") for _ in range(versions)]
        self._f1 = [array("d") for _ in range(versions)]
        self.actual: Counter[str] = Counter()
        self.predicted: list[Counter[str]] = [Counter() for _ in range(versions)]
        self.found: list[Counter[str]] = [Counter() for _ in range(versions)]
        self.rankings = [Ranking() for _ in range(versions)]

    def _judge(self, truth: Sequence[LabelledBox], answers: Sequence[Sequence[Detection]]) -> None:
        true = [(one.label, one.box) for one in truth]
        self.actual.update(one.label for one in truth)
        for at, answer in enumerate(answers):
            pairs = matched(true, [(one.label, one.box) for one in answer])
            self.predicted[at].update(one.label for one in answer)
            self.found[at].update(true[place][0] for place, _, _ in pairs)
            self._right[at].append(len(pairs) == len(true) == len(answer))
            self._f1[at].append(2 * len(pairs) / (len(true) + len(answer)) if true or answer else 1.0)
            self.rankings[at].add(truth, answer)

    def right(self) -> NDArray[numpy.bool_]:
        """Return whether each version (rows) has each image (columns) right."""
        return numpy.asarray(self._right, dtype=bool).reshape(self.versions, self.items)

    def f1(self) -> NDArray[numpy.float64]:
        """Return the F1 of each version (rows) on each image (columns); 1 where nothing is and nothing was found."""
        return numpy.asarray(self._f1, dtype=float).reshape(self.versions, self.items)


def tally_of(task: str, versions: int) -> Tally[Any, Any]:
    """Return an empty tally for a task."""
    kinds: dict[str, type[Tally[Any, Any]]] = {"classification": Labels, "detection": Boxes, "regression": Values}
    return kinds[task](versions)
