"""A dataset's working set inside a transaction: items come and go, and the versions that have them keep them."""

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Literal, Self

import msgspec

from seeme.domain.splits import split_of
from seeme.errors import Conflict, NotFound
from seeme.records.rows import ItemRow
from seeme.store import datasets, reading
from seeme.store.database import Transaction
from seeme.store.datasets import OPEN, Counts

TASKS = {"label": "classification", "boxes": "detection", "value": "regression"}
# What an item says; when it was put, by which import, and what follows from the rest aren't part of it.
_CONTENT = (
    "model_id", "prediction_id", "label", "value", "boxes", "width", "height", "input_hash", "input_url", "input_id",
    "source", "reviewer", "feedback_id", "pi", "note",
)  # fmt: skip


def content_digest(row: ItemRow) -> bytes:
    """Return 128 bits that stand for what an item says."""
    return blake2b(msgspec.msgpack.encode([getattr(row, name) for name in _CONTENT]), digest_size=16).digest()


async def hold(tx: Transaction, dataset_ids: Iterable[str]) -> None:
    """Keep others from changing datasets until the transaction ends."""
    await tx.hold([f"dataset:{id}" for id in dataset_ids], alone=True)


class WorkingSet:
    """The working set of one dataset, which is held alone. Its counts are stored by `finish`."""

    def __init__(self, tx: Transaction, stored: datasets.StoredDataset, number: int) -> None:
        self._tx = tx
        self.id = stored.dataset.id
        self.task = stored.dataset.task
        self._shares = msgspec.structs.asdict(stored.dataset.splits)
        self._next = number + 1
        self._counts: Counts = Counter()

    @classmethod
    async def open(cls, tx: Transaction, dataset_id: str) -> Self:
        """Hold a dataset and open its working set; raises NotFound."""
        await hold(tx, [dataset_id])
        stored = await datasets.dataset(tx, dataset_id)
        if stored is None or stored.deleted_at is not None:
            raise NotFound(f"there is no dataset {dataset_id}")
        latest = await datasets.latest(tx, dataset_id)
        return cls(tx, stored, latest.version.number if latest else 0)

    async def put(self, row: ItemRow) -> Literal["created", "changed", "unchanged"]:
        """Add an item, or replace the one of its id; raises Conflict for one that isn't of the dataset's task."""
        await self._check_task(row)
        row.digest = row.digest or content_digest(row)
        current = await datasets.item(self._tx, self.id, row.id)
        if current is not None and current.digest == row.digest:
            await self._take_input(current)
            return "unchanged"
        if current is not None:
            await self._end(current)
        before = await datasets.item(self._tx, self.id, row.id, until=self._next)
        if before is not None and before.digest == row.digest:  # taken out or changed, and now as it was
            await datasets.end_item(self._tx, before, OPEN)
            self._counts.update(datasets.counts_of(before))
        else:
            await self._insert(row)
        return "created" if current is None else "changed"

    async def _insert(self, row: ItemRow) -> None:
        row.split = split_of(row.input_hash or row.input_id or row.id, self._shares)
        row.since, row.until = self._next, OPEN
        row.input_stored = int(row.input_hash is not None and await datasets.hold_blob(self._tx, row.input_hash))
        if row.model_id is not None and row.prediction_id is not None:
            # Kept with the item: a person can be erased from it when the prediction has long expired.
            prediction = await reading.prediction(self._tx, row.model_id, row.prediction_id)
            row.subject = prediction["subject"] if prediction else row.subject
        await datasets.insert_item(self._tx, row)
        self._counts.update(datasets.counts_of(row))

    async def _take_input(self, row: ItemRow) -> None:
        """Hold the input of an item that was put before it was stored, for every version that has the item."""
        if row.input_hash is not None and not row.input_stored and await datasets.hold_blob(self._tx, row.input_hash):
            await datasets.set_stored(self._tx, row)

    async def _check_task(self, row: ItemRow) -> None:
        found = [name for name in TASKS if getattr(row, name) is not None]
        if len(found) != 1:
            raise Conflict(f"an item has exactly one of `label`, `boxes` and `value`, not {len(found)}")
        kind = found[0]
        if self.task is None:
            self.task = TASKS[kind]  # type: ignore[assignment]
            await datasets.set_task(self._tx, self.id, TASKS[kind])
        if TASKS[kind] != self.task:
            wanted = next(name for name, task in TASKS.items() if task == self.task)
            raise Conflict(f"the dataset {self.id} is for {self.task}: its items have `{wanted}`, not `{kind}`")

    async def withdraw(self, id: str) -> None:
        """Take an item out; versions that have it keep it."""
        current = await datasets.item(self._tx, self.id, id)
        if current is not None:
            await self._end(current)

    async def _end(self, row: ItemRow) -> None:
        self._counts.subtract(datasets.counts_of(row))
        if row.since == self._next:  # no version has it
            await datasets.delete_items(self._tx, [row])
        else:
            await datasets.end_item(self._tx, row, self._next)

    async def finish(self) -> None:
        """Store what was counted."""
        await datasets.add_counts(self._tx, self.id, self._counts)
        self._counts = Counter()


async def erase(tx: Transaction, rows: Sequence[ItemRow]) -> None:
    """Delete items from every version; each that had one counts a gap. Their datasets are held already."""
    for dataset_id in sorted({row.dataset_id for row in rows}):
        mine = [row for row in rows if row.dataset_id == dataset_id]
        await datasets.take_out(tx, dataset_id, mine)
        counts: Counts = Counter()
        for row in mine:
            if row.until == OPEN:
                counts.subtract(datasets.counts_of(row))
        await datasets.add_counts(tx, dataset_id, counts)
        await datasets.delete_items(tx, mine)
