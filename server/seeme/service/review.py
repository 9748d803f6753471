"""What a person decides about feedback: approve or reject it, release it from quarantine, delete it."""

from collections.abc import Callable
from functools import partial

from seeme.clock import from_micros
from seeme.domain import sums
from seeme.errors import Conflict, NotFound
from seeme.records.feedback import Feedback, ReviewState
from seeme.records.rows import FeedbackRow
from seeme.service import votes
from seeme.service.events import Events
from seeme.service.inbox import Inbox
from seeme.service.intake import FINE_KEPT, Intake
from seeme.service.keys import Identity
from seeme.service.removal import Removal
from seeme.store import events, reading
from seeme.store.database import Transaction


class Review:
    """Decisions about feedback, each with who and when."""

    def __init__(
        self, inbox: Inbox, reading: Events, intake: Intake, removal: Removal, clock: Callable[[], int]
    ) -> None:
        self._inbox = inbox
        self._events = reading
        self._intake = intake
        self._removal = removal
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
        if row.status != "quarantined":
            raise Conflict(f"this feedback is {row.status}, not quarantined")
        if row.status_reason and row.status_reason.startswith("misfit:"):
            raise Conflict(f"this feedback doesn't fit its prediction ({row.status_reason}); it can only be deleted")
        delta = sums.Delta()
        tally = votes.Tally(await events.targets(tx, [(home, row.prediction_id)]), delta)
        at = self._clock()
        row.updated_at = self._intake.update_time(at)
        overtaken = await votes.settle(tx, [row], tally)
        row.status_reason = f"released by {identity.holder} at {from_micros(at).isoformat(timespec='seconds')}"
        await tally.store(tx)
        await events.set_feedback_statuses(tx, [*overtaken, row])
        await self._intake.sums.add(tx, delta, at - FINE_KEPT)

    async def delete(self, id: str, model_id: str | None, identity: Identity) -> None:
        """Delete feedback; the one before it in its slot counts again."""
        home = await self._events.home("feedback", id, model_id)

        async def work(tx: Transaction) -> None:
            await self._removal.delete_feedback(await _find(tx, home, id), tx)

        await self._inbox.run(work)


async def _find(tx: Transaction, model_id: str, id: str) -> FeedbackRow:
    """Return feedback as it stands, with its model held alone: what is decided from it then holds at the commit."""
    await tx.hold([model_id], alone=True)
    row = await reading.one_feedback(tx, model_id, id)
    if row is None:
        raise NotFound(f"there is no feedback {id} of the model {model_id}")
    return events.to_row(FeedbackRow, row)
