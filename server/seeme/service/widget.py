"""What the widget may know, answered by point reads alone: it asks once for each prediction on a page."""

from collections.abc import Callable

from seeme.errors import Forbidden, invalid
from seeme.records.models import Model
from seeme.records.widget import OwnVote, ShownPrediction, WidgetContext
from seeme.service.ingest import Ingest
from seeme.service.models import Models
from seeme.service.signing import Signing
from seeme.service.tokens import TokenRefused
from seeme.service.votes import slot_of, voter_of
from seeme.store import events, reading
from seeme.store.database import Reader


class Widget:
    """The widget's view of a model, and with a token of one prediction."""

    def __init__(
        self, reader: Reader, models: Models, signing: Signing, ingest: Ingest, clock: Callable[[], int]
    ) -> None:
        self._reader = reader
        self._models = models
        self._signing = signing
        self._ingest = ingest
        self._clock = clock

    async def context(self, model_id: str, prediction_id: str | None, token: str | None) -> WidgetContext:
        """Return what the widget may know of a model, and of the prediction and vote that a token is for.

        Raises:
            Forbidden: saying what is wrong with the token.
        """
        model = self._models.get(model_id)
        if token is None:
            return _context(model, None, None)
        if prediction_id is None:
            raise invalid("$.prediction_id", "must name the prediction that the `Prediction-Token` is for")
        try:
            claims = self._signing.check(token, model_id, prediction_id, self._clock())
        except TokenRefused as refused:
            raise Forbidden(f"the prediction token is no good: {refused}") from None
        subject = self._ingest.subject_hash(claims.sub)
        vote = None if subject is None else await self._vote(model_id, prediction_id, subject)
        return _context(model, await self._prediction(model_id, prediction_id), vote)

    async def _prediction(self, model_id: str, prediction_id: str) -> ShownPrediction | None:
        row = await reading.prediction(self._reader, model_id, prediction_id)
        if row is None:
            return None
        found = reading.to_prediction(row)
        return ShownPrediction(
            label=found.label,
            value=found.value,
            detections=found.detections,
            image_size=found.image_size,
            input_url=found.input_url,
        )

    async def _vote(self, model_id: str, prediction_id: str, subject: bytes) -> OwnVote | None:
        slot = slot_of("rating", "", None, None, voter_of(subject))
        for row in await events.active_in_slots(self._reader, [(model_id, prediction_id, slot)]):
            if row.rating is not None:
                return OwnVote(id=row.supersedes or row.id, rating=row.rating)
        return None


def _context(model: Model, prediction: ShownPrediction | None, vote: OwnVote | None) -> WidgetContext:
    return WidgetContext(model_id=model.id, task=model.task, labels=model.labels, prediction=prediction, vote=vote)
