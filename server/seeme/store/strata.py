"""The verbs of strata: exact counts behind the accuracy of partly reviewed predictions, added to and read."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import astuple

from seeme.clock import DAY
from seeme.domain.ab_accuracy import Judged
from seeme.domain.quota import Pace, Total
from seeme.domain.repeats import Repeat
from seeme.domain.strata import Stratum, Sums
from seeme.store.database import Reader, Row, Transaction

# `right` is a word of SQL.
COLUMNS = {name: "was_right" if name == "right" else name for name in Sums.__struct_fields__}


class StratumKey(NamedTuple):
    """The predictions of one day, version and arm that matched the same rules of the same rule set."""

    model_id: str
    day: int
    version_id: str
    arm: str
    rule_set: int
    matched: str


_AMOUNTS = tuple(COLUMNS.values())
Cell = tuple[StratumKey, str, str]  # predicted, actual


class Strata:
    """What a transaction adds to strata and to the confusions among what was reviewed."""

    def __init__(self) -> None:
        self._changes: defaultdict[StratumKey, Counter[str]] = defaultdict(Counter)
        self._pi: dict[StratumKey, float] = {}
        self._cells: Counter[Cell] = Counter()

    def add(self, key: StratumKey, pi: float, amounts: Sums, sign: int = 1) -> None:
        """Add amounts to a stratum, or take them away (sign -1)."""
        self._pi[key] = pi
        change = self._changes[key]
        for column, amount in zip(_AMOUNTS, astuple(amounts), strict=True):
            if amount:
                change[column] += sign * amount

    def confuse(self, key: StratumKey, predicted: str, actual: str, sign: int = 1) -> None:
        """Count that a reviewed prediction of a stratum said one thing where another (or the same) was true."""
        self._cells[key, predicted, actual] += sign

    def rows(self, writer: str) -> list[dict[str, Any]]:
        """Return what changed as rows."""
        return [
            {**key._asdict(), "writer": writer, "pi": self._pi[key], **{name: change[name] for name in _AMOUNTS}}
            for key, change in self._changes.items()
        ]

    def cells(self) -> dict[Cell, int]:
        """Return the confusions that changed."""
        return {cell: n for cell, n in self._cells.items() if n}

    async def store(self, tx: Transaction, writer: str) -> None:
        """Write the changes, in an order that is the same for all writers."""
        if self._changes:
            await tx.run_many("add_strata", sorted(self.rows(writer), key=lambda row: _order(row)))
        cells = [
            {**key._asdict(), "predicted": predicted, "actual": actual, "n": n}
            for (key, predicted, actual), n in sorted(self.cells().items())
        ]
        if cells:
            await tx.run_many("add_confusion", cells)


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in StratumKey._fields)


def key_of(model_id: str, row: Any, rule_set: int, matched: str) -> StratumKey:
    """Return the stratum of a prediction, target or review row."""
    return StratumKey(model_id, row.created_at // DAY * DAY, row.version_id, row.arm, rule_set, matched)


async def between(reader: Reader, model_id: str, start: int, stop: int, version_id: str | None) -> list[Row]:
    """Return the strata of the days between two times, of all writers."""
    found = await reader.all("strata_between", model_id=model_id, start=start, stop=stop, version_id=version_id)
    return list(found)


async def totals(reader: Reader, model_id: str, rule_set: int) -> list[Total]:
    """Return how much the rule sets from a version on have judged, over all days and writers."""
    found = await reader.all("strata_totals", model_id=model_id, rule_set=rule_set)
    return [Total(row["rule_set"], row["matched"], row["pi"], int(row["n"])) for row in found]


async def pace(reader: Reader, model_id: str) -> Pace | None:
    """Return how far a model is within its quota; None before it was ever looked at."""
    row = await reader.one("quota_pace", model_id=model_id)
    return msgspec.json.decode(row["pace"], type=Pace) if row else None


async def set_pace(tx: Transaction, model_id: str, pace: Pace) -> None:
    """Store how far a model is within its quota."""
    await tx.run("set_quota_pace", model_id=model_id, pace=msgspec.json.encode(pace).decode())


async def of_arm(reader: Reader, model_id: str, arm: str, day: int) -> list[Row]:
    """Return the strata of an arm of an A/B test from a day on, of all writers."""
    return list(await reader.all("strata_of_arm", model_id=model_id, arm=arm, day=day))


async def confusions(reader: Reader, model_id: str, start: int, stop: int, version_id: str | None) -> list[Row]:
    """Return how often reviewed predictions of the days between two times said what, and what was true."""
    found = await reader.all("confusions_between", model_id=model_id, start=start, stop=stop, version_id=version_id)
    return list(found)


async def repeats(reader: Reader, model_id: str, start: int, stop: int, version_id: str | None) -> list[Row]:
    """Return the decided ones of the days between two times whose input another decided one of these has, too."""
    found = await reader.all("repeats_between", model_id=model_id, start=start, stop=stop, version_id=version_id)
    return list(found)


async def judged_of_arm(reader: Reader, model_id: str, arm: str, start: int) -> list[Judged]:
    """Return the decided predictions of an arm of an A/B test, each with its unit while its row is there."""
    found = await reader.all("judged_of_arm", model_id=model_id, arm=arm, start=start)
    return [Judged((row["rule_set"], rules(row["matched"])), row["place"], row["unit"]) for row in found]


async def replace(tx: Transaction, model_id: str, day: int, counted: Strata, writer: str) -> None:
    """Put a recount in the place of a day's strata, whoever wrote them."""
    for query in ("delete_strata_between", "delete_confusions_between"):
        await tx.run(query, model_id=model_id, start=day, stop=day + DAY)
    await counted.store(tx, writer)


