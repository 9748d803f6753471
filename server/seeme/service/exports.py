"""Every row of a model, oldest first, for exports: a page at a time, so that memory stays small."""

from collections.abc import AsyncIterator

import msgspec

from seeme.errors import NotFound
from seeme.records.queries import Keyset, PredictionQuery
from seeme.store import reading
from seeme.store.database import Reader

PAGE = 1000


async def count(reader: Reader, model_id: str, kind: str) -> int:
    """Return how many rows of a kind a model has; raises NotFound for an unknown model."""
    if not await reading.model_exists(reader, model_id):
        raise NotFound(f"there is no model {model_id}")
    return await reading.count_rows(reader, model_id, kind)


async def rows(reader: Reader, model_id: str, kind: str) -> AsyncIterator[msgspec.Struct]:
    """Yield a model's `predictions` (with their truth), `labels` or `feedback` as the API would show them."""
    after: Keyset | None = None
    more = True
    while more:
        if kind == "predictions":
            query = PredictionQuery(model_id=model_id, order="asc", limit=PAGE, after=after)
            page, truths = await reading.with_truths(reader, await reading.predictions(reader, query))
            for row in page.rows:
                yield reading.to_prediction(row, truths.get(row["id"]))
        else:
            page = await reading.oldest_first(reader, kind, model_id, after, PAGE)
            for row in page.rows:
                yield reading.to_feedback(row) if kind == "feedback" else reading.to_label(row)
        more = page.more
        if more:
            after = Keyset(page.rows[-1]["created_at"], page.rows[-1]["id"])
