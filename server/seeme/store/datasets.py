"""The verbs of datasets: their rows, items and versions. What a version holds is said by its number alone."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from seeme.clock import from_micros, to_micros
from seeme.records.datasets import (
    Dataset,
    DatasetItem,
    DatasetVersion,
    NewDataset,
    Shares,
    SplitCount,
    TrainingJob,
)
from seeme.records.predictions import LabelledBox
from seeme.records.queries import Keyset
from seeme.records.rows import ItemRow
from seeme.store.database import Reader, Row, Transaction
from seeme.store.reading import FIRST, PAGE_SIZE

OPEN = 2**62  # the end of what is in the working set still
WORKING_SET = OPEN - 1  # the number under which it is read
Counts = Counter[tuple[str, str]]  # by (split, label); the label '' counts items
_boxes = msgspec.json.Decoder(list[LabelledBox])
_counts = msgspec.json.Decoder(dict[str, SplitCount])


class StoredDataset(Struct, frozen=True):
    """A dataset with what only the service sees of it."""

    dataset: Dataset
    digest: bytes
    deleted_at: int | None = None


class StoredDatasetVersion(Struct, frozen=True):
    """A version with its labels, and what only the service sees of it."""

    version: DatasetVersion
    splits: dict[str, SplitCount]
    digest: bytes


class Items(NamedTuple):
    """One page of items, and whether more follow."""

    rows: Sequence[ItemRow]
    more: bool


def new_dataset(id: str, new: NewDataset, splits: Shares, digest: bytes, by: str, at: int) -> StoredDataset:
    """Return a dataset as it will be stored."""
    dataset = Dataset(id=id, name=new.name, task=new.task, splits=splits, created_by=by, created_at=from_micros(at))
    return StoredDataset(dataset, digest)


def _to_dataset(row: Row) -> StoredDataset:
    dataset = Dataset(
        id=row["id"],
        name=row["name"],
        task=row["task"],
        splits=msgspec.json.decode(row["splits"], type=Shares),
        created_by=row["created_by"],
        created_at=from_micros(row["created_at"]),
    )
    return StoredDataset(dataset, row["digest"], row["deleted_at"])


def _to_version(row: Row) -> StoredDatasetVersion:
    splits = _counts.decode(row["counts"])
    version = DatasetVersion(
        id=row["id"],
        dataset_id=row["dataset_id"],
        number=row["number"],
        name=row["name"],
        parent_version_id=row["parent_id"],
        created_by=row["created_by"],
        created_at=from_micros(row["created_at"]),
        item_count=sum(split.item_count for split in splits.values()),
        erased=row["erased"],
    )
    return StoredDatasetVersion(version, splits, row["digest"])


def to_item(row: ItemRow) -> DatasetItem:
    """Return an item as it goes out."""
    return DatasetItem(
        id=row.id,
        split=row.split,  # type: ignore[arg-type]
        label=row.label,
        value=row.value,
        boxes=boxes_of(row),
        image_size=None if row.width is None or row.height is None else (row.width, row.height),
        input_hash=row.input_hash,
        input_url=row.input_url,
        input_id=row.input_id,
        has_input=bool(row.input_stored),
        source=row.source,  # type: ignore[arg-type]
        model_id=row.model_id,
        prediction_id=row.prediction_id,
        feedback_id=row.feedback_id,
        reviewer=row.reviewer,
        pi=row.pi,
        note=row.note,
        created_at=from_micros(row.created_at),
    )


def boxes_of(row: ItemRow) -> list[LabelledBox] | None:
    """Return the boxes of an item, None where it has none because it is of another task."""
    return None if row.boxes is None else _boxes.decode(row.boxes)


def splits_of(counts: Mapping[tuple[str, str], int]) -> dict[str, SplitCount]:
    """Return counts as they go out, every split among them."""
    splits: dict[str, SplitCount] = {}
    for split in ("train", "val", "test"):
        labels = {label: n for (one, label), n in sorted(counts.items()) if one == split and label and n > 0}
        splits[split] = SplitCount(item_count=counts.get((split, ""), 0), labels=labels)
    return splits


def counts_of(row: ItemRow) -> Counts:
    """Return what an item adds to the counts."""
    counts: Counts = Counter({(row.split, ""): 1})
    if row.label is not None:
        counts[row.split, row.label] += 1
    for box in boxes_of(row) or ():
        counts[row.split, box.label] += 1
    return counts


async def datasets(reader: Reader) -> list[StoredDataset]:
    """Return every dataset by creation, those too that are being deleted."""
    return [_to_dataset(row) for row in await reader.all("all_datasets")]


async def dataset(reader: Reader, id: str) -> StoredDataset | None:
    """Return one dataset, deleted or not."""
    row = await reader.one("dataset", id=id)
    return _to_dataset(row) if row else None


async def insert_dataset(tx: Transaction, stored: StoredDataset) -> None:
    """Store a new dataset."""
    values: dict[str, Any] = msgspec.structs.asdict(stored.dataset)
    values["splits"] = msgspec.json.encode(stored.dataset.splits).decode()
    values["created_at"] = to_micros(stored.dataset.created_at)
    await tx.run("insert_dataset", digest=stored.digest, **values)


async def set_task(tx: Transaction, id: str, task: str) -> None:
    """Store what kind of truth a dataset holds."""
    await tx.run("set_dataset_task", id=id, task=task)


async def mark_deleted(tx: Transaction, id: str, at: int) -> None:
    """Mark a dataset whose items are to be deleted."""
    await tx.run("mark_dataset_deleted", id=id, deleted_at=at)


async def delete_dataset(tx: Transaction, id: str) -> None:
    """Delete a dataset whose items are gone."""
    await tx.run("delete_dataset_versions", dataset_id=id)
    await tx.run("delete_dataset_counts", dataset_id=id)
    await tx.run("delete_dataset", id=id)


async def version(reader: Reader, dataset_id: str, id: str) -> StoredDatasetVersion | None:
    """Return one version of a dataset."""
    row = await reader.one("dataset_version", dataset_id=dataset_id, id=id)
    return _to_version(row) if row else None


async def versions_of_id(reader: Reader, id: str) -> list[StoredDatasetVersion]:
    """Return up to two versions of this id, of whatever live datasets."""
    return [_to_version(row) for row in await reader.all("dataset_versions_of_id", id=id)]


async def latest(reader: Reader, dataset_id: str) -> StoredDatasetVersion | None:
    """Return the latest version of a dataset."""
    row = await reader.one("latest_dataset_version", dataset_id=dataset_id)
    return _to_version(row) if row else None


async def versions(reader: Reader, dataset_id: str, after: int, most: int) -> list[StoredDatasetVersion]:
    """Return the versions of a dataset by number, those after one."""
    rows = await reader.all("list_dataset_versions", dataset_id=dataset_id, number=after, most=most)
    return [_to_version(row) for row in rows]


async def insert_version(tx: Transaction, stored: StoredDatasetVersion) -> None:
    """Store a new version."""
    version = stored.version
    await tx.run(
        "insert_dataset_version",
        dataset_id=version.dataset_id,
        number=version.number,
        id=version.id,
        name=version.name,
        parent_id=version.parent_version_id,
        digest=stored.digest,
        created_by=version.created_by,
        created_at=to_micros(version.created_at),
        counts=msgspec.json.encode(stored.splits).decode(),
    )


async def difference(reader: Reader, dataset_id: str, old: int, new: int) -> tuple[int, int, int]:
    """Return how many items a version has that an older one hasn't, lacks, and has with other content."""
    found = {}
    for query in ("dataset_items_entered", "dataset_items_left", "dataset_items_in_both"):
        row = await reader.one(query, dataset_id=dataset_id, old=old, new=new)
        assert row is not None
        found[query] = row
    # Rows that are in both versions by their ids: some were changed and changed back in between.
    both = int(found["dataset_items_in_both"]["n"])
    entered, left = (int(found[query]["n"]) - both for query in ("dataset_items_entered", "dataset_items_left"))
    return entered, left, int(found["dataset_items_in_both"]["changed"])


