"""How well two reviewers agree."""

import pytest

from seeme.domain.agreement import cohen_kappa, mean_iou
from seeme.records.predictions import LabelledBox


def test_kappa_is_that_of_the_published_example():
    """Cohen (1960), table 1: three judgements of 200 persons, kappa .492 by its own arithmetic."""
    shares = {("a", "a"): 88, ("a", "b"): 10, ("a", "c"): 2, ("b", "a"): 14, ("b", "b"): 40, ("b", "c"): 6}
    shares |= {("c", "a"): 18, ("c", "b"): 10, ("c", "c"): 12}
    pairs = [pair for pair, n in shares.items() for _ in range(n)]
    assert cohen_kappa(pairs) == pytest.approx(0.492, abs=5e-4)


@pytest.mark.parametrize("pairs", [[], [("a", "a")] * 5])
def test_kappa_is_unknown_where_chance_explains_all(pairs):
    """Nobody reviewed, or both always gave the same one answer."""
    assert cohen_kappa(pairs) is None


def test_perfect_agreement_is_one_and_none_is_below_zero():
    """The ends of the scale."""
    assert cohen_kappa([("a", "a"), ("b", "b")]) == 1
    assert cohen_kappa([("a", "b"), ("b", "a")]) == -1


def test_a_box_of_one_person_alone_counts_nothing():
    """One box that both have alike, and one that only the first has."""
    both = LabelledBox(label="cat", box=(0, 0, 10, 10))
    assert mean_iou([both, LabelledBox(label="cat", box=(50, 50, 10, 10))], [both]) == 0.5
    assert mean_iou([], []) is None
