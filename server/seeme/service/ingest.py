"""From what was sent to rows: checks that need the model, ids and times filled in, subjects hashed, digests made."""

import hmac
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from seeme.clock import CLOCK_SKEW, to_micros
from seeme.domain import fit
from seeme.errors import Conflict, FieldError, Forbidden, Invalid, NotFound, SeeMeError, invalid
from seeme.ids import uuid7
from seeme.records.feedback import NewFeedback
from seeme.records.models import Model
from seeme.records.predictions import Detail, NewLabel, NewPrediction
from seeme.records.rows import EventRow, FeedbackRow, LabelRow, PredictionRow
from seeme.records.types import Time
from seeme.service.ab_placing import KnownTests, place
from seeme.service.ab_tests import AbTests
from seeme.service.digests import digest
from seeme.service.inbox import Inbox
from seeme.service.keys import Identity
from seeme.service.models import Models
from seeme.service.outcomes import Outcome, misfit
from seeme.service.sampling import Sampling
from seeme.service.signing import Signing
from seeme.service.tokens import TokenRefused
from seeme.service.votes import slot_of, voter_of
from seeme.store.database import Database

ROW_BYTES = 1_000  # about what a row costs in memory, beside its texts

New = TypeVar("New", NewPrediction, NewLabel, NewFeedback)
_json = msgspec.json.Encoder()


