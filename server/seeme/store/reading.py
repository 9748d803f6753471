"""The verbs of reading: rows become the records that go out, one page at a time by keyset."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from seeme.clock import from_micros
from seeme.records.feedback import Feedback
from seeme.records.predictions import Detail, LabelledBox, Prediction, StoredLabel, Truth
from seeme.records.queries import FeedbackQuery, Keyset, PredictionQuery
from seeme.records.types import Box
from seeme.store.database import Reader, Row

FIRST, LAST = -(2**62), 2**62
PAGE_SIZE = 4 * 1024 * 1024  # bytes of text: 1,000 rows of 256 KB would be all the memory that there is
_detail = msgspec.json.Decoder(Detail)
_boxes = msgspec.json.Decoder(list[LabelledBox])
_box = msgspec.json.Decoder(Box)


class Rows(NamedTuple):
    """The rows of one page, at least one where there is any, and whether more follow."""

    rows: Sequence[Row]
    more: bool


def to_prediction(row: Row, truth: Truth | None = None) -> Prediction:
    """Return a row of `predictions` as it goes out."""
    detail = _detail.decode(row["detail"]) if row["detail"] else Detail()
    return Prediction(
        id=row["id"],
        model_id=row["model_id"],
        version_id=row["version_id"] or None,
        created_at=from_micros(row["created_at"]),
        received_at=from_micros(row["received_at"]),
        label=row["label"],
        confidence=row["confidence"],
        scores=detail.scores,
        value=row["value"],
        detections=detail.detections,
        image_size=detail.image_size,
        latency_ms=row["latency_ms"],
        error=row["error"],
        input_url=row["input_url"],
        input_hash=row["input_hash"],
        input_id=row["input_id"],
        has_input=bool(row["input_stored"]),
        features=detail.features,
        attributions=detail.attributions,
        attributes=detail.attributes,
        ab_test_id=row["ab_test_id"],
        arm=row["arm"].rpartition("/")[2] or None,
        truth=truth,
    )


def to_truth(row: Row) -> Truth:
    """Return a row of `labels` as it goes out with its prediction."""
    return Truth(
        id=row["id"],
        created_at=from_micros(row["created_at"]),
        label=row["label"],
        value=row["value"],
        boxes=_boxes.decode(row["boxes"]) if row["boxes"] else None,
    )


def to_label(row: Row) -> StoredLabel:
    """Return a row of `labels` as it is exported."""
    return StoredLabel(
        id=row["id"],
        model_id=row["model_id"],
        prediction_id=row["prediction_id"],
        status=row["status"],
        created_at=from_micros(row["created_at"]),
        label=row["label"],
        value=row["value"],
        boxes=_boxes.decode(row["boxes"]) if row["boxes"] else None,
    )


def to_feedback(row: Row) -> Feedback:
    """Return a row of `feedback`, joined with its prediction, as it goes out."""
    return Feedback(
        id=row["id"],
        model_id=row["model_id"],
        prediction_id=row["prediction_id"],
        feedback_type=row["feedback_type"],
        status=row["status"],
        review=row["review"],
        created_at=from_micros(row["created_at"]),
        received_at=from_micros(row["received_at"]),
        updated_at=from_micros(row["updated_at"]),
        rating=row["rating"],
        correct_label=row["correct_label"],
        correct_value=row["correct_value"],
        detection_index=row["detection_index"],
        box=_box.decode(row["box"]) if row["box"] else None,
        notes=row["notes"],
        supersedes=row["supersedes"],
        status_reason=row["status_reason"],
        reviewed_by=row["reviewed_by"],
        reviewed_at=None if row["reviewed_at"] is None else from_micros(row["reviewed_at"]),
        predicted_label=row["predicted_label"],
        predicted_value=row["predicted_value"],
        input_url=row["input_url"],
        has_input=bool(row["input_stored"]),
    )


def _span(start: int | None, end: int | None) -> dict[str, int]:
    """Return an inclusive span as the half-open one of the queries."""
    return {"start": FIRST if start is None else start, "stop": LAST if end is None else end + 1}


async def predictions(reader: Reader, query: PredictionQuery) -> Rows:
    """Return up to `limit` rows of `predictions`, fewer where they are large."""
    down = query.order == "desc"
    after = query.after or (Keyset(LAST, "") if down else Keyset(FIRST, ""))
    return await _page(
        reader,
        "list_predictions_down" if down else "list_predictions_up",
        query.limit,
        model_id=query.model_id,
        version_id=query.version_id,
        label=query.label,
        min_confidence=query.min_confidence,
        max_confidence=query.max_confidence,
        at=after.at,
        id=after.id,
        **_span(query.start, query.end),
    )


async def with_truths(reader: Reader, found: Rows) -> tuple[Rows, dict[str, Truth]]:
    """Return rows of `predictions` of one model with their true labels in force; fewer where those are large."""
    while True:
        ids = [row["id"] for row in found.rows]
        model_id = found.rows[0]["model_id"] if found.rows else ""
        labels, cut = await reader.some("truths_of", PAGE_SIZE, model_id=model_id, ids=ids)
        if not cut or len(found.rows) == 1:  # one prediction has one label in force
            return found, {row["prediction_id"]: to_truth(row) for row in labels}
        found = Rows(found.rows[: len(found.rows) // 2], True)


async def feedback(reader: Reader, query: FeedbackQuery, before: int | None = None) -> Rows:
    """Return up to `limit` rows of `feedback` with their predictions, fewer where they are large.

    A change feed ends `before` a time.
    """
    filters: dict[str, Any] = {"feedback_type": query.feedback_type, "status": query.status, "review": query.review}
    filters |= {"model_id": query.model_id, "prediction_id": query.prediction_id}
    if query.updated_since is not None:
        filters["before"] = LAST if before is None else before
        name, after = "feedback_changes", query.after or Keyset(query.updated_since - 1, "\x7f")
    else:
        name = "list_feedback" if query.prediction_id is None else "list_feedback_of_prediction"
        after = query.after or Keyset(LAST, "")
    return await _page(reader, name, query.limit, at=after.at, id=after.id, **_span(query.start, query.end), **filters)


async def _page(reader: Reader, query: str, limit: int, **values: Any) -> Rows:
    rows, cut = await reader.some(query, PAGE_SIZE, most=limit + 1, **values)
    return Rows(rows[:limit], cut or len(rows) > limit)


async def prediction(reader: Reader, model_id: str, id: str) -> Row | None:
    """Return one row of `predictions`."""
    return await reader.one("prediction", model_id=model_id, id=id)


async def one_feedback(reader: Reader, model_id: str, id: str) -> Row | None:
    """Return one row of `feedback` with its prediction."""
    return await reader.one("one_feedback", model_id=model_id, id=id)


async def truth(reader: Reader, model_id: str, prediction_id: str) -> Truth | None:
    """Return the true label in force for a prediction."""
    row = await reader.one("truth", model_id=model_id, prediction_id=prediction_id)
    return to_truth(row) if row else None


async def models_with(reader: Reader, kind: str, id: str) -> list[str]:
    """Return up to two models that have a prediction or feedback (`kind`) of this id."""
    return [row["model_id"] for row in await reader.all(f"{kind}_models", id=id)]


async def model_exists(reader: Reader, model_id: str) -> bool:
    """Say whether there is such a model, not deleted."""
    return any(row["id"] == model_id and row["deleted_at"] is None for row in await reader.all("all_models"))


async def count_rows(reader: Reader, model_id: str, kind: str) -> int:
    """Return how many `predictions`, `labels` or `feedback` a model has."""
    row = await reader.one(f"count_{kind}", model_id=model_id)
    return int(row["n"]) if row else 0


async def oldest_first(reader: Reader, kind: str, model_id: str, after: Keyset | None, limit: int) -> Rows:
    """Return a page of every `labels` or `feedback` row of a model, by (created_at, id)."""
    place = after or Keyset(FIRST, "")
    return await _page(reader, f"all_{kind}", limit, model_id=model_id, at=place.at, id=place.id)
