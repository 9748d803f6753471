"""A batch of events becomes rows and sums, in one transaction: known ids, then predictions, labels, feedback."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

from seeme.clock import DAY
from seeme.domain import sums, units
from seeme.errors import FieldError, Gone, Invalid, NotFound, TooManyRequests
from seeme.records.feedback import Accepted
from seeme.records.models import Model
from seeme.records.rows import EventKey, EventRow, FeedbackRow, LabelRow, PredictionRow, Target
from seeme.service import truths, votes
from seeme.service.outcomes import Outcome, accepted, conflict, gone, misfit
from seeme.service.quarantine import Quarantine
from seeme.service.sampling import Sampling
from seeme.settings import Settings
from seeme.store import events
from seeme.store.database import Reader, RowRefused, Transaction, TryAgain
from seeme.store.sums import Sums, thinned_days

FINE_KEPT = 2 * DAY
AnyRow = TypeVar("AnyRow", PredictionRow, LabelRow, FeedbackRow)
Waiting = TypeVar("Waiting", LabelRow, FeedbackRow)  # may come before their prediction


class Outcomes(dict[int, Outcome]):
    """Outcomes by the identity of their row, as two rows of a batch may be equal: such `twins` share one fate."""

    def __init__(self) -> None:
        super().__init__()
        self.twins: list[tuple[EventRow, EventRow]] = []
        self.awaited: set[EventKey] = set()

    def of(self, rows: Sequence[EventRow]) -> list[Outcome]:
        """Return one outcome per row, in order."""
        for twin, first in self.twins:
            outcome = self[id(first)]
            created = isinstance(outcome, Accepted) and outcome.status == "created"
            self[id(twin)] = accepted(twin, "unchanged") if created else outcome
        return [self[id(row)] for row in rows]


class Intake:
    """Takes batches of events into an open transaction."""

    def __init__(self, settings: Settings, model: Callable[[str], Model], store: Sums) -> None:
        self._settings = settings
        self._model = model
        self.sums = store
        self._quarantine = Quarantine(settings, model)
        self.sampling = Sampling(store.writer)
        self._positions: dict[str, dict[str, int]] = {}
        self._generations: dict[str, int] = {}
        self._last_update = 0

    async def load(self, reader: Reader, model_ids: Sequence[str]) -> None:
        """Learn the latest update time of all models, so that a clock set back doesn't hide changes from the feed."""
        for model_id in model_ids:
            self._last_update = max(self._last_update, await events.last_update(reader, model_id))

    def forget(self) -> None:
        """Drop what is remembered of the store: after a rollback it may be wrong."""
        self.sums.forget()
        self._positions.clear()

    def update_time(self, at: int) -> int:
        """Return a time for `updated_at` that never goes back, so that the change feed misses nothing."""
        self._last_update = max(at, self._last_update + 1)
        return self._last_update

    async def accept_carefully(self, tx: Transaction, rows: Sequence[EventRow], at: int) -> list[Outcome]:
        """Like `accept`, but find the rows that the database refuses, by halving, and let them fail alone."""
        try:
            async with tx.savepoint():
                return await self.accept(tx, rows, at)
        except RowRefused as refusal:
            self.forget()
            if len(rows) == 1:
                return [Invalid(f"the database can't store this: {refusal}", errors=(FieldError("$", str(refusal)),))]
        half = len(rows) // 2
        first = await self.accept_carefully(tx, rows[:half], at)
        return first + await self.accept_carefully(tx, rows[half:], at)

    async def accept(self, tx: Transaction, rows: Sequence[EventRow], at: int) -> list[Outcome]:
        """Store a batch; return one outcome per row, in order. The caller commits.

        Raises:
            RowRefused: when the database refuses some row; nothing of the batch is then to be kept.
        """
        outcomes = Outcomes()
        delta = sums.Delta()
        targets: votes.Targets = {}
        await tx.hold({row.model_id for row in rows})
        everything, rows = rows, await self._of_live_models(tx, rows, outcomes)
        predictions = [row for row in rows if isinstance(row, PredictionRow)]
        fresh, waiting_labels, waiting_feedback = await self._predictions(tx, predictions, delta, outcomes, at)
        if waiting_labels or waiting_feedback or len(predictions) < len(rows):
            targets = {(row.model_id, row.id): _target(row) for row in fresh}
        labels = [row for row in rows if isinstance(row, LabelRow)]
        feedback = [row for row in rows if isinstance(row, FeedbackRow)]
        gone_keys = await self._find_targets(tx, [*labels, *feedback], targets)
        if labels or waiting_labels:
            await self._labels(tx, labels, waiting_labels, targets, gone_keys, delta, outcomes)
        if feedback or waiting_feedback:
            await self._feedback(tx, feedback, waiting_feedback, targets, gone_keys, delta, outcomes, at)
        await self.sums.add(tx, delta, at - FINE_KEPT)
        return outcomes.of(everything)

    async def join(self, tx: Transaction, labels: Sequence[LabelRow], feedback: Sequence[FeedbackRow], at: int) -> None:
        """Let stored orphans count whose predictions are there by now; the caller holds their model alone."""
        outcomes, delta, targets = Outcomes(), sums.Delta(), votes.Targets()
        await self._find_targets(tx, [*labels, *feedback], targets)
        await self._labels(tx, [], labels, targets, set(), delta, outcomes)
        await self._feedback(tx, [], feedback, targets, set(), delta, outcomes, at)
        await self.sums.add(tx, delta, at - FINE_KEPT)

    async def _of_live_models(
        self, tx: Transaction, rows: Sequence[EventRow], outcomes: Outcomes
    ) -> Sequence[EventRow]:
        """Return the rows whose model is still there: it may have been deleted while they waited, on any node."""
        gone_models: dict[str, NotFound] = {}
        model_ids = {row.model_id for row in rows}
        if self.sums.shared:
            live = await self.sums.live(tx, model_ids)
            gone_models = {id: NotFound(f"there is no model {id}") for id in model_ids - live.keys()}
            for model_id, generation in live.items():  # another one may have taken a deleted model's id
                if self._generations.get(model_id) != generation:
                    self._positions.pop(model_id, None)
                    self._generations[model_id] = generation
        for model_id in model_ids:
            try:
                self._model(model_id)
            except NotFound as error:
                gone_models[model_id] = error
        if not gone_models:
            return rows
        outcomes |= {id(row): gone_models[row.model_id] for row in rows if row.model_id in gone_models}
        return [row for row in rows if row.model_id not in gone_models]

    async def _new(self, tx: Transaction, kind: str, rows: Sequence[AnyRow], outcomes: Outcomes) -> list[AnyRow]:
        """Return the rows whose ids are free; answer the others: replays, conflicts, ids that were deleted.

        Of predictions, `outcomes.awaited` gets those that labels or feedback have waited for.
        """
        known, awaited = await events.known(tx, kind, {(row.model_id, row.id): None for row in rows})
        outcomes.awaited |= awaited
        fresh: dict[EventKey, AnyRow] = {}
        replayed = []
        for row in rows:
            key = (row.model_id, row.id)
            digest = fresh[key].digest if key in fresh else known.get(key)
            if digest is None:
                outcomes[id(row)] = accepted(row, "created")
                fresh[key] = row
            elif digest == events.GONE:
                outcomes[id(row)] = gone(row)
            elif digest != row.digest:
                outcomes[id(row)] = conflict(row)
            elif key in fresh:
                outcomes.twins.append((row, fresh[key]))
            else:
                outcomes[id(row)] = accepted(row, "unchanged")
                replayed.append(row)
        if known:
            await tx.confirm()
        if replayed and kind != "prediction":
            await self._answer_replays(tx, kind, replayed, outcomes)
        return list(fresh.values())

    async def _answer_replays(self, tx: Transaction, kind: str, rows: Sequence[AnyRow], outcomes: Outcomes) -> None:
        """Tell the sender of a replay where the first one stands: it may still wait for its prediction."""
        found = await events.statuses(tx, kind, [(row.model_id, row.id) for row in rows])
        for row in rows:
            if found.get((row.model_id, row.id)) == "orphan":
                outcomes[id(row)] = accepted(row, "orphan")

    async def _refuse_expired(
        self, tx: Transaction, rows: list[PredictionRow], at: int, outcomes: Outcomes
    ) -> list[PredictionRow]:
        """Return the rows whose day still has all of its rows.

        A day that retention has thinned is counted already. Its ids are forgotten in time, so what comes for it now
        can't be told from what was there, and would be counted twice.
        """
        thinned: dict[str, set[int]] = {}
        for model_id in {row.model_id for row in rows if row.created_at < at - DAY}:
            days = [row.created_at // DAY * DAY for row in rows if row.model_id == model_id]
            thinned[model_id] = await thinned_days(tx, model_id, min(days), max(days) + DAY)
        if not any(thinned.values()):
            return rows
        kept = []
        for row in rows:
            if row.created_at // DAY * DAY in thinned.get(row.model_id, ()):
                outcomes[id(row)] = Gone("retention has deleted predictions of this day; nothing more is taken for it")
            else:
                kept.append(row)
        return kept

    async def _predictions(
        self, tx: Transaction, rows: Sequence[PredictionRow], delta: sums.Delta, outcomes: Outcomes, at: int
    ) -> tuple[list[PredictionRow], list[LabelRow], list[FeedbackRow]]:
        """Store predictions; return the new ones, and the labels and feedback that have waited for them."""
        free = await self._new(tx, "prediction", rows, outcomes) if rows else []
        fresh = await self._refuse_expired(tx, free, at, outcomes)
        # What has waited for a refused one goes on waiting, and so does what crossed one on another node that is stored
        # already and comes again: the task that joins orphans finds it.
        outcomes.awaited &= {(row.model_id, row.id) for row in fresh}
        if not fresh:
            return [], [], []
        _all_in(await events.insert_predictions(tx, fresh), fresh)
        await self._learn_labels(tx, fresh)
        for row in fresh:
            label = row.label
            position = None if label is None else self._positions[row.model_id].get(label, sums.MAX_LABELS)
            lanes = sums.of_prediction(
                row.error is not None, row.confidence, row.latency_ms, row.detection_count, position
            )
            delta.add(row.model_id, row.version_id, row.arm, row.created_at, lanes)
            units.count_prediction(delta, row)
        await self.sampling.take(tx, fresh, self._models_of(fresh), at)
        if not outcomes.awaited:
            return fresh, [], []
        return fresh, *await events.orphans_of(tx, outcomes.awaited)

    async def _learn_labels(self, tx: Transaction, rows: Sequence[PredictionRow]) -> None:
        """Give labels that are new to their model a lane of its sums."""
        for model_id in {row.model_id for row in rows}.difference(self._positions):
            self._positions[model_id] = await events.label_positions(tx, model_id)
        unknown: defaultdict[str, dict[str, None]] = defaultdict(dict)
        for row in rows:
            if row.label is not None and row.label not in self._positions[row.model_id]:
                unknown[row.model_id][row.label] = None
        for model_id, labels in unknown.items():
            known = self._positions[model_id]
            room = max(0, sums.MAX_LABELS - len(known))
            # Those beyond the room share one lane and aren't remembered: there is no end to them.
            first = max(known.values(), default=-1) + 1
            added = {label: first + n for n, label in enumerate(list(labels)[:room])}
            if added:
                self._positions[model_id] = known = await events.add_label_positions(tx, model_id, added)
            if not known.keys() >= added.keys():
                raise TryAgain("another node gave these lanes to other labels just now", retry_after=1)

    async def _find_targets(
        self, tx: Transaction, rows: Sequence[LabelRow | FeedbackRow], targets: votes.Targets
    ) -> set[EventKey]:
        """Add the predictions that rows are about to `targets`; return the keys of those that were deleted.

        Where several nodes write, this locks them, before anything is asked about what was said of them.
        """
        missing = {(row.model_id, row.prediction_id) for row in rows} - targets.keys()
        if not missing:
            return set()
        targets.update(await events.targets(tx, missing))
        absent = missing - targets.keys()
        return await events.gone_predictions(tx, absent) if absent else set()

    async def _orphans(self, tx: Transaction, kind: str, rows: Sequence[Waiting], outcomes: Outcomes) -> list[Waiting]:
        """Mark rows as orphans as long as their model has room for them; return those."""
        room: dict[str, int] = {}
        kept = []
        for row in rows:
            if row.model_id not in room:
                most = self._settings.max_orphans
                room[row.model_id] = most - await events.count_orphans(tx, kind, row.model_id, most)
            if room[row.model_id] <= 0:
                outcomes[id(row)] = TooManyRequests(
                    f"too much {kind} waits for predictions that were never logged; log the prediction first",
                    retry_after=60,
                )
                continue
            room[row.model_id] -= 1
            row.status = "orphan"
            outcomes[id(row)] = accepted(row, "orphan")
            kept.append(row)
        return kept

    async def _labels(
        self,
        tx: Transaction,
        rows: Sequence[LabelRow],
        waiting: Sequence[LabelRow],
        targets: votes.Targets,
        gone_keys: set[EventKey],
        delta: sums.Delta,
        outcomes: Outcomes,
    ) -> None:
        fresh = await self._new(tx, "label", rows, outcomes) if rows else []
        orphans, arrivals = self._sort(fresh, targets, gone_keys, outcomes)
        orphans = await self._orphans(tx, "label", orphans, outcomes)
        overtaken = await truths.settle(tx, [*arrivals, *waiting], targets, delta)
        _all_in(await events.insert_labels(tx, [*orphans, *arrivals]), [*orphans, *arrivals])
        await events.set_label_statuses(tx, [*overtaken, *waiting])

    def _sort(
        self, rows: Sequence[Waiting], targets: votes.Targets, gone_keys: set[EventKey], outcomes: Outcomes
    ) -> tuple[list[Waiting], list[Waiting]]:
        """Part new labels or feedback into those whose prediction isn't there yet and those that can count."""
        orphans, arrivals = [], []
        for row in rows:
            key = (row.model_id, row.prediction_id)
            if key in targets:
                arrivals.append(row)
            elif key in gone_keys:
                outcomes[id(row)] = NotFound(f"the prediction {key[1]} was deleted by retention or erasure")
            else:
                orphans.append(row)
        return orphans, arrivals

    async def _feedback(
        self,
        tx: Transaction,
        rows: Sequence[FeedbackRow],
        waiting: Sequence[FeedbackRow],
        targets: votes.Targets,
        gone_keys: set[EventKey],
        delta: sums.Delta,
        outcomes: Outcomes,
        at: int,
    ) -> None:
        fresh = await self._new(tx, "feedback", rows, outcomes) if rows else []
        now = self.update_time(at)
        for row in [*fresh, *waiting]:
            row.updated_at = now
        orphans, arrivals = self._sort(fresh, targets, gone_keys, outcomes)
        orphans = await self._orphans(tx, "feedback", orphans, outcomes)
        arrivals = [row for row in arrivals if self._fits(row, targets, outcomes)]
        tally = votes.Tally(targets, delta)
        waiting = sorted(waiting, key=lambda row: (row.received_at, row.id))
        counted = await self._quarantine.sort(tx, [*waiting, *arrivals], targets)
        outcomes |= {id(row): accepted(row, "quarantined") for row in arrivals if row.status == "quarantined"}
        overtaken = await votes.settle(tx, counted, tally)
        await tally.store(tx)
        _all_in(await events.insert_feedback(tx, [*orphans, *arrivals]), [*orphans, *arrivals])
        await events.set_feedback_statuses(tx, [*overtaken, *waiting])
        await self.sampling.hear(tx, counted, targets, self._models_of(counted), at)

    def _models_of(self, rows: Sequence[PredictionRow] | Sequence[FeedbackRow]) -> dict[str, Model]:
        return {model_id: self._model(model_id) for model_id in {row.model_id for row in rows}}

    def _fits(self, row: FeedbackRow, targets: votes.Targets, outcomes: Outcomes) -> bool:
        wrong = self._quarantine.misfit(row, targets)
        if wrong is not None:
            outcomes[id(row)] = misfit(wrong)
        return wrong is None


def _all_in(inserted: int, rows: Sequence[EventRow]) -> None:
    """Start again when another node took one of the ids since we asked: then it is known, and answered as such."""
    if inserted < len(rows):
        raise TryAgain("another node stored one of these events just now", retry_after=1)


def _target(row: PredictionRow) -> Target:
    return Target(**{name: getattr(row, name) for name in Target.__struct_fields__})
