"""The review queue: items are claimed with a lease, decided by whoever holds them, and a decision can be taken back.

Every change holds its model alone, so that no two reviewers get the same item, on any number of nodes.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import UNSET

from seeme.clock import SECOND, from_micros, to_micros
from seeme.domain import sampling
from seeme.errors import Conflict, FieldError, Invalid, NotFound
from seeme.records.models import Model
from seeme.records.predictions import Detail
from seeme.records.review import Claim, NewDecision, Release
from seeme.records.rows import FeedbackRow, ReviewRow
from seeme.service import counting
from seeme.service.inbox import Inbox
from seeme.service.keys import Identity
from seeme.service.learning import Learning
from seeme.service.models import Models
from seeme.service.sampling import item_id
from seeme.store import events, reading, review
from seeme.store.database import Transaction
from seeme.store.strata import Strata

CLOSED = ("approved", "rejected")
_json = msgspec.json.Encoder()
_detail = msgspec.json.Decoder(Detail)


class Queue:
    """Claims, leases and decisions."""

    def __init__(
        self,
        inbox: Inbox,
        models: Models,
        learning: Learning,
        writer: str,
        clock: Callable[[], int],
        stamp: Callable[[int], int],
    ) -> None:
        self._inbox = inbox
        self._models = models
        self._learning = learning
        self._writer = writer
        self._clock = clock
        self._stamp = stamp  # what `updated_at` of feedback becomes at a time

    async def claim(self, claim: Claim, identity: Identity) -> list[ReviewRow]:
        """Lease open items to a reviewer; return them, fewer or none where there are no more.

        Raises:
            Conflict: an item that was asked for by its id is held by somebody else, or decided.
            NotFound: there is no such model or item.
        """
        self._models.get(claim.model_id)
        return await self._inbox.run(partial(self._claim, claim, identity))

    async def _claim(self, claim: Claim, identity: Identity, tx: Transaction) -> list[ReviewRow]:
        at = self._clock()
        await tx.hold([claim.model_id], alone=True)
        await review.return_expired(tx, claim.model_id, at)
        if isinstance(claim.ids, list):
            rows = [await self._free(tx, claim.model_id, id, identity, at) for id in dict.fromkeys(claim.ids)]
        else:
            filters = {name: _given(getattr(claim, name)) for name in ("dataset_id", "label", "reason")}
            rows = await review.open_items(tx, claim.model_id, identity.reviewer, claim.limit, **filters)
        in_order = int(claim.ids is UNSET and claim.reason is UNSET and claim.label is UNSET)
        for row in rows:
            row.status, row.holder, row.holder_key = "in_review", identity.holder, identity.reviewer
            row.lease_until, row.in_order = at + claim.lease_seconds * SECOND, in_order
            await review.lease(tx, row, at)
            await review.write_log(tx, row, at, identity.holder, "claimed")
        return rows

    async def _free(self, tx: Transaction, model_id: str, id: str, identity: Identity, at: int) -> ReviewRow:
        row = await _find(tx, model_id, id)
        if row.status in CLOSED:
            raise Conflict(f"the item {id} was decided by {row.decided_by} already")
        if row.status == "in_review" and row.holder_key != identity.reviewer:
            raise Conflict(held(row))
        if row.round == 2 and identity.reviewer in row.passed_by.split():
            raise Conflict(f"the item {id} is a second, blind review; you made the first one, or skipped it")
        return row

    async def renew(self, model_id: str, id: str, lease_seconds: int, identity: Identity) -> ReviewRow:
        """Lengthen a lease, from now on. Raises Conflict when it has ended and somebody else may have the item."""

        async def work(tx: Transaction) -> ReviewRow:
            at = self._clock()
            row = await self._mine(tx, model_id, id, identity, at)
            row.lease_until = at + lease_seconds * SECOND
            await review.lease(tx, row, at)
            return row

        return await self._inbox.run(work)

    async def skip(self, model_id: str, id: str, note: str | None, identity: Identity) -> ReviewRow:
        """Give an item back to the queue, for others; whoever skipped it isn't offered it again."""

        async def work(tx: Transaction) -> ReviewRow:
            at = self._clock()
            row = await self._mine(tx, model_id, id, identity, at)
            row.passed_by = f"{row.passed_by} {identity.reviewer}".strip()
            row.status, row.holder, row.holder_key, row.lease_until = "needs_review", None, None, None
            await review.give_back(tx, row, at)
            await review.write_log(tx, row, at, identity.holder, "skipped", note)
            counted = Strata()
            counting.skip(counted, row)
            await counting.catch_up(tx, counted, row)
            await counted.store(tx, self._writer)
            return row

        return await self._inbox.run(work)

    async def release(self, release: Release, identity: Identity) -> list[str]:
        """Give held items back as if they had never been claimed; return which are open again.

        A lease that was renewed or ended meanwhile is no longer what the caller means: a page that is loaded again
        may renew before the release that it sent when it was left arrives.
        """

        async def work(tx: Transaction) -> list[str]:
            at = self._clock()
            await tx.hold([release.model_id], alone=True)
            told = {item.id: to_micros(item.lease_until) for item in release.items}
            found = await review.rows(tx, [(release.model_id, id) for id in told])
            rows = [found[key] for key in sorted(found)]
            mine = [row for row in rows if row.holder_key == identity.reviewer and row.lease_until == told[row.id]]
            for row in mine:
                await review.give_back(tx, row, at)
                await review.write_log(tx, row, at, identity.holder, "released")
            return [row.id for row in mine]

        self._models.get(release.model_id)
        return await self._inbox.run(work)

    async def decide(self, model_id: str, id: str, new: NewDecision, identity: Identity) -> ReviewRow:
        """Close an item that the reviewer holds; the same decision once more changes nothing.

        Raises:
            Conflict: the lease has ended, or somebody else holds or decided the item.
            Invalid: the decision doesn't fit the model: another task, or a label that isn't among its labels.
        """
        model = self._models.get(model_id)
        _check(model, new)
        return await self._inbox.run(partial(self._decide, model, id, new, identity))

    async def _decide(self, model: Model, id: str, new: NewDecision, identity: Identity, tx: Transaction) -> ReviewRow:
        at = self._clock()
        await tx.hold([model.id], alone=True)
        row = await _find(tx, model.id, id)
        if row.decided_key == identity.reviewer and _says(row) == _content(new):
            return row
        self._require(row, identity, at)
        await self.close(tx, row, new, identity, at)
        if row.round == 1 and sampling.chosen_twice(model.id, row.prediction_id, model.data_engine.second_review.share):
            await review.insert(tx, [_second(row, at)])
        return row

    async def close(
        self,
        tx: Transaction,
        row: ReviewRow,
        new: NewDecision,
        identity: Identity,
        at: int,
        feedback: str | None = None,
    ) -> None:
        """Store a decision and count it; the caller holds the model alone and knows that it may be decided."""
        row.status = "rejected" if new.decision == "unusable" else "approved"
        row.decision, row.note, row.feedback_id = new.decision, new.note, feedback
        row.decided_label, row.decided_value = new.label, new.value
        row.decided_boxes = None if new.boxes is None else _json.encode(new.boxes).decode()
        row.was_right = None if new.decision == "unusable" else int(await _was_right(tx, row, new))
        row.decided_by, row.decided_key, row.decided_at = identity.holder, identity.reviewer, at
        row.holder = row.holder_key = row.lease_until = None
        # Queued before there was a target: the work isn't lost.
        row.dataset_id = row.dataset_id or self._models.get(row.model_id).data_engine.target_dataset_id or ""
        await review.close(tx, row)
        await review.write_log(tx, row, at, identity.holder, "decided", _words(new))
        await self.tally(tx, row, 1)
        await self._learning.keep(tx, row)

    async def undo(self, model_id: str, id: str, identity: Identity, lease_seconds: int = 600) -> ReviewRow:
        """Take a decision of one's own back: the item is in review again, held by who decided it.

        Raises:
            Conflict: it isn't decided, somebody else decided it, or a second person has reviewed it since.
        """

        async def work(tx: Transaction) -> ReviewRow:
            at = self._clock()
            await tx.hold([model_id], alone=True)
            row = await _find(tx, model_id, id)
            if row.status not in CLOSED:
                raise Conflict(f"the item {id} isn't decided")
            if row.decided_key != identity.reviewer and "admin" not in identity.scopes:
                raise Conflict(f"the item {id} was decided by {row.decided_by}; only they (or an admin) can undo it")
            if await review.prediction_of(tx, row) is None:
                raise Conflict(f"the prediction of the item {id} is gone; nobody could judge it again")
            await self._drop_second(tx, row, at)
            await self._doubt(tx, row, at)
            await self.reopen(tx, row, identity, at, lease_seconds)
            return row

        return await self._inbox.run(work)

    async def unlearn(self, tx: Transaction, row: ReviewRow) -> None:
        """Take a decided item out of its dataset's working set."""
        await self._learning.drop(tx, row)

    async def reopen(
        self, tx: Transaction, row: ReviewRow, identity: Identity, at: int, lease_seconds: int | None = None
    ) -> None:
        """Uncount a decision and open its item: for the one who undoes it, or without a lease for all."""
        await self.tally(tx, row, -1)
        await self._learning.drop(tx, row)
        row.status = "needs_review" if lease_seconds is None else "in_review"
        if lease_seconds is not None:
            row.holder, row.holder_key, row.lease_until = (
                identity.holder,
                identity.reviewer,
                at + lease_seconds * SECOND,
            )
        row.decision = row.decided_label = row.decided_value = row.decided_boxes = row.was_right = row.note = None
        row.decided_by = row.decided_key = row.decided_at = row.feedback_id = None
        await review.reopen(tx, row, at)
        await review.write_log(tx, row, at, identity.holder, "undone")

    async def _drop_second(self, tx: Transaction, row: ReviewRow, at: int) -> None:
        if row.round != 1:
            return
        for other in await review.of_prediction(tx, row.model_id, row.prediction_id):
            if other.created_at != row.created_at:
                continue
            held = other.status == "in_review" and (other.lease_until or 0) > at
            if other.round == 2 and (held or other.status in CLOSED):
                raise Conflict(f"the item {row.id} has a second review since; its first one stands")
            if other.round == 2:
                await review.delete(tx, [(other.model_id, other.id)])

    async def _doubt(self, tx: Transaction, row: ReviewRow, at: int) -> None:
        """Let the feedback whose approval was the decision wait for one again."""
        known = None if row.feedback_id is None else await reading.one_feedback(tx, row.model_id, row.feedback_id)
        if known is not None and known["review"] == "approved":
            feedback = events.to_row(FeedbackRow, known)
            await events.set_review(tx, feedback, "pending", None, None, self._stamp(at))

    async def tally(self, tx: Transaction, row: ReviewRow, sign: int) -> None:
        """Count a decision in its stratum, or take it away."""
        counted = Strata()
        counting.decision(counted, row, sign)
        if sign > 0:
            await counting.catch_up(tx, counted, row)
        await counted.store(tx, self._writer)

    async def _mine(self, tx: Transaction, model_id: str, id: str, identity: Identity, at: int) -> ReviewRow:
        await tx.hold([model_id], alone=True)
        row = await _find(tx, model_id, id)
        self._require(row, identity, at)
        return row

    def _require(self, row: ReviewRow, identity: Identity, at: int) -> None:
        """Raise Conflict unless an item is held by a reviewer, and still is."""
        if row.status in CLOSED:
            raise Conflict(f"the item {row.id} was decided by {row.decided_by} already")
        if row.status == "needs_review" or row.holder_key is None:
            raise Conflict(f"nobody holds the item {row.id}; claim it first")
        if row.holder_key != identity.reviewer:
            raise Conflict(held(row))
        if row.lease_until is not None and row.lease_until <= at:
            raise Conflict(f"your lease of the item {row.id} ended at {_time(row.lease_until)}; claim it again")


