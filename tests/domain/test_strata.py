"""What is kept per stratum: exact integers that merge in any order and that undoing brings back bit by bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain.strata import (
    Stratum,
    Sums,
    merged,
    of_decided,
    of_expired,
    of_prediction,
    of_skipped,
    of_turn_come,
    of_unusable,
)
from seeme.domain.sums import MOMENT_SCALE

CONFIDENCES = st.none() | st.floats(0, 1)
EVENTS = st.one_of(
    st.builds(of_prediction, CONFIDENCES, st.booleans()),
    st.builds(
        lambda right, c, in_order: of_decided(right, c, in_order=in_order), st.booleans(), CONFIDENCES, st.booleans()
    ),
    st.sampled_from([of_skipped(), of_unusable(), of_expired(), of_turn_come()]),
)
SUMS = st.lists(EVENTS, max_size=20)


def total(events):
    """Return the sum of events."""
    found = Sums()
    for one in events:
        found = found + one
    return found


@given(SUMS, st.randoms())
def test_the_order_of_events_does_not_matter(events, random):
    """Any permutation gives bit-equal sums."""
    shuffled = list(events)
    random.shuffle(shuffled)
    assert total(shuffled) == total(events)


@given(SUMS, EVENTS)
def test_undoing_an_event_brings_back_what_was(events, undone):
    """Taking an event back leaves the very same integers, whether subtracted or added as a negative."""
    before = total(events)
    assert before + undone - undone == before
    assert -undone + before + undone == before


@given(SUMS, SUMS, SUMS)
def test_merging_is_associative_and_commutative(one, two, three):
    """Days and writers may be put together in any grouping."""
    a, b, c = (Stratum(1, ("random_sample",), 0.05, total(events)) for events in (one, two, three))
    assert (a + b) + c == a + (b + c) == (c + a) + b


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1)), max_size=30))
def test_moments_are_those_of_the_rounded_confidences(items):
    """Sums of c, d = y - c, their squares and product are exact for confidences in steps of 1e-4."""
    found = total(of_decided(right, c) for right, c in items)
    steps = [round(c * MOMENT_SCALE) for _, c in items]
    apart = [right * MOMENT_SCALE - step for (right, _), step in zip(items, steps, strict=True)]
    assert (found.decided, found.dc_n, found.right) == (len(items), len(items), sum(right for right, _ in items))
    assert (found.dc_sum, found.dc_squares) == (sum(steps), sum(c * c for c in steps))
    assert (found.d_sum, found.d_squares) == (sum(apart), sum(d * d for d in apart))
    assert found.cd_sum == sum(c * d for c, d in zip(steps, apart, strict=True))
    assert found.d_sum + found.dc_sum == MOMENT_SCALE * found.right


def test_a_prediction_without_a_confidence_adds_to_the_counts_alone():
    """It is a prediction, maybe taken and decided, and no moment changes."""
    found = of_prediction(None, taken=True) + of_decided(True, None)
    assert found == Sums(n=1, taken=1, decided=1, right=1)


def test_sums_of_ten_billion_events_fit_a_64_bit_integer():
    """The widest lanes, squares in steps of 1e-8, have room for 9e10 events."""
    one = of_prediction(1.0, taken=True) + of_decided(False, 1.0)
    assert max(abs(one.c_squares), abs(one.d_squares), abs(one.cd_sum)) * 90_000_000_000 < 2**63


def test_strata_of_two_rule_sets_are_never_added():
    """Another key, or another pi under the same key, is refused."""
    one = Stratum(1, ("low_confidence",), 0.5)
    for other in (Stratum(2, ("low_confidence",), 0.5), Stratum(1, (), 0.5), Stratum(1, ("low_confidence",), 0.4)):
        with pytest.raises(ValueError, match="two strata"):
            one + other


def test_merging_gives_one_stratum_per_key_in_the_order_of_keys():
    """Two days of two strata are two strata, in whatever order they come."""
    days = [Stratum(rule_set, ("r",), 0.5, Sums(n=n)) for rule_set, n in ((2, 1), (1, 10), (2, 100), (1, 1000))]
    assert merged(days) == merged(days[::-1])
    assert [(one.rule_set, one.sums.n) for one in merged(days)] == [(1, 1010), (2, 101)]


@pytest.mark.parametrize(
    ("pi", "sums"),
    [
        (0.5, Sums(n=5, taken=2, decided=3)),
        (0.5, Sums(n=5, taken=3, decided=1, right=2)),
        (0.5, Sums(n=1, taken=2)),
        (0.0, Sums(n=5, taken=1)),
        (0.5, Sums(n=5, taken=3, decided=1, right=-1)),
    ],
)
def test_counts_that_cannot_be_are_refused(pi, sums):
    """More decided than taken, more right than decided, some taken where none could be: no number is made of these."""
    with pytest.raises(ValueError, match="can't be"):
        merged([Stratum(1, ("r",), pi, sums)])


def test_a_decided_one_stands_for_one_over_pi_and_for_those_that_wait():
    """1/pi times taken/decided; none without a decided one."""
    assert Stratum(1, ("r",), 0.25, Sums(n=50, taken=10, decided=5)).weight == 8
    assert Stratum(1, ("r",), 0.25, Sums(n=50, taken=10)).weight is None


def test_a_stratum_is_marked_when_served_out_of_order_while_others_wait():
    """Once all taken have had their turn, their order no longer matters; what expired never will have."""
    assert Stratum(1, ("r",), 0.5, Sums(n=9, taken=4, decided=3, out_of_order=1)).marked
    assert not Stratum(1, ("r",), 0.5, Sums(n=9, taken=4, decided=4, out_of_order=1)).marked
    assert not Stratum(1, ("r",), 0.5, Sums(n=9, taken=4, decided=3)).marked
    assert not Stratum(1, ("r",), 0.5, Sums(n=9, taken=4, decided=3, unusable=1, out_of_order=1)).marked
    assert Stratum(1, ("r",), 0.5, Sums(n=9, taken=4, decided=3, expired=1, out_of_order=1)).marked
