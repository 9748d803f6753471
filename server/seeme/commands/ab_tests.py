"""`seeme ab`: what an A/B test says, and what one would need, as lines of text."""

from collections.abc import Iterator
from math import isnan

from seeme.results import Record

# Where a share of 0.8 is meant, 80.0 % is written; a ratio of 1.05 is 5.0 % more.
_SHARES = ("feedback_score", "response_rate", "error_rate", "accuracy")


def told(results: Record) -> Iterator[str]:
    """Yield the verdict, the arms, and each metric with its interval or the reason why there is none."""
    chosen = f", {results.chosen_arm} was chosen" if results.chosen_arm is not None else ""
    yield f"{results.name} ({results.status}{chosen}): {results.verdict}"
    yield from (f"  {note}" for note in results.notes)
    for arm in results.arms:
        left = [f"{count} {why}" for why, count in arm.excluded.items() if count]
        yield f"{arm.name}: {arm.units} units" + (f", left out: {', '.join(left)}" if left else "")
    if results.leaks:
        yield f"leaks: {results.leaks} units were seen where they don't belong; something assigns by another rule"
    for challenger in results.challengers:
        for name, found in challenger.metrics.items():
            yield f"{found.arm_b} against {found.arm_a}, {name}: {_difference(found)}"


def _difference(found: Record) -> str:
    if isnan(found.difference):
        return str(found.reason)
    shown = [found.difference, found.low, found.high]
    unit = ""
    if found.kind == "ratio":
        shown, unit = [100 * (one - 1) for one in shown], " %"
    elif found.metric in _SHARES:
        shown, unit = [100 * one for one in shown], " points"
    middle, low, high = (f"{one:+.3g}" for one in shown)
    return f"{middle}{unit} (between {low} and {high}, p = {found.p_value:.3g})"


def planned(plan: Record) -> Iterator[str]:
    """Yield what a test needs, for who looks all the time and for who looks once at its end."""
    for when, one in (("looking at any time", plan.always_valid), ("one look at the end", plan.fixed_horizon)):
        if not isnan(plan.effect):
            days = "" if one.days is None else f", {one.days} days"
            yield f"{when}: {one.units} units{days} to find {plan.metric} {plan.effect:+g}"
        elif isnan(one.detectable_effect):
            yield f"{when}: {one.reason}"
        else:
            yield f"{when}: {one.units} units can show {plan.metric} {one.detectable_effect:+.3g}"
