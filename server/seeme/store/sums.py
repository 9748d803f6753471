"""The verbs of sums: vectors read, added to and written. Their meaning is in `domain/sums.py`."""

from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence, Set
from typing import Any

from seeme.clock import DAY
from seeme.domain import sums
from seeme.store import ab_units
from seeme.store.database import Reader, Row, Transaction

PAGE = 2_000
CACHED = 512  # vectors of about 4 KB
FOLDED = "main"  # the writer of what all have written, and the only one of a database that isn't shared


class Sums:
    """The sums of one writer, which alone adds to its rows.

    What it wrote last is what is stored, and is remembered; in a database that is `shared` only as long as no other
    node has folded the rows or made them again, which the model's generation tells.
    """

    def __init__(self, writer: str, *, shared: bool) -> None:
        self.writer = writer
        self.shared = shared
        self._cache: OrderedDict[sums.RowKey, Any] = OrderedDict()
        self._generations: dict[str, int] = {}
        self._seen: tuple[Transaction, Set[str]] | None = None

    def forget(self) -> None:
        """Drop what is remembered: after a rollback it is not what is stored."""
        self._cache.clear()
        self._generations.clear()
        self._seen = None

    async def live(self, tx: Transaction, model_ids: Set[str]) -> dict[str, int]:
        """Return those of some models that aren't deleted, with their generation; forget what an older one had."""
        found = {row["id"]: row["generation"] for row in await tx.all("live_models", ids=sorted(model_ids))}
        old = {id for id in model_ids if self._generations.get(id, found.get(id)) != found.get(id)}
        for key in [key for key in self._cache if key[0] in old] if old else ():
            del self._cache[key]
        self._generations.update(found)
        self._seen = tx, model_ids
        return found

    async def add(self, tx: Transaction, delta: sums.Delta, fine_from: int) -> None:
        """Add a batch's changes to this writer's rows, and to A/B tests, inside the batch's transaction."""
        changes = delta.rows(fine_from)
        models = {key[0] for key in changes}
        if self.shared and not (self._seen and self._seen[0] is tx and self._seen[1] >= models):
            await self.live(tx, models)
        await self._load(tx, [key for key in changes if key not in self._cache])
        rows = []
        for key, lanes in changes.items():
            vector = self._cache[key]
            self._cache.move_to_end(key)
            sums.apply(vector, lanes)
            rows.append(self._values(key, sums.pack(vector)))
        await tx.run_many("put_sums", rows)
        while len(self._cache) > CACHED:
            self._cache.popitem(last=False)
        if delta.units:
            await ab_units.add(tx, delta, self.writer)

    async def _load(self, tx: Transaction, keys: Sequence[sums.RowKey]) -> None:
        if not keys:
            return
        found = await tx.of("sum_rows", keys, writer=self.writer)
        for row in found:
            key = (row["model_id"], row["version_id"], row["arm"], row["grain"], row["start"])
            self._cache[key] = sums.unpack(row["vector"])
        for key in keys:
            self._cache.setdefault(key, sums.empty())

    def _values(self, key: sums.RowKey, vector: bytes) -> dict[str, Any]:
        names = ("model_id", "version_id", "arm", "grain", "start")
        return {**dict(zip(names, key, strict=True)), "writer": self.writer, "layout": sums.LAYOUT, "vector": vector}

    async def replace(
        self, tx: Transaction, model_id: str, start: int, stop: int, delta: sums.Delta, fine_from: int
    ) -> None:
        """Put a delta in the place of all sums of a model between two times, whoever wrote them."""
        self.forget()
        await tx.run("next_generation", model_id=model_id)
        await tx.run("delete_sums_between", model_id=model_id, start=start, stop=stop)
        await self.add(tx, delta, fine_from)

    async def fold(self, tx: Transaction, model_id: str, most: int) -> int:
        """Add up to `most` buckets of a model that several writers have rows of into one row each; return how many."""
        await tx.hold([model_id], alone=True)
        found = await tx.all("scattered_sums", model_id=model_id, most=most)
        if found:
            # What this transaction has seen before is out of date, too.
            self.forget()
            await tx.run("next_generation", model_id=model_id)
        for bucket in found:
            key = {name: bucket[name] for name in ("version_id", "arm", "grain", "start")}
            rows = await tx.all("sum_writers", model_id=model_id, **key)
            vector = sums.pack_total([row["vector"] for row in rows])
            await tx.run("delete_sum", model_id=model_id, **key)
            row = {"model_id": model_id, **key, "writer": FOLDED, "layout": sums.LAYOUT, "vector": vector}
            await tx.run_many("put_sums", [row])
        return len(found)


async def vectors(
    reader: Reader, model_id: str, grain: int, start: int, stop: int, version_id: str | None = None
) -> list[tuple[int, bytes]]:
    """Return (start, vector) of every row of one grain between two times, of all writers."""
    rows = await reader.all(
        "sums_between", model_id=model_id, grain=grain, start=start, stop=stop, version_id=version_id
    )
    return [(row["start"], row["vector"]) for row in rows]


async def totals(reader: Reader, model_id: str, grain: int, start: int, stop: int) -> dict[sums.RowKey, list[int]]:
    """Return the lanes of one grain between two times, added up over writers, by row."""
    blobs: dict[sums.RowKey, list[bytes]] = {}
    query = {"model_id": model_id, "grain": grain, "start": start, "stop": stop, "version_id": None}
    for row in await reader.all("sums_between", **query):
        blobs.setdefault((model_id, row["version_id"], row["arm"], grain, row["start"]), []).append(row["vector"])
    return {key: sums.total(found).tolist() for key, found in blobs.items()}


async def days(reader: Reader, model_id: str, start: int, stop: int) -> list[int]:
    """Return the days between two times that a model has sums or predictions of.

    It goes from one to the next over the indexes: a single row of 1970 is one step, not half a century of days.
    """
    found: list[int] = []
    while True:
        firsts = [
            await reader.one("first_sum_since", model_id=model_id, grain=sums.HOURLY, since=start),
            await reader.one("first_sum_since", model_id=model_id, grain=sums.DAILY, since=start),
            await reader.one("first_prediction_since", model_id=model_id, since=start),
        ]
        first = min((row["at"] for row in firsts if row is not None and row["at"] is not None), default=stop)
        if first >= stop:
            return found
        found.append(first // DAY * DAY)
        start = found[-1] + DAY


async def thinned_days(reader: Reader, model_id: str, start: int, stop: int) -> set[int]:
    """Return the days between two times that have lost rows to retention."""
    return {row["start"] for row in await reader.all("thinned_days", model_id=model_id, start=start, stop=stop)}


async def day_rows(reader: Reader, query: str, model_id: str, start: int, stop: int) -> AsyncIterator[Row]:
    """Yield the rows of `predictions_of_day` or `feedback_of_day`, a page at a time."""
    at, id, feedback_id = start - 1, "", ""
    place = {"model_id": model_id, "start": start, "stop": stop, "most": PAGE}
    while True:
        last = {"feedback_id": feedback_id} if query == "feedback_of_day" else {}
        rows = await reader.all(query, at=at, id=id, **last, **place)
        for row in rows:
            yield row
        if len(rows) < PAGE:
            return
        at = rows[-1]["created_at"]
        id = rows[-1]["prediction_id" if last else "id"]
        feedback_id = rows[-1]["id"]
