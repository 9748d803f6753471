"""Estimated accuracy against raw items, against every possible sample, and at its edges."""

from itertools import combinations, product
from math import prod, sqrt

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seeme.domain import estimation, wording
from seeme.domain.estimation import estimate
from seeme.domain.intervals import normal_quantile, wilson
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, Sums, of_decided, of_prediction

Z = normal_quantile(0.95)
LOW, RANDOM = ("low_confidence", "random_sample"), ("random_sample",)
UNKNOWN = {"value", "low", "high", "method", "effective_n", "covered_share"}


def stratum(matched, pi, n, taken, decided, right, **more):
    """Return a stratum without confidences."""
    return Stratum(1, matched, pi, Sums(n=n, taken=taken, decided=decided, right=right, **more))


def reviewed(draws, n=4000, kept=lambda c: True):
    """Return raw columns of predictions, low confidence at 50 % and all at 5 %, and their strata as events add up."""
    c = numpy.round(draws.beta(4, 1, n), 4)
    y = draws.random(n) < 0.1 + 0.9 * c
    low = c < 0.65
    pi = numpy.where(low, 1 - 0.5 * 0.95, 0.05)
    taken = draws.random(n) < pi
    strata = {True: Stratum(1, LOW, 1 - 0.5 * 0.95), False: Stratum(1, RANDOM, 0.05)}
    for i in range(n):
        confidence = float(c[i]) if kept(i) else None
        one = strata[bool(low[i])].plus(of_prediction(confidence, bool(taken[i])))
        strata[bool(low[i])] = one.plus(of_decided(bool(y[i]), confidence)) if taken[i] else one
    return (y.astype(float), c, pi, taken), list(strata.values())


def test_without_all_confidences_it_is_hajeks_estimate_of_the_raw_items():
    """sum(w y) / sum(w) with w = 1/pi, as numpy.average gives it; one missing confidence is enough."""
    (y, _, pi, taken), strata = reviewed(numpy.random.default_rng(3), kept=lambda i: i != 7)
    found = estimate(strata)
    assert found.method == "hajek"
    assert found.value == pytest.approx(numpy.average(y[taken], weights=1 / pi[taken]), rel=1e-12)
    assert found.effective_n == pytest.approx((1 / pi[taken]).sum() ** 2 / (1 / pi[taken] ** 2).sum(), rel=1e-12)
    assert found.naive_accuracy == pytest.approx(y[taken].mean())
    assert (found.predictions, found.taken, found.decided) == (4000, taken.sum(), taken.sum())


def test_with_all_confidences_it_is_the_difference_estimate_of_the_raw_items():
    """mean(c) over all plus sum(w (y - c)) / sum(w) over the decided ones."""
    (y, c, pi, taken), strata = reviewed(numpy.random.default_rng(4))
    found = estimate(strata)
    assert found.method == "difference"
    correction = numpy.average((y - c)[taken], weights=1 / pi[taken])
    assert found.value == pytest.approx(c.mean() + correction, abs=1e-12)


def test_hajeks_variance_is_that_of_the_raw_items():
    """sum w^2 (1 - pi) (y - mu)^2 / (sum w)^2 when all taken ones are decided."""
    (y, c, pi, taken), strata = reviewed(numpy.random.default_rng(5))
    w, y, c, pi = 1 / pi[taken], y[taken], c[taken], pi[taken]
    mu, off = numpy.average(y, weights=w), numpy.average(y - c, weights=w)
    found = estimation.variances(strata, mu, for_comparison=False, effects=estimation.effects_of(strata, []))
    assert found.hajek == pytest.approx((w**2 * (1 - pi) * (y - mu) ** 2).sum() / w.sum() ** 2, rel=1e-9)
    assert found.difference == pytest.approx((w**2 * (1 - pi) * (y - c - off) ** 2).sum() / w.sum() ** 2, rel=1e-9)
    compared = estimation.variances(strata, mu, for_comparison=True, effects=estimation.effects_of(strata, []))
    assert compared.hajek == pytest.approx((w**2 * (y - mu) ** 2).sum() / w.sum() ** 2, rel=1e-9)


