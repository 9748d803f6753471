"""Every row of a model, oldest first, for exports: a page at a time, so that memory stays small."""

from collections.abc import AsyncIterator

import msgspec

from seeme.errors import NotFound
from seeme.records.queries import Keyset, PredictionQuery
from seeme.store import reading
from seeme.store.database import Reader, Row

PAGE = 1000


async def count(reader: Reader, model_id: str, kind: str) -> int:
    """Return how many rows of a kind a model has; raises NotFound for an unknown model."""
    if not await reading.model_exists(reader, model_id):
        raise NotFound(f"there is no model {model_id}")
    return await reading.count_rows(reader, model_id, kind)


async def rows(reader: Reader, model_id: str, kind: str) -> AsyncIterator[msgspec.Struct]:
    """Yield a model's `predictions` (with their truth), `labels` or `feedback` as the API would show them."""
    after: Keyset | None = None
    while True:
        page = await _page(reader, model_id, kind, after)
        truths = await reading.truths(reader, page) if kind == "predictions" else {}
        for row in page:
            if kind == "predictions":
                yield reading.to_prediction(row, truths.get(row["id"]))
            elif kind == "feedback":
                yield reading.to_feedback(row)
            else:
                yield reading.to_label(row)
        if len(page) < PAGE:
            return
        after = Keyset(page[PAGE - 1]["created_at"], page[PAGE - 1]["id"])


async def _page(reader: Reader, model_id: str, kind: str, after: Keyset | None) -> "list[Row]":
    if kind == "predictions":
        query = PredictionQuery(model_id=model_id, order="asc", limit=PAGE - 1, after=after)
        return list(await reading.predictions(reader, query))
    return list(await reading.oldest_first(reader, kind, model_id, after, PAGE))