def _to_row(row: Row) -> ItemRow:
    return ItemRow(**{name: row[name] for name in ItemRow.__struct_fields__})


async def item(reader: Reader, dataset_id: str, id: str, until: int = OPEN) -> ItemRow | None:
    """Return an item as the working set has it, or as it was until it was replaced in a version."""
    row = await reader.one("dataset_item", dataset_id=dataset_id, id=id, until=until)
    return _to_row(row) if row else None


async def insert_item(tx: Transaction, row: ItemRow) -> None:
    """Store an item."""
    await tx.run("insert_dataset_item", **msgspec.structs.asdict(row))


async def end_item(tx: Transaction, row: ItemRow, until: int) -> None:
    """Store until which version an item is there."""
    await tx.run("end_dataset_item", dataset_id=row.dataset_id, id=row.id, since=row.since, until=until)


async def set_stored(tx: Transaction, row: ItemRow) -> None:
    """Store that the input of an item is stored."""
    await tx.run("set_dataset_item_stored", dataset_id=row.dataset_id, id=row.id, since=row.since)


async def delete_items(tx: Transaction, rows: Sequence[ItemRow]) -> None:
    """Delete items, and give back their inputs."""
    keys = [{"dataset_id": row.dataset_id, "id": row.id, "since": row.since} for row in rows]
    await tx.run_many("delete_dataset_item", keys)
    await tx.run_many("drop_blob", [{"hash": row.input_hash} for row in rows if row.input_stored])


