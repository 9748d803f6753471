"""Are the results of A/B tests right? Tests whose truth is known, looked at again and again, thousands of times over.

Units come one after the other, each to arm B with the probability `share`, with all of its predictions; in the cells
called "mixed" predictions of all units come in any order. Each run is judged by the product's own functions after
every row, of which 20 and 100 looks are parts; one look is the last row. Generators are `_draw` and `_mixed`, cell
number i has the seed (3, i).
"""

import timeit
from collections.abc import Iterator
from math import sqrt
from time import process_time
from typing import Any, NamedTuple

import numpy

from seeme.domain.confidence_sequences import always_valid_p, student, welch_freedom
from seeme.domain.experiments import METRICS, ArmSums, arm_value, arm_variance, compare, is_enough
from seeme.domain.mismatch import mismatch

from .run import Run

SEED = 3
ALPHA = 0.05
CORRELATION = 0.3  # of the predictions of one unit
VOTERS = 0.05  # of the units, where votes are counted per unit
ELEMENTS = 250_000  # rows at a time, so that they stay in the processor's cache
LOOKS = ("1", "20", "100", "every")
Array = numpy.ndarray[Any, Any]


class Cell(NamedTuple):
    """One way to have a test; `value_b` is None where there is no difference, `power` what is aimed at in 20 looks."""

    metric: str
    value: float
    units: int
    share: float = 0.5
    events: int = 1  # predictions of a unit, on average
    value_b: float | None = None
    power: float | None = None
    mixed: bool = False

    @property
    def name(self) -> str:
        """Return what tells it from others."""
        value = f"{self.value:g}" + (f" to {self.value_b:g}" if self.value_b is not None else "")
        events = f", {self.events} per unit{' mixed' if self.mixed else ''}" if self.events > 1 else ""
        return f"{self.metric} {value}, {self.units:,} units, share {self.share:g}{events}"


class Outcome(NamedTuple):
    """Shares of runs in which a difference was called, by looks: always-valid, and Welch's for comparison."""

    cell: Cell
    runs: int
    called: dict[str, float]
    welch: dict[str, float]
    unknown: float  # runs without a result at the last look


SPREADS = {"confidence": 0.15, "latency": 0.5}
BASES = (("feedback_score", 0.8, 10_000), ("confidence", 0.8, 4_000), ("latency", 4.0, 8_000))
SHARES = (0.5, 0.1, 0.01)
NULLS = (
    *(Cell(metric, value, units, share) for metric, value, units in BASES for share in SHARES),
    *(Cell("error_rate", value, 10_000, share) for value in (0.02, 0.98) for share in SHARES),
    *(Cell("feedback_per_unit", 0.8, 10_000, share) for share in SHARES),
    *(
        Cell(metric, value, units, share, events)
        for events in (10, 30)
        for metric, value, units in (*BASES, ("error_rate", 0.02, 10_000))
        for share in SHARES
    ),
    Cell("feedback_score", 0.8, 1_000, 0.5, 10, mixed=True),
    Cell("feedback_score", 0.8, 1_000, 0.1, 10, mixed=True),
)
EFFECTS = (
    Cell("feedback_score", 0.8, 10_000, value_b=0.83, power=0.84),
    Cell("confidence", 0.8, 4_000, value_b=0.82, power=0.9),
    Cell("latency", 4.0, 8_000, value_b=4.0 + float(numpy.log(1.05)), power=0.92),
)


def _draw(cell: Cell, random: numpy.random.Generator, runs: int) -> tuple[Array, Array, Array]:
    """Return runs of units: whether in B, the sum x in steps of the metric, and the number of predictions n."""
    shape = runs, cell.units
    in_b = random.random(shape) < cell.share
    center = cell.value if cell.value_b is None else numpy.where(in_b, cell.value_b, cell.value)
    n = 1 + random.poisson(cell.events - 1, shape) if cell.events > 1 else numpy.ones(shape, dtype=int)
    if cell.metric in SPREADS:
        return in_b, _sums_of_values(cell, random, center, n), n.astype(float)
    p = center if cell.events == 1 else random.beta(*_beta(center, CORRELATION), shape)
    right = random.random(shape) < p if cell.events == 1 else random.binomial(n, p)
    if cell.metric == "feedback_per_unit":
        return in_b, (2.0 * right - 1) * (random.random(shape) < VOTERS), n.astype(float)
    return in_b, (2.0 * right - n if cell.metric == "feedback_score" else right.astype(float)), n.astype(float)


