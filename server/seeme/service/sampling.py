"""The data engine at work: each prediction is judged once, and what its rules take is queued in its own transaction.

The verdict is made from the request, where scores and boxes are at hand, with the version of the rules in force; it is
stored, counted and queued together with the prediction, or not at all.
"""

from collections.abc import Sequence
from hashlib import blake2b

from seeme.domain import sampling, strata
from seeme.domain.sampling import BY_FEEDBACK, RuleSet
from seeme.records.engine import DataEngine
from seeme.records.models import Model
from seeme.records.predictions import NewPrediction
from seeme.records.rows import EventKey, FeedbackRow, PredictionRow, ReviewRow, Target
from seeme.store import review
from seeme.store.database import Transaction
from seeme.store.strata import Strata, key_of

_NEGATIVE = {"correction", "wrong_label", "wrong_box", "false_positive", "missed_object"}


def item_id(model_id: str, prediction_id: str, created_at: int, round: int = 1) -> str:
    """Return the id of a prediction's item in the queue: always the same, so that nothing is queued twice.

    Its time tells it from an earlier prediction that had the same id and is gone, but for its decided item.
    """
    return "ri_" + blake2b(f"{round} {model_id} {prediction_id} {created_at}".encode(), digest_size=16).hexdigest()


def is_negative(row: FeedbackRow) -> bool:
    """Say whether feedback says that a prediction is wrong."""
    return row.rating == -1 or row.feedback_type in _NEGATIVE


class Sampling:
    """The rules of every model, compiled when they are first needed."""

    def __init__(self, writer: str) -> None:
        self._writer = writer
        self._rules: dict[str, tuple[DataEngine, list[str], RuleSet | None]] = {}

    def rules(self, model: Model) -> RuleSet | None:
        """Return the rules in force for a model, or None when its data engine is off."""
        known = self._rules.get(model.id)
        if known is None or known[0] is not model.data_engine or known[1] is not model.labels:
            rules = sampling.rules_of(model.id, model.task, model.labels, model.data_engine)
            known = self._rules[model.id] = (model.data_engine, model.labels, rules)
        return known[2]

    def judge(self, row: PredictionRow, new: NewPrediction, model: Model) -> None:
        """Write into a row which rules it matches, which took it, and how likely that was; failures are left out."""
        rules = self.rules(model)
        if rules is None or new.error is not None:
            return
        found = sampling.decide(rules.rules, new, sampling.key_of(row.id, row.input_hash))
        row.rule_set, row.pi = rules.version, found.pi
        row.matched, row.taken = ",".join(found.matched), ",".join(found.taken)

    async def take(self, tx: Transaction, rows: Sequence[PredictionRow], models: dict[str, Model], at: int) -> None:
        """Count judged predictions in their strata, and queue those that a rule took."""
        counted, items = Strata(), []
        for row in rows:
            if row.rule_set is None:
                continue
            key = key_of(row.model_id, row, row.rule_set, row.matched or "")
            counted.add(key, row.pi or 0.0, strata.of_prediction(row.confidence, bool(row.taken)))
            engine = models[row.model_id].data_engine
            if row.taken and engine.auto_queue_for_review:
                items.append(new_item(row, " ".join(row.taken.split(",")), engine, at))
        await counted.store(tx, self._writer)
        if items:
            await review.insert(tx, items)

    async def hear(
        self,
        tx: Transaction,
        rows: Sequence[FeedbackRow],
        targets: dict[EventKey, Target],
        models: dict[str, Model],
        at: int,
    ) -> None:
        """Queue the predictions that counted feedback says are wrong; those that are queued get the further reason."""
        wrong: dict[EventKey, Target] = {}
        for row in rows:
            engine = models[row.model_id].data_engine
            wanted = engine.enabled and engine.auto_queue_for_review and engine.negative_feedback.enabled
            if wanted and row.status == "active" and is_negative(row):
                wrong[row.model_id, row.prediction_id] = targets[row.model_id, row.prediction_id]
        if not wrong:
            return
        known = [
            item
            for item in await review.of_predictions(tx, wrong)
            if item.round == 1 and item.created_at == wrong[item.model_id, item.prediction_id].created_at
        ]
        told = [item for item in known if item.decision is None and BY_FEEDBACK not in item.reasons.split()]
        for item in told:
            item.reasons = f"{item.reasons} {BY_FEEDBACK}".strip()
        if told:
            await review.set_reasons(tx, told, at)
        queued = {(item.model_id, item.prediction_id) for item in known}
        fresh = [target for key, target in wrong.items() if key not in queued]
        if fresh:
            items = [
                new_item(target, BY_FEEDBACK, models[target.model_id].data_engine, at, sampled=False)
                for target in fresh
            ]
            await review.insert(tx, items)


def new_item(
    row: PredictionRow | Target, reasons: str, engine: DataEngine, at: int, *, sampled: bool = True
) -> ReviewRow:
    """Return the item of a prediction; not `sampled` means that no rule took it."""
    return ReviewRow(
        model_id=row.model_id,
        id=item_id(row.model_id, row.id, row.created_at),
        prediction_id=row.id,
        reasons=reasons,
        place=sampling.place(row.model_id, sampling.key_of(row.id, row.input_hash)),
        version_id=row.version_id,
        arm=row.arm,
        created_at=row.created_at,
        queued_at=at,
        updated_at=at,
        dataset_id=engine.target_dataset_id or "",
        rule_set=row.rule_set,
        matched=row.matched or "",
        pi=row.pi if sampled else None,
        label=row.label,
        confidence=row.confidence,
        subject=row.subject,
    )
