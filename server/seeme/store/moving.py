"""Moving up: every row of a SQLite file into an empty PostgreSQL database, in one transaction that is checked first."""

from collections.abc import AsyncIterator, Callable
from hashlib import blake2b
from typing import Any

import msgspec

from seeme.errors import SetupError
from seeme.store.cluster import SECRET
from seeme.store.postgres import Loading, PostgresDatabase
from seeme.store.sqlite import SqliteDatabase

CHUNK = 2_000
# Every table with its primary key; those of migration 2 are about nodes and begin anew.
TABLES = {
    "models": ("id",),
    "signing_secrets": ("model_id", "kid"),
    "label_positions": ("model_id", "label"),
    "versions": ("model_id", "id"),
    "predictions": ("model_id", "id"),
    "labels": ("model_id", "id"),
    "feedback": ("model_id", "id"),
    "tombstones": ("model_id", "kind", "id"),
    "sums": ("model_id", "grain", "start", "version_id", "arm", "writer"),
    "thinned_days": ("model_id", "start"),
    "rule_sets": ("model_id", "version"),
    "review_items": ("model_id", "id"),
    "review_log": ("model_id", "item_id", "n"),
    "strata": ("model_id", "day", "version_id", "arm", "rule_set", "matched", "writer"),
    "quota_paces": ("model_id",),
    "confusions": ("model_id", "day", "version_id", "arm", "rule_set", "matched", "predicted", "actual"),
    "ab_tests": ("id",),
    "ab_units": ("ab_test_id", "unit", "arm"),
    "ab_sums": ("ab_test_id", "arm", "metric", "writer"),
    "ab_exposures": ("ab_test_id", "arm", "writer"),
    "ab_looks": ("ab_test_id", "at"),
    "datasets": ("id",),
    "dataset_versions": ("dataset_id", "number"),
    "dataset_items": ("dataset_id", "id", "since"),
    "dataset_counts": ("dataset_id", "split", "label"),
    "training_jobs": ("id",),
    "blobs": ("hash",),
    "keys": ("id",),
    "sign_in_codes": ("hash",),
    "sessions": ("hash",),
}
# Rows are compared byte for byte where a difference would be a wrong number or an open door; the others are counted.
COMPARED = (
    *("models", "label_positions", "sums", "strata", "confusions", "keys"),
    *("dataset_versions", "dataset_counts", "ab_tests", "ab_units", "ab_sums", "ab_exposures"),
)

Chunks = AsyncIterator[list[tuple[Any, ...]]]


async def move(
    source: SqliteDatabase, target: PostgresDatabase, fingerprint: str, done: Callable[[int, int], None]
) -> dict[str, int]:
    """Copy every row, compare both sides, and commit; return how many rows each table has.

    `fingerprint` is that of the secret that the source's subjects are hashed with: every node must have the same one.
    `done` is told how many rows of how many are copied. Broken off at any moment, the target is left as it was.

    Raises:
        SetupError: the target holds something already, or the sides differ.
    """
    counts = {table: await source.count(table) for table in TABLES}
    total, copied = sum(counts.values()), 0
    async with target.loading() as load:
        for table in (*TABLES, "agreements"):
            if await load.count(table):
                raise SetupError(f"the target has rows in its table {table} already: move into an empty database")
        for table, key in TABLES.items():
            columns = await source.columns(table)
            async for rows in source.chunks(table, columns, key, CHUNK):
                await load.add(table, columns, rows)
                copied += len(rows)
                done(copied, total)
        await _compare(source, load, counts)
        await load.add("agreements", ("name", "value"), [(SECRET, fingerprint)])
    return counts


async def _compare(source: SqliteDatabase, load: Loading, counts: dict[str, int]) -> None:
    for table, key in TABLES.items():
        if await load.count(table) != counts[table]:
            raise SetupError(f"the table {table} has other rows than the source; is a service using the target?")
        if table in COMPARED:
            columns = await source.columns(table)
            ours = await _digest(source.chunks(table, columns, key, CHUNK))
            if await _digest(load.chunks(table, columns, key, CHUNK)) != ours:
                raise SetupError(f"the table {table} differs from the source; nothing was moved")


async def _digest(chunks: Chunks) -> bytes:
    hasher = blake2b(digest_size=16)
    async for rows in chunks:
        hasher.update(msgspec.msgpack.encode(rows))
    return hasher.digest()
