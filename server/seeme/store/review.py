"""The verbs of the review queue: items in and out of their table, leases, decisions, and who did what."""

from collections.abc import Iterable, Sequence

import msgspec

from seeme.clock import from_micros
from seeme.records.predictions import LabelledBox
from seeme.records.review import LogEntry, ReviewItem
from seeme.records.rows import EventKey, ReviewRow
from seeme.store import reading
from seeme.store.database import Reader, Row, Transaction
from seeme.store.reading import PAGE_SIZE, Rows

_boxes = msgspec.json.Decoder(list[LabelledBox])
_FIELDS = ReviewRow.__struct_fields__


def to_row(row: Row) -> ReviewRow:
    """Return a table's row as its Struct."""
    return ReviewRow(**{name: row[name] for name in _FIELDS})


def to_item(row: Row) -> ReviewItem:
    """Return a row of `review_items`, joined with its prediction's input, as it goes out."""
    lease, decided = row["lease_until"], row["decided_at"]
    return ReviewItem(
        id=row["id"],
        model_id=row["model_id"],
        prediction_id=row["prediction_id"],
        dataset_id=row["dataset_id"] or None,
        status=row["status"],
        second=row["round"] == 2,
        reasons=row["reasons"].split(),
        pi=row["pi"],
        rule_set=row["rule_set"],
        predicted_label=row["label"],
        confidence=row["confidence"],
        created_at=from_micros(row["created_at"]),
        queued_at=from_micros(row["queued_at"]),
        input_url=row["input_url"],
        has_input=bool(row["input_stored"]),
        held_by=row["holder"],
        lease_until=None if lease is None else from_micros(lease),
        decision=row["decision"],
        label=row["decided_label"],
        value=row["decided_value"],
        boxes=_boxes.decode(row["decided_boxes"]) if row["decided_boxes"] else None,
        note=row["note"],
        decided_by=row["decided_by"],
        decided_at=None if decided is None else from_micros(decided),
    )


async def insert(tx: Transaction, rows: Sequence[ReviewRow]) -> None:
    """Put predictions into the queue; those that are there already stay as they are."""
    await tx.insert("insert_review_items", rows)


async def rows(tx: Reader, keys: Iterable[EventKey]) -> dict[EventKey, ReviewRow]:
    """Return the items with these ids, as far as they are there."""
    found = [to_row(row) for row in await tx.of("review_rows", keys)]
    return {(row.model_id, row.id): row for row in found}


async def of_prediction(tx: Reader, model_id: str, prediction_id: str) -> list[ReviewRow]:
    """Return the items of a prediction: the first, and the second blind one where there is one."""
    found = await tx.all("review_of_prediction", model_id=model_id, prediction_id=prediction_id)
    return [to_row(row) for row in found]


async def of_predictions(tx: Reader, keys: Iterable[EventKey]) -> list[ReviewRow]:
    """Return the items of predictions, first and second ones."""
    return [to_row(row) for row in await tx.of("review_of_predictions", keys)]


async def prediction_of(tx: Reader, item: ReviewRow) -> Row | None:
    """Return the prediction that an item is about, or None once it is gone: its id may be a later one's by then."""
    found = await reading.prediction(tx, item.model_id, item.prediction_id)
    return found if found is not None and found["created_at"] == item.created_at else None


async def open_items(
    tx: Reader,
    model_id: str,
    key_id: str,
    most: int,
    dataset_id: str | None = None,
    label: str | None = None,
    reason: str | None = None,
) -> list[ReviewRow]:
    """Return the next open items in the order of their places, without those that this key has passed by."""
    found = await tx.all(
        "open_items",
        model_id=model_id,
        place=-1,
        id="",
        dataset_id=dataset_id,
        label=label,
        reason=None if reason is None else f"%{reason}%",
        mine=f"%{key_id}%",
        most=most,
    )
    return [to_row(row) for row in found]


async def return_expired(tx: Transaction, model_id: str, now: int) -> None:
    """Give back to the queue what is held longer than its lease."""
    await tx.run("return_expired_leases", model_id=model_id, now=now)


async def lease(tx: Transaction, row: ReviewRow, at: int) -> None:
    """Store who holds an item, and until when."""
    await tx.run(
        "lease_item",
        model_id=row.model_id,
        id=row.id,
        holder=row.holder,
        holder_key=row.holder_key,
        lease_until=row.lease_until,
        in_order=row.in_order,
        at=at,
    )


