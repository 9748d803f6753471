"""What an A/B test says, as its page shows it: rows of numbers with their notation, and the chart of the interval."""

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Any, NamedTuple, get_args

from seeme.records.ab_results import AbResults, ArmResult, Challenger, LookMetric, MetricResult
from seeme.records.ab_tests import AbMetric, AbTest
from seeme.web.pages_view import figure, milliseconds, percent, words

LOOKS_SHOWN = 48


class Told(NamedTuple):
    """What a metric is called, what it is, and how its numbers are written."""

    title: str
    about: str
    kind: str  # rate: per cent and points; ratio: milliseconds and per cent; mean: as they are


METRICS: dict[AbMetric, Told] = {
    "feedback_score": Told("Feedback", "thumbs up minus thumbs down, of all votes", "rate"),
    "feedback_per_unit": Told("Feedback per unit", "thumbs up minus thumbs down, by unit, voters or not", "mean"),
    "response_rate": Told("Response rate", "predictions that somebody voted on", "rate"),
    "latency": Told("Latency", "the geometric mean", "ratio"),
    "error_rate": Told("Errors", "predictions that failed", "rate"),
    "accuracy": Told("Accuracy", "right predictions, estimated from reviews", "rate"),
    "confidence": Told("Confidence", "what the model itself thought; makes no winner", "mean"),
}


class Row(NamedTuple):
    """A metric of one challenger; texts are None where the number isn't known, and `reason` says why."""

    metric: AbMetric
    title: str
    about: str
    role: str
    value_a: str | None
    value_b: str | None
    difference: str | None
    interval: str | None
    p_value: str | None
    fixed_interval: str | None
    fixed_p_value: str | None
    word: str
    tone: str
    reason: str


class Point(NamedTuple):
    """The interval at one time, as numbers to draw and as texts."""

    at: datetime
    units: int
    difference: float | None
    low: float | None
    high: float | None
    text: str | None
    interval: str | None
    p_value: str | None


def _signed(number: float, text: str) -> str:
    """Return a number's text with its sign; a zero has none."""
    bare = text.lstrip("-")
    if not float(bare):
        return bare
    return ("+" if number > 0 else "−") + bare


def _scaled(kind: str, difference: float) -> float:
    """Return a difference in what it is shown in: points of a rate, per cent of a ratio."""
    return {"rate": 100 * difference, "ratio": 100 * (difference - 1)}.get(kind, difference)


def unit_of(kind: str) -> str:
    """Return what follows a difference: points of a rate, % of a ratio, nothing else."""
    return {"rate": " points", "ratio": " %"}.get(kind, "")


def _bare(kind: str, difference: float) -> str:
    shown = _scaled(kind, difference)
    if not isfinite(shown):
        return "−∞" if shown < 0 else "+∞"
    text = f"{shown:.3g}" if kind == "mean" else f"{shown:.2f}"
    return _signed(shown, text if "e" not in text else f"{shown:.6f}")


def difference_text(kind: str, difference: float | None) -> str | None:
    """Return a difference with its sign and unit."""
    return None if difference is None else _bare(kind, difference) + unit_of(kind)


def interval_text(kind: str, low: float | None, high: float | None) -> str | None:
    """Return both ends of an interval."""
    if low is None or high is None:
        return None
    return f"{_bare(kind, low)} to {_bare(kind, high)}{unit_of(kind)}"


def value_text(kind: str, value: float | None) -> str | None:
    """Return an arm's value; rates below 0 are possible, as of feedback."""
    if value is None:
        return None
    if kind == "rate":
        return percent(value) if value >= 0 else "−" + percent(-value)
    return milliseconds(value) if kind == "ratio" else f"{value:.4g}".replace("-", "−")


def p_text(p: float | None) -> str | None:
    """Return a p-value, with one decimal more where it is near to what alphas are."""
    if p is None:
        return None
    return "<0.001" if p < 0.001 else "1" if p >= 0.9995 else f"{p:.{4 if p < 0.1 else 3}f}"


def rows(challenger: Challenger) -> list[Row]:
    """Return the metrics of a challenger: those named first, then what is beside and what guards."""
    return [_row(found) for found in challenger.metrics.values()]


def _row(found: MetricResult) -> Row:
    told = METRICS[found.metric]
    word, tone = _judged(found)
    return Row(
        metric=found.metric,
        title=told.title,
        about=told.about,
        role=found.role,
        value_a=value_text(told.kind, found.value_a),
        value_b=value_text(told.kind, found.value_b),
        difference=difference_text(told.kind, found.difference),
        interval=interval_text(told.kind, found.low, found.high),
        p_value=p_text(found.p_value),
        fixed_interval=interval_text(told.kind, found.fixed_low, found.fixed_high),
        fixed_p_value=p_text(found.fixed_p_value),
        word=word,
        tone=tone,
        reason=words(found.reason or ""),
    )


