"""Datasets: made and deleted, filled by reviews and imports, and frozen as versions that never change."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import msgspec
from msgspec import structs

from seeme.clock import from_micros, to_micros
from seeme.errors import Conflict, NotFound, SeeMeError, invalid
from seeme.ids import short_id
from seeme.records.datasets import (
    Changes,
    Dataset,
    DatasetDetail,
    DatasetItem,
    DatasetVersion,
    DatasetVersionDetail,
    ItemAccepted,
    NewDataset,
    NewDatasetItem,
    NewDatasetVersion,
    Shares,
    Splits,
)
from seeme.records.queries import Keyset, from_cursor, to_cursor
from seeme.records.rows import ItemRow
from seeme.records.types import Page
from seeme.service import working_set
from seeme.service.digests import digest
from seeme.service.inbox import Inbox
from seeme.service.keys import Identity
from seeme.service.working_set import WorkingSet
from seeme.store import datasets
from seeme.store.database import Database, Reader, Transaction
from seeme.store.datasets import WORKING_SET, StoredDataset, StoredDatasetVersion

CHUNK = 200  # items in one transaction: events come in between
DELETED_AT_ONCE = 500
Results: TypeAlias = "list[ItemAccepted | SeeMeError]"


class Datasets:
    """The datasets of this service: few, so that what they are called is kept in memory."""

    def __init__(self, inbox: Inbox, reader: Database, clock: Callable[[], int]) -> None:
        self._inbox = inbox
        self._reader = reader
        self._clock = clock
        self._datasets: dict[str, StoredDataset] = {}

    async def load(self, reader: Reader) -> None:
        """Read every dataset."""
        self.replace(await datasets.datasets(reader))

    def replace(self, stored: Sequence[StoredDataset]) -> None:
        """Take what was read for all that there is."""
        self._datasets = {one.dataset.id: one for one in stored}

    def get(self, dataset_id: str) -> Dataset:
        """Return a dataset; raises NotFound. Where other nodes fill it, its task may be known a little later here."""
        stored = self._datasets.get(dataset_id)
        if stored is None or stored.deleted_at is not None:
            raise NotFound(f"there is no dataset {dataset_id}")
        return stored.dataset

    def list(self, limit: int = 100, cursor: str | None = None) -> Page[Dataset]:
        """Return datasets by creation, after the place that `cursor` stands for."""
        after = None if cursor is None else from_cursor(cursor)
        live = sorted((one.dataset for one in self._datasets.values() if one.deleted_at is None), key=_place)
        found = [one for one in live if after is None or _place(one) > after]
        page = found[:limit]
        return Page(items=page, next_cursor=to_cursor(*_place(page[-1])) if len(found) > limit else None)

    async def read(self, dataset_id: str) -> DatasetDetail:
        """Return a dataset with what its working set holds; raises NotFound."""
        stored = await datasets.dataset(self._reader, dataset_id)
        if stored is None or stored.deleted_at is not None:
            raise NotFound(f"there is no dataset {dataset_id}")
        counts = await datasets.counts(self._reader, dataset_id)
        latest = await datasets.latest(self._reader, dataset_id)
        return DatasetDetail(
            **structs.asdict(stored.dataset),
            item_count=sum(count.item_count for count in counts.values()),
            counts=counts,  # type: ignore[arg-type]
            latest_version=latest.version if latest else None,
        )

    async def create(self, new: NewDataset, identity: Identity) -> tuple[Dataset, bool]:
        """Store a dataset; return it and whether it is new.

        Raises:
            Invalid: the shares of the splits don't add up to 1.
            Conflict: the id exists with other content.
        """
        content = digest(new)
        splits = new.splits or Splits()
        if abs(splits.train + splits.val + splits.test - 1) > 1e-6:
            raise invalid("$.splits", "the shares of `train`, `val` and `test` must add up to 1")

        async def work(tx: Transaction) -> tuple[StoredDataset, bool]:
            known = None
            if new.id is not None:
                await working_set.hold(tx, [new.id])
                known = await datasets.dataset(tx, new.id)
            if known is not None:
                if known.deleted_at is not None:
                    raise Conflict(f"the dataset {new.id} is being deleted; take another id")
                if known.digest != content:
                    raise Conflict(f"the dataset {new.id} exists with other content")
                return known, False
            shares = Shares(**structs.asdict(splits))
            id = new.id or short_id("d")
            stored = datasets.new_dataset(id, new, shares, content, identity.holder, self._clock())
            await datasets.insert_dataset(tx, stored)
            return stored, True

        stored, created = await self._inbox.run(work, lambda result: self._remember(result[0]))
        return stored.dataset, created

    def _remember(self, stored: StoredDataset) -> None:
        self._datasets[stored.dataset.id] = stored

    async def delete(self, dataset_id: str) -> None:
        """Mark a dataset as deleted: it is gone at once; a task then deletes its items in chunks."""
        at = self._clock()

        async def work(tx: Transaction) -> StoredDataset:
            await WorkingSet.open(tx, dataset_id)
            await datasets.mark_deleted(tx, dataset_id, at)
            stored = await datasets.dataset(tx, dataset_id)
            assert stored is not None
            return stored

        await self._inbox.run(work, self._remember)

    async def sweep(self) -> None:
        """Delete what is left of deleted datasets."""
        for dataset_id in [id for id, stored in self._datasets.items() if stored.deleted_at is not None]:
            while await self._inbox.run(partial(self._empty, dataset_id)):
                pass
            await self._inbox.run(partial(self._end, dataset_id), partial(self._forget, dataset_id))

    async def _is_deleted(self, tx: Transaction, dataset_id: str) -> bool:
        await working_set.hold(tx, [dataset_id])
        stored = await datasets.dataset(tx, dataset_id)
        return stored is not None and stored.deleted_at is not None

    async def _empty(self, dataset_id: str, tx: Transaction) -> int:
        if not await self._is_deleted(tx, dataset_id):
            return 0
        rows = await datasets.some_items(tx, dataset_id, DELETED_AT_ONCE)
        await datasets.delete_items(tx, rows)
        return len(rows)

    async def _end(self, dataset_id: str, tx: Transaction) -> None:
        if await self._is_deleted(tx, dataset_id):
            await datasets.delete_dataset(tx, dataset_id)

    def _forget(self, dataset_id: str, _: None) -> None:
        self._datasets.pop(dataset_id, None)

    # --- items

    async def put(self, tx: Transaction, item: ItemRow) -> None:
        """Add an item to its dataset's working set, or replace the one of its id, in an open transaction.

        Raises:
            NotFound: there is no such dataset.
            Conflict: the dataset is for another task.
        """
        opened = await WorkingSet.open(tx, item.dataset_id)
        await opened.put(item)
        await opened.finish()
        self._learn(opened)

    async def withdraw(self, tx: Transaction, dataset_id: str, id: str) -> None:
        """Take an item out of the working set; versions that have it keep it. What isn't there needs nothing."""
        try:
            opened = await WorkingSet.open(tx, dataset_id)
        except NotFound:
            return
        await opened.withdraw(id)
        await opened.finish()

    def _learn(self, opened: WorkingSet) -> None:
        stored = self._datasets.get(opened.id)
        if stored is not None and stored.dataset.task is None:
            self._remember(structs.replace(stored, dataset=structs.replace(stored.dataset, task=opened.task)))

    async def add(self, dataset_id: str, items: Sequence[NewDatasetItem], identity: Identity) -> Results:
        """Put items that were made elsewhere; return what became of each. Each chunk of 200 is one transaction."""
        self.get(dataset_id)
        results: Results = []
        for start in range(0, len(items), CHUNK):
            work = partial(self._add, dataset_id, items[start : start + CHUNK], identity)
            results += await self._inbox.run(work)
        return results

    async def _add(
        self, dataset_id: str, items: Sequence[NewDatasetItem], identity: Identity, tx: Transaction
    ) -> Results:
        opened = await WorkingSet.open(tx, dataset_id)
        results: Results = []
        for new in items:
            try:
                status = await opened.put(_row(dataset_id, new, identity, self._clock()))
            except Conflict as error:  # raised before anything of it is stored
                results.append(error)
            else:
                results.append(ItemAccepted(id=new.id, status=status))
        await opened.finish()
        self._learn(opened)
        return results

    async def remove(self, dataset_id: str, id: str) -> None:
        """Take an item out of the working set; versions that have it keep it. Raises NotFound."""

        async def work(tx: Transaction) -> None:
            opened = await WorkingSet.open(tx, dataset_id)
            if await datasets.item(tx, dataset_id, id) is None:
                raise NotFound(f"there is no item {id} in the working set of the dataset {dataset_id}")
            await opened.withdraw(id)
            await opened.finish()

        await self._inbox.run(work)

    async def items(
        self,
        dataset_id: str,
        version_id: str | None,
        limit: int = 100,
        cursor: str | None = None,
        *,
        split: str | None = None,
        source: str | None = None,
        label: str | None = None,
    ) -> Page[DatasetItem]:
        """Return items by id: of a version, or of the working set when none is named; of boxes one with the label."""
        number = await self._number(dataset_id, version_id)
        after = "" if cursor is None else from_cursor(cursor).id
        filters = {"split": split, "source": source, "label": label}
        page = await datasets.items(self._reader, dataset_id, number, after, limit, **filters)
        return Page(
            items=[datasets.to_item(row) for row in page.rows],
            next_cursor=to_cursor(0, page.rows[-1].id) if page.more else None,
        )

    async def _number(self, dataset_id: str, version_id: str | None) -> int:
        self.get(dataset_id)
        return WORKING_SET if version_id is None else (await self.stored_version(dataset_id, version_id)).version.number

    # --- what people and models leave behind

    async def erase(self, tx: Transaction, model_id: str, prediction_ids: Sequence[str], subject: bytes) -> None:
        """Delete the items of a person's predictions from every version; each that had one counts a gap."""
        ids = [*prediction_ids]
        found = await datasets.items_of_predictions(tx, model_id, ids, subject)
        if found:
            await working_set.hold(tx, {row.dataset_id for row in found})
            # Again: another node may have made a version before the datasets were held.
            await working_set.erase(tx, await datasets.items_of_predictions(tx, model_id, ids, subject))

    async def erase_subject(self, tx: Transaction, subject: bytes, most: int) -> int:
        """Delete items whose predictions were logged for a person, expired ones too; return how many were found."""
        found = await datasets.items_of_subject(tx, subject, most)
        held = {row.dataset_id for row in found}
        if found:
            await working_set.hold(tx, held)
            again = await datasets.items_of_subject(tx, subject, most)
            await working_set.erase(tx, [row for row in again if row.dataset_id in held])
        return len(found)

    async def detach(self, tx: Transaction, model_id: str) -> None:
        """Keep the items of a model that is deleted, cut loose from its rows: another model may take its ids."""
        await working_set.hold(tx, self._datasets)
        for dataset_id in sorted(self._datasets):
            await datasets.detach(tx, dataset_id, model_id)

    # --- versions

    async def create_version(
        self, dataset_id: str, new: NewDatasetVersion, identity: Identity
    ) -> tuple[DatasetVersion, bool]:
        """Freeze the working set as the next version; return it and whether it is new. No item is copied.

        Raises:
            Conflict: the id exists with other content.
            NotFound: there is no such dataset, or no such parent in it.
        """
        content = digest(new)

        async def work(tx: Transaction) -> tuple[StoredDatasetVersion, bool]:
            await WorkingSet.open(tx, dataset_id)
            known = await datasets.version(tx, dataset_id, new.id) if new.id is not None else None
            if known is not None:
                if known.digest != content:
                    raise Conflict(f"the version {new.id} exists with other content")
                return known, False
            latest = await datasets.latest(tx, dataset_id)
            parent = latest.version.id if latest else None
            if new.parent_version_id is not None:
                parent = (await _version(tx, dataset_id, new.parent_version_id)).version.id
            counts = await datasets.counts(tx, dataset_id)
            version = DatasetVersion(
                id=new.id or short_id("dv"),
                dataset_id=dataset_id,
                number=(latest.version.number if latest else 0) + 1,
                name=new.name,
                parent_version_id=parent,
                created_by=identity.holder,
                created_at=from_micros(self._clock()),
                item_count=sum(count.item_count for count in counts.values()),
                erased=0,
            )
            stored = StoredDatasetVersion(version, counts, content)
            await datasets.insert_version(tx, stored)
            return stored, True

        stored, created = await self._inbox.run(work)
        return stored.version, created

    async def versions(self, dataset_id: str, limit: int = 100, cursor: str | None = None) -> Page[DatasetVersion]:
        """Return the versions of a dataset, oldest first."""
        self.get(dataset_id)
        after = 0 if cursor is None else from_cursor(cursor).at
        found = await datasets.versions(self._reader, dataset_id, after, limit + 1)
        page = [stored.version for stored in found[:limit]]
        return Page(items=page, next_cursor=to_cursor(page[-1].number, "") if len(found) > limit else None)

    async def version(self, dataset_id: str, version_id: str) -> DatasetVersionDetail:
        """Return a version with its labels and its difference to its parent; raises NotFound."""
        stored = await self.stored_version(dataset_id, version_id)
        changes = None
        if stored.version.parent_version_id is not None:
            parent = await self.stored_version(dataset_id, stored.version.parent_version_id)
            changes = await self.difference(parent.version, stored.version)
        return DatasetVersionDetail(
            **structs.asdict(stored.version),
            splits=stored.splits,  # type: ignore[arg-type]
            changes=changes,
        )

    async def difference(self, old: DatasetVersion, new: DatasetVersion) -> Changes:
        """Return how many items came, went and changed from one version to a later one of the same dataset."""
        counts = await datasets.difference(self._reader, old.dataset_id, old.number, new.number)
        return Changes(added=counts[0], removed=counts[1], changed=counts[2])

    async def stored_version(self, dataset_id: str, version_id: str) -> StoredDatasetVersion:
        """Return a version with its labels; raises NotFound."""
        self.get(dataset_id)
        return await _version(self._reader, dataset_id, version_id)


async def _version(reader: Reader, dataset_id: str, id: str) -> StoredDatasetVersion:
    stored = await datasets.version(reader, dataset_id, id)
    if stored is None:
        raise NotFound(f"there is no version {id} of the dataset {dataset_id}")
    return stored


def _place(dataset: Dataset) -> Keyset:
    return Keyset(to_micros(dataset.created_at), dataset.id)


def _row(dataset_id: str, new: NewDatasetItem, identity: Identity, at: int) -> ItemRow:
    """Return an imported item as it is stored; without a reviewer it is signed by whoever brings it."""
    row = ItemRow(
        dataset_id=dataset_id,
        id=new.id,
        source="import",
        created_at=at if new.created_at is None else to_micros(new.created_at),
        label=new.label,
        value=new.value,
        boxes=None if new.boxes is None else msgspec.json.encode(new.boxes).decode(),
        width=new.image_size[0] if new.image_size else None,
        height=new.image_size[1] if new.image_size else None,
        input_hash=new.input_hash,
        input_url=new.input_url,
        input_id=new.input_id,
        reviewer=new.reviewer,
        note=new.note,
    )
    row.digest = working_set.content_digest(row)
    row.reviewer = new.reviewer or identity.holder
    return row
