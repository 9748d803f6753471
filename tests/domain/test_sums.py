"""The packed sums are exact: against numpy, with huge numbers of both signs, in any order."""

from array import array
from itertools import pairwise
from random import Random
from zlib import decompress

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeme.clock import DAY, HOUR, MINUTE
from seeme.domain import sums

values = st.floats(-1e12, 1e12)


def vector(*lanes):
    """Return the packed and totalled vector of lists of lanes."""
    one = sums.empty()
    for each in lanes:
        amounts: dict[int, int] = {}
        for lane, amount in each:
            amounts[lane] = amounts.get(lane, 0) + amount
        sums.apply(one, amounts)
    return sums.total([sums.pack(one)])


def prediction(**fields):
    """Return the lanes of a prediction that has only these fields."""
    plain = {"failed": False, "confidence": None, "latency_ms": None, "detections": None, "label_position": None}
    return sums.of_prediction(**{**plain, **fields})


def test_the_fixed_lanes_do_not_overlap():
    """Every group of lanes ends before the next begins; a lane that moves would give old rows another meaning."""
    groups = [
        (sums.LATENCY_SUM, 2),
        (sums.DETECTED_N, 1),
        (sums.PAIRS, 1),
        (sums.ABSOLUTE, 2),
        (sums.SIGNED, 2),
        (sums.SQUARES, 4),
        (sums.CONFIDENCES, 50),
        (sums.COUNTS, 33),
        (sums.LATENCIES, 400),
        (sums.OTHER_LABEL, 1),
        (sums.FIRST_LABEL, 1),
    ]
    assert all(start + width <= after for (start, width), (after, _) in pairwise(groups))
    assert (sums.LAYOUT, sums.FIRST_LABEL) == (1, 524)


def test_moments_agree_with_numpy():
    """Counts, sums and squares of confidence and of ln latency are those of the rounded values."""
    random = numpy.random.default_rng(7)
    confidences, latencies = random.uniform(0, 1, 500), random.lognormal(4, 2, 500)
    pairs = zip(confidences.tolist(), latencies.tolist(), strict=True)
    total = vector(*(prediction(confidence=one, latency_ms=other) for one, other in pairs))
    steps = numpy.rint(confidences * 10_000).astype(int)
    logs = numpy.rint(numpy.log(latencies) * 10_000).astype(int)
    assert total[sums.CONFIDENCE_N : sums.CONFIDENCE_SQUARES + 1].tolist() == [500, steps.sum(), (steps**2).sum()]
    assert total[sums.LATENCY_N : sums.LATENCY_LOG_SQUARES + 1].tolist() == [500, logs.sum(), (logs**2).sum()]
    assert sums.wide(total, sums.LATENCY_SUM, 2) == numpy.rint(latencies * 1000).astype(int).sum()
    assert total[sums.CONFIDENCES : sums.COUNTS].sum() == total[sums.LATENCIES : sums.OTHER_LABEL].sum() == 500
    expected, _ = numpy.histogram(confidences, bins=50, range=(0, 1))
    assert total[sums.CONFIDENCES : sums.COUNTS].tolist() == expected.tolist()


@given(st.lists(st.tuples(values, values), max_size=30))
def test_regression_sums_are_exact_with_huge_numbers_of_both_signs(pairs):
    """Absolute, signed and squared errors are exact integers, wider than 64 bits where need be."""
    total = vector(*(sums.of_truth(None, predicted, None, true) for predicted, true in pairs))
    errors = [round((predicted - true) * sums.VALUE_SCALE) for predicted, true in pairs]
    assert total[sums.PAIRS] == len(pairs)
    assert sums.wide(total, sums.ABSOLUTE, 2) == sum(map(abs, errors))
    assert sums.wide(total, sums.SIGNED, 2) == sum(errors)
    assert sums.wide(total, sums.SQUARES, 4) == sum(error * error for error in errors)


def test_wide_lanes_hold_many_of_the_largest_errors():
    """A million errors of 2e12 each way don't overflow any lane."""
    for true, sign in ((-1e12, 1), (1e12, -1)):
        lanes = sums.of_truth(None, -true, None, true)
        one = sums.empty()
        sums.apply(one, {lane: amount * 1_000_000 for lane, amount in lanes})
        total = sums.total([sums.pack(one)])
        assert sums.wide(total, sums.SIGNED, 2) == sign * 2 * 10**18 * 10**6
        assert sums.wide(total, sums.SQUARES, 4) == 4 * 10**36 * 10**6


@given(st.lists(st.tuples(values, values), min_size=1, max_size=20), st.randoms())
def test_what_is_taken_away_leaves_nothing(pairs, random):
    """Adding events and subtracting them in another order gives zeros in every lane."""
    delta = sums.Delta()
    for predicted, true in pairs:
        delta.add("m", "", "", 0, sums.of_truth(None, predicted, None, true))
    random.shuffle(pairs)
    for predicted, true in pairs:
        delta.add("m", "", "", 0, sums.of_truth(None, predicted, None, true), -1)
    assert not any(delta.buckets["m", "", "", 0].values())


