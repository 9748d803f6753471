"""The page that compares two versions of a model on a dataset: the choice, the numbers, and where they part."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

import msgspec
from starlette.responses import Response

from seeme.errors import Forbidden, Invalid
from seeme.records.comparing import CompareRequest, Disagreement, ModelComparison, VersionScore
from seeme.records.datasets import Dataset, DatasetVersion, Split
from seeme.records.models import Model, Version
from seeme.records.queries import to_cursor
from seeme.records.types import Page
from seeme.web.pages_view import Visit, figure, percent

_MOST = 1000  # datasets and versions in a choice
_LISTED = 20
_LABELS = 30
_MATRIX = 12  # labels of which a table of all pairs fits a page
_WIDTH = 100.0  # of the picture of the interval


class Line(NamedTuple):
    """A score of both versions and its change, as texts; `help` says what it is."""

    name: str
    a: str
    b: str
    change: str
    help: str


class Picture(NamedTuple):
    """An interval with the zero line, in percent of the picture's width."""

    low: float
    high: float
    at: float
    zero: float


class Cell(NamedTuple):
    """A change in how often a label was taken for another; `tone` is good, bad or nothing."""

    text: str
    tone: str
    title: str


class Matrix(NamedTuple):
    """Changes by true label (rows) and said one (columns)."""

    labels: list[str]
    rows: list[tuple[str, list[Cell]]]


async def compare(visit: Visit) -> Response:
    """Show how two versions of a model compare on a dataset, or the choice of them."""
    if visit.who.models:
        raise Forbidden("Your key is for some models only, and a dataset may hold items of any model.")
    shown = visit.services.models.get(visit.request.path_params["model_id"])
    versions = (await visit.services.models.versions(shown.id)).items
    known = [one for one in visit.services.datasets.list(_MOST).items if one.task == shown.task]
    chosen = _chosen(visit, versions, known)
    problem, found, apart = "", None, None
    try:
        asked = _request(visit, chosen)
        if asked is not None:
            found = await visit.services.comparing.compare(shown.id, asked)
            apart = await _apart(visit, shown, asked, found)
    except Invalid as error:
        problem = error.errors[0].message if error.errors else error.message
    return visit.render(
        "compare.html",
        422 if problem else 200,
        model=shown,
        versions=versions,
        datasets=known,
        dataset_versions=await _dataset_versions(visit, known, chosen["dataset"]),
        chosen=chosen,
        splits=get_args(Split),
        problem=problem,
        found=found,
        apart=apart,
        **({} if found is None else _parts(found)),
    )


def _chosen(visit: Visit, versions: Sequence[Version], known: Sequence[Dataset]) -> dict[str, str]:
    """Return what the address names; before anything is named the last two versions and the first dataset."""
    query = visit.query()
    first = {"a": versions[-2].id, "b": versions[-1].id} if len(versions) > 1 else {"a": "", "b": ""}
    first["dataset"] = known[0].id if known else ""
    names = ("a", "b", "dataset", "version", "split", "segment", "cursor")
    return {name: query.get(name, "").strip() or first.get(name, "") for name in names}


def _request(visit: Visit, chosen: Mapping[str, str]) -> CompareRequest | None:
    """Return the comparison that the address asks for; None where it asks for none."""
    if not all(visit.query().get(name) for name in ("a", "b", "dataset")):
        return None
    named = {
        "version_a": chosen["a"],
        "version_b": chosen["b"],
        "test_dataset_id": chosen["dataset"],
        "dataset_version_id": chosen["version"],
        "split": chosen["split"],
        "segment": chosen["segment"],
    }
    try:
        return msgspec.convert({name: value for name, value in named.items() if value}, CompareRequest)
    except msgspec.ValidationError as error:
        raise Invalid(f"This address isn't one of a comparison ({error}).") from None


async def _apart(
    visit: Visit, shown: Model, asked: CompareRequest, found: ModelComparison
) -> Page[Disagreement] | None:
    """Return a page of disagreements."""
    if not found.compared:
        return None
    cursor = visit.query().get("cursor") or None
    return await visit.services.comparing.disagreements(shown.id, asked, _LISTED, cursor)


async def _dataset_versions(visit: Visit, known: Sequence[Dataset], dataset_id: str) -> list[DatasetVersion]:
    if dataset_id not in [one.id for one in known]:
        return []
    detail = await visit.services.datasets.read(dataset_id)
    latest = detail.latest_version.number if detail.latest_version else 0
    page = await visit.services.datasets.versions(dataset_id, _MOST, to_cursor(max(latest - _MOST, 0), ""))
    return list(reversed(page.items))


def _parts(found: ModelComparison) -> dict[str, Any]:
    return {
        "verdict": verdict(found),
        "picture": picture(found.low, found.high, found.delta),
        "lines": lines(found),
        "pair": found.pairs[0],
        "matrix": matrix(found),
        "changes": [row for row in found.confusions if row.delta and row.actual != row.predicted][:_LISTED],
        "classes": found.classes[:_LABELS],
        "more_classes": max(0, len(found.classes) - _LABELS),
        "change": signed if found.task == "regression" else points,
        "unit": "" if found.task == "regression" else " points",
        "headline": _HEADLINES[found.task],
        "chance": chance,
        "points": points,
        "score": figure if found.task == "regression" else percent,
    }