def _given(value: Any) -> Any:
    return None if value is UNSET else value


async def _find(tx: Transaction, model_id: str, id: str) -> ReviewRow:
    row = (await review.rows(tx, [(model_id, id)])).get((model_id, id))
    if row is None:
        raise NotFound(f"there is no review item {id} of the model {model_id}")
    return row


def _time(at: int) -> str:
    return from_micros(at).isoformat(timespec="seconds")


def held(row: ReviewRow) -> str:
    """Say who holds an item, and until when."""
    return f"the item {row.id} is held by {row.holder} until {_time(row.lease_until or 0)}"


def _second(row: ReviewRow, at: int) -> ReviewRow:
    """Return the item of a second review, which is not for who made the first."""
    return ReviewRow(
        model_id=row.model_id,
        id=item_id(row.model_id, row.prediction_id, row.created_at, 2),
        prediction_id=row.prediction_id,
        reasons=row.reasons,
        place=row.place,
        version_id=row.version_id,
        arm=row.arm,
        created_at=row.created_at,
        queued_at=at,
        updated_at=at,
        round=2,
        dataset_id=row.dataset_id,
        rule_set=row.rule_set,
        matched=row.matched,
        pi=row.pi,
        label=row.label,
        confidence=row.confidence,
        passed_by=row.decided_key or "",
        subject=row.subject,
    )


