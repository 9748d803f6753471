"""Whether what datasets and their versions say they hold is what their rows are."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from seeme.records.datasets import SplitCount
from seeme.store import datasets
from seeme.store.database import Reader
from seeme.store.datasets import OPEN, Counts

PAGE = 1000


async def differences(reader: Reader, dataset_id: str) -> list[str]:
    """Return a sentence for each version, and the working set, whose counts aren't those of its rows."""
    comes: defaultdict[int, Counts] = defaultdict(Counter)
    goes: defaultdict[int, Counts] = defaultdict(Counter)
    id, since, more = "", 0, True
    while more:
        rows = await datasets.rows_after(reader, dataset_id, id, since, PAGE)
        for row in rows:
            comes[row.since].update(datasets.counts_of(row))
            goes[row.until].update(datasets.counts_of(row))
        more = len(rows) == PAGE
        if rows:
            id, since = rows[-1].id, rows[-1].since
    faults = []
    held: Counts = Counter()
    for stored in await datasets.versions(reader, dataset_id, 0, OPEN):
        held.update(comes.pop(stored.version.number, {}))
        held.subtract(goes.pop(stored.version.number, {}))
        if datasets.splits_of(held) != stored.splits:
            faults.append(f"version {stored.version.number} says {_said(stored.splits)}, its rows are {_sum(held)}")
    for change in comes.values():
        held.update(change)
    for until, change in goes.items():
        if until != OPEN:
            held.subtract(change)
    working = await datasets.counts(reader, dataset_id)
    if datasets.splits_of(held) != working:
        faults.append(f"the working set says {_said(working)}, its rows are {_sum(held)}")
    return faults


def _said(splits: Mapping[str, SplitCount]) -> str:
    labels = sum(sum(split.labels.values()) for split in splits.values())
    return f"{sum(split.item_count for split in splits.values())} items and {labels} labels"


def _sum(held: Counts) -> str:
    return _said(datasets.splits_of(held))
