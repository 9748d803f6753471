"""Precision, recall and F1 against scikit-learn with sample weights, and at their edges."""

from collections import Counter
from itertools import product

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from seeme.domain.classes import MARKED, UNDRAWN, Cell, class_table
from seeme.domain.intervals import normal_quantile, wilson
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, Sums

Z = normal_quantile(0.95)
LABELS = ["cat", "dog", "owl"]
SOME, ALL = (1, ("low_confidence", "random_sample")), (1, ("random_sample",))
PI = {SOME: 0.525, ALL: 0.05}


def strata_of(counts, **more):
    """Return strata in which all taken ones are decided."""
    found = []
    for key, pi in PI.items():
        n = sum(count for (stratum, _, _), count in counts.items() if stratum == key)
        right = sum(count for (stratum, p, a), count in counts.items() if stratum == key and p == a)
        found.append(Stratum(*key, pi, Sums(n=round(n / pi), taken=n, decided=n, right=right, **more)))
    return found


def table_of(counts):
    """Return the table of counts by (stratum, predicted, actual)."""
    return class_table([Cell(*place, count) for place, count in counts.items()], strata_of(counts))


def drawn(seed, count=600):
    """Draw decided items of both strata; the model takes some dogs for cats."""
    draws = numpy.random.default_rng(seed)
    items = []
    for _ in range(count):
        actual = LABELS[draws.choice(3, p=[0.5, 0.4, 0.1])]
        confused = "cat" if actual == "dog" else "dog"
        key = SOME if draws.random() < 0.6 else ALL
        right = draws.random() < (0.6 if key == SOME else 0.9)
        items.append((key, actual if right else confused, actual))
    return items


def test_precision_recall_and_f1_are_scikit_learns_with_weights():
    """precision_recall_fscore_support(..., sample_weight=1/pi)."""
    items = drawn(1)
    found = table_of(Counter(items))
    weights = [1 / PI[key] for key, _, _ in items]
    predicted, actual = [p for _, p, _ in items], [a for _, _, a in items]
    expected = precision_recall_fscore_support(actual, predicted, labels=LABELS, sample_weight=weights, zero_division=0)
    assert [row.label for row in found.classes] == LABELS
    assert [row.precision for row in found.classes] == pytest.approx(expected[0])
    assert [row.recall for row in found.classes] == pytest.approx(expected[1])
    assert [row.f1 for row in found.classes] == pytest.approx(expected[2])
    assert [(row.predicted, row.actual) for row in found.classes] == [
        (predicted.count(label), actual.count(label)) for label in LABELS
    ]


def test_confused_pairs_are_scikit_learns_with_weights_the_most_frequent_first():
    """confusion_matrix(..., sample_weight=1/pi) without its diagonal."""
    items = drawn(2)
    found = table_of(Counter(items))
    weights = [1 / PI[key] for key, _, _ in items]
    matrix = confusion_matrix([a for *_, a in items], [p for _, p, _ in items], labels=LABELS, sample_weight=weights)
    pairs = [(p, a, matrix[j, i]) for (i, p), (j, a) in product(enumerate(LABELS), repeat=2) if i != j]
    expected = sorted((pair for pair in pairs if pair[2]), key=lambda pair: -pair[2])
    assert [(pair.predicted, pair.actual) for pair in found.confusions] == [pair[:2] for pair in expected]
    assert [pair.weighted for pair in found.confusions] == pytest.approx([pair[2] for pair in expected])
    assert sum(pair.count for pair in found.confusions) == sum(p != a for _, p, a in items)


def test_items_that_wait_are_stood_for():
    """With half of a stratum's taken ones decided, each stands for twice as many."""
    counts = {(SOME, "cat", "dog"): 3, (SOME, "cat", "cat"): 5}
    strata = [Stratum(*SOME, 0.5, Sums(n=32, taken=16, decided=8, right=5))]
    (pair,) = class_table([Cell(*place, count) for place, count in counts.items()], strata).confusions
    assert (pair.count, pair.weighted) == (3, pytest.approx(12))


def test_where_all_were_reviewed_the_numbers_are_exact():
    """Weight 1: precision 2/3, recall 1/2, F1 4/7, without any interval to speak of."""
    counts = {("cat", "cat"): 2, ("cat", "dog"): 1, ("dog", "cat"): 2, ("dog", "dog"): 5}
    strata = [Stratum(1, ("r",), 1.0, Sums(n=10, taken=10, decided=10, right=7))]
    cat, dog = class_table([Cell((1, ("r",)), p, a, n) for (p, a), n in counts.items()], strata).classes
    assert (cat.precision_low, cat.precision, cat.precision_high) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert (cat.recall, cat.f1) == pytest.approx((1 / 2, 4 / 7))
    assert (dog.precision, dog.recall) == pytest.approx((5 / 7, 5 / 6))