def _check(model: Model, new: NewDecision) -> None:
    given = {"label": new.label, "value": new.value, "boxes": new.boxes}
    needed = {"classification": "label", "detection": "boxes", "regression": "value"}[model.task]
    labels = [new.label] if new.label is not None else [box.label for box in new.boxes or ()]
    wrong = None
    for name, part in given.items():
        if part is not None and name != needed:
            wrong = FieldError(f"$.{name}", f"a {model.task} model is corrected by `{needed}`, not by `{name}`")
    for label in labels:
        if wrong is None and model.labels and label not in model.labels:
            path = "$.label" if new.label is not None else "$.boxes"
            wrong = FieldError(path, f"{label!r} isn't among the model's labels; add it to them first")
    if wrong is not None:
        raise Invalid(wrong.message, errors=(wrong,))


async def _was_right(tx: Transaction, row: ReviewRow, new: NewDecision) -> bool:
    """Say whether a prediction is right: called correct, or corrected to just what it says."""
    if new.decision == "correct" or new.label is not None:
        return new.decision == "correct" or new.label == row.label
    prediction = await review.prediction_of(tx, row)
    if prediction is None:
        return False
    if new.boxes is None:
        return bool(new.value == prediction["value"])
    found = _detail.decode(prediction["detail"]).detections if prediction["detail"] else None
    return sorted((one.label, one.box) for one in found or ()) == sorted((one.label, one.box) for one in new.boxes)


def _content(new: NewDecision) -> tuple[Any, ...]:
    boxes = None if new.boxes is None else _json.encode(new.boxes).decode()
    return new.decision, new.label, new.value, boxes, new.note


def _says(row: ReviewRow) -> tuple[Any, ...]:
    return row.decision, row.decided_label, row.decided_value, row.decided_boxes, row.note


def _words(new: NewDecision) -> str:
    what: Sequence[str] = [part for part in (new.label, None if new.value is None else str(new.value)) if part]
    if new.boxes is not None:
        what = [f"{len(new.boxes)} boxes"]
    return " ".join([new.decision, *what])
