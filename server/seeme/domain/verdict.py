"""What an A/B test says so far, in plain words: who is better on what, by how much, and whether to wait or to stop."""

from collections.abc import Collection, Mapping, Sequence
from math import ceil, isfinite
from typing import Literal, NamedTuple

from seeme.domain.experiments import LEAST_UNITS, METRICS, Arms, Comparison, Metric
from seeme.domain.mismatch import Mismatch
from seeme.domain.planning import units_to_be_sure

State = Literal["untrustworthy", "stop", "better", "worse", "mixed", "not_enough", "no_difference"]
# Beyond this a forecast from the difference seen so far says nothing.
MOST_DAYS = 90

NAMES = {
    "feedback_score": "feedback",
    "feedback_per_unit": "feedback per unit",
    "response_rate": "response rate",
    "error_rate": "errors",
}
_UNITS = {"log": " %", "rate": " points", "mean": ""}


class Verdict(NamedTuple):
    """The verdict on one challenger: `text` is one sentence, `notes` are more; `winner` is an arm's name or None."""

    state: State
    text: str
    winner: str | None
    notes: tuple[str, ...]


def verdict(
    compared: Sequence[Comparison],
    *,
    arms: Arms = ("A", "B"),
    split: Mismatch | None = None,
    guardrails: Mapping[str, float] | None = None,
    days: float | None = None,
    only_guards: Collection[str] = (),
) -> Verdict:
    """Return what the comparisons of arm b with arm a say, the first named metric first.

    `guardrails` are the metrics on which b must not be worse by more than a bound (for latency relative, 0.1 is 10 %);
    `days` is for how long the test has run, to say how many more are needed; `only_guards` are the metrics that are
    there as guardrails alone, and find nothing. ValueError for a guardrail on a metric of
    which neither more nor less is better.
    """
    state, text, winner = _finding([one for one in compared if one.metric not in only_guards], arms, days)
    notes = _notes(compared, arms)
    broken = _broken(compared, arms, guardrails or {})
    if broken:
        notes = (text, *notes)
        state, text, winner = "stop", f"stop suggested: {'; '.join(broken)}", None
    if split is not None and split.leaks:
        notes += (f"{split.leaks} units were seen in an arm that gets none",)
    if split is not None and split.alarm:
        return Verdict("untrustworthy", f"not to be trusted: {_uneven(split)}", None, (text, *notes))
    return Verdict(state, text, winner, notes)


def _finding(compared: Sequence[Comparison], arms: Arms, days: float | None) -> tuple[State, str, str | None]:
    """Return the verdict without guardrails and alarm."""
    judged = [one for one in compared if METRICS[one.metric].winner and METRICS[one.metric].better]
    better = [one for one in judged if one.significant and is_better(one)]
    worse = [one for one in judged if one.significant and not is_better(one)]
    parts = [f"{word} on {_by(one)}" for word, ones in (("better", better), ("worse", worse)) for one in ones]
    if parts:
        state: State = "mixed" if better and worse else "better" if better else "worse"
        winner = None if state == "mixed" else arms[1 if better else 0]
        return state, f"{arms[1]} is {', '.join(parts)}", winner
    if not judged:
        return "not_enough", "no metric of this test can make a winner", None
    return _undecided(judged[0], arms, days)


def _undecided(first: Comparison, arms: Arms, days: float | None) -> tuple[State, str, str | None]:
    """Return what to say while the first metric shows no difference."""
    more = _more_days(first, days)
    forecast = f"about {more} more day{'s' * (more > 1)} at this traffic" if more else ""
    if first.reason is not None:
        return "not_enough", f"not enough data: {forecast or first.reason}", None
    between = f"{arms[1]} is between {_sided(first)} on {_name(first)}"
    if forecast:
        return "not_enough", f"not enough data: {forecast}, if the difference stays as it is; {between}", None
    return "no_difference", f"no difference seen: {between}", None


def is_better(found: Comparison) -> bool:
    """Say whether b is on the better side of no difference, significant or not."""
    metric = METRICS[found.metric]
    return found.difference is not None and (found.difference - _none(metric)) * metric.better > 0