def _sums_of_values(cell: Cell, random: numpy.random.Generator, center: Any, n: Array) -> Array:
    """Return sums of confidences or logarithms in steps of 1e-4.

    One confidence is of a beta distribution, one logarithm normal. With several predictions a unit's mean is of that
    kind, and what its predictions differ by is drawn as one normal sum.
    """
    spread = SPREADS[cell.metric]
    between = spread if cell.events == 1 else spread * sqrt(CORRELATION)
    if cell.metric == "confidence":
        mean = random.beta(*_beta(center, between**2 / (center * (1 - center))), n.shape)
    else:
        mean = center + between * random.standard_normal(n.shape)
    total = n * mean
    if cell.events > 1:
        total += numpy.sqrt(n) * spread * sqrt(1 - CORRELATION) * random.standard_normal(n.shape)
    return numpy.asarray(numpy.rint(total * METRICS[cell.metric].scale))


def _beta(mean: Any, part: Any) -> tuple[Any, Any]:
    """Return the parameters of the beta distribution whose variance is a part of mean (1 - mean)."""
    size = 1 / part - 1
    return mean * size, (1 - mean) * size


def arms(cell: Cell, random: numpy.random.Generator, runs: int) -> tuple[ArmSums, ArmSums]:
    """Return both arms' sums after each row, as arrays of (runs, rows)."""
    if cell.mixed:
        return _mixed(cell, random, runs)
    in_b, x, n = _draw(cell, random, runs)
    return _cumulated(~in_b, x, n, cell.events == 1), _cumulated(in_b, x, n, cell.events == 1)


def _cumulated(inside: Array, x: Array, n: Array, single: bool) -> ArmSums:
    of_x = x * inside
    units, total = numpy.cumsum(inside, axis=1, dtype=float), numpy.cumsum(of_x, axis=1)
    squares = numpy.cumsum(of_x * x, axis=1)
    if single:
        return ArmSums(units, total, units, squares, units, total)
    of_n = n * inside
    sums = (numpy.cumsum(one, axis=1) for one in (of_n, of_n * n, of_x * n))
    count, count_squares, both = sums
    return ArmSums(units, total, count, squares, count_squares, both)


def _mixed(cell: Cell, random: numpy.random.Generator, runs: int) -> tuple[ArmSums, ArmSums]:
    """Return both arms' sums after each prediction, when predictions of all units come in any order."""
    rows = cell.units * cell.events
    unit = random.integers(0, cell.units, (runs, rows))
    up = random.beta(*_beta(cell.value, CORRELATION), (runs, cell.units))
    y = numpy.where(random.random((runs, rows)) < numpy.take_along_axis(up, unit, axis=1), 1.0, -1.0)
    in_b = numpy.take_along_axis(random.random((runs, cell.units)) < cell.share, unit, axis=1)
    # What the row's unit had before: rows sorted by unit, and what was summed since the unit's first.
    order = numpy.argsort(unit, axis=1, kind="stable")
    by_unit, of_y = (numpy.take_along_axis(one, order, axis=1) for one in (unit, y))
    is_first = numpy.diff(by_unit, axis=1, prepend=-1) > 0
    place = numpy.arange(rows)[None, :]
    first = numpy.maximum.accumulate(numpy.where(is_first, place, 0), axis=1)
    before = numpy.cumsum(of_y, axis=1) - of_y
    x, n = numpy.empty_like(y), numpy.empty_like(y)
    numpy.put_along_axis(x, order, before - numpy.take_along_axis(before, first, axis=1), axis=1)
    numpy.put_along_axis(n, order, (place - first).astype(float), axis=1)
    changes = (n == 0, y, 1.0, 2 * x * y + y * y, 2 * n + 1, x + y * n + y)
    of_a, of_b = (
        ArmSums(*(numpy.cumsum(change * inside, axis=1, dtype=float) for change in changes)) for inside in (~in_b, in_b)
    )
    return of_a, of_b


