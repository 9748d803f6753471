"""The verbs of removal: which rows are due, a chunk at a time. What their removal means is in `service/removal.py`."""

from collections.abc import Sequence

from seeme.records.rows import EventKey, FeedbackRow, LabelRow, PredictionRow
from seeme.store.database import Reader, Transaction
from seeme.store.events import to_row

# Of a chunk's rows, whose details may be as large as a request: what is read into memory at a time.
CHUNK_BYTES = 8 * 1024 * 1024


async def expired_predictions(reader: Reader, model_id: str, before: int, most: int) -> list[PredictionRow]:
    """Return the oldest predictions that were received before a time."""
    rows, _ = await reader.some("expired_predictions", CHUNK_BYTES, model_id=model_id, before=before, most=most)
    return [to_row(PredictionRow, row) for row in rows]


async def expired_orphans(reader: Reader, kind: str, model_id: str, before: int, most: int) -> list[EventKey]:
    """Return labels or feedback that have waited for their prediction since before a time."""
    rows = await reader.all(f"expired_{kind}_orphans", model_id=model_id, before=before, most=most)
    return [(row["model_id"], row["id"]) for row in rows]


async def some_of_model(reader: Reader, kind: str, model_id: str, most: int) -> list[EventKey]:
    """Return some labels or feedback of a model."""
    query = "some_feedback_of_model" if kind == "feedback" else "some_labels_of_model"
    rows = await reader.all(query, model_id=model_id, most=most)
    return [(row["model_id"], row["id"]) for row in rows]


async def labels_of(reader: Reader, prediction: PredictionRow) -> list[LabelRow]:
    """Return every label of a prediction."""
    rows = await reader.all("labels_of_prediction", model_id=prediction.model_id, prediction_id=prediction.id)
    return [to_row(LabelRow, row) for row in rows]


async def feedback_of(reader: Reader, prediction: PredictionRow) -> list[FeedbackRow]:
    """Return every feedback on a prediction."""
    rows = await reader.all("feedback_of_prediction", model_id=prediction.model_id, prediction_id=prediction.id)
    return [to_row(FeedbackRow, row) for row in rows]


async def predictions_of_subject(reader: Reader, subject: bytes, most: int) -> list[PredictionRow]:
    """Return predictions that were logged for a person, or for them as the unit of an A/B test."""
    query = {"subject": subject, "unit": subject.hex(), "most": most}
    rows, _ = await reader.some("predictions_of_subject", CHUNK_BYTES, **query)
    return [to_row(PredictionRow, row) for row in rows]


async def feedback_of_subject(reader: Reader, subject: bytes, most: int) -> list[EventKey]:
    """Return which feedback a person gave."""
    rows = await reader.all("feedback_of_subject", subject=subject, most=most)
    return [(row["model_id"], row["id"]) for row in rows]


async def mark_thinned(tx: Transaction, model_id: str, days: Sequence[int]) -> None:
    """Store that days have lost rows, so that their sums aren't made again from the rest."""
    await tx.run_many("insert_thinned_day", [{"model_id": model_id, "start": day} for day in days])


async def delete_old_tombstones(tx: Transaction, before: int) -> None:
    """Delete the tombstones of rows that were deleted before a time.

    But those of predictions that still have feedback: another one of the same id must not get it.
    """
    await tx.run("delete_old_tombstones", before=before)


async def delete_old_sums(tx: Transaction, model_id: str, grain: int, before: int) -> None:
    """Delete sums of a grain that start before a time."""
    await tx.run("delete_old_sums", model_id=model_id, grain=grain, before=before)