def test_precision_of_a_small_sample_has_nearly_wilsons_interval():
    """At 1 % hardly anything of the population is seen, so the finite population's factor is .99."""
    strata = [Stratum(1, ("r",), 0.01, Sums(n=4000, taken=40, decided=40, right=30))]
    cells = [Cell((1, ("r",)), "cat", "cat", 30), Cell((1, ("r",)), "cat", "dog", 10)]
    cat = class_table(cells, strata).classes[0]
    assert (cat.precision_low, cat.precision_high) == pytest.approx(wilson(0.75, 40, Z), abs=2e-3)
    assert cat.f1 == pytest.approx(2 * 30 / 70)
    assert cat.f1_low < cat.f1 < cat.f1_high


def test_intervals_of_classes_cover_their_truth():
    """Over 400 draws of reviewed ones, precision, recall and F1 of the whole lie in their 95 % intervals: 91-99 %."""
    draws = numpy.random.default_rng(7)
    n = 6000
    actual = draws.choice(3, n, p=[0.6, 0.35, 0.05])
    low = draws.random(n) < 0.25
    wrong = draws.random(n) < numpy.where(low, 0.4, 0.06)
    predicted = numpy.where(wrong, (actual + 1) % 3, actual)
    code = 9 * low + 3 * predicted + actual
    pi = numpy.where(low, PI[SOME], PI[ALL])
    truth = precision_recall_fscore_support(actual, predicted)[:3]
    covered = []
    for _ in range(400):
        counts = numpy.bincount(code[draws.random(n) < pi], minlength=18).reshape(2, 3, 3)
        places = {
            (key, LABELS[p], LABELS[a]): int(counts[which, p, a])
            for which, key in ((1, SOME), (0, ALL))
            for p, a in product(range(3), repeat=2)
        }
        rows = table_of(places).classes
        covered.append(
            [
                [row.precision_low <= truth[0][i] <= row.precision_high for i, row in enumerate(rows)],
                [row.recall_low <= truth[1][i] <= row.recall_high for i, row in enumerate(rows)],
                [row.f1_low <= truth[2][i] <= row.f1_high for i, row in enumerate(rows)],
            ]
        )
    shares = numpy.mean(covered, axis=0)
    assert shares.min() >= 0.91, shares
    assert shares.max() <= 0.99, shares


def test_a_label_that_was_hardly_reviewed_has_no_number_and_says_why():
    """One item is too few for a share; what is known stays known."""
    counts = {(ALL, "cat", "cat"): 10, (ALL, "cat", "dog"): 2, (ALL, "owl", "cat"): 1}
    cat, dog, owl = table_of(counts).classes
    assert not cat.reasons
    assert (dog.precision, dog.recall, dog.f1) == (None, 0.0, 0.0)
    assert dog.reasons["precision"] == "0 of the reviewed predictions were predicted to be dog; it takes 2"
    assert set(owl.reasons) == {
        f"{name}{end}" for name in ("precision", "recall", "f1") for end in ("", "_low", "_high")
    }


def test_nothing_decided_is_an_empty_table():
    """No classes, no pairs, no error."""
    found = class_table([], [Stratum(*ALL, 0.05, Sums(n=100, taken=5))])
    assert (found.classes, found.confusions, found.decided) == ([], [], 0)
    assert found.notes == [
        "100 % of the predictions aren't covered: no rule can take them, or none of their kind is decided yet."
    ]


def test_what_is_broken_or_left_out_is_said():
    """Served out of order, and decided items without an actual label."""
    strata = [Stratum(*ALL, 0.05, Sums(n=400, taken=20, decided=12, right=9, out_of_order=2))]
    found = class_table([Cell(ALL, "cat", "cat", 9)], strata)
    assert found.marked
    assert found.notes == [
        MARKED,
        "3 reviewed predictions have no actual label and are left out of this table.",
        UNDRAWN,
    ]


def test_cells_that_cannot_be_are_refused():
    """Of an unknown stratum, or more than were decided."""
    strata = [Stratum(*ALL, 0.05, Sums(n=400, taken=20, decided=12, right=9))]
    with pytest.raises(KeyError):
        class_table([Cell(SOME, "cat", "cat", 1)], strata)
    with pytest.raises(ValueError, match="12 decided, and labels of 13"):
        class_table([Cell(ALL, "cat", "cat", 13)], strata)


