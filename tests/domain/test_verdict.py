"""What is said about a test, in words."""

import pytest

from seeme.domain.experiments import METRICS, ArmSums, Comparison, compare
from seeme.domain.mismatch import mismatch
from seeme.domain.verdict import is_better, is_broken, verdict

UNKNOWN = "arm A has 3 units with votes; at least 25 are needed"


def found(metric: str, low: float, high: float, units: int = 1000) -> Comparison:
    """Return a comparison with given limits."""
    ratio = METRICS[metric].kind == "log"
    middle = (low * high) ** 0.5 if ratio else (low + high) / 2
    none = 1 if ratio else 0
    significant = not low <= none <= high
    shown = Comparison(metric, 0.05, 1, units, units)
    return shown._replace(low=low, high=high, difference=middle, significant=significant, variance=1e-4)


@pytest.mark.parametrize(
    ("comparisons", "state", "text", "winner"),
    [
        ([("feedback_score", 0.012, 0.04)], "better", "B is better on feedback by 1.2 to 4.0 points", "B"),
        ([("feedback_score", -0.04, -0.012)], "worse", "B is worse on feedback by 1.2 to 4.0 points", "A"),
        ([("latency", 0.92, 0.97)], "better", "B is better on latency by 3.0 to 8.0 %", "B"),
        ([("error_rate", 0.002, 0.01)], "worse", "B is worse on errors by 0.2 to 1.0 points", "A"),
        ([("feedback_per_unit", 0.01, 0.03)], "better", "B is better on feedback per unit by 0.01 to 0.03", "B"),
        (
            [("feedback_score", 0.012, 0.04), ("latency", 1.1, 1.2), ("error_rate", -0.1, 0.1)],
            "mixed",
            "B is better on feedback by 1.2 to 4.0 points, worse on latency by 10.0 to 20.0 %",
            None,
        ),
        (
            [("feedback_score", -0.01, 0.025)],
            "no_difference",
            "no difference seen: B is between 1.0 points worse and 2.5 points better on feedback",
            None,
        ),
        (
            [("latency", 0.98, 1.05)],
            "no_difference",
            "no difference seen: B is between 5.0 % worse and 2.0 % better on latency",
            None,
        ),
        ([("confidence", 0.1, 0.2)], "not_enough", "no metric of this test can make a winner", None),
        ([], "not_enough", "no metric of this test can make a winner", None),
    ],
)
def test_a_verdict_is_one_sentence(comparisons, state, text, winner):
    """Who is better on what, by how much, in the metric's own unit."""
    said = verdict([found(*one) for one in comparisons])
    assert (said.state, said.text, said.winner) == (state, text, winner)


def test_confidence_never_makes_a_winner():
    """It is said, with the reason why it decides nothing; so is a difference in the response rate."""
    said = verdict(
        [found("feedback_score", -0.01, 0.02), found("confidence", 0.1, 0.2), found("response_rate", -0.2, -0.1)]
    )
    assert (said.state, said.winner) == ("no_difference", None)
    assert said.notes == (
        "B has a higher confidence by 0.1 to 0.2: a model can be sure and wrong, so this makes no winner",
        "B has a lower response rate by 10.0 to 20.0 points: voters may be others in each arm, so read the feedback "
        "with care",
    )


def test_what_is_only_a_guardrail_finds_nothing():
    """Where no named metric can make a winner, that is said, and not what a guardrail lacks."""
    compared = [found("confidence", 0.1, 0.2), Comparison("error_rate", 0.05, 1, 30, 30, reason=UNKNOWN)]
    said = verdict(compared, guardrails={"error_rate": 0.01}, only_guards=["error_rate"])
    assert said.text == "no metric of this test can make a winner"


def test_too_few_units_are_told_in_days():
    """As units came in so far: 10 a day in the slower arm make 25 in 2 and a half days."""
    early = Comparison("feedback_score", 0.05, 1, 30, 10, reason=UNKNOWN)
    assert verdict([early], days=1).text == "not enough data: about 2 more days at this traffic"
    assert verdict([early._replace(units_b=24)], days=1).text == "not enough data: about 1 more day at this traffic"
    assert verdict([early._replace(units_b=0)], days=1).text == f"not enough data: {UNKNOWN}"
    assert verdict([early._replace(units_b=90)], days=1).text == f"not enough data: {UNKNOWN}"
    for days in (None, 0, float("nan"), 1e9):
        assert verdict([early], days=days).text == f"not enough data: {UNKNOWN}"