def test_the_differences_variance_for_a_comparison_is_that_of_its_residuals():
    """sum psi^2 / N^2, psi = (c - mean c) + R w (d - mean d), is the same up to the chance of one sample."""
    ratios = []
    for seed in range(20):
        (y, c, pi, taken), strata = reviewed(numpy.random.default_rng(100 + seed))
        w, d = taken / pi, y - c
        psi = c - c.mean() + w * (d - numpy.average(d, weights=w))
        mu, effects = numpy.average(y, weights=w), estimation.effects_of(strata, [])
        mine = estimation.variances(strata, mu, for_comparison=True, effects=effects).difference
        ratios.append(mine / ((psi**2).sum() / len(y) ** 2))
    assert numpy.mean(ratios) == pytest.approx(1, abs=0.02)


def test_in_a_large_sample_the_interval_is_two_standard_errors():
    """Its width is that of value +- z sqrt(variance), within 3 %."""
    (y, _, pi, taken), strata = reviewed(numpy.random.default_rng(6), n=20_000, kept=lambda i: i)
    w, y, pi = 1 / pi[taken], y[taken], pi[taken]
    found = estimate(strata)
    variance = (w**2 * (1 - pi) * (y - found.value) ** 2).sum() / w.sum() ** 2
    assert found.high - found.low == pytest.approx(2 * Z * sqrt(variance), rel=0.03)


@pytest.mark.parametrize("complete", [True, False])
def test_weighted_counts_are_unbiased_over_every_possible_sample(complete):
    """The average of sum(weight * right) over all samples, by their probabilities, is the number of right ones.

    Ten predictions in two strata; each subset may be taken, and each half (rounded up) of the taken may be decided.
    """
    population = {0.5: (1, 0, 1, 1, 0), 0.2: (1, 1, 0, 1, 1)}
    expected = 0.0
    for pi, truth in population.items():
        for taken in product((False, True), repeat=len(truth)):
            chance = prod(pi if one else 1 - pi for one in taken)
            items = [y for y, one in zip(truth, taken, strict=True) if one]
            size = len(items) if complete else (len(items) + 1) // 2
            halves = list(combinations(items, size))
            for half in halves:
                row = estimation.row(stratum(RANDOM, pi, len(truth), len(items), size, sum(half)))
                expected += chance / len(halves) * (row.weight or 0) * row.right
    assert expected == pytest.approx(sum(map(sum, population.values())), rel=1e-12)


def test_items_that_wait_are_stood_for_by_the_decided_ones_of_their_stratum():
    """Deciding 10 of 40 gives the value of deciding all, were they alike, and a wider interval."""
    other = stratum(RANDOM, 0.05, 1000, 50, 50, 45)
    half = estimate([stratum(LOW, 0.5, 80, 40, 10, 5), other])
    full = estimate([stratum(LOW, 0.5, 80, 40, 40, 20), other])
    assert half.value == pytest.approx(full.value)
    assert half.strata[0].weight == 8
    assert half.high - half.low > full.high - full.low
    assert not half.marked


def test_one_stratum_that_is_compared_has_wilsons_interval():
    """With a single rate and without the finite population's factor nothing else is left."""
    found = estimate([stratum(RANDOM, 0.1, 1000, 100, 100, 93)], for_comparison=True)
    assert (found.low, found.high) == pytest.approx(wilson(0.93, 100, Z))
    assert found.effective_n == pytest.approx(100)


def test_all_right_is_not_certainty():
    """Twenty of twenty right leaves room below 1, by Wilson's formula on the effective number."""
    found = estimate([stratum(RANDOM, 0.1, 200, 20, 20, 20)], for_comparison=True)
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(wilson(1.0, 20, Z)[0])
    wrong = estimate([stratum(RANDOM, 0.1, 200, 20, 20, 0)], for_comparison=True)
    assert (wrong.value, wrong.low, wrong.high) == (0.0, 0.0, pytest.approx(1 - found.low))


def test_a_small_stratum_without_errors_widens_the_interval_of_the_whole():
    """Ten right ones that stand for half of the predictions don't prove that half to be right."""
    found = estimate([stratum(LOW, 0.5, 200, 100, 100, 60), stratum(RANDOM, 0.05, 200, 10, 10, 10)])
    assert found.value == pytest.approx(0.8)
    assert found.value - found.low > 0.13
    assert found.value - found.low > 2 * (found.high - found.value)