def always_valid_calls(cell: Cell, a: ArmSums, b: ArmSums) -> tuple[Array, Array]:
    """Return where the always-valid result is significant, and where there is one."""
    metric = METRICS[cell.metric]
    known = is_enough(metric, a) & is_enough(metric, b)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        difference = arm_value(metric, b) - arm_value(metric, a)
        variance = arm_variance(metric, a) + arm_variance(metric, b)
        total = a.units + b.units
        if not cell.mixed:
            total = total[:1]  # the same in all runs
        p = always_valid_p(difference, variance, total, ALPHA)
    return known & (p < ALPHA), known


def welch_calls(cell: Cell, a: ArmSums, b: ArmSums) -> Array:
    """Return where Welch's result is significant, under the same minimum counts."""
    metric = METRICS[cell.metric]
    known = is_enough(metric, a) & is_enough(metric, b)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        variances = arm_variance(metric, a), arm_variance(metric, b)
        freedom = welch_freedom(variances[0], a.units, variances[1], b.units)
        _, p = student(arm_value(metric, b) - arm_value(metric, a), sum(variances), freedom, ALPHA)
    return numpy.asarray(known & (p < ALPHA))


def _chunks(cell: Cell, runs: int) -> Iterator[int]:
    rows = cell.units * (cell.events if cell.mixed else 1)
    size = max(1, ELEMENTS // rows)
    for start in range(0, runs, size):
        yield min(size, runs - start)


def simulate(cell: Cell, runs: int, number: int = 0) -> Outcome:
    """Run a cell `runs` times with the seed (3, number)."""
    random = numpy.random.default_rng([SEED, number])
    called, plain, unknown = numpy.zeros(4), numpy.zeros(3), 0
    for size in _chunks(cell, runs):
        a, b = arms(cell, random, size)
        calls, known = always_valid_calls(cell, a, b)
        looks = [calls.shape[1] * (look + 1) // 100 - 1 for look in range(100)]
        at_looks = (ArmSums(*(field[:, looks] for field in arm)) for arm in (a, b))
        welch = welch_calls(cell, *at_looks)
        hundred = calls[:, looks]
        of_all = (hundred[:, -1:], hundred[:, 4::5], hundred, calls)
        called += [one.any(axis=1).sum() for one in of_all]
        plain += [one.any(axis=1).sum() for one in (welch[:, -1:], welch[:, 4::5], welch)]
        unknown += int((~known[:, -1]).sum())
    return Outcome(
        cell,
        runs,
        dict(zip(LOOKS, (called / runs).tolist(), strict=True)),
        dict(zip(LOOKS, (plain / runs).tolist(), strict=False)),
        unknown / runs,
    )


def power_of_votes(runs: int) -> float:
    """Return the power of the first of `EFFECTS` at 20 looks; votes between two looks are drawn at once, as counts."""
    cell, looks = EFFECTS[0], 20
    random = numpy.random.default_rng([SEED, 300])
    of_b = random.binomial(cell.units // looks, cell.share, (runs, looks))
    both = []
    for count, p in ((cell.units // looks - of_b, cell.value), (of_b, cell.value_b)):
        n, up = (numpy.cumsum(one, axis=1, dtype=float) for one in (count, random.binomial(count, p)))
        both.append(ArmSums(n, 2 * up - n, n, n, n, 2 * up - n))
    calls, _ = always_valid_calls(cell, *both)
    return float(calls.any(axis=1).mean())


def false_alarms(share: float, runs: int, number: int = 0, looks: int = 100, step: int = 1000) -> float:
    """Return the share of runs with an alarm though the split is as planned."""
    random = numpy.random.default_rng([SEED, 100 + number])
    alarms = 0
    for counts in numpy.cumsum(random.binomial(step, share, (runs, looks)), axis=1).tolist():
        rows = enumerate(counts, 1)
        alarms += any(mismatch((step * i - count, count), (1 - share, share)).alarm for i, count in rows)
    return alarms / runs


def units_until_alarm(share: float, runs: int, step: int = 100, most: int = 100_000) -> Array:
    """Return after how many units, looking every `step`, a planned 50/50 split that is another is found."""
    random = numpy.random.default_rng([SEED, 200])
    found = []
    for _ in range(runs):
        counts = numpy.cumsum(random.binomial(step, share, most // step)).tolist()
        rows = enumerate(counts, 1)
        alarms = (step * i for i, count in rows if mismatch((step * i - count, count), (0.5, 0.5)).alarm)
        found.append(next(alarms, most))
    return numpy.array(found)


def error(share: float, runs: int) -> float:
    """Return the Monte-Carlo standard error of a share."""
    return sqrt(share * (1 - share) / runs)


def verdict(found: Outcome) -> tuple[str, bool]:
    """Return what a cell is held to, and whether it was met; power is that of 20 looks."""
    if found.cell.power is not None:
        return f"power >= {found.cell.power} at 20 looks", found.called["20"] >= found.cell.power
    most = ALPHA + 2 * error(ALPHA, found.runs)
    return f"<= {ALPHA} + 2 errors at any looks", max(found.called.values()) <= most


def experiments(run: Run) -> None:
    """Measure type I errors and power of A/B tests, the split's alarm, and what a result costs."""
    nulls, effects = run.plan.tests, 2 * run.plan.tests // 5
    for number, cell in enumerate((*EFFECTS, *NULLS)):
        run.say(f"experiments, {number + 1} of {len(EFFECTS) + len(NULLS)}: {cell.name}")
        found = simulate(cell, nulls if cell.value_b is None else effects, number)
        run.keep("experiments", **{**found._asdict(), "cell": cell.name})
        run.add(f"A/B, {cell.name}", _shown(found), *verdict(found))
    power, runs = power_of_votes(50 * effects), 50 * effects
    value = f"{power:.4f} ± {error(power, runs):.4f} at 20 looks in {runs:,} runs"
    run.add(f"A/B, {EFFECTS[0].name}, more runs", value, "power >= 0.84 at 20 looks", power >= 0.84)
    for number, share in enumerate((0.5, 0.1)):
        alarms = false_alarms(share, nulls, number)
        value = f"{alarms:.4f} ± {error(alarms, nulls):.4f} in {nulls:,} runs"
        run.add(f"A/B, false split alarms, share {share}, 100 looks to 100,000 units", value, "<= 0.01", alarms <= 0.01)
    units = units_until_alarm(0.48, effects)
    value = f"{units.mean():,.0f} ± {units.std() / sqrt(effects):,.0f} (90 % by {numpy.quantile(units, 0.9):,.0f})"
    run.add("A/B, units until a split of 52/48 is found, mean", value, "<= 8,000", bool(units.mean() <= 8000))
    cost = result_cost()
    run.add("A/B, maths of one metric's result", f"{cost:.1f} us", "<= 20 us", cost <= 20)


def _shown(found: Outcome) -> str:
    ours = ", ".join(f"{share:.3f}" for share in found.called.values())
    largest = max(error(share, found.runs) for share in found.called.values())
    welch = ", ".join(f"{share:.3f}" for share in found.welch.values())
    hidden = f"; {found.unknown:.1%} without a result" if found.unknown else ""
    return f"{ours} at 1, 20, 100, every look (± {largest:.3f}; {found.runs:,} runs); Welch {welch}{hidden}"


def result_cost() -> float:
    """Return the processor's time for one comparison in microseconds."""
    units = 500_000
    a = ArmSums(units, 50_000 * units, units, (50_000**2 + 5_000**2) * units, units, 50_000 * units)
    b = a._replace(x=51_000 * units, xx=(51_000**2 + 5_000**2) * units, xn=51_000 * units)
    compare(METRICS["latency"], a, b)
    times = timeit.repeat(lambda: compare(METRICS["latency"], a, b), process_time, number=1000, repeat=7)
    return min(times) / 1000 * 1e6
