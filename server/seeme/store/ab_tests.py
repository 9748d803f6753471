"""The verbs of A/B tests: what they compare, how far they are, and what they showed time after time."""

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct

from seeme.clock import from_micros, to_micros
from seeme.records.ab_results import Look
from seeme.records.ab_tests import AbConfig, AbTest, Arm
from seeme.records.types import Time
from seeme.store.database import Reader, Row, Transaction

_arms = msgspec.json.Decoder(list[Arm])
_config = msgspec.json.Decoder(AbConfig)
_look = msgspec.json.Decoder(Look)
_TIMES = ("started_at", "ends_at", "stopped_at", "decided_at")
_PERSONS = ("started_by", "stopped_by", "decided_by")


class StoredAbTest(Struct, frozen=True):
    """A test with what only the service sees of it: `thinned` is true when predictions of it have expired."""

    test: AbTest
    digest: bytes
    looked_at: int | None = None
    thinned: bool = False


def _time(at: int | None) -> Time | None:
    return None if at is None else from_micros(at)


def _to_test(row: Row) -> StoredAbTest:
    names = ("id", "name", "status", "created_by", *_PERSONS, "chosen_arm", "note")
    fields: dict[str, Any] = {name: row[name] for name in names} | {name: _time(row[name]) for name in _TIMES}
    test = AbTest(
        **fields,
        arms=_arms.decode(row["arms"]),
        config=_config.decode(row["config"]),
        created_at=from_micros(row["created_at"]),
    )
    return StoredAbTest(test, row["digest"], row["looked_at"], bool(row["thinned"]))


def _values(test: AbTest) -> dict[str, Any]:
    names = ("id", "name", "status", *_PERSONS, "chosen_arm", "note")
    times = {name: None if (at := getattr(test, name)) is None else to_micros(at) for name in _TIMES}
    parts = {name: msgspec.json.encode(getattr(test, name)).decode() for name in ("arms", "config")}
    return {**{name: getattr(test, name) for name in names}, **times, **parts}


async def tests(reader: Reader) -> list[StoredAbTest]:
    """Return every test by creation."""
    return [_to_test(row) for row in await reader.all("all_ab_tests")]


async def test(reader: Reader, id: str) -> StoredAbTest | None:
    """Return one test."""
    row = await reader.one("ab_test", id=id)
    return _to_test(row) if row else None


async def using(reader: Reader, model_id: str) -> list[str]:
    """Return the tests, not ended yet, that a model is an arm of."""
    return [
        stored.test.id
        for stored in await tests(reader)
        if stored.test.status in ("draft", "running") and any(arm.model_id == model_id for arm in stored.test.arms)
    ]


async def insert(tx: Transaction, stored: StoredAbTest) -> None:
    """Store a new test."""
    test = stored.test
    await tx.run(
        "insert_ab_test",
        **_values(test),
        digest=stored.digest,
        created_by=test.created_by,
        created_at=to_micros(test.created_at),
    )


async def update(tx: Transaction, test: AbTest) -> None:
    """Store what changed of a test."""
    await tx.run("update_ab_test", **_values(test))


async def mark_thinned(tx: Transaction, ids: Sequence[str]) -> None:
    """Store that predictions of tests have expired, so that rows of units can't be made again from the rest."""
    await tx.run_many("thin_ab_test", [{"id": id} for id in ids])


async def insert_look(tx: Transaction, ab_test_id: str, at: int, look: Look) -> None:
    """Store what a test showed at a time."""
    await tx.run("insert_ab_look", ab_test_id=ab_test_id, at=at, look=msgspec.json.encode(look).decode())
    await tx.run("set_ab_looked", id=ab_test_id, at=at)


async def looks(reader: Reader, ab_test_id: str) -> list[Look]:
    """Return what a test showed, the oldest first."""
    return [_look.decode(row["look"]) for row in await reader.all("ab_looks", ab_test_id=ab_test_id)]
