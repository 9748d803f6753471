"""The simulation of docs/ab-tests.md holds in a short run too: few runs of few cells, in seconds."""

import numpy
import pytest
from tests.bench.experiments import (
    ALPHA,
    EFFECTS,
    NULLS,
    SEED,
    Cell,
    always_valid_calls,
    arms,
    error,
    false_alarms,
    power_of_votes,
    result_cost,
    simulate,
    units_until_alarm,
    verdict,
    welch_calls,
)

from seeme.domain.experiments import METRICS, ArmSums, compare

RUNS = 100
SHORT = [cell for cell in NULLS if cell.share == 0.1 and cell.events < 30]


@pytest.mark.parametrize("cell", SHORT, ids=lambda cell: cell.name)
def test_no_difference_is_called_in_5_percent_of_tests_at_most_at_any_looks(cell: Cell) -> None:
    """Within four Monte-Carlo errors; Welch's test, looked at 100 times, calls one in far more."""
    found = simulate(cell, RUNS)
    assert found.called["1"] <= found.called["20"] <= found.called["100"] <= found.called["every"]
    assert found.called["every"] <= ALPHA + 4 * error(ALPHA, RUNS)
    assert found.welch["100"] > 2 * ALPHA


@pytest.mark.parametrize("cell", EFFECTS, ids=lambda cell: cell.name)
def test_a_difference_is_found(cell: Cell) -> None:
    """The power aimed at for 20 looks, within four Monte-Carlo errors."""
    assert cell.power is not None
    assert simulate(cell, RUNS).called["20"] >= cell.power - 4 * error(cell.power, RUNS)


def test_thumbs_are_found_with_the_power_aimed_at() -> None:
    """In many runs, drawn as counts: .841, where .84 is aimed at."""
    assert power_of_votes(20_000) == pytest.approx(0.841, abs=0.011)


@pytest.mark.parametrize(
    "cell", [*EFFECTS, *(cell for cell in NULLS if cell.events != 30 and cell.share != 0.5)], ids=lambda cell: cell.name
)
def test_the_simulation_calls_what_the_product_calls(cell: Cell) -> None:
    """Rows as arrays and one by one, through `compare`: the same verdicts of both kinds."""
    a, b = arms(cell._replace(units=3_000 if cell.share < 0.1 else 500), numpy.random.default_rng(SEED), 2)
    calls, known = always_valid_calls(cell, a, b)
    welch = welch_calls(cell, a, b)
    for run in range(2):
        for row in range(29, calls.shape[1], 37):
            one, other = (ArmSums(*(int(field[run, row]) for field in arm)) for arm in (a, b))
            found = compare(METRICS[cell.metric], one, other)
            assert (found.reason is None) == known[run, row]
            assert bool(found.significant) == calls[run, row]
            assert bool(found.fixed_significant) == welch[run, row]


def test_mixed_rows_sum_up_to_the_units() -> None:
    """After the last row the sums are those of all units, added up once."""
    cell = Cell("feedback_score", 0.8, 40, events=10, mixed=True)
    a, b = arms(cell, numpy.random.default_rng(SEED), 3)
    assert ((a.n + b.n) == numpy.arange(1, 401)).all()
    assert (a.units[:, -1] + b.units[:, -1] <= 40).all()
    assert (abs(a.x + b.x) <= a.n + b.n).all()
    # Few units and many rows: counted by hand for one that has a single unit.
    alone = Cell("feedback_score", 0.8, 1, events=10, share=0.0, mixed=True)
    of_a, _ = arms(alone, numpy.random.default_rng(SEED), 1)
    assert of_a.units[0].tolist() == [1] * 10
    assert of_a.xx[0].tolist() == (of_a.x[0] ** 2).tolist()
    assert of_a.nn[0].tolist() == (of_a.n[0] ** 2).tolist()
    assert of_a.xn[0].tolist() == (of_a.x[0] * of_a.n[0]).tolist()


def test_the_split_alarm_is_quiet_and_finds_what_is_uneven() -> None:
    """At most 1 % false in 100 looks, within four errors; 52/48 found by about 8,000 units."""
    assert false_alarms(0.5, RUNS) <= 0.01 + 4 * error(0.01, RUNS)
    assert units_until_alarm(0.48, RUNS).mean() <= 9_500


def test_a_verdict_says_what_was_aimed_at_of_a_test() -> None:
    """The table's last columns."""
    found = simulate(EFFECTS[1], 20)
    assert verdict(found._replace(called={**found.called, "20": 0.91})) == ("power >= 0.9 at 20 looks", True)
    assert not verdict(found._replace(called={**found.called, "20": 0.89}))[1]
    null = found._replace(cell=NULLS[0], runs=10_000, called=dict.fromkeys(found.called, 0.054))
    assert verdict(null) == ("<= 0.05 + 2 errors at any looks", True)
    assert not verdict(null._replace(called={**null.called, "every": 0.055}))[1]
    assert result_cost() < 300
