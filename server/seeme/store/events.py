"""The verbs of events: predictions, labels and feedback, in and out of the tables."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from seeme.records.rows import EventKey, FeedbackRow, LabelRow, PredictionRow, Target
from seeme.store.database import Reader, Row, Transaction

GONE = b""  # the digest of an id whose row was deleted: no real digest is empty

NO_RATING = -9
Content = tuple[str, str, str, int, str, str, int, str, str]

Shape = TypeVar("Shape", PredictionRow, LabelRow, FeedbackRow, Target)
_TABLES = {"prediction": "predictions", "label": "labels", "feedback": "feedback"}


def to_row(shape: type[Shape], row: Row) -> Shape:
    """Return a table's row as its Struct."""
    return shape(**{name: row[name] for name in shape.__struct_fields__})


class Known(NamedTuple):
    """What the database has of some ids: digests of those taken (GONE: deleted), and predictions that are awaited."""

    digests: dict[EventKey, bytes]
    awaited: set[EventKey]


async def known(tx: Reader, kind: str, keys: Iterable[EventKey]) -> Known:
    """Return which ids are taken, and which predictions have labels or feedback waiting for them."""
    found = Known({}, set())
    for row in await tx.of(f"known_{_TABLES[kind]}", keys):
        key = (row["model_id"], row["id"])
        if row["state"] == "awaited":
            found.awaited.add(key)
        else:
            found.digests[key] = row["digest"] if row["state"] == "live" else GONE
    return found


async def statuses(tx: Reader, kind: str, keys: Iterable[EventKey]) -> dict[EventKey, str]:
    """Return the status of the labels or feedback with those ids."""
    rows = await tx.of(f"known_{_TABLES[kind]}", keys)
    return {(row["model_id"], row["id"]): row["status"] for row in rows}


async def insert_predictions(tx: Transaction, rows: Sequence[PredictionRow]) -> int:
    """Insert predictions and return how many ids were still free; raises RowRefused when the tables won't have one."""
    return await tx.insert("insert_predictions", rows)


async def insert_labels(tx: Transaction, rows: Sequence[LabelRow]) -> int:
    """Insert labels and return how many ids were still free; raises RowRefused."""
    return await tx.insert("insert_labels", rows)


async def insert_feedback(tx: Transaction, rows: Sequence[FeedbackRow]) -> int:
    """Insert feedback and return how many ids were still free; raises RowRefused."""
    return await tx.insert("insert_feedback", rows)


async def targets(tx: Reader, keys: Iterable[EventKey]) -> dict[EventKey, Target]:
    """Return the predictions that feedback or labels are about; those not stored are missing."""
    found = [to_row(Target, row) for row in await tx.of("targets", keys)]
    return {(target.model_id, target.id): target for target in found}


async def gone_predictions(tx: Reader, keys: Iterable[EventKey]) -> set[EventKey]:
    """Return those predictions that were deleted by retention or erasure."""
    return {(row["model_id"], row["id"]) for row in await tx.of("gone_predictions", keys)}


async def orphans_of(tx: Reader, keys: Collection[EventKey]) -> tuple[list[LabelRow], list[FeedbackRow]]:
    """Return the labels and the feedback that have waited for these predictions."""
    labels = [to_row(LabelRow, row) for row in await tx.of("orphaned_labels_of", keys)]
    return labels, [to_row(FeedbackRow, row) for row in await tx.of("orphaned_feedback_of", keys)]


async def count_orphans(tx: Reader, kind: str, model_id: str, most: int) -> int:
    """Return how many labels or feedback of a model wait for their prediction, counted up to `most`."""
    query = "count_orphaned_feedback" if kind == "feedback" else "count_orphaned_labels"
    row = await tx.one(query, model_id=model_id, most=most)
    return int(row["n"]) if row else 0


async def feedback_rows(tx: Reader, keys: Iterable[EventKey]) -> list[FeedbackRow]:
    """Return the feedback with these ids, as far as it is there."""
    return [to_row(FeedbackRow, row) for row in await tx.of("feedback_rows", keys)]


async def active_in_slots(tx: Reader, slots: Iterable[tuple[str, str, str]]) -> list[FeedbackRow]:
    """Return the active feedback of (model, prediction, slot) triples."""
    return [to_row(FeedbackRow, row) for row in await tx.of("active_in_slots", slots)]