def test_a_vector_grows_at_its_end_for_new_labels():
    """A label's lane is made when it is first counted; all lanes before it stay where they are."""
    one = sums.empty()
    sums.apply(one, dict(prediction(label_position=0)))
    assert len(one) == sums.FIRST_LABEL + 1
    sums.apply(one, dict(prediction(label_position=9)))
    assert len(one) == sums.FIRST_LABEL + 10
    assert (one[sums.PREDICTIONS], one[sums.FIRST_LABEL], one[sums.FIRST_LABEL + 9]) == (2, 1, 1)


def test_labels_beyond_the_first_thousand_share_a_lane():
    """There is no end to labels, but there is one to a vector."""
    assert sums.label_lane(999) == sums.FIRST_LABEL + 999
    assert sums.label_lane(1000) == sums.label_lane(10**6) == sums.OTHER_LABEL


@given(st.lists(st.integers(-(2**63), 2**63 - 1), max_size=40))
def test_what_is_packed_can_be_unpacked(numbers):
    """A vector comes back bit for bit."""
    one = array("q", numbers)
    assert sums.unpack(sums.pack(one)) == one


def test_a_stored_vector_is_small_and_little_endian():
    """The stored form is the same on every machine, and mostly-zero vectors deflate to a few dozen bytes."""
    one = sums.empty()
    one[0] = 258
    assert decompress(sums.pack(one))[:8] == b"\x02\x01\0\0\0\0\0\0"
    assert len(sums.pack(one)) < 100


def test_vectors_of_different_lengths_add_up():
    """A row from before a label was known counts as one with zeros for it."""
    short, long = sums.empty(), sums.empty()
    sums.apply(short, {sums.PREDICTIONS: 1})
    sums.apply(long, {sums.PREDICTIONS: 2, sums.FIRST_LABEL + 5: 7})
    total = sums.total([sums.pack(short), sums.pack(long), sums.pack(short)])
    assert (total[sums.PREDICTIONS], total[sums.FIRST_LABEL + 5], len(total)) == (4, 7, sums.FIRST_LABEL + 6)


def test_no_vectors_add_up_to_zeros():
    """An empty period has every fixed lane, all zero."""
    assert sums.total([]).tolist() == [0] * sums.FIRST_LABEL


def test_a_delta_reaches_every_grain():
    """An event counts in its 5 minutes, its hour and its day; 5 minutes only while they are kept."""
    delta = sums.Delta()
    at = 3 * DAY + 7 * HOUR + 13 * MINUTE + 5
    delta.add("m", "v", "", at, prediction())
    delta.add("m", "v", "", at + 2 * MINUTE, prediction())
    rows = delta.rows(0)
    assert {key[3:]: lanes[sums.PREDICTIONS] for key, lanes in rows.items()} == {
        (sums.FINE, 3 * DAY + 7 * HOUR + 10 * MINUTE): 1,
        (sums.FINE, 3 * DAY + 7 * HOUR + 15 * MINUTE): 1,
        (sums.HOURLY, 3 * DAY + 7 * HOUR): 2,
        (sums.DAILY, 3 * DAY): 2,
    }
    assert {key[3] for key in delta.rows(at + DAY)} == {sums.HOURLY, sums.DAILY}


def test_a_delta_is_free_of_order():
    """The same events shuffled give the same rows."""
    random = Random(3)
    events = [(f"m{random.randrange(2)}", random.randrange(2 * DAY), random.random()) for _ in range(200)]
    pictures = []
    for _ in range(3):
        random.shuffle(events)
        delta = sums.Delta()
        for model, at, confidence in events:
            delta.add(model, "", "", at, prediction(confidence=confidence))
        pictures.append(delta.rows(0))
    assert pictures[0] == pictures[1] == pictures[2]


@pytest.mark.parametrize("kind", sums.FEEDBACK_LANE)
def test_each_kind_of_feedback_has_its_lane(kind):
    """Feedback other than thumbs is counted by kind."""
    assert sums.of_feedback(kind, None) == [(sums.FEEDBACK_LANE[kind], 1)]


def test_a_vote_taken_back_counts_as_none():
    """Up and down have a lane each, 0 has none."""
    assert sums.of_feedback("rating", 1) == [(sums.THUMBS_UP, 1)]
    assert sums.of_feedback("rating", -1) == [(sums.THUMBS_DOWN, 1)]
    assert sums.of_feedback("rating", 0) == []


@pytest.mark.parametrize(
    "pair",
    [(None, None, "cat", None), ("cat", None, None, 1.0), (None, 1.0, "cat", None), (None, None, None, None)],
)
def test_what_cannot_be_compared_counts_nothing(pair):
    """A truth of another kind than the prediction, or of one that failed, adds nothing."""
    assert sums.of_truth(*pair) == []


def test_a_latency_of_nothing_is_counted():
    """0 ms has no logarithm; it counts as a thousandth."""
    total = vector(prediction(latency_ms=0.0))
    assert (total[sums.LATENCY_N], total[sums.LATENCIES]) == (1, 1)
    assert sums.wide(total, sums.LATENCY_SUM, 2) == 0
