"""What reviews teach: decided items go into the dataset that their model's data engine names, and out by undo."""

import msgspec

from seeme.errors import Conflict, NotFound
from seeme.records.predictions import Detail
from seeme.records.rows import ItemRow, ReviewRow
from seeme.service.datasets import Datasets
from seeme.store import review
from seeme.store.database import Row, Transaction

_detail = msgspec.json.Decoder(Detail)


class Learning:
    """Puts what was decided into datasets, inside the decision's transaction."""

    def __init__(self, datasets: Datasets) -> None:
        self._datasets = datasets

    async def keep(self, tx: Transaction, row: ReviewRow) -> None:
        """Put a decided item into its dataset; an unusable input and a second review teach nothing.

        A dataset that is gone, or for another task by now, doesn't hold up the review: the item's log says so.
        """
        if not row.dataset_id or row.decision == "unusable" or row.round == 2:
            return
        prediction = await review.prediction_of(tx, row)
        if prediction is None:
            return
        try:
            await self._datasets.put(tx, _item(row, prediction))
        except (NotFound, Conflict) as error:  # the decision stands; that it teaches nothing must be seen
            detail = f"the dataset {row.dataset_id} is gone" if isinstance(error, NotFound) else str(error)
            await review.write_log(tx, row, row.decided_at or 0, row.decided_by or "", "not kept", detail)

    async def take_input(self, tx: Transaction, model_id: str, prediction_id: str) -> None:
        """Put what was decided about a prediction again: its input has come since."""
        for row in await review.of_prediction(tx, model_id, prediction_id):
            if row.decision is not None:
                await self.keep(tx, row)

    async def drop(self, tx: Transaction, row: ReviewRow) -> None:
        """Take an item out of its dataset's working set; versions that have it keep it."""
        if row.dataset_id and row.round == 1:
            await self._datasets.withdraw(tx, row.dataset_id, row.id)


def _item(row: ReviewRow, prediction: Row) -> ItemRow:
    detail = _detail.decode(prediction["detail"]) if prediction["detail"] else Detail()
    size = detail.image_size or (None, None)
    found = None
    if row.decision == "correct" and detail.detections is not None:
        found = msgspec.json.encode([{"label": one.label, "box": one.box} for one in detail.detections]).decode()
    correct = row.decision == "correct"
    return ItemRow(
        dataset_id=row.dataset_id,
        id=row.id,
        source="review" if row.feedback_id is None else "feedback",
        created_at=row.decided_at or 0,
        model_id=row.model_id,
        prediction_id=row.prediction_id,
        label=prediction["label"] if correct else row.decided_label,
        value=prediction["value"] if correct else row.decided_value,
        boxes=found if correct else row.decided_boxes,
        width=size[0],
        height=size[1],
        input_hash=prediction["input_hash"],
        input_url=prediction["input_url"],
        input_id=prediction["input_id"],
        reviewer=row.decided_by,
        feedback_id=row.feedback_id,
        pi=row.pi,
        note=row.note,
    )
