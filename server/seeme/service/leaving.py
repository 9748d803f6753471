"""What becomes of review items whose predictions go: by age they stay counted, by erasure they never were."""

from collections.abc import Sequence

from seeme.domain import strata
from seeme.records.rows import EventKey, PredictionRow
from seeme.service import counting
from seeme.store import review
from seeme.store.database import Transaction
from seeme.store.strata import Strata, key_of


async def forget_open_items(tx: Transaction, keys: Sequence[EventKey], counted: Strata) -> None:
    """Delete undecided items: without its prediction nobody can judge one. They stay taken, and count as expired."""
    gone = [row for row in await review.of_predictions(tx, keys) if row.decision is None]
    await review.delete(tx, [(row.model_id, row.id) for row in gone])
    for row in gone:
        counting.expiry(counted, row)


async def uncount(tx: Transaction, row: PredictionRow, counted: Strata) -> None:
    """Take a prediction and the decision about it out of its stratum, and delete its items."""
    found = await review.of_prediction(tx, row.model_id, row.id)
    # An id may be a new prediction's, once retention and its tombstone are over: the old one's item isn't meant.
    items = [item for item in found if item.created_at == row.created_at]
    await review.delete(tx, [(item.model_id, item.id) for item in items])
    if row.rule_set is None:
        return
    key = key_of(row.model_id, row, row.rule_set, row.matched or "")
    counted.add(key, row.pi or 0.0, strata.of_prediction(row.confidence, bool(row.taken)), -1)
    for item in items:
        if item.decision is not None:
            counting.decision(counted, item, -1)
        if item.round == 1:
            for _ in item.passed_by.split():
                counting.skip(counted, item, -1)
