"""Rows that go: by age (sums stay as they are) or because a person asks (sums give back exactly what they counted)."""

from collections.abc import Callable
from functools import partial

from seeme.clock import DAY
from seeme.domain import sums, units
from seeme.records.keys import Erased
from seeme.records.rows import FeedbackRow, PredictionRow
from seeme.service import leaving, truths, votes
from seeme.service.datasets import Datasets
from seeme.service.inbox import Inbox
from seeme.service.intake import FINE_KEPT, Intake
from seeme.service.models import Models
from seeme.service.signing import Signing
from seeme.settings import Settings
from seeme.store import ab_tests, ab_units, blobs, events, reading, registry, removal, review
from seeme.store.blobs import Blobs
from seeme.store.database import Transaction
from seeme.store.events import bury
from seeme.store.strata import Strata

CHUNK = 500


def _key(row: PredictionRow | FeedbackRow) -> tuple[str, str]:
    return row.model_id, row.id


class Removal:
    """Retention, the erasure of persons, and the end of models."""

    def __init__(
        self,
        inbox: Inbox,
        intake: Intake,
        models: Models,
        signing: Signing,
        datasets: Datasets,
        files: Blobs,
        settings: Settings,
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._intake = intake
        self._models = models
        self._signing = signing
        self._datasets = datasets
        self._files = files
        self._settings = settings
        self._clock = clock

    async def retain(self) -> None:
        """Delete what is past its time, in chunks, so that events come in between."""
        now = self._clock()
        for model in self._models.live():
            await self._repeat(partial(self._expire, model.id, now - model.config.log_retention_days * DAY))
            for kind in ("label", "feedback"):
                await self._repeat(partial(self._expire_orphans, kind, model.id, now))
            await self._inbox.run(
                partial(removal.delete_old_sums, model_id=model.id, grain=sums.FINE, before=now - FINE_KEPT)
            )
        for model_id in self._models.deleted():
            await self._repeat(partial(self._empty, model_id))
            await self._inbox.run(partial(self._end, model_id), partial(self._forget, model_id))
        await self._datasets.sweep()
        tombstones = now - self._settings.tombstone_days * DAY
        await self._inbox.run(partial(removal.delete_old_tombstones, before=tombstones))
        await self._inbox.run(partial(registry.delete_old_grants, at=now))
        await self._sweep_blobs()

    async def _is_deleted(self, model_id: str, tx: Transaction) -> bool:
        """Say whether a model is still to be deleted: another node may have done so, and its id be a new one's."""
        stored = await registry.model(tx, model_id)
        return stored is not None and stored.deleted_at is not None

    async def _end(self, model_id: str, tx: Transaction) -> None:
        await tx.hold([model_id], alone=True)
        if await self._is_deleted(model_id, tx):
            await self._datasets.detach(tx, model_id)
            await registry.delete_model(tx, model_id)

    def _forget(self, model_id: str, _: None) -> None:
        """Drop what is remembered of a deleted model: another one may take its id."""
        self._intake.forget()
        self._signing.forget(model_id)
        self._models.forget(model_id)

    async def _repeat(self, work: Callable[[Transaction], "object"]) -> None:
        while await self._inbox.run(work):  # type: ignore[arg-type]
            pass

    async def _expire(self, model_id: str, before: int, tx: Transaction) -> int:
        """Delete a chunk of old predictions; feedback on them stays, cut loose from its input."""
        await tx.hold([model_id], alone=True)
        rows = await removal.expired_predictions(tx, model_id, before, CHUNK)
        await removal.mark_thinned(tx, model_id, sorted({row.created_at // DAY * DAY for row in rows}))
        await ab_tests.mark_thinned(tx, sorted({row.ab_test_id for row in rows if row.ab_test_id is not None}))
        await self._bury_predictions(tx, rows)
        return len(rows)

    async def _bury_predictions(self, tx: Transaction, rows: list[PredictionRow]) -> None:
        at = self._clock()
        labels = [(label.model_id, label.id) for row in rows for label in await removal.labels_of(tx, row)]
        await bury(tx, "label", labels, at)
        await bury(tx, "prediction", [_key(row) for row in rows], at)
        expired = Strata()
        await leaving.forget_open_items(tx, [_key(row) for row in rows], expired)
        await expired.store(tx, self._intake.sums.writer)
        await blobs.drop_references(tx, [row.input_hash for row in rows if row.input_stored and row.input_hash])

    async def _expire_orphans(self, kind: str, model_id: str, now: int, tx: Transaction) -> int:
        await tx.hold([model_id], alone=True)
        before = now - self._settings.orphan_days * DAY
        keys = await removal.expired_orphans(tx, kind, model_id, before, CHUNK)
        await bury(tx, kind, keys, now)
        return len(keys)

    async def _empty(self, model_id: str, tx: Transaction) -> int:
        """Delete a chunk of a deleted model's rows."""
        await tx.hold([model_id], alone=True)
        if not await self._is_deleted(model_id, tx):
            return 0
        rows = await removal.expired_predictions(tx, model_id, 2**62, CHUNK)
        await ab_tests.mark_thinned(tx, sorted({row.ab_test_id for row in rows if row.ab_test_id is not None}))
        await self._bury_predictions(tx, rows)
        count = len(rows)
        items = await review.some_of_model(tx, model_id, CHUNK)
        await review.delete(tx, items)
        count += len(items)
        for kind in ("label", "feedback"):
            keys = await removal.some_of_model(tx, kind, model_id, CHUNK)
            await bury(tx, kind, keys, self._clock())
            count += len(keys)
        return count

    async def _sweep_blobs(self) -> None:
        """Delete files that no prediction has any more.

        In the writer, so that no upload of the same bytes is lost, and only once it is on disk that nobody refers to
        them: deleting a file can't be rolled back.
        """
        while hashes := await self._inbox.run(partial(blobs.unreferenced, most=CHUNK)):
            await self._inbox.run(partial(self._delete_blobs, hashes))

    async def _delete_blobs(self, hashes: list[str], tx: Transaction) -> None:
        for hash in hashes:
            if await blobs.forget_blob(tx, hash):
                self._files.delete(hash)

    async def erase(self, subject: bytes) -> Erased:
        """Delete everything of a person: predictions logged for them with all that hangs on these, and their feedback.

        Sums give back exactly what these rows added. What datasets have of these predictions, and of those that have
        expired, goes from every version. Each chunk is one transaction; a repeated call goes on.
        """
        predictions = feedback = 0
        while not await self._inbox.run(partial(self._erase_unit, subject)):
            predictions += await self._inbox.run(partial(self._erase_predictions, subject))
        while chunk := await self._inbox.run(partial(self._erase_feedback, subject)):
            feedback += chunk
        await self._repeat(partial(self._erase_items, subject))
        await self._repeat(partial(self._datasets.erase_subject, subject=subject, most=CHUNK))
        await self._sweep_blobs()
        return Erased(predictions=predictions, feedback=feedback)

    async def _erase_predictions(self, subject: bytes, tx: Transaction) -> int:
        """Erase a chunk; return how many."""
        found = await removal.predictions_of_subject(tx, subject, CHUNK)
        models = {row.model_id for row in found}
        await tx.hold(models, alone=True)
        # Again: another node may have deleted some before the models were held.
        rows = [row for row in await removal.predictions_of_subject(tx, subject, CHUNK) if row.model_id in models]
        delta = sums.Delta()
        at = self._clock()
        targets = await events.targets(tx, [_key(row) for row in rows])
        tally = votes.Tally(targets, delta)
        gone = []
        counted = Strata()
        for row in rows:
            positions = await events.label_positions(tx, row.model_id)
            delta.add(row.model_id, row.version_id, row.arm, row.created_at, _lanes(row, positions), -1)
            units.count_prediction(delta, row, -1)
            await leaving.uncount(tx, row, counted)
            for label in await removal.labels_of(tx, row):
                if label.status == "active":
                    truths.count(label, targets[_key(row)], delta, -1)
            for one in await removal.feedback_of(tx, row):
                gone.append(_key(one))
                if one.status == "active":
                    tally.count(one, -1)
        await tally.store(tx)
        await counted.store(tx, self._intake.sums.writer)
        await bury(tx, "feedback", gone, at)
        for model_id in sorted(models):
            ids = [row.id for row in rows if row.model_id == model_id]
            await self._datasets.erase(tx, model_id, ids, subject)
        await self._bury_predictions(tx, rows)
        await self._intake.sums.add(tx, delta, at - FINE_KEPT)
        return len(rows)

    async def _erase_items(self, subject: bytes, tx: Transaction) -> int:
        """Delete the reviewed items of predictions that retention has taken: their sums stay, as with retention."""
        rows = await review.of_subject(tx, subject, CHUNK)
        await tx.hold({row.model_id for row in rows}, alone=True)
        await review.delete(tx, [(row.model_id, row.id) for row in rows])
        return len(rows)

    async def _erase_unit(self, subject: bytes, tx: Transaction) -> bool:
        """Take a person out of the A/B tests whose predictions have expired: of their unit a row is left there.

        Say whether that was done: only once no prediction of theirs is stored, as it would add to that row.
        """
        if await removal.predictions_of_subject(tx, subject, 1):
            return False
        # Read after them: retention of another node marks the tests of those that it takes.
        thinned = [stored.test for stored in await ab_tests.tests(tx) if stored.thinned]
        await tx.hold({arm.model_id for test in thinned for arm in test.arms}, alone=True)
        if await removal.predictions_of_subject(tx, subject, 1):  # one that has come meanwhile
            return False
        for test in thinned:
            await ab_units.erase(tx, test.id, subject.hex(), self._intake.sums.writer)
        return True

    async def _erase_feedback(self, subject: bytes, tx: Transaction) -> int:
        keys = await removal.feedback_of_subject(tx, subject, CHUNK)
        await tx.hold({model_id for model_id, _ in keys}, alone=True)
        for model_id, id in keys:
            # Read again: deleting the one before may have made this one active, another node may have deleted it.
            row = await reading.one_feedback(tx, model_id, id)
            if row is None:
                continue
            await self.delete_feedback(events.to_row(FeedbackRow, row), tx)
        return len(keys)

    async def delete_feedback(self, row: FeedbackRow, tx: Transaction) -> None:
        """Delete one feedback, and let the one before it in its slot count again."""
        delta = sums.Delta()
        tally = votes.Tally(await events.targets(tx, [(row.model_id, row.prediction_id)]), delta)
        successor = await votes.withdraw(tx, row, tally)
        if successor is not None:
            successor.updated_at = self._intake.update_time(self._clock())
            await events.set_feedback_statuses(tx, [successor])
        await tally.store(tx)
        await bury(tx, "feedback", [_key(row)], self._clock())
        await self._intake.sums.add(tx, delta, self._clock() - FINE_KEPT)


def _lanes(row: PredictionRow, positions: dict[str, int]) -> sums.Lanes:
    return sums.of_prediction(
        row.error is not None,
        row.confidence,
        row.latency_ms,
        row.detection_count,
        None if row.label is None else positions.get(row.label, sums.MAX_LABELS),
    )