def points(change: float) -> str:
    """Return a change of a share in points, with its sign.

    >>> points(-0.0214), points(0)
    ('−2.1', '0.0')
    """
    text = f"{abs(change) * 100:.1f}"
    return text if float(text) == 0 else ("−" if change < 0 else "+") + text


def signed(change: float) -> str:
    """Return a change of a number of unknown size, with its sign and four digits."""
    return ("−" if change < 0 else "+" if change > 0 else "") + f"{abs(change):.4g}"


def chance(p_value: float) -> str:
    """Return a p-value.

    >>> chance(0.0412), chance(1e-9)
    ('= 0.041', '< 0.001')
    """
    return "< 0.001" if p_value < 0.001 else f"= {p_value:.3f}"


_HEADLINES = {
    "classification": "share of right items",
    "detection": "share of images that are wholly right",
    "regression": "mean absolute error",
}


def verdict(found: ModelComparison) -> str:
    """Return in words what the comparison says, and no more than it does."""
    if found.low is None or found.high is None or found.delta is None:
        return ""
    what = f"B's {_HEADLINES[found.task]}"
    write, unit = (signed, "") if found.task == "regression" else (points, " points")
    low, high = (write(limit).lstrip("+−") + unit for limit in (found.low, found.high))
    if found.low <= 0 <= found.high:
        return f"No difference can be told: {what} may be {low} lower than A's, or {high} higher, or anything between."
    higher = found.delta > 0
    better = "B" if higher != (found.task == "regression") else "A"
    near, far = (low, high) if higher else (high, low)
    return f"{better} is better: {what} is {near.removesuffix(unit)} to {far} {'higher' if higher else 'lower'}."


def picture(low: float | None, high: float | None, value: float | None) -> Picture | None:
    """Return where to draw an interval and zero, with a margin; None where there is no interval."""
    if low is None or high is None or value is None or low == high == 0:
        return None
    left, right = min(low, 0.0), max(high, 0.0)
    span = (right - left) * 1.2
    start = left - (right - left) * 0.1
    return Picture(*(round((at - start) / span * _WIDTH, 2) for at in (low, high, value, 0.0)))


_SCORES = {
    "classification": (
        ("accuracy", "Accuracy", "The share of items whose label is right."),
        (
            "macro_f1",
            "Macro F1",
            "The mean of F1 over the labels that are true of any item, rare ones like frequent ones.",
        ),
        ("weighted_f1", "Weighted F1", "The same, weighted by how often each label is true."),
    ),
    "detection": (
        ("accuracy", "Images right", "The share of images in which every true box is found and no other."),
        ("precision", "Precision", "Of the boxes that were said, how many are true (overlap of .5 or more)."),
        ("recall", "Recall", "Of the true boxes, how many were found (overlap of .5 or more)."),
        ("mean_f1", "F1 of images", "The mean over the images of 2 × found / (true + said)."),
        ("map_50", "mAP at .5", "COCO's mean average precision at an overlap of .5; without an interval."),
        ("map_50_95", "mAP at .5 to .95", "COCO's mean average precision over ten overlaps; without an interval."),
    ),
    "regression": (
        ("mae", "Mean absolute error", "How far the numbers are from the true ones on average."),
        ("rmse", "Root mean squared error", "Large errors weigh more."),
    ),
}


def lines(found: ModelComparison) -> list[Line]:
    """Return the scores of both versions, side by side."""
    a, b = found.versions[0], found.versions[1]
    write = figure if found.task == "regression" else percent
    change, unit = (signed, "") if found.task == "regression" else (points, " points")
    made = []
    for name, title, about in _SCORES[found.task]:
        values = [getattr(one, name) for one in (a, b)]
        texts = [_text(one, name, write) for one in (a, b)]
        moved = change(values[1] - values[0]) + unit if None not in values else "–"
        made.append(Line(title, texts[0], texts[1], moved, about))
    return made


def _text(score: VersionScore, name: str, write: Any) -> str:
    value = getattr(score, name)
    return f"– {score.reasons.get(name, '')}".strip() if value is None else write(value)


def matrix(found: ModelComparison) -> Matrix | None:
    """Return the confusion difference as a table; None where there are too many labels, or none."""
    labels = sorted(row.label for row in found.classes)
    if found.task != "classification" or not 2 <= len(labels) <= _MATRIX:
        return None
    cells = {(row.actual, row.predicted): row for row in found.confusions}
    rows = []
    for actual in labels:
        line = []
        for predicted in labels:
            row = cells.get((actual, predicted))
            line.append(_cell(actual == predicted, *((row.count_a, row.count_b) if row else (0, 0))))
        rows.append((actual, line))
    return Matrix(labels, rows)


def _cell(right: bool, a: int, b: int) -> Cell:
    if a == b:
        return Cell("0" if a else "·", "", f"A {a:,}, B {b:,}")
    sign = "+" if b > a else "−"
    return Cell(f"{sign}{abs(b - a):,}", "good" if (b > a) == right else "bad", f"A {a:,}, B {b:,}")