class Ingest:
    """Takes events in; every method answers after the fsync, with one outcome per event, in order."""

    def __init__(
        self,
        inbox: Inbox,
        models: Models,
        ab_tests: AbTests,
        signing: Signing,
        reader: Database,
        sampling: Sampling,
        secret: bytes,
        clock: Callable[[], int],
    ) -> None:
        self._inbox = inbox
        self._models = models
        self._ab_tests = ab_tests
        self._signing = signing
        self._reader = reader
        self._sampling = sampling
        self._secret = secret
        self._digest_key = hmac.digest(secret, b"request digests", "sha256")
        self._clock = clock

    async def predictions(self, items: Sequence[NewPrediction], identity: Identity) -> list[Outcome]:
        """Store predictions."""
        tests = await self._ab_tests.named_by(items, self._reader)

        def to_row(new: NewPrediction, identity: Identity, at: int) -> PredictionRow:
            return self._prediction(new, identity, at, tests)

        return await self._take(items, identity, to_row)

    async def labels(self, items: Sequence[NewLabel], identity: Identity) -> list[Outcome]:
        """Store true labels; those whose prediction isn't there yet wait as orphans."""
        homes = await self._homes(items)

        def to_row(new: NewLabel, identity: Identity, at: int) -> LabelRow:
            return self._label(new, self._home(new, homes, identity), at)

        return await self._take(items, identity, to_row)

    async def feedback(
        self, items: Sequence[NewFeedback], identity: Identity, address: str | None = None
    ) -> list[Outcome]:
        """Store feedback; that whose prediction isn't there yet waits as an orphan."""
        homes = await self._homes(items)

        def to_row(new: NewFeedback, identity: Identity, at: int) -> FeedbackRow:
            return self._feedback(new, self._home(new, homes, identity), identity, at)

        return await self._take(items, identity, to_row)

    def subject_hash(self, subject: str | None) -> bytes | None:
        """Return the keyed hash under which a subject is stored (HMAC-SHA-256 with the deployment's secret)."""
        return None if subject is None else hmac.digest(self._secret, subject.encode(), "sha256")[:16]

    def _digest(self, new: NewPrediction | NewFeedback) -> bytes:
        """Return the digest of what was sent, without its token: a retry may have a fresher one."""
        if getattr(new, "prediction_token", None) is not None:
            new = replace(new, prediction_token=None)
        named = new.subject is not None or getattr(new, "unit", None) is not None
        return digest(new, self._digest_key if named else b"")

    async def _take(
        self, items: Sequence[New], identity: Identity, to_row: Callable[[New, Identity, int], EventRow]
    ) -> list[Outcome]:
        at = self._clock()
        outcomes: list[Outcome | None] = []
        rows: list[EventRow] = []
        for item in items:
            try:
                # A microsecond each: what stands later was done later, and ids of clocks that jump don't say so.
                rows.append(to_row(item, identity, at + len(rows)))
                outcomes.append(None)
            except SeeMeError as error:
                outcomes.append(error)
        if not rows:
            return [outcome for outcome in outcomes if outcome is not None]
        stored = iter(await self._inbox.put(rows, sum(map(_size, rows))))
        return [outcome if outcome is not None else next(stored) for outcome in outcomes]

    def _model_for(self, model_id: str, identity: Identity) -> Model:
        if identity.models and model_id not in identity.models:
            raise Forbidden(f"this key isn't for the model {model_id}")
        try:
            return self._models.get(model_id)
        except NotFound:
            raise invalid("$.model_id", f"there is no model {model_id}; create it first") from None

    async def _homes(self, items: Sequence[Any]) -> dict[str, list[str]]:
        """Return the models that have a prediction of the named id, for the items that don't say their model."""
        ids = list({item.prediction_id for item in items if item.model_id is None})
        if not ids:
            return {}
        homes: dict[str, list[str]] = {}
        for row in await self._reader.all("models_of_predictions", ids=ids):
            homes.setdefault(row["id"], []).append(row["model_id"])
        return homes

    def _home(self, new: NewLabel | NewFeedback, homes: dict[str, list[str]], identity: Identity) -> Model:
        if new.model_id is not None:
            return self._model_for(new.model_id, identity)
        found = [model for model in homes.get(new.prediction_id, ()) if not identity.models or model in identity.models]
        if not found:
            raise invalid(
                "$.prediction_id",
                f"no prediction {new.prediction_id} is known; with `model_id` this would be kept until it comes",
            )
        if len(found) > 1:
            raise Conflict(f"several models have a prediction {new.prediction_id}; say which with `model_id`")
        return self._model_for(found[0], identity)

    def _prediction(self, new: NewPrediction, identity: Identity, at: int, tests: KnownTests) -> PredictionRow:
        model = self._model_for(new.model_id, identity)
        if not model.config.log_predictions:
            raise Conflict(f"logging is switched off for the model {model.id} (config.log_predictions)")
        wrong = fit.prediction_misfit(model.task, new)
        if wrong is not None:
            raise misfit(wrong)
        if new.version_id is not None and not self._models.has_version(model.id, new.version_id):
            raise invalid("$.version_id", f"the model {model.id} has no version {new.version_id}; create it first")
        arm, assigned = place(new, tests, at)
        unit = self.subject_hash(new.unit)
        row = PredictionRow(
            model_id=model.id,
            id=new.id or uuid7(at),
            version_id=new.version_id or "",
            created_at=_created(new.created_at, at),
            received_at=at,
            digest=self._digest(new),
            label=new.label,
            confidence=new.confidence,
            value=new.value,
            latency_ms=new.latency_ms,
            error=new.error,
            detection_count=None if new.detections is None else len(new.detections),
            detail=_detail(new),
            input_url=new.input_url,
            input_hash=new.input_hash,
            input_id=new.input_id,
            subject=self.subject_hash(new.subject) or unit,  # whoever erases a unit means its predictions, too
            arm=arm,
            ab_test_id=new.ab_test_id,
            unit=None if unit is None else unit.hex(),
            assigned=assigned,
        )
        self._sampling.judge(row, new, model)
        return row

    def _label(self, new: NewLabel, model: Model, at: int) -> LabelRow:
        wrong = fit.truth_misfit(model.task, label=new.label, value=new.value, boxes=new.boxes)
        if wrong is not None:
            raise misfit(wrong)
        return LabelRow(
            model_id=model.id,
            id=new.id or uuid7(at),
            prediction_id=new.prediction_id,
            created_at=_created(new.created_at, at),
            received_at=at,
            digest=digest(new),
            label=new.label,
            value=new.value,
            boxes=None if new.boxes is None else _json.encode(new.boxes).decode(),
        )

    def _feedback(self, new: NewFeedback, model: Model, identity: Identity, at: int) -> FeedbackRow:
        index = getattr(new, "detection_index", None)
        label, value = getattr(new, "correct_label", None), getattr(new, "correct_value", None)
        kind: str = type(new).__struct_config__.tag  # type: ignore[assignment]
        wrong = fit.feedback_misfit(
            model.task, kind, correct_label=label, correct_value=value, detection_index=index, detections=None
        )
        if wrong is not None:
            raise misfit(wrong)
        id = new.id or uuid7(at)
        vouched, reason = self._vouched(new, model, identity, at)
        subject = self.subject_hash(vouched or new.subject)
        voter = voter_of(subject) if subject is not None and vouched is not None else None
        box = getattr(new, "box", None)
        return FeedbackRow(
            model_id=model.id,
            id=id,
            prediction_id=new.prediction_id,
            feedback_type=kind,
            slot=slot_of(kind, id, new.supersedes, index, voter, of_page=identity.key_id.startswith("pk_")),
            created_at=_created(new.created_at, at),
            received_at=at,
            digest=self._digest(new),
            key_id=identity.key_id,
            status_reason=reason,
            rating=getattr(new, "rating", None),
            correct_label=label,
            correct_value=value,
            detection_index=index,
            box=None if box is None else _json.encode(box).decode(),
            notes=new.notes,
            supersedes=new.supersedes,
            subject=subject,
        )

    def _vouched(self, new: NewFeedback, model: Model, identity: Identity, at: int) -> tuple[str | None, str | None]:
        """Return the subject that somebody vouches for, and why feedback isn't to count, if it isn't.

        A page can name any subject: only a secret key's word or a token makes it one voter with one voice.
        """
        claims, wrong = None, "missing"
        if new.prediction_token is not None:
            try:
                claims = self._signing.check(new.prediction_token, model.id, new.prediction_id, at)
            except TokenRefused as refused:
                wrong = str(refused)
        if claims is not None and claims.sub is not None and new.subject not in (None, claims.sub):
            raise invalid("$.subject", "is another than the one that the prediction token was made for; leave it out")
        if identity.kind != "publishable":
            return new.subject or (claims.sub if claims else None), None
        if claims is None:
            return None, f"token: {wrong}" if model.config.require_prediction_token else None
        return claims.sub, None


def _detail(new: NewPrediction) -> str | None:
    """Return the JSON of what is stored but never searched; None where there is nothing of it."""
    detail = Detail(
        scores=new.scores,
        detections=new.detections,
        image_size=new.image_size,
        features=new.features,
        attributions=new.attributions,
        attributes=new.attributes,
    )
    text = _json.encode(detail)
    return None if text == b"{}" else text.decode()


def _created(time: Time | None, at: int) -> int:
    """Return when an event happened: by its sender's clock, which may be 5 minutes fast, or else now."""
    if time is None:
        return at
    created = to_micros(time)
    if created > at + CLOCK_SKEW:
        message = "lies more than 5 minutes in the future; is the sender's clock right?"
        raise Invalid(f"created_at {message}", errors=(FieldError("$.created_at", message),))
    if created < 0:
        raise invalid("$.created_at", "lies before 1970")
    return created


def _size(row: EventRow) -> int:
    text = row.detail if isinstance(row, PredictionRow) else row.boxes if isinstance(row, LabelRow) else row.notes
    return ROW_BYTES + len(text or "")
