"""The items of a dataset on pages: what its working set holds, with filters, their images, and taking one out."""

from collections import Counter
from typing import Any, NamedTuple, get_args

from starlette.responses import FileResponse, Response

from seeme.errors import NotFound
from seeme.records.datasets import DatasetItem, Source, Split
from seeme.web.api_events import UNTRUSTED
from seeme.web.pages_datasets import check_all_models
from seeme.web.pages_view import Visit, figure

_ROWS = 24
_MOST_LABELS = 4
_LABELS = 200
NOTICES = {"removed": "Taken out of the working set. Versions that have it keep it."}


class Shown(NamedTuple):
    """An item in few words, and the pages that tell more of it where they still can."""

    item: DatasetItem
    truth: str
    prediction: str | None
    review: str | None


async def dataset_items(visit: Visit) -> Response:
    """List the items of the working set that fit the filters in the address."""
    check_all_models(visit)
    dataset = await visit.services.datasets.read(visit.request.path_params["dataset_id"])
    filters = _filters(visit)
    cursor = visit.query().get("cursor")
    page = await visit.services.datasets.items(dataset.id, None, _ROWS, cursor, **filters)
    return visit.render(
        "dataset_items.html",
        dataset=dataset,
        items=[await _shown(visit, item) for item in page.items],
        next_cursor=page.next_cursor,
        paged=bool(cursor),
        filters=filters,
        splits=get_args(Split),
        sources=get_args(Source),
        labels=sorted({label for split in dataset.counts.values() for label in split.labels})[:_LABELS],
        notice=NOTICES.get(visit.query().get("notice", "")),
    )


async def item_input(visit: Visit) -> Response:
    """Send an item's image, which outlives that of its prediction."""
    check_all_models(visit)
    path = visit.request.path_params
    file, media_type = await visit.services.inputs.open_of_item(path["dataset_id"], path["item_id"])
    return FileResponse(file, media_type=media_type, headers=UNTRUSTED)


async def remove_item(visit: Visit) -> Response:
    """Take an item out of the working set."""
    check_all_models(visit)
    path = visit.request.path_params
    await visit.services.datasets.remove(path["dataset_id"], path["item_id"])
    return visit.redirect(visit.path("datasets", path["dataset_id"], "items", **_filters(visit), notice="removed"))


def _filters(visit: Visit) -> dict[str, Any]:
    """Return the filters in the address; unknown words are passed over, as an old link is no error."""
    query = visit.query()
    choices = (("split", Split), ("source", Source))
    known: dict[str, Any] = {name: query[name] for name, kind in choices if query.get(name) in get_args(kind)}
    label = query.get("label", "").strip()[:200]
    return {**known, "label": label} if label else known


async def _shown(visit: Visit, item: DatasetItem) -> Shown:
    if item.model_id is None or item.prediction_id is None:  # imported, or its model was deleted
        return Shown(item, truth_of(item), None, None)
    review = visit.path("models", item.model_id, "review", "items", item.id)
    try:
        await visit.services.events.prediction(item.prediction_id, item.model_id)
    except NotFound:  # retention has taken it
        return Shown(item, truth_of(item), None, review)
    prediction = visit.path("models", item.model_id, "predictions", item.prediction_id)
    return Shown(item, truth_of(item), prediction, review)


def truth_of(item: DatasetItem) -> str:
    """Return what is true of an item in few words: of boxes how many each label has, the most frequent first."""
    if item.boxes is None:
        return item.label if item.label is not None else figure(item.value or 0.0)
    if not item.boxes:
        return "nothing in it"
    counts = Counter(box.label for box in item.boxes).most_common()
    told = [f"{count:,} {label}" for label, count in counts[:_MOST_LABELS]]
    rest = sum(count for _, count in counts[_MOST_LABELS:])
    return ", ".join(told) + (f" and {rest:,} more" if rest else "")
