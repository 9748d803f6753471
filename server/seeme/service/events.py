"""Reading events: one by its id, or lists by keyset."""

from collections.abc import Callable, Set
from typing import TypeVar

from msgspec.structs import replace

from seeme.clock import SECOND
from seeme.errors import Conflict, NotFound
from seeme.records.feedback import Feedback
from seeme.records.predictions import Prediction, Truth
from seeme.records.queries import FeedbackQuery, PredictionQuery, to_cursor
from seeme.records.review import ReviewItem
from seeme.records.types import Page
from seeme.service.models import Models
from seeme.store import reading, review
from seeme.store.database import Database, Row

FEED_LAG = 10 * SECOND
_NAMES = {"prediction": "prediction", "feedback": "feedback", "review": "review item"}
Shown = TypeVar("Shown", Prediction, Feedback, ReviewItem)


class Events:
    """What was logged, read back."""

    def __init__(self, database: Database, models: Models, public_url: str, clock: Callable[[], int]) -> None:
        self._reader = database
        self._clock = clock
        self._models = models
        self._public_url = public_url.rstrip("/")

    def _to_prediction(self, row: Row, truth: Truth | None) -> Prediction:
        return self.with_input(reading.to_prediction(row, truth), row["id"])

    def _to_feedback(self, row: Row) -> Feedback:
        return self.with_input(reading.to_feedback(row), row["prediction_id"])

    def with_input(self, record: Shown, prediction_id: str) -> Shown:
        """Let `input_url` name the input that is stored here, where the sender named no other place."""
        if record.input_url is not None or not record.has_input:
            return record
        url = f"{self._public_url}/v1/predictions/{prediction_id}/input?model_id={record.model_id}"
        return replace(record, input_url=url)

    async def home(self, kind: str, id: str, model_id: str | None, among: Set[str] = frozenset()) -> str:
        """Return the model of a prediction, feedback or review item (`kind`) that is named by its id alone.

        `among` narrows where it is looked for; what other models have is then as unknown as what none has.

        Raises:
            NotFound: no model has it.
            Conflict: several do; the caller then names one.
        """
        if model_id is not None:
            return self._models.get(model_id).id
        found = await self._among(kind, id, among) if among else await reading.models_with(self._reader, kind, id)
        if len(found) > 1:
            raise Conflict(f"several models have a {_NAMES[kind]} {id}; say which with `model_id`")
        if not found:
            raise NotFound(f"there is no {_NAMES[kind]} {id}")
        return found[0]

    async def _among(self, kind: str, id: str, models: Set[str]) -> list[str]:
        one = {"prediction": reading.prediction, "feedback": reading.one_feedback, "review": review.one}[kind]
        live = sorted(model.id for model in self._models.live() if model.id in models)
        return [model_id for model_id in live if await one(self._reader, model_id, id)]

    async def prediction(self, id: str, model_id: str | None = None) -> Prediction:
        """Return one prediction with the true label in force."""
        home = await self.home("prediction", id, model_id)
        row = await reading.prediction(self._reader, home, id)
        if row is None:
            raise NotFound(f"there is no prediction {id} of the model {home}")
        return self._to_prediction(row, await reading.truth(self._reader, home, id))

    async def list_predictions(self, query: PredictionQuery) -> Page[Prediction]:
        """Return one page of predictions, by (created_at, id); it ends early where rows are large."""
        self._models.get(query.model_id)
        rows = await reading.predictions(self._reader, query)
        found, truths = await reading.with_truths(self._reader, rows)
        return _page(found, lambda row: self._to_prediction(row, truths.get(row["id"])), "created_at")

    async def feedback(self, id: str, model_id: str | None = None) -> Feedback:
        """Return one feedback."""
        home = await self.home("feedback", id, model_id)
        row = await reading.one_feedback(self._reader, home, id)
        if row is None:
            raise NotFound(f"there is no feedback {id} of the model {home}")
        return self._to_feedback(row)

    async def list_feedback(self, query: FeedbackQuery) -> Page[Feedback]:
        """Return one page of feedback: newest first, or as a change feed with `updated_since`."""
        self._models.get(query.model_id)
        # Nodes commit beside each other: what is stamped earlier may show later. Their clocks differ a little, too.
        before = self._clock() - FEED_LAG if self._reader.shared else None
        rows = await reading.feedback(self._reader, query, before)
        column = "created_at" if query.updated_since is None else "updated_at"
        return _page(rows, self._to_feedback, column)


def _page(found: reading.Rows, to_record: Callable[[Row], object], column: str) -> Page:  # type: ignore[type-arg]
    cursor = to_cursor(found.rows[-1][column], found.rows[-1]["id"]) if found.more else None
    return Page(items=[to_record(row) for row in found.rows], next_cursor=cursor)
