"""The simulation of docs/accuracy.md holds in a short run too: a tenth of its runs, in seconds."""

import pytest
from tests.bench.estimation import SCENARIOS, Scenario, simulate, verdict

RUNS = 300


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_estimate_is_right_where_its_assumptions_hold_and_marked_where_not(scenario: Scenario) -> None:
    """Bias within .002 and four Monte-Carlo errors, coverage within four of 95 %; a broken assumption is marked."""
    found = simulate(scenario, RUNS)
    if scenario.served == "half by confidence":
        assert found.marked == 1
        return
    assert found.marked == found.unknown == 0
    assert abs(found.bias) <= 0.002 + 4 * found.bias_error
    assert abs(found.coverage - 0.95) <= 4 * (0.95 * 0.05 / RUNS) ** 0.5


def test_the_naive_number_is_wrong_where_a_rule_chooses() -> None:
    """It is 15 points off in the first scenario, its interval never covers the truth; the estimate meets its aim."""
    found = simulate(SCENARIOS[0], RUNS)
    assert found.naive_bias == pytest.approx(-0.155, abs=0.01)
    assert found.naive_coverage == 0
    assert found.rmse <= 0.0135


def test_serving_by_confidence_without_confidences_kept_is_badly_biased() -> None:
    """That is what the mark is for: no weight mends it."""
    (scenario,) = (one for one in SCENARIOS if one.served == "half by confidence" and not one.confident)
    found = simulate(scenario, RUNS)
    assert found.bias < -0.05
    assert found.coverage < 0.2


def test_a_verdict_says_what_was_aimed_at() -> None:
    """The table's last columns."""
    found = simulate(SCENARIOS[2], 200)
    assert verdict(found)[0] == "bias <= .002 + 2 errors, 93-97 %"
    assert verdict(found._replace(bias=0.1)) == ("bias <= .002 + 2 errors, 93-97 %", False)
    assert verdict(found._replace(coverage=0.9, bias=0.0))[1] is False
