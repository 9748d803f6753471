"""The verbs of an A/B test's units and of its arms' sums, which are changed together in the transaction of an event."""

from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from msgspec.structs import asdict

from seeme.domain import units
from seeme.domain.experiments import ArmSums
from seeme.domain.sums import Delta
from seeme.domain.units import ArmTotals, Exposure
from seeme.records.rows import UnitRow
from seeme.store.database import Reader, Row, Transaction

PAGE = 2_000
_WIDE = ("xx", "nn", "xn")
_LIMB = 32


def _to_row(row: Row) -> UnitRow:
    return UnitRow(**{name: row[name] for name in UnitRow.__struct_fields__})


async def _hold(tx: Transaction, ab_test_id: str, found: Iterable[str]) -> None:
    """Keep other nodes from changing these units: a unit's arms are in several rows, of which some aren't there yet.

    By a part of their hash, as locks of a transaction are few; this is the last that a transaction locks.
    """
    await tx.hold({f"ab:{ab_test_id}:{unit[:2]}" for unit in found}, alone=True)


async def add(tx: Transaction, delta: Delta, writer: str) -> None:
    """Add a batch's changes to the rows of units, and what follows from them to the sums of arms."""
    for ab_test_id, changes in units.changes_of(delta).items():
        names = sorted({row.unit for row in changes})
        await _hold(tx, ab_test_id, names)
        before = [_to_row(row) for row in await tx.all("ab_units_of", ab_test_id=ab_test_id, units=names)]
        after = units.applied(before, changes)
        await _put(tx, after)
        totals = ArmTotals()
        totals.add_units(before, -1)
        totals.add_units(after)
        await _add_totals(tx, ab_test_id, totals, writer)


async def erase(tx: Transaction, ab_test_id: str, unit: str, writer: str) -> None:
    """Take a unit out of a test's sums, and delete its rows."""
    await _hold(tx, ab_test_id, [unit])
    before = [_to_row(row) for row in await tx.all("ab_units_of", ab_test_id=ab_test_id, units=[unit])]
    if before:
        await tx.run_many("delete_ab_unit", [asdict(row) for row in before])
        totals = ArmTotals()
        totals.add_units(before, -1)
        await _add_totals(tx, ab_test_id, totals, writer)


async def _put(tx: Transaction, rows: Sequence[UnitRow]) -> None:
    await tx.run_many("put_ab_unit", [asdict(row) for row in rows if row.predictions > 0])
    gone = [asdict(row) for row in rows if row.predictions <= 0]
    await tx.run_many("delete_ab_unit", gone)


async def _add_totals(tx: Transaction, ab_test_id: str, totals: ArmTotals, writer: str) -> None:
    key = {"ab_test_id": ab_test_id, "writer": writer}
    sums = [{**key, "arm": arm, "metric": name, **_narrow(one)} for (arm, name), one in totals.sums().items()]
    await tx.run_many("add_ab_sums", sums)
    exposures = [{**key, "arm": arm, **one._asdict()} for arm, one in totals.exposures().items()]
    await tx.run_many("add_ab_exposure", exposures)


def _narrow(sums: ArmSums) -> dict[str, int]:
    """Return sums as columns of 64 bits: each limb is a sum of its own."""
    values: dict[str, int] = sums._asdict()
    for name in _WIDE:
        wide = values.pop(name)
        values |= {f"{name}_low": wide & (1 << _LIMB) - 1, f"{name}_high": wide >> _LIMB}
    return values


def _wide(row: Row) -> ArmSums:
    found: dict[str, Any] = {name: row[name] for name in ("units", "x", "n")}
    return ArmSums(**found, **{name: row[f"{name}_low"] + (row[f"{name}_high"] << _LIMB) for name in _WIDE})


async def totals(reader: Reader, ab_test_id: str) -> ArmTotals:
    """Return the sums and exposures of a test's arms, of all writers."""
    found = ArmTotals()
    for row in await reader.all("ab_sums", ab_test_id=ab_test_id):
        found.add_sums(row["arm"], row["metric"], _wide(row))
    for row in await reader.all("ab_exposures", ab_test_id=ab_test_id):
        found.add_exposure(row["arm"], Exposure(**{name: row[name] for name in Exposure._fields}))
    return found


async def writers(reader: Reader, ab_test_id: str) -> set[str]:
    """Return who has written sums of a test."""
    return {row["writer"] for row in await reader.all("ab_exposures", ab_test_id=ab_test_id)}


async def rows(reader: Reader, ab_test_id: str) -> AsyncIterator[list[UnitRow]]:
    """Yield a test's rows of units by unit and arm, a page of whole units at a time."""
    unit, arm = "", ""
    left: list[UnitRow] = []
    while True:
        page = await reader.all("ab_units_after", ab_test_id=ab_test_id, unit=unit, arm=arm, most=PAGE)
        left += map(_to_row, page)
        if len(page) < PAGE:
            yield left
            return
        unit, arm = left[-1].unit, left[-1].arm
        yield [row for row in left if row.unit != unit]
        left = [row for row in left if row.unit == unit]


async def predictions(reader: Reader, ab_test_id: str, model_id: str) -> AsyncIterator[Sequence[Row]]:
    """Yield a model's predictions that name a test, a page at a time."""
    id = ""
    while True:
        page = await reader.all("ab_predictions_after", ab_test_id=ab_test_id, model_id=model_id, id=id, most=PAGE)
        yield page
        if len(page) < PAGE:
            return
        id = page[-1]["id"]


async def votes(reader: Reader, ab_test_id: str, model_id: str) -> AsyncIterator[Sequence[Row]]:
    """Yield the active thumbs on a model's predictions that name a test, with these, a page at a time."""
    id, feedback_id = "", ""
    while True:
        place = {"model_id": model_id, "id": id, "feedback_id": feedback_id}
        page = await reader.all("ab_votes_after", ab_test_id=ab_test_id, **place, most=PAGE)
        yield page
        if len(page) < PAGE:
            return
        id, feedback_id = page[-1]["id"], page[-1]["feedback_id"]


async def replace_units(tx: Transaction, ab_test_id: str, found: Sequence[UnitRow]) -> None:
    """Put a recount in the place of a test's rows of units."""
    await tx.run("delete_ab_units", ab_test_id=ab_test_id)
    await _put(tx, found)


async def replace_totals(tx: Transaction, ab_test_id: str, found: ArmTotals, writer: str) -> None:
    """Put a recount in the place of a test's sums, whoever wrote them."""
    await tx.run("delete_ab_sums", ab_test_id=ab_test_id)
    await tx.run("delete_ab_exposures", ab_test_id=ab_test_id)
    await _add_totals(tx, ab_test_id, found, writer)