def test_when_everything_was_reviewed_there_is_no_doubt():
    """The value is the share of right ones, exactly; a comparison still has an interval."""
    strata = [stratum(RANDOM, 1.0, 50, 50, 50, 40)]
    found = estimate(strata)
    assert (found.low, found.value, found.high) == pytest.approx((0.8, 0.8, 0.8))
    compared = estimate(strata, for_comparison=True)
    assert compared.low < 0.8 < compared.high


def test_a_wider_level_gives_a_wider_interval():
    """80 % lies within 99 %."""
    strata = [stratum(RANDOM, 0.1, 1000, 100, 100, 93)]
    one, other = estimate(strata, level=0.8), estimate(strata, level=0.99)
    assert other.low < one.low < one.value == other.value < one.high < other.high


@pytest.mark.parametrize(
    ("strata", "why"),
    [
        ([], wording.NO_PREDICTIONS),
        ([stratum((), 0.0, 10, 0, 0, 0)], wording.ONLY_ZERO),
        ([stratum(RANDOM, 0.05, 10, 0, 0, 0)], wording.NONE_TAKEN),
        ([stratum(RANDOM, 0.05, 10, 3, 0, 0)], wording.NONE_DECIDED.format(taken=3)),
        ([stratum(RANDOM, 0.05, 10, 3, 1, 1)], wording.ONE_DECIDED),
    ],
)
def test_too_little_gives_no_number_and_says_why(strata, why):
    """Nothing or one decided is null, never 0 or 1."""
    found = estimate(strata)
    assert (found.value, found.reasons["value"]) == (None, why)
    assert {name for name in found.__struct_fields__ if getattr(found, name) is None} == set(found.reasons)


def test_two_decided_are_an_estimate_with_a_wide_interval():
    """One right and one wrong of two say next to nothing, and the interval shows that."""
    found = estimate([stratum(RANDOM, 0.01, 200, 2, 2, 1)])
    assert found.value == 0.5
    assert found.high - found.low > 0.8


def test_what_no_rule_can_take_is_left_out_and_said():
    """Without a random arm the estimate is for the part that can be sampled, with its share and the bounds."""
    found = estimate([stratum(("low_confidence",), 0.5, 250, 120, 120, 60), stratum((), 0.0, 750, 0, 0, 0)])
    assert (found.value, found.covered_share) == (0.5, 0.25)
    assert found.notes[0].startswith("75 % of the predictions match no rule")
    assert "would be between" in found.notes[1]
    assert found.strata[0].note == estimation.NEVER_TAKEN
    assert found.strata[0].weight is None


def test_a_kind_of_which_none_is_decided_is_left_out_and_said():
    """Nothing is known of it, and nothing is borrowed for it from others."""
    found = estimate([stratum(LOW, 0.5, 100, 50, 0, 0), stratum(RANDOM, 0.05, 900, 45, 45, 43)])
    assert found.value == pytest.approx(43 / 45)
    assert found.covered_share == 0.9
    assert found.notes[0] == (
        "10 % of the predictions are of kinds (low_confidence + random_sample) of which none is decided yet; the "
        "estimate is for the others."
    )
    assert [one.note for one in found.strata] == [estimation.WAITING, None]


def test_a_kind_of_which_chance_took_none_is_not_covered():
    """Nobody has seen any of it, so the interval can't tell of it, and the share says so."""
    found = estimate([stratum(LOW, 0.5, 2, 0, 0, 0), stratum(RANDOM, 0.05, 98, 5, 5, 4)])
    assert (found.value, found.covered_share) == (0.8, 0.98)
    assert found.strata[0].note == estimation.NONE_TAKEN


def test_serving_out_of_order_is_marked_and_said_while_others_wait():
    """The weight then rests on a broken assumption."""
    found = estimate([stratum(LOW, 0.5, 100, 50, 25, 10, out_of_order=25), stratum(RANDOM, 0.05, 900, 45, 45, 43)])
    assert found.marked
    assert [one.marked for one in found.strata] == [True, False]
    assert found.strata[0].note == estimation.OUT_OF_ORDER
    assert any(note.startswith("Not to be trusted: in low_confidence + random_sample, 25") for note in found.notes)
    done = estimate([stratum(LOW, 0.5, 100, 50, 50, 20, out_of_order=25), stratum(RANDOM, 0.05, 900, 45, 45, 43)])
    assert not done.marked