async def items(
    reader: Reader,
    dataset_id: str,
    number: int,
    after: str,
    limit: int,
    split: str | None = None,
    source: str | None = None,
    label: str | None = None,
) -> Items:
    """Return the items of a version by id, those after one; fewer where they are large.

    Of boxes one with the label is enough. It is looked for as JSON has it: `like` would know wildcards.
    """
    needle = None if label is None else f'"label":{msgspec.json.encode(label).decode()}'
    found, cut = await reader.some(
        "list_dataset_items",
        PAGE_SIZE,
        dataset_id=dataset_id,
        number=number,
        id=after,
        split=split,
        source=source,
        label=label,
        needle=needle,
        most=limit + 1,
    )
    return Items([_to_row(row) for row in found[:limit]], cut or len(found) > limit)


async def unsized(reader: Reader, dataset_id: str, number: int) -> tuple[int, str]:
    """Return how many items of a version don't say how large their image is, and the first one's id."""
    row = await reader.one("count_unsized_dataset_items", dataset_id=dataset_id, number=number)
    return (int(row["n"]), row["first"] or "") if row else (0, "")


async def some_items(reader: Reader, dataset_id: str, most: int) -> list[ItemRow]:
    """Return some items of a dataset, of whatever version."""
    return [_to_row(row) for row in await reader.all("some_dataset_items", dataset_id=dataset_id, most=most)]


async def rows_after(reader: Reader, dataset_id: str, id: str, since: int, most: int) -> list[ItemRow]:
    """Return rows of a dataset, of whatever version, after the place of one."""
    rows = await reader.all("dataset_items_after", dataset_id=dataset_id, id=id, since=since, most=most)
    return [_to_row(row) for row in rows]


async def items_of_predictions(reader: Reader, model_id: str, ids: list[str], subject: bytes) -> list[ItemRow]:
    """Return the items made of a person's predictions with these ids, in whatever dataset and version.

    An id may have been another person's prediction once, which retention has taken.
    """
    values = {"model_id": model_id, "ids": ids, "subject": subject}
    return [_to_row(row) for row in await reader.all("dataset_items_of_predictions", **values)]