def _judged(found: MetricResult) -> tuple[str, str]:
    """Return what an always-valid result says in a word, and the word's colour."""
    if found.significant is None or found.difference is None:
        return "", ""
    if not found.significant:
        return "no clear difference", ""
    is_more = found.difference > (1 if found.kind == "ratio" else 0)
    if found.better == "neither":
        return ("higher" if is_more else "lower"), "warn"
    return ("better", "good") if is_more == (found.better == "higher") else ("worse", "bad")


def chosen_metric(test: AbTest, metric: str | None) -> AbMetric:
    """Return the metric that an address asks for, else the first; only the metrics named have a history."""
    return next((name for name in test.config.metrics if name == metric), test.config.metrics[0])


def chosen_arm(results: AbResults, arm: str | None) -> Challenger:
    """Return the challenger that an address asks for, else the first."""
    return next((one for one in results.challengers if one.arm == arm), results.challengers[0])


def history(test: AbTest, results: AbResults, challenger: Challenger, metric: AbMetric) -> list[Point]:
    """Return the interval of a metric at each look, the oldest first, and as it is now or was at the end."""
    kind = METRICS[metric].kind
    points = [
        _point(kind, look.at, sum(look.units), found)
        for look in results.history
        for found in look.metrics
        if found.arm == challenger.arm and found.metric == metric
    ]
    end = results.at if test.stopped_at is None else test.stopped_at
    if test.started_at is not None and (not points or points[-1].at < end):
        found = challenger.metrics[metric]
        points.append(_point(kind, end, sum(arm.units for arm in results.arms), found))
    return points


def _point(kind: str, at: datetime, units: int, found: LookMetric | MetricResult) -> Point:
    return Point(
        at=at,
        units=units,
        difference=_drawn(kind, found.difference),
        low=_drawn(kind, found.low),
        high=_drawn(kind, found.high),
        text=difference_text(kind, found.difference),
        interval=interval_text(kind, found.low, found.high),
        p_value=p_text(found.p_value),
    )


def _drawn(kind: str, difference: float | None) -> float | None:
    shown = None if difference is None else _scaled(kind, difference)
    return shown if shown is not None and isfinite(shown) else None


def chart_data(metric: AbMetric, points: Sequence[Point]) -> dict[str, Any]:
    """Return what the script draws, as plain data."""
    return {
        "unit": unit_of(METRICS[metric].kind),
        "at": [int(point.at.timestamp()) for point in points],
        **{name: [getattr(point, name) for point in points] for name in ("difference", "low", "high")},
    }


def arm_values(arm: ArmResult) -> list[tuple[str, str | None, str]]:
    """Return an arm's own numbers: title, text, and why it isn't known."""
    shown = []
    for metric, told in METRICS.items():
        field = {"latency": "latency_ms", "confidence": "avg_confidence"}.get(metric, metric)
        shown.append((told.title, value_text(told.kind, getattr(arm, field)), arm.reasons.get(field, "")))
    return shown


def in_few_words(test: AbTest, results: AbResults) -> tuple[str, str]:
    """Return the verdict of a list's line, and its colour."""
    if test.status == "draft":
        return "not started", ""
    if results.sample_ratio.alarm:
        return "not to be trusted", "bad"
    if test.chosen_arm is not None:
        return f"{test.chosen_arm} was chosen", "good"
    told = [(_STATES[one.state][0].format(arm=one.arm), _STATES[one.state][1]) for one in results.challengers]
    if len({said for said, _ in told}) == 1:
        return told[0]
    tones = [tone for _, tone in told]
    worst = next((tone for tone in ("bad", "warn", "good") if tone in tones), "")
    named = [
        said if one.arm in said.split() else f"{one.arm}: {said}"
        for one, (said, _) in zip(results.challengers, told, strict=True)
    ]
    return ", ".join(named), worst


_STATES = {
    "untrustworthy": ("not to be trusted", "bad"),
    "stop": ("stop of {arm} suggested", "bad"),
    "better": ("{arm} is better", "good"),
    "worse": ("{arm} is worse", "bad"),
    "mixed": ("{arm} is better and worse", "warn"),
    "not_enough": ("not enough data", ""),
    "no_difference": ("no difference seen", ""),
}
TONES = {"untrustworthy": "bad", "stop": "bad", "better": "good", "worse": "bad", "mixed": "warn"}


def guards(test: AbTest) -> list[str]:
    """Return by how much a challenger may be worse on what: `errors by 1 point`."""
    return [
        _bound(name, bound) for name in METRICS if (bound := getattr(test.config.guardrails, name, None)) is not None
    ]


def _bound(metric: AbMetric, bound: float) -> str:
    told = METRICS[metric]
    size = figure(bound) if told.kind == "mean" else f"{100 * bound:.3g}" + unit_of(told.kind)
    return f"{told.title.lower()} by {'1 point' if size == '1 points' else size}"


ALL_METRICS: tuple[AbMetric, ...] = get_args(AbMetric)
