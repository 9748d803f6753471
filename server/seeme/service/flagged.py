"""Reading the review queue: lists, one item with all that its reviewer needs, and how far the work is."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec

from seeme.clock import DAY
from seeme.domain import agreement
from seeme.domain.sampling import BY_FEEDBACK
from seeme.errors import NotFound
from seeme.records.predictions import Detail, LabelledBox, Prediction
from seeme.records.queries import FeedbackQuery, Keyset, ReviewQuery, to_cursor
from seeme.records.review import QueueState, ReviewItem, ReviewTask
from seeme.records.rows import ReviewRow
from seeme.records.types import Page
from seeme.service.events import Events
from seeme.service.models import Models
from seeme.store import review
from seeme.store.database import Reader, Row

FIRST = Keyset(-1, "")
SINCE = 90 * DAY
MOST_PAIRS = 5_000
MOST_IMAGES = 200  # the latest
MOST_FEEDBACK = 50
_boxes = msgspec.json.Decoder(list[LabelledBox])
_detail = msgspec.json.Decoder(Detail)

WHY = {
    "low_confidence": "the model was less sure than the threshold",
    "no_detections": "the model found nothing in the image",
    "high_density": "many boxes overlap",
    "unusual_size": "a box is unusually small or large",
    "margin": "the two best scores are close to each other",
    "new_class": "the label isn't among the model's own",
    "random_sample": "drawn at random: such items make the accuracy unbiased",
    BY_FEEDBACK: "somebody said that it is wrong",
}


class Flagged:
    """What is in the queue."""

    def __init__(self, reader: Reader, models: Models, events: Events, clock: Callable[[], int]) -> None:
        self._reader = reader
        self._models = models
        self._events = events
        self._clock = clock

    async def page(self, query: ReviewQuery) -> Page[ReviewItem]:
        """Return a page of items of a model or of a dataset, the longest in the queue first."""
        if query.model_id is not None:
            self._models.get(query.model_id)
        after = query.after or FIRST
        found = await review.page(
            self._reader,
            model_id=query.model_id,
            dataset_id=query.dataset_id,
            status=query.status,
            label=query.label,
            reason=query.reason,
            at=after.at,
            id=after.id,
            limit=query.limit,
        )
        cursor = to_cursor(found.rows[-1]["queued_at"], found.rows[-1]["id"]) if found.more else None
        return Page(items=[self._item(row) for row in found.rows], next_cursor=cursor)

    def _item(self, row: Row) -> ReviewItem:
        return self._events.with_input(review.to_item(row), row["prediction_id"])

    async def item(self, id: str, model_id: str | None = None) -> ReviewTask:
        """Return one item with its prediction, the feedback on it, and who did what."""
        home = await self._events.home("review", id, model_id)
        row = await review.one(self._reader, home, id)
        if row is None:
            raise NotFound(f"there is no review item {id} of the model {home}")
        item = self._item(row)
        prediction = await self._prediction(item)
        said = await self._events.list_feedback(
            FeedbackQuery(model_id=home, prediction_id=item.prediction_id, status="active", limit=MOST_FEEDBACK)
        )
        why = [WHY.get(reason, reason) for reason in item.reasons]
        log = await review.read_log(self._reader, home, id)
        feedback = said.items
        if item.second and item.decision is None:  # blind: not what the first reviewer made of it
            hidden = {"review": "pending", "reviewed_by": None, "reviewed_at": None}
            feedback = [msgspec.structs.replace(one, **hidden) for one in feedback]
        return ReviewTask(item=item, prediction=prediction, feedback=feedback, why=why, log=log)

    async def _prediction(self, item: ReviewItem) -> Prediction | None:
        """Return the prediction of an item; None once retention has taken it, whatever has its id by now."""
        try:
            found = await self._events.prediction(item.prediction_id, item.model_id)
        except NotFound:
            return None
        return found if found.created_at == item.created_at else None

    async def tasks(self, rows: Sequence[ReviewRow]) -> list[ReviewTask]:
        """Return claimed items with all that their reviewer needs."""
        return [await self.item(row.id, row.model_id) for row in rows]

    async def state(self, model_id: str) -> QueueState:
        """Return how many items of a model are in each state, and how well two reviewers of the same items agree."""
        model = self._models.get(model_id)
        counts = await review.counts(self._reader, model_id)
        pairs = await review.reviewed_twice(self._reader, model_id, self._clock() - SINCE, MOST_PAIRS)
        # Not in the event loop: many boxes take their time.
        measure, value, reason = await asyncio.to_thread(_agreement, model.task, pairs)
        totals = {
            status: sum(n for (found, _), n in counts.items() if found == status)
            for status in ("needs_review", "in_review", "approved", "rejected")
        }
        return QueueState(
            **totals,
            reviewed_twice=len(pairs),
            agreement=value,
            agreement_measure=measure if value is not None else None,
            agreement_reason=reason,
        )


def _agreement(task: str, pairs: Sequence[Row]) -> tuple[str, float | None, str | None]:
    if not pairs:
        return "", None, "no item has been reviewed twice yet"
    if task == "regression":
        return "", None, "the agreement of values isn't computed"
    if task == "detection":
        both = [(_boxes_of(row, "first"), _boxes_of(row, "second")) for row in pairs[:MOST_IMAGES]]
        overlaps = [agreement.mean_iou(one, other) for one, other in both if one is not None and other is not None]
        known = [overlap for overlap in overlaps if overlap is not None]
        if not known:
            return "", None, "no picture that was reviewed twice is known with its boxes"
        return "mean IoU", sum(known) / len(known), None
    kappa = agreement.cohen_kappa([(_word(row, "first"), _word(row, "second")) for row in pairs])
    return "Cohen's kappa", kappa, "both reviewers always gave the same one answer" if kappa is None else None


def _word(row: Row, which: str) -> str:
    """Return what a reviewer found, in one word: the label, or that the input is unusable."""
    decision = row[f"{which}_decision"]
    if decision == "unusable":
        return "\0unusable"
    return row[f"{which}_label"] or row["label"] or "\0none"


def _boxes_of(row: Row, which: str) -> Sequence[LabelledBox] | None:
    """Return what a reviewer found in an image: own boxes, or the model's; None when these are gone, or unusable."""
    if row[f"{which}_decision"] == "correct":
        found = _detail.decode(row["detail"]).detections if row["detail"] else None
        return None if found is None else [LabelledBox(label=one.label, box=one.box) for one in found]
    text = row[f"{which}_boxes"]
    return _boxes.decode(text) if text else None
