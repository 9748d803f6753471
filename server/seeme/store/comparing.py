"""The verb of comparing: what a version said last of each of some inputs."""

from collections.abc import Mapping, Sequence

import msgspec
from msgspec import Struct

from seeme.records.predictions import Detail
from seeme.records.rows import ItemRow
from seeme.store.database import Reader, Row
from seeme.store.reading import PAGE_SIZE

_detail = msgspec.json.Decoder(Detail)
_NO_DETAIL = Detail()


class Said(Struct, frozen=True):
    """A prediction, as far as it is compared; `detail` is empty where it wasn't asked for."""

    id: str
    label: str | None
    confidence: float | None
    value: float | None
    failed: bool
    detail: Detail


async def latest(
    reader: Reader, model_id: str, version_id: str, items: Sequence[ItemRow], *, detailed: bool
) -> list[Said | None] | None:
    """Return a version's latest prediction for each item, by the item's input hash or input id; None for none.

    None for the whole where that is too large to hold: ask for fewer items.
    """
    found: list[Mapping[str, Row]] = []
    for query, name in (("latest_of_input_hashes", "input_hash"), ("latest_of_input_ids", "input_id")):
        ids = sorted({value for item in items if (value := getattr(item, name)) is not None})
        rows, cut = await reader.some(
            query, PAGE_SIZE, model_id=model_id, version_id=version_id, ids=ids, detailed=int(detailed)
        )
        if cut and len(items) > 1:
            return None
        found.append({row["input"]: row for row in rows})
    return [_latest(found[0].get(item.input_hash or ""), found[1].get(item.input_id or "")) for item in items]


def _latest(*rows: Row | None) -> Said | None:
    known = [row for row in rows if row is not None]
    if not known:
        return None
    row = max(known, key=lambda row: (row["created_at"], row["id"]))
    return Said(
        id=row["id"],
        label=row["label"],
        confidence=row["confidence"],
        value=row["value"],
        failed=row["error"] is not None,
        detail=_detail.decode(row["detail"]) if row["detail"] else _NO_DETAIL,
    )