def content(row: FeedbackRow) -> Content:
    """Return what feedback says of which prediction, whoever sent it and when; None as values of the same types."""
    return (
        row.model_id,
        row.prediction_id,
        row.feedback_type,
        NO_RATING if row.rating is None else row.rating,
        row.correct_label or "",
        "" if row.correct_value is None else repr(row.correct_value),
        -1 if row.detection_index is None else row.detection_index,
        row.box or "",
        row.notes or "",
    )


async def lookalikes(tx: Reader, asked: Iterable[tuple[Content, int, int]]) -> list[FeedbackRow]:
    """Return the active feedback that says the same, received between two times; corrected values may differ."""
    keys = [
        (model, prediction, kind, first, last, rating, label, index, box, notes)
        for (model, prediction, kind, rating, label, _, index, box, notes), first, last in asked
    ]
    return [to_row(FeedbackRow, row) for row in await tx.of("lookalikes", keys)]


async def page_votes(tx: Reader, spans: Mapping[EventKey, tuple[int, int]]) -> list[tuple[EventKey, int]]:
    """Return when the active votes of publishable keys on predictions were received, after and up to two times."""
    rows = await tx.of("page_votes", [(*key, *span) for key, span in spans.items()])
    return [((row["model_id"], row["prediction_id"]), row["received_at"]) for row in rows]


async def active_labels(tx: Reader, keys: Iterable[EventKey]) -> list[LabelRow]:
    """Return the labels in force for these predictions."""
    return [to_row(LabelRow, row) for row in await tx.of("active_labels_of", keys)]


async def set_label_statuses(tx: Transaction, rows: Sequence[LabelRow]) -> None:
    """Store the changed status of labels."""
    await tx.run_many("set_label_status", [msgspec.structs.asdict(row) for row in rows])


async def set_feedback_statuses(tx: Transaction, rows: Sequence[FeedbackRow]) -> None:
    """Store the changed status of feedback."""
    await tx.run_many("set_feedback_status", [msgspec.structs.asdict(row) for row in rows])


async def set_review(
    tx: Transaction, row: FeedbackRow, review: str, by: str | None, at: int | None, updated_at: int
) -> None:
    """Store what a person decided about feedback, with who and when; nobody, where that was taken back."""
    await tx.run(
        "set_review",
        model_id=row.model_id,
        id=row.id,
        review=review,
        reviewed_by=by,
        reviewed_at=at,
        updated_at=updated_at,
    )


async def add_ratings(tx: Transaction, changes: dict[EventKey, int]) -> None:
    """Change how many active thumbs predictions have."""
    rows = [{"model_id": key[0], "id": key[1], "change": change} for key, change in changes.items() if change]
    await tx.run_many("add_ratings", rows)


async def slot_successor(tx: Reader, row: FeedbackRow) -> FeedbackRow | None:
    """Return the feedback that counts once `row` is gone: the latest superseded one of its slot."""
    found = await tx.one(
        "slot_successor", model_id=row.model_id, prediction_id=row.prediction_id, slot=row.slot, id=row.id
    )
    return to_row(FeedbackRow, found) if found else None


async def label_successor(tx: Reader, row: LabelRow) -> LabelRow | None:
    """Return the label in force once `row` is gone."""
    found = await tx.one("label_successor", model_id=row.model_id, prediction_id=row.prediction_id, id=row.id)
    return to_row(LabelRow, found) if found else None


async def bury(tx: Transaction, kind: str, keys: Sequence[EventKey], at: int) -> None:
    """Delete rows and leave their ids as tombstones, so that a late retry doesn't bring them back."""
    rows = [{"model_id": model, "id": id, "kind": kind, "deleted_at": at} for model, id in keys]
    await tx.run_many(f"delete_{kind}", rows)
    await tx.run_many("insert_tombstone", rows)


async def label_positions(tx: Reader, model_id: str) -> dict[str, int]:
    """Return the label lanes of a model: label to position."""
    return {row["label"]: row["position"] for row in await tx.all("label_positions", model_id=model_id)}


async def add_label_positions(tx: Transaction, model_id: str, positions: dict[str, int]) -> dict[str, int]:
    """Give new labels of a model their lanes; return all lanes: another node may have been faster with some."""
    rows = [{"model_id": model_id, "label": label, "position": n} for label, n in positions.items()]
    await tx.run_many("insert_label_position", rows)
    return await label_positions(tx, model_id)


async def last_update(reader: Reader, model_id: str) -> int:
    """Return the latest `updated_at` of a model's feedback, or 0."""
    row = await reader.one("last_update", model_id=model_id)
    return int(row["at"] or 0) if row else 0
