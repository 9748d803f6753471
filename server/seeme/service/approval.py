"""Approving a user's correction is a decision like a reviewer's: both close the same item, so they can't disagree."""

from collections.abc import Callable

from seeme.domain import sampling
from seeme.errors import Conflict
from seeme.records.models import Model
from seeme.records.review import NewDecision
from seeme.records.rows import FeedbackRow, ReviewRow
from seeme.service.keys import Identity
from seeme.service.queue import CLOSED, Queue, held
from seeme.service.sampling import new_item
from seeme.store import events, review
from seeme.store.database import Transaction


class Approval:
    """What follows when feedback is approved or rejected; the caller holds its model alone."""

    def __init__(self, queue: Queue, model: Callable[[str], Model]) -> None:
        self._queue = queue
        self._model = model

    async def approved(self, tx: Transaction, row: FeedbackRow, identity: Identity, at: int) -> None:
        """Close the item of a corrected prediction by what its user said.

        Raises:
            Conflict: a reviewer holds the item, or decided otherwise, or the label isn't among the model's.
        """
        if row.feedback_type != "correction":  # a verdict about one box doesn't say what the whole image holds
            return
        labels = self._model(row.model_id).labels
        if row.correct_label is not None and labels and row.correct_label not in labels:
            raise Conflict(
                f"{row.correct_label!r} isn't among the model's labels; add it to them first, or reject this feedback"
            )
        item = await self._item(tx, row, at)
        if item is None:  # retention has taken the prediction: there is nothing to learn from
            return
        new = NewDecision(decision="corrected", label=row.correct_label, value=row.correct_value)
        if item.status in CLOSED:
            if (item.decided_label, item.decided_value) == (new.label, new.value):
                return
            raise Conflict(
                f"{item.decided_by} reviewed this prediction and decided otherwise ({item.id}); undo that first"
            )
        if item.status == "in_review" and item.holder_key != identity.reviewer and (item.lease_until or 0) > at:
            raise Conflict(held(item))
        item.in_order = 0
        await self._queue.close(tx, item, new, identity, at, feedback=row.id)

    async def rejected(self, tx: Transaction, row: FeedbackRow, identity: Identity, at: int) -> None:
        """Open the item again that this feedback had closed."""
        for item in await review.of_prediction(tx, row.model_id, row.prediction_id):
            if item.feedback_id != row.id:
                continue
            if (
                await review.prediction_of(tx, item) is None
            ):  # nobody could judge it again: it stays counted, and teaches nothing
                await self._queue.unlearn(tx, item)
            else:
                await self._queue.reopen(tx, item, identity, at)

    async def _item(self, tx: Transaction, row: FeedbackRow, at: int) -> ReviewRow | None:
        known = await review.of_prediction(tx, row.model_id, row.prediction_id)
        key = (row.model_id, row.prediction_id)
        target = (await events.targets(tx, [key])).get(key)
        firsts = [item for item in known if item.round == 1]
        if target is None:
            return max(firsts, key=lambda item: item.created_at, default=None)
        for item in firsts:
            if item.created_at == target.created_at:
                return item
        model = self._model(row.model_id)
        item = new_item(target, sampling.BY_FEEDBACK, model.data_engine, at, sampled=False)
        await review.insert(tx, [item])
        return item