def test_skipped_items_are_said():
    """They are left out, which is no random choice."""
    found = estimate([stratum(RANDOM, 0.05, 900, 45, 40, 38, skipped=5)])
    assert found.notes[0].startswith("5 times a prediction was skipped")
    assert found.strata[0].skipped == 5


def test_unusable_inputs_are_counted_apart_with_what_they_could_be_worth():
    """A tenth of the reviewed couldn't be judged: the bounds are the interval's, were they all wrong, or all right."""
    found = estimate([stratum(RANDOM, 0.05, 1000, 50, 45, 40, unusable=5)])
    assert found.strata[0].unusable == 5
    assert found.notes[0].startswith("5 of the reviewed predictions were called unusable")
    low, high = wording.percent(0.9 * found.low), wording.percent(0.9 * found.high + 0.1)
    assert "stand for 10 % of the predictions" in found.notes[0]
    assert found.notes[0].endswith(f"between {low} and {high}.")
    (nothing,) = estimate([stratum(RANDOM, 0.05, 1000, 50, 0, 0, unusable=5)]).strata
    assert nothing.note == estimation.NO_VERDICT


def test_what_expired_undecided_is_said():
    """Retention took them; were they left behind by a choice, the mark stays for good."""
    found = estimate([stratum(RANDOM, 0.05, 1000, 50, 45, 40, expired=5)])
    assert not found.marked
    assert found.notes[0].startswith("5 predictions that were taken for review were gone by age")
    chosen = estimate([stratum(RANDOM, 0.05, 1000, 50, 45, 40, expired=5, out_of_order=1)])
    assert chosen.marked
    assert "5 of those are gone by age." in chosen.notes[0]


def test_days_of_which_none_is_decided_are_said_where_others_stand_for_them():
    """Tuesday waits, Monday is done: one weight for both, and a note; none when Tuesday is under way too."""
    monday, tuesday = stratum(RANDOM, 0.05, 700, 35, 35, 31), stratum(RANDOM, 0.05, 300, 15, 0, 0)
    found = estimate([monday, tuesday], parts=[[monday], [tuesday]])
    assert found.notes[0].startswith("30 % of the predictions are of days or versions of which none of their kind")
    assert found.value == pytest.approx(31 / 35)
    begun = stratum(RANDOM, 0.05, 300, 15, 5, 4)
    assert len(estimate([monday, begun], parts=[[monday], [begun]]).notes) == 1
    writers = [stratum(RANDOM, 0.05, 300, 15, 0, 0), Stratum(1, RANDOM, 0.05, Sums(decided=5, right=4))]
    assert len(estimate([monday, *writers], parts=[[monday], writers]).notes) == 1


def test_one_sentence_says_why_the_naive_number_differs():
    """It names the rules that are over-represented, by how much, and how they do."""
    found = estimate([stratum(LOW, 0.525, 2000, 1050, 1050, 630), stratum(RANDOM, 0.05, 8000, 400, 400, 376)])
    assert found.naive_accuracy == pytest.approx(1006 / 1450)
    assert found.notes == [
        "Of the reviewed, 69.4 % are right; the estimate is 87.2 %, because those of low_confidence + random_sample "
        "are 72.4 % of the reviewed but 20 % of the predictions, and 60 % of them are right against 94 % of the other "
        "reviewed ones."
    ]
    alike = estimate([stratum(RANDOM, 0.05, 8000, 400, 400, 376)])
    assert alike.notes == [
        "Of the reviewed, 94 % are right; the estimate is 94 %: all kinds were reviewed at about the same rate, so "
        "the two are close."
    ]


