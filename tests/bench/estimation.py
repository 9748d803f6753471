"""Is the estimated accuracy right? Predictions whose truth is known, reviewed in part, thousands of times over.

The population (seed 1): confidence c is Beta(4, 1), and a prediction is right with probability 0.1 + 0.9 c. It is drawn
once per scenario; each run draws which predictions are taken, as hashes would (seed 2).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Any, NamedTuple

import numpy

from seeme.domain.estimation import effects_of, estimate, variances
from seeme.domain.intervals import normal_quantile, wilson
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, Sums
from seeme.domain.sums import MOMENT_SCALE
from seeme.records.accuracy import AccuracyEstimate

from .run import Run

POPULATION_SEED, SAMPLING_SEED = 1, 2
CHUNK = 100
Z = normal_quantile(0.95)
Array = numpy.ndarray[Any, Any]


@dataclass(frozen=True)
class Scenario:
    """One way to have predictions reviewed."""

    name: str
    rates: dict[str, float]
    n: int = 10_000
    threshold: float = 0.65
    power: float = 1.0  # the reported confidence is c to this power: below 1 the model is too sure
    confident: bool = True  # whether predictions have a confidence
    served: str = "all"  # or "half in hash order", "half by confidence"
    redrawn: bool = False  # a new population in each run: accuracy of the process, as comparisons need
    base: float = 0.1  # a prediction is right with probability base + slope * c
    slope: float = 0.9
    copies: tuple[int, ...] = (1,)  # how often inputs come, in turn: copies are alike, and are taken together
    most: float | None = None  # the largest RMSE aimed at


MANY = {"one": 0.5, "two": 0.4, "three": 0.3, "four": 0.2, "five": 0.15, "random_sample": 0.05}
RULE = {"low_confidence": 0.5, "random_sample": 0.05}
SCENARIOS = (
    Scenario("rule 50 % + random 5 %", RULE, most=0.0125),
    Scenario("rule 100 % + random 5 %", {"low_confidence": 1.0, "random_sample": 0.05}),
    Scenario("random 1 %", {"random_sample": 0.01}),
    Scenario("rule 50 % + random 5 %, N = 2,000", RULE, n=2_000),
    Scenario("rule 50 % + random 5 %, N = 500", RULE, n=500),
    Scenario("half the queue undecided, in hash order", RULE, served="half in hash order"),
    Scenario("half undecided, lowest confidence first", RULE, served="half by confidence"),
    Scenario("the same, no confidences kept", RULE, served="half by confidence", confident=False),
    Scenario("too sure: confidence ^ 0.6", RULE, power=0.6),
    Scenario("confidence says nothing", RULE, base=0.8, slope=0.0),
    Scenario("no confidences kept", RULE, confident=False),
    Scenario("97 % right, N = 2,000", RULE, n=2_000, base=0.85, slope=0.15),
    Scenario("four rules, 8 strata", {"low_confidence": 0.5, "margin": 0.2, "new_class": 1.0, "random_sample": 0.05}),
    Scenario("six rules, 32 strata, 97 % right, N = 3,000", MANY, n=3_000, base=0.85, slope=0.15),
    Scenario(
        "for comparison, rule 100 % + random 50 %",
        {"low_confidence": 1.0, "random_sample": 0.5},
        n=2_000,
        redrawn=True,
    ),
    Scenario("every input five times", RULE, copies=(5,)),
    Scenario("every input five times, half undecided, in hash order", RULE, copies=(5,), served="half in hash order"),
    Scenario("one input in twenty comes twenty times", RULE, copies=(20, *[1] * 19)),
    Scenario("every input five times, random 5 %", {"random_sample": 0.05}, copies=(5,), confident=False),
)


class Population(NamedTuple):
    """Predictions: whether right, confidence in steps of 1e-4, which rules match (a bit each), and of which input."""

    right: Array
    steps: Array
    pattern: Array
    input: Array


class Outcome(NamedTuple):
    """What many runs of a scenario gave; errors are Monte-Carlo standard errors."""

    scenario: Scenario
    runs: int
    value: float
    bias: float
    bias_error: float
    rmse: float
    coverage: float
    coverage_error: float
    too_high: float  # share of runs whose interval lies above the truth
    width: float
    plain_coverage: float  # of value +- 1.96 standard errors, which small counts make too short
    naive_bias: float
    naive_coverage: float
    marked: float
    decided: float
    unknown: int


def population(scenario: Scenario, random: numpy.random.Generator) -> Population:
    """Draw predictions and what rules see of them."""
    inputs = scenario.n * len(scenario.copies) // sum(scenario.copies)
    c = random.beta(4, 1, inputs)
    right = random.random(inputs) < scenario.base + scenario.slope * c
    reported = c**scenario.power
    seen = {
        "low_confidence": reported < scenario.threshold,
        "margin": random.random(inputs) < 0.2 * (1 - c),
        "new_class": random.random(inputs) < 0.02,
        "random_sample": numpy.ones(inputs, dtype=bool),
    }
    seen |= {rule: random.random(inputs) < 0.25 for rule in scenario.rates if rule not in seen}
    pattern = numpy.asarray(sum(seen[rule].astype(int) << bit for bit, rule in enumerate(scenario.rates)))
    of = numpy.repeat(numpy.arange(inputs), numpy.resize(scenario.copies, inputs))
    return Population(right[of], numpy.round(reported * MOMENT_SCALE).astype(int)[of], pattern[of], of)


def samples(scenario: Scenario, runs: int) -> Iterator[tuple[float, list[Stratum], list[Repeat]]]:
    """Yield the truth, the strata and the copies among the decided ones of each run."""
    random, draws = numpy.random.default_rng(POPULATION_SEED), numpy.random.default_rng(SAMPLING_SEED)
    size = 1 if scenario.redrawn else CHUNK
    fixed = population(scenario, random)
    for _ in range(0, runs, size):
        found = population(scenario, random) if scenario.redrawn else fixed
        parts = [_stratum(scenario, found, pattern, draws, size) for pattern in numpy.unique(found.pattern).tolist()]
        truth = float((scenario.base + scenario.slope * 4 / 5) if scenario.redrawn else fixed.right.mean())
        for number in range(size):
            both = [part[number] for part in parts]
            yield truth, [stratum for stratum, _ in both], [one for _, repeats in both for one in repeats]


def _stratum(
    scenario: Scenario, found: Population, pattern: int, draws: numpy.random.Generator, size: int
) -> list[tuple[Stratum, list[Repeat]]]:
    """Sample one stratum `size` times; return it with the copies among what is decided."""
    matched = tuple(rule for bit, rule in enumerate(scenario.rates) if pattern >> bit & 1)
    pi = 1 - float(numpy.prod([1 - scenario.rates[rule] for rule in matched]))
    here = found.pattern == pattern
    order = numpy.argsort(found.steps[here], kind="stable")
    y, c = found.right[here][order].astype(float), found.steps[here][order].astype(float)
    of = found.input[here][order]
    place = numpy.cumsum(numpy.diff(of, prepend=of[:1]) != 0)  # copies are neighbours, and have one hash
    hashes = draws.random((size, int(place[-1]) + 1))[:, place]
    taken = hashes < pi
    d = y * MOMENT_SCALE - c
    columns = numpy.stack([numpy.ones_like(y), y, c, c * c, d, d * d, c * d], axis=1)
    served = _served(scenario.served, taken, hashes)
    sums = (served @ columns).astype(int).tolist()
    strata = []
    for number, (count, (decided, right, *moments)) in enumerate(zip(taken.sum(axis=1).tolist(), sums, strict=True)):
        late = decided if scenario.served == "half by confidence" else 0
        plain = {"n": len(y), "taken": count, "decided": decided, "right": right, "out_of_order": late}
        if scenario.confident:
            names = ("dc_sum", "dc_squares", "d_sum", "d_squares", "cd_sum")
            plain |= {"confident": len(y), "c_sum": int(c.sum()), "c_squares": int((c * c).sum()), "dc_n": decided}
            plain |= dict(zip(names, moments, strict=True))
        copies = [] if scenario.copies == (1,) else of[served[number]].tolist()
        strata.append((Stratum(1, matched, pi, Sums(**plain)), [Repeat((1, matched), one) for one in copies]))
    return strata


def _served(how: str, taken: Array, hashes: Array) -> Array:
    """Return which of the taken are decided; columns are in the order of confidence."""
    half = (taken.sum(axis=1) + 1) // 2
    if how == "half in hash order":
        ordered = numpy.sort(numpy.where(taken, hashes, 2.0), axis=1)
        last = ordered[numpy.arange(len(half)), numpy.maximum(half, 1) - 1]
        return taken & (hashes <= last[:, None])
    if how == "half by confidence":
        return taken & (numpy.cumsum(taken, axis=1) <= half[:, None])
    return taken


def simulate(scenario: Scenario, runs: int) -> Outcome:
    """Estimate the accuracy of a scenario `runs` times."""
    errors, covered, above, widths, naive, naive_covered, marked, decided, truths, plain = ([] for _ in range(10))
    unknown = 0
    for truth, strata, repeats in samples(scenario, runs):
        found = estimate(strata, for_comparison=scenario.redrawn, repeats=repeats)
        if found.value is None or found.low is None or found.high is None or found.naive_accuracy is None:
            unknown += 1
            continue
        truths.append(truth)
        errors.append(found.value - truth)
        covered.append(found.low <= truth <= found.high)
        above.append(truth < found.low)
        widths.append(found.high - found.low)
        plain.append(_plain_covers(found, strata, repeats, truth, scenario.redrawn))
        naive.append(found.naive_accuracy - truth)
        naive_covered.append(_naive_covers(found, truth))
        marked.append(found.marked)
        decided.append(found.decided)
    error, coverage = numpy.array(errors), float(numpy.mean(covered))
    return Outcome(
        scenario,
        len(error),
        value=float(numpy.mean(truths)),
        bias=float(error.mean()),
        bias_error=float(error.std(ddof=1)) / sqrt(len(error)),
        rmse=sqrt(float((error**2).mean())),
        coverage=coverage,
        coverage_error=sqrt(coverage * (1 - coverage) / len(error)),
        too_high=float(numpy.mean(above)),
        width=float(numpy.mean(widths)),
        plain_coverage=float(numpy.mean(plain)),
        naive_bias=float(numpy.mean(naive)),
        naive_coverage=float(numpy.mean(naive_covered)),
        marked=float(numpy.mean(marked)),
        decided=float(numpy.mean(decided)),
        unknown=unknown,
    )


def _plain_covers(
    found: AccuracyEstimate, strata: list[Stratum], repeats: list[Repeat], truth: float, comparison: bool
) -> bool:
    seen = [one for one in strata if one.sums.decided]
    mean = sum(one.expected * one.sums.right / one.sums.decided for one in seen) / sum(one.expected for one in seen)
    both = variances(seen, mean, comparison, effects_of(seen, repeats))
    variance = both.difference if found.method == "difference" else both.hajek
    return abs((found.value or 0.0) - truth) <= Z * sqrt(variance)


def _naive_covers(found: AccuracyEstimate, truth: float) -> bool:
    low, high = wilson(found.naive_accuracy or 0.0, found.decided, Z)
    return low <= truth <= high


def estimation(run: Run) -> None:
    """Measure bias, RMSE and coverage of the estimated accuracy, beside those of the naive number."""
    for number, scenario in enumerate(SCENARIOS):
        run.say(f"estimation, {number + 1} of {len(SCENARIOS)}: {scenario.name}")
        found = simulate(scenario, run.plan.samples)
        run.keep("estimation", **{**found._asdict(), "scenario": scenario.name})
        value = (
            f"{found.value:.3f} known to {found.rmse:.4f} (RMSE) by {found.decided:,.0f} reviews; "
            f"bias {found.bias:+.4f} ± {found.bias_error:.4f}, "
            f"covered {100 * found.coverage:.1f} ± {100 * found.coverage_error:.1f} % "
            f"(± 1.96 standard errors: {100 * found.plain_coverage:.1f} %); "
            f"naive: bias {found.naive_bias:+.3f}, covered {100 * found.naive_coverage:.1f} %"
        )
        target, met = verdict(found)
        run.add(f"accuracy, {scenario.name}", value, target, met)


def verdict(found: Outcome) -> tuple[str, bool]:
    """Return what a scenario is held to, and whether it was met; a broken assumption has to be marked, always."""
    if found.scenario.served == "half by confidence":
        return "marked", found.marked == 1
    met = abs(found.bias) <= 0.002 + 2 * found.bias_error and 0.93 <= found.coverage <= 0.97 and not found.marked
    wanted = "bias <= .002 + 2 errors, 93-97 %"
    if found.scenario.most is not None:
        return f"{wanted}, RMSE <= {found.scenario.most}", met and found.rmse <= found.scenario.most
    return wanted, met
