"""Sums counted again from rows, to check or to mend them. They must agree bit for bit."""

from seeme.clock import DAY
from seeme.domain import strata, sums
from seeme.records.rows import ReviewRow
from seeme.service import counting
from seeme.store import events
from seeme.store import sums as stored
from seeme.store.database import Reader, Row
from seeme.store.reading import FIRST, LAST
from seeme.store.strata import Strata, StratumKey

_SHARED = (
    *("version_id", "arm", "created_at", "rule_set", "matched", "label", "confidence"),
    *("decision", "decided_label", "was_right", "in_order", "passed_by"),
)


async def days(
    reader: Reader, model_id: str, start: int | None = None, end: int | None = None
) -> list[tuple[int, bool]]:
    """Return the days between two times that a model has sums or rows of, each with whether it has lost rows."""
    first = FIRST if start is None else start // DAY * DAY
    stop = LAST if end is None else end // DAY * DAY + DAY
    found = await stored.days(reader, model_id, first, stop)
    thinned = await stored.thinned_days(reader, model_id, first, stop)
    return [(day, day in thinned) for day in found]


async def day(reader: Reader, model_id: str, start: int) -> sums.Delta:
    """Return what the rows of one day add up to."""
    delta = sums.Delta()
    positions = await events.label_positions(reader, model_id)
    async for row in stored.day_rows(reader, "predictions_of_day", model_id, start, start + DAY):
        position = None if row["label"] is None else positions.get(row["label"], sums.MAX_LABELS)
        lanes = sums.of_prediction(
            row["error"] is not None,
            row["confidence"],
            row["latency_ms"],
            row["detection_count"],
            position,
        )
        lanes += sums.of_truth(row["label"], row["value"], row["true_label"], row["true_value"])
        _add(delta, model_id, row, lanes + (sums.of_rated() if row["ratings"] > 0 else []))
    async for row in stored.day_rows(reader, "feedback_of_day", model_id, start, start + DAY):
        _add(delta, model_id, row, sums.of_feedback(row["feedback_type"], row["rating"]))
    return delta


async def strata_day(reader: Reader, model_id: str, start: int) -> Strata:
    """Return what the predictions of one day, and the decisions about them, add up to in their strata."""
    counted = Strata()
    async for row in stored.day_rows(reader, "strata_of_day", model_id, start, start + DAY):
        if row["rule_set"] is not None:
            _count(counted, model_id, start, row)
    return counted


def _count(counted: Strata, model_id: str, day: int, row: Row) -> None:
    key = StratumKey(model_id, day, row["version_id"], row["arm"], row["rule_set"], row["matched"] or "")
    counted.add(key, row["pi"] or 0.0, strata.of_prediction(row["confidence"], bool(row["taken"])))
    if row["item_id"] is None:
        return
    item = ReviewRow(
        model_id=model_id,
        id=row["item_id"],
        prediction_id=row["id"],
        reasons="",
        place=0,
        queued_at=0,
        pi=row["item_pi"],
        **{name: row[name] for name in _SHARED},
    )
    for _ in item.passed_by.split():
        counting.skip(counted, item)
    if item.decision is not None:
        counting.decision(counted, item, 1)


def _add(delta: sums.Delta, model_id: str, row: Row, lanes: sums.Lanes) -> None:
    delta.add(model_id, row["version_id"], row["arm"], row["created_at"], lanes)


async def differences(reader: Reader, model_id: str, start: int, delta: sums.Delta) -> list[str]:
    """Return, in words, where the stored sums of a day differ from a recount."""
    before: dict[sums.RowKey, list[int]] = {}
    for grain in (sums.HOURLY, sums.DAILY):
        before |= await stored.totals(reader, model_id, grain, start, start + DAY)
    after = {key: lanes for key, lanes in delta.rows(start).items() if key[3] != sums.FINE}
    found = []
    for key in sorted(before.keys() | after.keys()):
        kept = {lane: n for lane, n in enumerate(before.get(key, ())) if n}
        counted = {lane: n for lane, n in after.get(key, {}).items() if n}
        lanes = sorted(lane for lane in kept.keys() | counted.keys() if kept.get(lane) != counted.get(lane))
        if lanes:
            lane = lanes[0]
            found.append(
                f"{model_id} version {key[1] or '-'} grain {key[3]} at {key[4]}: {len(lanes)} lanes differ, "
                f"first lane {lane}: sums say {kept.get(lane, 0)}, rows say {counted.get(lane, 0)}"
            )
    return found
