"""What a person decides about feedback: approve or reject it, release it from quarantine, delete it."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Literal

from seeme.clock import from_micros
from seeme.domain import sums
from seeme.errors import Conflict, NotFound
from seeme.records.feedback import Feedback, ReviewState
from seeme.records.quarantine import Cause, Decided, DecidedAll, QuarantineChoice
from seeme.records.rows import FeedbackRow
from seeme.service import votes
from seeme.service.approval import Approval
from seeme.service.events import Events
from seeme.service.inbox import Inbox
from seeme.service.intake import FINE_KEPT, Intake
from seeme.service.keys import Identity
from seeme.service.models import Models
from seeme.service.removal import Removal
from seeme.store import events, quarantine, reading
from seeme.store.database import Reader, Transaction

MOST = 1000  # of one cause at a time
CHUNK = 200
Held = dict[str, FeedbackRow | None]


class Review:
    """Decisions about feedback, each with who and when."""

    def __init__(
        self,
        inbox: Inbox,
        reader: Reader,
        models: Models,
        reading: Events,
        intake: Intake,
        removal: Removal,
        approval: Approval,
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._reader = reader
        self._models = models
        self._events = reading
        self._intake = intake
        self._removal = removal
        self._approval = approval
        self._clock = clock

    async def approve(self, id: str, model_id: str | None, identity: Identity) -> Feedback:
        """Approve feedback; doing it again changes nothing."""
        return await self._decide(id, model_id, identity, "approved")

    async def reject(self, id: str, model_id: str | None, identity: Identity) -> Feedback:
        """Reject feedback; doing it again changes nothing."""
        return await self._decide(id, model_id, identity, "rejected")

    async def _decide(self, id: str, model_id: str | None, identity: Identity, review: ReviewState) -> Feedback:
        home = await self._events.home("feedback", id, model_id)

        async def work(tx: Transaction) -> None:
            row = await _find(tx, home, id)
            if row.status in ("quarantined", "orphan"):
                raise Conflict(f"this feedback is {row.status} and doesn't count; it can't be {review} as it is")
            if row.review == review:
                return
            at = self._clock()
            if review == "approved":
                await self._approval.approved(tx, row, identity, at)
            else:
                await self._approval.rejected(tx, row, identity, at)
            await events.set_review(tx, row, review, identity.holder, at, self._intake.update_time(at))

        await self._inbox.run(work)
        return await self._events.feedback(id, home)

    async def release(self, id: str, model_id: str | None, identity: Identity) -> Feedback:
        """Let quarantined feedback count. Raises Conflict when it isn't quarantined, or has no prediction it fits."""
        home = await self._events.home("feedback", id, model_id)
        await self._inbox.run(partial(self._release, home, id, identity))
        return await self._events.feedback(id, home)

    async def _release(self, home: str, id: str, identity: Identity, tx: Transaction) -> None:
        row = await _find(tx, home, id)
        refusal = _cannot_count(row)
        if refusal is not None:
            raise Conflict(refusal)
        await self._let_count([row], identity, tx)

    async def _let_count(self, rows: list[FeedbackRow], identity: Identity, tx: Transaction) -> None:
        delta = sums.Delta()
        tally = votes.Tally(await events.targets(tx, {(row.model_id, row.prediction_id) for row in rows}), delta)
        at = self._clock()
        now = self._intake.update_time(at)
        for row in rows:
            row.updated_at = now
        overtaken = await votes.settle(tx, rows, tally)
        for row in rows:
            row.status_reason = f"released by {identity.holder} at {from_micros(at).isoformat(timespec='seconds')}"
        await tally.store(tx)
        await events.set_feedback_statuses(tx, [*overtaken, *rows])
        await self._intake.sums.add(tx, delta, at - FINE_KEPT)
        models = {row.model_id: self._models.get(row.model_id) for row in rows}
        await self._intake.sampling.hear(tx, rows, tally.targets, models, at)

    async def delete(self, id: str, model_id: str | None, identity: Identity) -> None:
        """Delete feedback; the one before it in its slot counts again, and what its approval decided is open again."""
        home = await self._events.home("feedback", id, model_id)

        async def work(tx: Transaction) -> None:
            row = await _find(tx, home, id)
            if row.review == "approved":
                await self._approval.rejected(tx, row, identity, self._clock())
            await self._removal.delete_feedback(row, tx)

        await self._inbox.run(work)

    async def held(self, model_id: str, most: int) -> list[tuple[Cause, int, list[Feedback]]]:
        """Return what is in quarantine by its cause: how much it is, and the oldest of it."""
        counts = await quarantine.counts(self._reader, model_id)
        return [
            (cause, count, await quarantine.shown(self._reader, model_id, cause, most))
            for cause, count in counts.items()
        ]

    async def release_held(self, model_id: str, choice: QuarantineChoice, identity: Identity) -> DecidedAll:
        """Let the chosen feedback count, as far as it is in quarantine and can; each chunk is one transaction.

        Raises:
            Conflict: for the reason `misfit`: what fits no prediction can only be deleted.
        """
        if choice.reason == "misfit":
            raise Conflict("what doesn't fit its prediction can only be deleted")

        async def work(found: Held, tx: Transaction) -> dict[str, Decided]:
            refused = {id: _cannot_count(row) for id, row in found.items()}
            good = [row for row in found.values() if row is not None and refused[row.id] is None]
            await self._let_count(good, identity, tx)
            return {id: _decided(id, "released", refusal) for id, refusal in refused.items()}

        return await self._decide_held(model_id, choice, work)

    async def delete_held(self, model_id: str, choice: QuarantineChoice) -> DecidedAll:
        """Delete the chosen feedback, as far as it is in quarantine; each chunk is one transaction."""

        async def work(found: Held, tx: Transaction) -> dict[str, Decided]:
            refused = {id: _not_held(row) for id, row in found.items()}
            # They were never counted: nothing has to be taken out of the sums.
            await events.bury(tx, "feedback", [(model_id, id) for id in found if refused[id] is None], self._clock())
            return {id: _decided(id, "deleted", refusal) for id, refusal in refused.items()}

        return await self._decide_held(model_id, choice, work)

    async def _decide_held(
        self,
        model_id: str,
        choice: QuarantineChoice,
        work: Callable[[Held, Transaction], Awaitable[dict[str, Decided]]],
    ) -> DecidedAll:
        self._models.get(model_id)
        if choice.reason is not None:
            ids = await quarantine.oldest(self._reader, model_id, choice.reason, MOST)
        else:
            ids = list(dict.fromkeys(choice.ids or ()))
        results: dict[str, Decided] = {}
        for start in range(0, len(ids), CHUNK):
            chunk = ids[start : start + CHUNK]

            async def decide(tx: Transaction, chunk: list[str] = chunk) -> dict[str, Decided]:
                await tx.hold([model_id], alone=True)
                rows = {row.id: row for row in await events.feedback_rows(tx, [(model_id, id) for id in chunk])}
                return await work({id: rows.get(id) for id in chunk}, tx)

            results |= await self._inbox.run(decide)
        left = await quarantine.counts(self._reader, model_id)
        return DecidedAll(
            done=sum(result.status != "refused" for result in results.values()),
            left=sum(left.values()) if choice.reason is None else left.get(choice.reason, 0),
            items=None if choice.ids is None else [results[id] for id in choice.ids],
        )


def _not_held(row: FeedbackRow | None) -> str | None:
    """Return why feedback can't be taken out of quarantine: it isn't in it."""
    if row is None:
        return "there is no such feedback of this model"
    return None if row.status == "quarantined" else f"this feedback is {row.status}, not quarantined"


def _cannot_count(row: FeedbackRow | None) -> str | None:
    """Return why feedback can't be released."""
    if row is not None and row.status == "quarantined" and (row.status_reason or "").startswith("misfit:"):
        return f"this feedback doesn't fit its prediction ({row.status_reason}); it can only be deleted"
    return _not_held(row)


def _decided(id: str, status: Literal["released", "deleted"], refusal: str | None) -> Decided:
    return Decided(id=id, status=status if refusal is None else "refused", detail=refusal)


async def _find(tx: Transaction, model_id: str, id: str) -> FeedbackRow:
    """Return feedback as it stands, with its model held alone: what is decided from it then holds at the commit."""
    await tx.hold([model_id], alone=True)
    row = await reading.one_feedback(tx, model_id, id)
    if row is None:
        raise NotFound(f"there is no feedback {id} of the model {model_id}")
    return events.to_row(FeedbackRow, row)