async def give_back(tx: Transaction, row: ReviewRow, at: int) -> None:
    """Store that an item is open again."""
    await tx.run("return_item", model_id=row.model_id, id=row.id, passed_by=row.passed_by, at=at)


async def close(tx: Transaction, row: ReviewRow) -> None:
    """Store what was decided about an item."""
    names = (
        *("model_id", "id", "status", "decision", "decided_label", "decided_value", "decided_boxes", "was_right"),
        *("note", "decided_by", "decided_key", "decided_at", "feedback_id", "in_order", "dataset_id"),
    )
    await tx.run("close_item", **{name: getattr(row, name) for name in names})


async def reopen(tx: Transaction, row: ReviewRow, at: int) -> None:
    """Store that a decision was taken back."""
    names = ("model_id", "id", "status", "holder", "holder_key", "lease_until")
    await tx.run("reopen_item", **{name: getattr(row, name) for name in names}, at=at)


async def bring_in_order(tx: Transaction, row: ReviewRow) -> list[ReviewRow]:
    """Let what was decided before its turn be in order, as far as no earlier item of the stratum waits; return it.

    Items that somebody skipped are not waited for. Where the prediction is gone, those before it may have gone open.
    """
    found = await tx.all("bring_in_order", model_id=row.model_id, rule_set=row.rule_set, matched=row.matched)
    return [to_row(one) for one in found]


async def set_reasons(tx: Transaction, rows: Sequence[ReviewRow], at: int) -> None:
    """Store further reasons to look at items."""
    changes = [{"model_id": row.model_id, "id": row.id, "reasons": row.reasons, "at": at} for row in rows]
    await tx.run_many("set_reasons", changes)


async def delete(tx: Transaction, keys: Iterable[EventKey]) -> None:
    """Delete items, with who did what with them."""
    gone = [{"model_id": model_id, "id": id} for model_id, id in keys]
    await tx.run_many("delete_review_item", gone)
    await tx.run_many("delete_review_log_of", gone)


async def of_subject(reader: Reader, subject: bytes, most: int) -> list[ReviewRow]:
    """Return items about predictions that were logged for a person."""
    return [to_row(row) for row in await reader.all("review_of_subject", subject=subject, most=most)]


async def some_of_model(reader: Reader, model_id: str, most: int) -> list[EventKey]:
    """Return some items of a model."""
    return [(row["model_id"], row["id"]) for row in await reader.all("some_review_items", model_id=model_id, most=most)]


async def write_log(tx: Transaction, row: ReviewRow, at: int, who: str, action: str, detail: str | None = None) -> None:
    """Write down who did what with an item."""
    entry = {"at": at, "who": who, "action": action, "detail": detail}
    await tx.run("insert_review_log", model_id=row.model_id, item_id=row.id, **entry)


async def read_log(reader: Reader, model_id: str, id: str) -> list[LogEntry]:
    """Return who did what with an item, oldest first."""
    return [
        LogEntry(at=from_micros(row["at"]), who=row["who"], action=row["action"], detail=row["detail"])
        for row in await reader.all("review_log_of", model_id=model_id, item_id=id)
    ]


async def one(reader: Reader, model_id: str, id: str) -> Row | None:
    """Return one item with its prediction's input."""
    return await reader.one("one_review", model_id=model_id, id=id)


async def page(
    reader: Reader,
    *,
    model_id: str | None,
    dataset_id: str | None,
    status: str | None,
    label: str | None,
    reason: str | None,
    at: int,
    id: str,
    limit: int,
) -> Rows:
    """Return a page of items of a model or of a dataset, the longest in the queue first."""
    filters = {"status": status, "label": label, "reason": None if reason is None else f"%{reason}%"}
    where = {"at": at, "id": id, "dataset_id": dataset_id, **filters}
    query = "list_review_of_dataset" if model_id is None else "list_review_of_model"
    if model_id is not None:
        where["model_id"] = model_id
    found, cut = await reader.some(query, PAGE_SIZE, most=limit + 1, **where)
    return Rows(found[:limit], cut or len(found) > limit)


async def counts(reader: Reader, model_id: str) -> dict[tuple[str, int], int]:
    """Return how many items a model has in each state, by round."""
    found = await reader.all("count_review", model_id=model_id)
    return {(row["status"], row["round"]): row["n"] for row in found}


async def reviewed_twice(reader: Reader, model_id: str, since: int, most: int) -> list[Row]:
    """Return what two people decided about the same predictions, the latest first."""
    return list(await reader.all("reviewed_twice", model_id=model_id, since=since, most=most))
