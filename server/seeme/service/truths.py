"""Which true label is in force for a prediction: the latest by (created_at, id), counted in the prediction's bucket."""

from collections import defaultdict
from collections.abc import Sequence

from seeme.domain import sums
from seeme.records.rows import EventKey, LabelRow, Target
from seeme.store import events
from seeme.store.database import Transaction

Targets = dict[EventKey, Target]


def _order(row: LabelRow) -> tuple[int, str]:
    return row.created_at, row.id


def count(row: LabelRow, target: Target, delta: sums.Delta, sign: int) -> None:
    """Add a true label to its prediction's bucket, or take it away."""
    lanes = sums.of_truth(target.label, target.value, row.label, row.value)
    if lanes:
        delta.add(target.model_id, target.version_id, target.arm, target.created_at, lanes, sign)


async def settle(tx: Transaction, arrivals: Sequence[LabelRow], targets: Targets, delta: sums.Delta) -> list[LabelRow]:
    """Decide which label of each prediction is in force, now that `arrivals` have come; return those overtaken.

    Arrivals get their status; the caller stores them. Rows returned are stored already, with a status to update.
    """
    by_prediction: defaultdict[EventKey, list[LabelRow]] = defaultdict(list)
    for row in arrivals:
        by_prediction[row.model_id, row.prediction_id].append(row)
    previous = {(row.model_id, row.prediction_id): row for row in await events.active_labels(tx, by_prediction)}
    overtaken = []
    for key, rows in by_prediction.items():
        before = previous.get(key)
        winner = max([*rows, before] if before else rows, key=_order)
        for row in rows:
            row.status = "active" if row is winner else "superseded"
        if winner is before:
            continue
        if before is not None:
            before.status = "superseded"
            count(before, targets[key], delta, -1)
            overtaken.append(before)
        count(winner, targets[key], delta, 1)
    return overtaken
