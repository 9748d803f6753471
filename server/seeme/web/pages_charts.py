"""How metrics become tiles, charts and bars: shapes for the templates, no arithmetic that decides anything."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from seeme.records.metrics import PeriodMetrics
from seeme.records.queries import Period
from seeme.web.pages_view import count, figure, milliseconds, percent, reason

Numbers = list[float | int | None]


class Range(NamedTuple):
    """A choice of the range switch: how wide a period is, and how many of them are shown."""

    period: Period
    name: str
    periods: int
    days: int


RANGES = {
    "hour": Range("hour", "48 hours", 48, 2),
    "day": Range("day", "30 days", 30, 29),
    "week": Range("week", "12 weeks", 12, 83),
}


class Series(NamedTuple):
    """One line or row of bars of a chart; `colour` names a colour of the style sheet."""

    name: str
    colour: str
    values: Numbers


class Chart(NamedTuple):
    """A chart; `missing` says in words why there is nothing to draw, when there isn't."""

    id: str
    title: str
    unit: str
    bars: bool
    series: list[Series]
    missing: str | None


class Tile(NamedTuple):
    """A headline number of the range; None when it isn't known, and `note` then says why."""

    title: str
    value: str | None
    note: str
    help: str


class Bar(NamedTuple):
    """One label's part of the predictions, 0 to 1, and its length beside the longest bar."""

    label: str
    number: int
    share: float
    length: float


def charts(task: str, items: Sequence[PeriodMetrics]) -> list[Chart]:
    """Return the charts of a model's page."""

    def column(name: str, scale: float = 1) -> Numbers:
        values = [getattr(item, name) for item in items]
        return [None if value is None else value * scale for value in values]

    volume = [Series("predictions", "accent", column("predictions")), Series("errors", "bad", column("errors"))]
    latency = [
        Series("p50", "line-1", column("p50_latency_ms")),
        Series("p95", "line-2", column("p95_latency_ms")),
        Series("p99", "line-3", column("p99_latency_ms")),
    ]
    opinion = [
        Series("satisfaction", "good", column("satisfaction", 100)),
        Series("response rate", "line-2", column("response_rate", 100)),
    ]
    return [
        _chart("volume", "Predictions and errors", "count", volume, items, bars=True),
        _chart("latency", "Latency", "ms", latency, items),
        _chart("satisfaction", "Satisfaction", "percent", opinion, items),
        _quality(task, column, items),
    ]


def _quality(task: str, column: Callable[..., Numbers], items: Sequence[PeriodMetrics]) -> Chart:
    if task == "regression":
        errors = [Series("MAE", "line-1", column("mae")), Series("RMSE", "line-3", column("rmse"))]
        return _chart("quality", "Error against true values", "number", errors, items)
    series = [
        Series("average confidence", "line-1", column("avg_confidence", 100)),
        Series("accuracy", "good", column("accuracy", 100)),
    ]
    if all(value is None for value in series[1].values):
        return _chart("quality", "Average confidence", "percent", series[:1], items)
    return _chart("quality", "Confidence and accuracy", "percent", series, items)


_NOTHING = {
    "volume": "No predictions were logged in this range.",
    "latency": "No prediction in this range has a latency. Log it as `latency_ms`.",
    "satisfaction": "Nobody has rated a prediction of this range yet.",
    "quality": "No prediction in this range has a confidence.",
}


def _chart(
    name: str, title: str, unit: str, series: list[Series], items: Sequence[PeriodMetrics], *, bars: bool = False
) -> Chart:
    empty = not any(value for line in series for value in line.values)
    missing = None
    if empty:
        missing = _NOTHING[name]
        if name == "quality" and unit == "number":
            missing = "No prediction in this range has a true value yet. Log them as labels."
    return Chart(name, title, unit, bars, series, missing)


def chart_data(chosen: Range, items: Sequence[PeriodMetrics], shown: list[Chart]) -> dict[str, Any]:
    """Return what the page's script draws, as plain data."""
    return {
        "period": chosen.period,
        "start": [int(item.start.timestamp()) for item in items],
        "names": [item.period for item in items],
        "partial": bool(items) and items[-1].partial,
        "charts": {chart.id: {**chart._asdict(), "series": [s._asdict() for s in chart.series]} for chart in shown},
    }