COUNTS = st.dictionaries(
    st.tuples(st.sampled_from([SOME, ALL]), st.sampled_from(LABELS), st.sampled_from(LABELS)), st.integers(0, 20)
)


@given(COUNTS, st.randoms())
def test_of_whatever_counts_the_numbers_are_shares_and_nulls_have_reasons(counts, random):
    """In any order of cells, split or not; a field is null exactly where `reasons` says why."""
    found = table_of(counts)
    cells = [Cell(*place, 1) for place, count in counts.items() for _ in range(count)]
    random.shuffle(cells)
    assert class_table(cells, strata_of(counts)[::-1]) == found
    for row in found.classes:
        assert {name for name in row.__struct_fields__ if getattr(row, name) is None} == set(row.reasons)
        for name in ("precision", "recall", "f1"):
            low, value, high = (getattr(row, name + end) for end in ("_low", "", "_high"))
            assert value is None or 0 <= low <= value + 1e-12 <= high + 2e-12 <= 1 + 3e-12


def test_a_label_that_chance_hardly_draws_keeps_an_honest_interval():
    """One rule takes all of its kind, the random sample 1 % of the others: ten labels down to 1 % of the predictions.

    Over 300 draws each interval covers in 88 % or more, 95 % on average; taking what was drawn for all there is, those
    of the rarest label covered in 26 to 16 %.
    """
    draws = numpy.random.default_rng(7)
    n, labels = 2000, [f"label {i}" for i in range(10)]
    actual = draws.choice(10, n, p=[0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.04, 0.03, 0.02, 0.01])
    low = draws.random(n) < 0.2
    wrong = draws.random(n) < numpy.where(low, 0.4, 0.04)
    predicted = numpy.where(wrong, (actual + 1 + draws.integers(0, 9, n)) % 10, actual)
    truth = precision_recall_fscore_support(actual, predicted)
    code = 100 * low + 10 * predicted + actual
    sizes = numpy.bincount(low).tolist()
    keys = {0: (ALL, 0.01), 1: (SOME, 1.0)}
    covered = {(name, label): [] for name in ("precision", "recall", "f1") for label in range(10)}
    for _ in range(300):
        counts = numpy.bincount(code[low | (draws.random(n) < 0.01)], minlength=200).reshape(2, 10, 10)
        strata, cells = [], []
        for which, (key, pi) in keys.items():
            seen = int(counts[which].sum())
            right = int(numpy.trace(counts[which]))
            strata.append(Stratum(*key, pi, Sums(n=sizes[which], taken=seen, decided=seen, right=right)))
            cells += [
                Cell(key, labels[p], labels[a], int(counts[which, p, a])) for p, a in product(range(10), repeat=2)
            ]
        for row in class_table(cells, strata).classes:
            label = labels.index(row.label)
            for place, name in enumerate(("precision", "recall", "f1")):
                if (value := getattr(row, name)) is not None:
                    bounds = getattr(row, f"{name}_low"), getattr(row, f"{name}_high")
                    covered[name, label].append(bounds[0] <= truth[place][label] <= bounds[1])
                    assert bounds[0] <= value <= bounds[1] + 1e-12
    shares = [numpy.mean(found) for found in covered.values()]
    assert min(shares) >= 0.88, shares
    assert numpy.mean(shares) == pytest.approx(0.945, abs=0.02)


def test_copies_of_an_input_count_once_for_their_label():
    """Five inputs that each came four times have the interval of five, and other labels keep theirs."""
    strata = [Stratum(*ALL, 0.01, Sums(n=4000, taken=40, decided=40, right=32))]
    cells = [Cell(ALL, "cat", "cat", 16), Cell(ALL, "cat", "dog", 4), Cell(ALL, "dog", "dog", 16)]
    cells.append(Cell(ALL, "dog", "cat", 4))
    copies = [Repeat(ALL, n // 4, "cat", "dog" if n < 4 else "cat") for n in range(20)]
    cat, dog = class_table(cells, strata, repeats=copies).classes
    assert (cat.precision_low, cat.precision_high) == pytest.approx(wilson(0.8, 5, Z), abs=5e-3)
    assert (dog.precision_low, dog.precision_high) == pytest.approx(wilson(0.8, 20, Z), abs=5e-3)