async def differences(reader: Reader, model_id: str, day: int, counted: Strata) -> list[str]:
    """Return, in words, where the stored strata of a day differ from a recount."""
    kept: defaultdict[tuple[Any, ...], Counter[str]] = defaultdict(Counter)
    for row in await between(reader, model_id, day, day + DAY, None):
        kept[tuple(row[name] for name in StratumKey._fields)].update({name: row[name] for name in _AMOUNTS})
    rows = {_order(row): {name: row[name] for name in _AMOUNTS if row[name]} for row in counted.rows("")}
    found = []
    for key in sorted(kept.keys() | rows.keys()):
        ours, theirs = {name: n for name, n in kept[key].items() if n}, rows.get(key, {})
        if ours != theirs:
            found.append(
                f"{model_id} stratum {key[5] or 'no rule'} of rule set {key[4]}: sums say {ours}, rows {theirs}"
            )
    cells = {
        (*(row[name] for name in StratumKey._fields), row["predicted"], row["actual"]): row["n"]
        for row in await confusions(reader, model_id, day, day + DAY, None)
    }
    if cells != {(*key, predicted, actual): n for (key, predicted, actual), n in counted.cells().items()}:
        found.append(f"{model_id} confusions of the day differ from what was decided")
    return found


async def delete_all(tx: Transaction, model_id: str) -> None:
    """Delete the strata of a model."""
    for query in ("delete_strata_of_model", "delete_confusions_of_model", "delete_rule_sets", "delete_quota_pace"):
        await tx.run(query, model_id=model_id)


def to_repeat(row: Row) -> Repeat:
    """Return a row of a decided prediction as a copy of another."""
    actual = row["label"] if row["was_right"] else row["decided_label"]
    return Repeat((row["rule_set"], rules(row["matched"])), row["place"], row["label"], actual)


def rules(matched: str) -> tuple[str, ...]:
    """Return the rules that a column names."""
    return tuple(filter(None, matched.split(",")))


def to_stratum(row: Row) -> Stratum:
    """Return a row as a stratum of exact integers."""
    return Stratum(
        row["rule_set"],
        rules(row["matched"]),
        row["pi"],
        Sums(**{name: int(row[column]) for name, column in COLUMNS.items()}),
    )