def test_a_difference_that_may_become_sure_is_told_in_days():
    """If it stays; where that is far off, no difference is seen."""
    a, b = (ArmSums(1000, x, 1000, 1000, 1000, x) for x in (600, 660))
    said = verdict([compare(METRICS["feedback_score"], a, b)], days=2)
    assert said.state == "not_enough"
    assert said.text.startswith("not enough data: about 5 more days at this traffic, if the difference stays as it is")
    a, b = (ArmSums(1000, x, 1000, 1000, 1000, x) for x in (600, 602))
    assert verdict([compare(METRICS["feedback_score"], a, b)], days=2).state == "no_difference"


def test_a_guardrail_suggests_to_stop():
    """When the challenger is surely worse by more than the bound; the rest of the verdict is kept as a note."""
    compared = [found("feedback_score", 0.01, 0.04), found("latency", 1.12, 1.3), found("error_rate", -0.1, 0.2)]
    said = verdict(compared, guardrails={"latency": 0.1, "error_rate": 0.01}, arms=("old", "new"))
    assert (said.state, said.winner) == ("stop", None)
    assert said.text == "stop suggested: new is worse on latency by 12.0 to 30.0 %, more than the 10 % allowed"
    assert said.notes == ("new is better on feedback by 1.0 to 4.0 points, worse on latency by 12.0 to 30.0 %",)
    assert verdict(compared, guardrails={"latency": 0.15}).state == "mixed"
    fine = verdict([found("error_rate", 0.02, 0.04)], guardrails={"error_rate": 0.0125})
    assert fine.text.endswith("by 2.0 to 4.0 points, more than the 1.25 points allowed")


@pytest.mark.parametrize(
    ("metric", "low", "high", "bound", "broken"),
    [
        ("error_rate", 0.02, 0.03, 0.01, True),
        ("error_rate", 0.005, 0.03, 0.01, False),
        ("error_rate", -0.03, -0.02, 0.01, False),
        ("latency", 1.2, 1.4, 0.1, True),
        ("latency", 0.5, 0.6, 0.1, False),
        ("feedback_score", -0.3, -0.2, 0.1, True),
        ("feedback_score", 0.2, 0.3, 0.1, False),
    ],
)
def test_a_guardrail_is_broken_beyond_its_bound(metric, low, high, bound, broken):
    """By the whole interval, on the worse side."""
    assert is_broken(found(metric, low, high), bound) is broken
    assert not is_broken(Comparison(metric, 0.05, 1, 0, 0, reason=UNKNOWN), bound)


def test_a_guardrail_needs_a_better_side():
    """More confidence is neither better nor worse."""
    with pytest.raises(ValueError, match="confidence can't be a guardrail"):
        is_broken(found("confidence", 0.1, 0.2), 0.01)


def test_an_uneven_split_makes_results_untrustworthy():
    """The verdict says so and names no winner; what it would be is a note. Leaks are noted too."""
    compared = [found("feedback_score", 0.012, 0.04)]
    said = verdict(compared, split=mismatch([5600, 4400, 2], [0.5, 0.5, 0]))
    assert (said.state, said.winner) == ("untrustworthy", None)
    assert said.text.startswith("not to be trusted: the arms have 5,600 (planned 5,000), 4,400 (planned 5,000), 2")
    assert said.notes == (
        "B is better on feedback by 1.2 to 4.0 points",
        "2 units were seen in an arm that gets none",
    )
    assert verdict(compared, split=mismatch([500, 500], [1, 1])).winner == "B"


def test_what_is_better_depends_on_the_metric():
    """Fewer errors, lower latency, more thumbs."""
    assert is_better(found("error_rate", -0.2, -0.1))
    assert is_better(found("latency", 0.8, 0.9))
    assert is_better(found("feedback_score", 0.1, 0.2))
    assert not is_better(found("latency", 1.1, 1.2))
    assert not is_better(Comparison("latency", 0.05, 1, 0, 0, reason=UNKNOWN))
