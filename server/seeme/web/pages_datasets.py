"""The pages of datasets: the list, and one dataset with its versions, its labels by split, and its exports."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from starlette.responses import Response

from seeme.errors import Forbidden
from seeme.records.datasets import Dataset, DatasetDetail, DatasetVersion, DatasetVersionDetail, SplitCount
from seeme.records.queries import to_cursor
from seeme.web.pages_view import Visit

_DATASETS = 50
_VERSIONS = 10
_LABELS = 15
_MODELS = 1000
NOTICES = {"made": "Made: what is in this version never changes."}
SPLITS = ("train", "val", "test")


class Line(NamedTuple):
    """One line of a table of splits; the numbers are all of them together, and those of SPLITS."""

    name: str
    numbers: list[int]


class Counts(NamedTuple):
    """How many items there are by split, and how many of each label; `others` are so many labels more."""

    items: Line
    labels: list[Line]
    others: Line | None


async def datasets(visit: Visit) -> Response:
    """List the datasets."""
    check_all_models(visit)
    page = visit.services.datasets.list(_DATASETS, visit.query().get("cursor"))
    cards: list[tuple[Dataset, DatasetDetail]] = [
        (found, await visit.services.datasets.read(found.id)) for found in page.items
    ]
    return visit.render("datasets.html", cards=cards, next_cursor=page.next_cursor)


async def dataset(visit: Visit) -> Response:
    """Show one dataset: what its working set holds, its versions, and one of them with its labels and exports."""
    check_all_models(visit)
    shown = await visit.services.datasets.read(visit.request.path_params["dataset_id"])
    versions, older = await _versions(visit, shown)
    chosen = await _chosen(visit, shown)
    return visit.render(
        "dataset.html",
        dataset=shown,
        working=counts_of(shown.counts),
        versions=versions,
        older=older,
        chosen=chosen,
        counts=counts_of(chosen.splits) if chosen else None,
        formats=_formats(shown),
        splits=SPLITS,
        models=[model for model in visit.services.models.list(_MODELS, None).items if model.task == shown.task],
        notice=NOTICES.get(visit.query().get("notice", "")),
    )


def check_all_models(visit: Visit) -> None:
    """Refuse a key that is for some models only."""
    if visit.who.models:
        raise Forbidden("Your key is for some models only, and a dataset may hold items of any model.")


async def _versions(visit: Visit, shown: DatasetDetail) -> tuple[list[DatasetVersion], int | None]:
    """Return some versions, newest first, and where older ones begin."""
    if shown.latest_version is None:
        return [], None
    below = visit.query().get("below", "")
    # Versions have every number from 1 on, so a page is a range of them.
    last = min(int(below[:9]) if below.isdecimal() and below.isascii() else 10**9, shown.latest_version.number + 1) - 1
    first = max(last - _VERSIONS, 0)
    page = await visit.services.datasets.versions(shown.id, max(last - first, 1), to_cursor(first, ""))
    return [version for version in reversed(page.items) if version.number <= last], first + 1 if first else None


async def _chosen(visit: Visit, shown: DatasetDetail) -> DatasetVersionDetail | None:
    latest = shown.latest_version.id if shown.latest_version else None
    version_id = visit.query().get("version") or latest
    return await visit.services.datasets.version(shown.id, version_id) if version_id else None


def counts_of(splits: Mapping[Any, SplitCount]) -> Counts:
    """Return counts as tables: the most frequent labels first."""
    totals: Counter[str] = Counter()
    for split in splits.values():
        totals.update(split.labels)
    ordered = sorted(totals, key=lambda label: (-totals[label], label))
    lines = [Line(label, _numbers({name: splits[name].labels.get(label, 0) for name in SPLITS})) for label in ordered]
    others = None
    if len(lines) > _LABELS:
        rest = [sum(column) for column in zip(*(line.numbers for line in lines[_LABELS:]), strict=True)]
        others = Line(f"{len(lines) - _LABELS:,} other labels", rest)
    return Counts(Line("Items", _numbers({name: splits[name].item_count for name in SPLITS})), lines[:_LABELS], others)


def _numbers(found: dict[str, int]) -> list[int]:
    return [sum(found.values()), *(found[name] for name in SPLITS)]


def _formats(shown: Dataset) -> dict[str, str]:
    """Return the forms in which a dataset can be downloaded, with their names."""
    formats = {"jsonl": "JSON lines", "csv": "CSV"}
    return formats | ({"coco": "COCO", "yolo": "YOLO"} if shown.task in (None, "detection") else {})