def tiles(task: str, total: PeriodMetrics) -> list[Tile]:
    """Return the headline numbers of the whole range."""
    failed = f"{count(total.errors)} {'error' if total.errors == 1 else 'errors'}"
    if total.errors and total.error_rate is not None:
        failed += f" ({percent(total.error_rate)})"
    return [
        Tile(
            "Predictions", count(total.predictions), failed, "How many predictions were logged, failed ones included."
        ),
        _satisfaction(total),
        _tile(
            total,
            "Latency p95",
            "p95_latency_ms",
            milliseconds,
            "95 of 100 predictions took at most this long. Read from bins, so it is within 2 %.",
        ),
        *_quality_tiles(task, total),
    ]


def _satisfaction(total: PeriodMetrics) -> Tile:
    explanation = "Thumbs up among all thumbs. People who vote choose themselves, so this isn't accuracy."
    if total.satisfaction is None:
        return Tile("Satisfaction", None, "nobody has voted in this range", explanation)
    note = f"{count(total.thumbs_up)} up, {count(total.thumbs_down)} down"
    if total.response_rate is not None:
        note += f" · {percent(total.response_rate)} responded"
    return Tile("Satisfaction", percent(total.satisfaction), note, explanation)


def _quality_tiles(task: str, total: PeriodMetrics) -> list[Tile]:
    if task == "regression":
        return [
            _tile(total, "MAE", "mae", figure, "Mean absolute error: how far predictions were from true values."),
            _tile(total, "RMSE", "rmse", figure, "Root mean squared error: large errors weigh more."),
        ]
    return [
        _tile(total, "Average confidence", "avg_confidence", percent, "What the model itself thought."),
        _accuracy(total),
    ]


def _accuracy(total: PeriodMetrics) -> Tile:
    """Return the share of right predictions, from true labels or estimated from reviews, with how sure it is."""
    if total.accuracy is None or total.accuracy_low is None or total.accuracy_high is None:
        explanation = "Right predictions among those with a true label, or estimated from reviews."
        return _tile(total, "Accuracy", "accuracy", percent, explanation)
    ends = f"{percent(total.accuracy_low)} to {percent(total.accuracy_high)}"
    note = f"estimated: {ends}, {count(total.reviewed)} reviewed"
    explanation = f"From reviews, with its 95 % interval. {total.accuracy_note}"
    return Tile("Accuracy", percent(total.accuracy), note, explanation)


def _tile(total: PeriodMetrics, title: str, name: str, notation: Callable[[float], str], explanation: str) -> Tile:
    value = getattr(total, name)
    if value is None:
        return Tile(title, None, reason(total.reasons.get(name, "")), explanation)
    note = f"of {count(total.labelled)} with a true label" if name == "accuracy" else ""
    return Tile(title, notation(value), note, explanation)


def label_mix(items: Sequence[PeriodMetrics], most: int = 12) -> list[Bar]:
    """Return the most frequent labels of a range as bars, the others as one."""
    counts: Counter[str | None] = Counter()
    for item in items:
        for part in item.labels:
            counts[part.label] += part.count
    whole = counts.total()
    if not whole:
        return []
    other = counts.pop(None, 0)
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0])))
    rows = [(str(label), number) for label, number in ranked[:most]]
    other += sum(number for _, number in ranked[most:])
    longest = max([number for _, number in rows] + [other])
    if other:
        rows.append(("all other labels", other))
    return [Bar(label, number, number / whole, number / longest) for label, number in rows]


def sparkline(values: Sequence[int], width: int = 120, height: int = 28) -> str:
    """Return the points of an SVG polyline for `values`, or '' when they are all zero."""
    top = max(values, default=0)
    if top == 0 or len(values) < 2:
        return ""
    step = (width - 2) / (len(values) - 1)
    return " ".join(
        f"{1 + index * step:.1f},{height - 2 - value / top * (height - 4):.1f}" for index, value in enumerate(values)
    )