async def items_of_subject(reader: Reader, subject: bytes, most: int) -> list[ItemRow]:
    """Return items made of a person's predictions, in whatever dataset and version."""
    return [_to_row(row) for row in await reader.all("dataset_items_of_subject", subject=subject, most=most)]


async def detach(tx: Transaction, dataset_id: str, model_id: str) -> None:
    """Cut the items of a model loose from its rows, which are gone."""
    await tx.run("detach_dataset_items", dataset_id=dataset_id, of_model=model_id)


async def add_counts(tx: Transaction, dataset_id: str, counts: Counts) -> None:
    """Add to the counts of the working set."""
    rows = [{"dataset_id": dataset_id, "split": one[0], "label": one[1], "n": n} for one, n in counts.items() if n]
    await tx.run_many("add_dataset_count", sorted(rows, key=lambda row: (row["split"], row["label"])))


async def counts(reader: Reader, dataset_id: str) -> dict[str, SplitCount]:
    """Return the counts of the working set."""
    rows = await reader.all("dataset_counts", dataset_id=dataset_id)
    return splits_of({(row["split"], row["label"]): row["n"] for row in rows})


async def take_out(tx: Transaction, dataset_id: str, rows: Sequence[ItemRow]) -> None:
    """Take items that are erased out of the counts of every version that had them, and count the gaps."""
    since, until = min(row.since for row in rows), max(row.until for row in rows)
    found = await tx.all("dataset_versions_between", dataset_id=dataset_id, since=since, until=until)
    for one in map(_to_version, found):
        number = one.version.number
        gone = [row for row in rows if row.since <= number < row.until]
        left: Counts = Counter({(split, ""): count.item_count for split, count in one.splits.items()})
        left.update({(split, label): n for split, count in one.splits.items() for label, n in count.labels.items()})
        for row in gone:
            left.subtract(counts_of(row))
        await tx.run(
            "set_dataset_version_counts",
            dataset_id=dataset_id,
            number=number,
            counts=msgspec.json.encode(splits_of(left)).decode(),
            erased=one.version.erased + len(gone),
        )


async def hold_blob(tx: Transaction, hash: str) -> bool:
    """Count one more item that has these bytes as its input; say whether they are stored at all."""
    return await tx.one("hold_blob", hash=hash) is not None


class StoredJob(Struct, frozen=True):
    """A training job with what only the service sees of it."""

    job: TrainingJob
    digest: bytes


def _to_job(row: Row) -> StoredJob:
    fields = {name: row[name] for name in TrainingJob.__struct_fields__}
    return StoredJob(TrainingJob(**fields | {"created_at": from_micros(row["created_at"])}), row["digest"])


async def job(reader: Reader, id: str) -> StoredJob | None:
    """Return one training job."""
    row = await reader.one("training_job", id=id)
    return _to_job(row) if row else None


async def jobs(reader: Reader, after: Keyset | None, limit: int) -> list[TrainingJob]:
    """Return training jobs by creation, one more than `limit` where more follow."""
    place = after or Keyset(FIRST, "")
    rows = await reader.all("list_training_jobs", at=place.at, id=place.id, most=limit + 1)
    return [_to_job(row).job for row in rows]


async def latest_jobs(reader: Reader, before: Keyset | None, limit: int) -> list[TrainingJob]:
    """Return training jobs, the latest first, one more than `limit` where more follow."""
    place = before or Keyset(OPEN, "")
    rows = await reader.all("latest_training_jobs", at=place.at, id=place.id, most=limit + 1)
    return [_to_job(row).job for row in rows]


async def insert_job(tx: Transaction, stored: StoredJob) -> None:
    """Store a new training job."""
    values: dict[str, Any] = msgspec.structs.asdict(stored.job)
    await tx.run(
        "insert_training_job", **values | {"created_at": to_micros(stored.job.created_at)}, digest=stored.digest
    )