def test_confidences_that_say_nothing_are_not_used():
    """A model that is sure of everything by chance gets Hajek's estimate, as the surer one."""
    draws = numpy.random.default_rng(8)
    one = Stratum(1, RANDOM, 0.1)
    for _ in range(2000):
        confidence = float(draws.uniform(0, 1))
        one = one.plus(of_prediction(confidence, taken=draws.random() < 0.1))
        if one.sums.taken > one.sums.decided:
            one = one.plus(of_decided(bool(draws.random() < 0.8), confidence))
    assert estimate([one]).method == "hajek"


def test_days_and_rule_sets_may_come_in_any_order():
    """The same record, bit by bit, from strata of two days in either order."""
    _, monday = reviewed(numpy.random.default_rng(9), n=600)
    _, tuesday = reviewed(numpy.random.default_rng(10), n=600)
    changed = [Stratum(2, ("margin",), 0.3, one.sums) for one in monday[:1]]
    assert estimate(monday + tuesday + changed) == estimate(changed + tuesday[::-1] + monday[::-1])
    assert len(estimate(monday + tuesday + changed).strata) == 3


def test_taking_back_a_verdict_gives_the_estimate_from_before():
    """Undo subtracts, and nothing else of the record changes."""
    _, (one, other) = reviewed(numpy.random.default_rng(11), n=600)
    one = one.plus(Sums(n=1, confident=1, c_sum=4321, c_squares=4321**2, taken=1))
    before = estimate([one, other])
    again = one.plus(of_decided(False, 0.4321)).plus(-of_decided(False, 0.4321))
    assert estimate([again, other]) == before


@st.composite
def strata_of_events(draw):
    """Draw strata made of events, with and without confidences."""
    found = []
    for number in range(draw(st.integers(1, 4))):
        one = Stratum(1, (f"rule {number}",), draw(st.sampled_from([0.0, 0.01, 0.3, 1.0])))
        for confidence, taken, decided, right in draw(
            st.lists(st.tuples(st.none() | st.floats(0, 1), st.booleans(), st.booleans(), st.booleans()), max_size=30)
        ):
            chosen = taken and one.pi > 0
            one = one.plus(of_prediction(confidence, chosen))
            one = one.plus(of_decided(right, confidence)) if chosen and decided else one
        found.append(one)
    return found


@given(strata_of_events(), st.booleans())
def test_of_whatever_events_the_numbers_are_shares_and_nulls_have_reasons(strata, for_comparison):
    """0 <= low <= value <= high <= 1; a field is null exactly where `reasons` says why."""
    found = estimate(strata, for_comparison=for_comparison)
    assert {name for name in found.__struct_fields__ if getattr(found, name) is None} == set(found.reasons)
    if found.value is not None:
        assert 0 <= found.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.high <= 1
        assert 0 < found.covered_share <= 1
        assert 1 - 1e-9 <= found.effective_n <= found.decided + 1e-9
    assert sum(one.decided for one in found.strata) == found.decided


@pytest.mark.parametrize("for_comparison", [False, True])
def test_an_interval_of_copies_is_that_of_their_inputs(for_comparison):
    """Each of 40 inputs five times in one stratum: the limits are those of a fifth of everything, once each."""
    single = stratum(RANDOM, 0.05, 800, 40, 40, 30)
    fivefold = stratum(RANDOM, 0.05, 4000, 200, 200, 150)
    copies = [Repeat(single.key, n // 5) for n in range(200)]
    one, many = (
        estimate([single], for_comparison=for_comparison),
        estimate([fivefold], for_comparison=for_comparison, repeats=copies),
    )
    assert (many.low, many.high, many.effective_n) == pytest.approx((one.low, one.high, one.effective_n))
    assert many.decided == 200


def test_copies_in_several_strata_go_together():
    """Times the weights' squares, the effects are the sum over inputs of (sum of w)^2, as for any clusters."""
    strata = [stratum(LOW, 0.5, 8, 4, 4, 3), stratum(RANDOM, 0.05, 60, 3, 3, 2)]
    copies = [Repeat(strata[0].key, 1), Repeat(strata[0].key, 1), Repeat(strata[1].key, 1)]
    effects = estimation.effects_of(strata, copies)
    squares = sum(one.sums.decided * one.weight**2 * effects[one.key] for one in strata)
    assert squares == pytest.approx(2 * 2**2 + 2 * 20**2 + (2 + 2 + 20) ** 2)