def is_broken(found: Comparison, bound: float) -> bool:
    """Say whether b is surely worse than a by more than a bound: a guardrail. For latency the bound is relative."""
    metric = METRICS[found.metric]
    if not metric.better:
        raise ValueError(f"{metric.name} can't be a guardrail: neither more nor less of it is better")
    if found.low is None or found.high is None:
        return False
    if metric.kind == "log":
        return found.low > 1 + bound if metric.better < 0 else found.high < 1 - bound
    return found.low > bound if metric.better < 0 else found.high < -bound


def _broken(compared: Sequence[Comparison], arms: Arms, guardrails: Mapping[str, float]) -> list[str]:
    return [
        f"{arms[1]} is worse on {_by(one)}, more than the {_bound(one.metric, guardrails[one.metric])} allowed"
        for one in compared
        if one.metric in guardrails and is_broken(one, guardrails[one.metric])
    ]


def _notes(compared: Sequence[Comparison], arms: Arms) -> tuple[str, ...]:
    """Return what is significant and yet makes no winner."""
    notes = []
    for one in compared:
        if not one.significant or (METRICS[one.metric].winner and METRICS[one.metric].better):
            continue
        side = "higher" if (one.difference or 0.0) > 0 else "lower"
        why = {
            "confidence": "a model can be sure and wrong, so this makes no winner",
            "response_rate": "voters may be others in each arm, so read the feedback with care",
        }.get(one.metric, "this makes no winner")
        notes.append(f"{arms[1]} has a {side} {_by(one)}: {why}")
    return tuple(notes)


def _uneven(split: Mismatch) -> str:
    both = zip(split.counts, split.expected, strict=True)
    seen = ", ".join(f"{count:,} (planned {expected:,.0f})" for count, expected in both)
    return f"the arms have {seen} units, which chance alone hardly gives; find out where units get lost"


def _more_days(found: Comparison, days: float | None) -> int | None:
    """Return in how many days there is a result, as units came in so far; None where that can't be said."""
    units = found.units_a + found.units_b
    if days is None or not isfinite(days) or days <= 0 or not min(found.units_a, found.units_b):
        return None
    if found.reason is None:
        needed = units_to_be_sure(found)
    else:
        # Too few units is a matter of days; too few successes, or no variance, isn't known to be.
        fewest = min(found.units_a, found.units_b)
        needed = units * LEAST_UNITS / fewest if fewest < LEAST_UNITS else None
    more = None if needed is None else ceil(days * (needed / units - 1))
    return max(1, more) if more is not None and more <= MOST_DAYS else None


def _none(metric: Metric) -> float:
    return 1.0 if metric.kind == "log" else 0.0


def _name(found: Comparison) -> str:
    return NAMES.get(found.metric, found.metric)


def _by(found: Comparison) -> str:
    """Return a metric with the size of a significant difference: `feedback by 1.2 to 4.0 points`."""
    none = _none(METRICS[found.metric])
    sizes = sorted(abs((limit or 0.0) - none) for limit in (found.low, found.high))
    return f"{_name(found)} by {_number(found.metric, sizes[0])} to {_amount(found.metric, sizes[1])}"


def _sided(found: Comparison) -> str:
    """Return an interval around no difference: `1.0 points worse and 2.5 points better`."""
    metric = METRICS[found.metric]
    limits = [(limit or 0.0) - _none(metric) for limit in (found.low, found.high)]
    limits.sort(key=lambda limit: limit * metric.better)
    words = zip(limits, ("worse", "better"), strict=True)
    return " and ".join(f"{_amount(found.metric, abs(limit))} {word}" for limit, word in words)


def _amount(name: str, size: float) -> str:
    """Return a size with its unit: points (hundredths) for rates, % for latency."""
    return _number(name, size) + _UNITS[METRICS[name].kind]


def _bound(name: str, size: float) -> str:
    """Return a guardrail's bound as it was set."""
    kind = METRICS[name].kind
    return f"{size if kind == 'mean' else 100 * size:.4g}{_UNITS[kind]}"


def _number(name: str, size: float) -> str:
    return f"{size:.3g}" if METRICS[name].kind == "mean" else f"{100 * size:.1f}"
