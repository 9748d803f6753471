"""An A/B test counted again: rows of units from predictions and votes, sums from rows of units. They must agree."""

from operator import eq

from seeme.domain import units
from seeme.domain.sums import Delta
from seeme.domain.units import ArmTotals
from seeme.records.rows import PredictionRow, UnitRow
from seeme.store import ab_units
from seeme.store.ab_tests import StoredAbTest
from seeme.store.database import Reader, Row, Transaction

_SHOWN = 5  # units that differ are named by the first of them
_COUNTS = ("predictions", "errors", "rated", "votes", "confidence_n", "latency_n", "outside", "misplaced")
_FIELDS = ("id", "arm", "created_at", "error", "confidence", "latency_ms", "ab_test_id", "unit", "assigned")


async def totals(reader: Reader, ab_test_id: str) -> ArmTotals:
    """Return what the rows of units add up to."""
    found = ArmTotals()
    async for rows in ab_units.rows(reader, ab_test_id):
        found.add_units(rows)
    return found


async def rows(reader: Reader, stored: StoredAbTest) -> dict[tuple[str, str], UnitRow]:
    """Return what the predictions that name a test, and the votes on them, add up to; in memory, by unit and arm."""
    delta = Delta()
    for model_id in sorted({arm.model_id for arm in stored.test.arms}):
        async for page in ab_units.predictions(reader, stored.test.id, model_id):
            for row in page:
                _count(delta, model_id, row)
        async for page in ab_units.votes(reader, stored.test.id, model_id):
            for row in page:
                units.count_vote(delta, _prediction(model_id, row), row["rating"], 1)
    changes = units.changes_of(delta).get(stored.test.id, [])
    return {(row.unit, row.arm): row for row in units.applied([], changes)}


def _prediction(model_id: str, row: Row) -> PredictionRow:
    fields = {name: row[name] for name in _FIELDS}
    return PredictionRow(model_id=model_id, version_id="", received_at=0, digest=b"", **fields)


def _count(delta: Delta, model_id: str, row: Row) -> None:
    prediction = _prediction(model_id, row)
    units.count_prediction(delta, prediction)
    if row["ratings"] > 0:
        units.count_rated(delta, prediction, 1)


async def differences(reader: Reader, stored: StoredAbTest) -> list[str]:
    """Return, in words, where the sums of a test differ from its units, and these from events.

    Once predictions of it have expired, its units can't be counted again: they must have what the others add, or more.
    """
    name = f"the A/B test {stored.test.id}"
    kept, counted = await ab_units.totals(reader, stored.test.id), await totals(reader, stored.test.id)
    ours, theirs = _said(kept), _said(counted)
    found = [
        f"{name}, {key}: sums say {ours.get(key)}, units {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]
    return found + await _units_that_differ(reader, stored, name)


def _said(totals: ArmTotals) -> dict[str, tuple[int, ...]]:
    sums: dict[str, tuple[int, ...]] = {f"{name} of arm {arm}": one for (arm, name), one in totals.sums().items()}
    return sums | {f"units of arm {arm}": one for arm, one in totals.exposures().items()}


async def _units_that_differ(reader: Reader, stored: StoredAbTest, name: str) -> list[str]:
    wrong, left = [], await rows(reader, stored)
    agrees = _has_all_of if stored.thinned else eq
    async for page in ab_units.rows(reader, stored.test.id):
        wrong += [(row.unit, row.arm) for row in page if not agrees(row, left.pop((row.unit, row.arm), None))]
    wrong += left
    first = ", ".join(f"{unit} in {arm}" for unit, arm in sorted(wrong)[:_SHOWN])
    return [f"{name}: {len(wrong)} units differ from their predictions and votes, such as {first}"] if wrong else []


def _has_all_of(row: UnitRow, counted: UnitRow | None) -> bool:
    return all(getattr(row, name) >= (0 if counted is None else getattr(counted, name)) for name in _COUNTS)


async def mend(tx: Transaction, stored: StoredAbTest, writer: str) -> bool:
    """Put a recount in the place of a test's units and sums where they differ; say whether they did."""
    if not await differences(tx, stored):
        return False
    if not stored.thinned:
        await ab_units.replace_units(tx, stored.test.id, list((await rows(tx, stored)).values()))
    await ab_units.replace_totals(tx, stored.test.id, await totals(tx, stored.test.id), writer)
    return True
