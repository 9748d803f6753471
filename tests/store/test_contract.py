"""The contract of both engines: what a transaction, a reader and the lists of keys promise, tested on each."""

import asyncio
from contextlib import suppress

import pytest

from seeme.records.rows import PredictionRow
from seeme.store import events
from seeme.store.database import RowRefused
from seeme.store.engines import open_database, open_to_read

from .traffic import BLOB, put, stored


@pytest.fixture
async def database(settings):
    """An open database of either engine."""
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()


def prediction(id, **fields):
    """Return a prediction's row."""
    row = {"model_id": "m", "version_id": "", "created_at": 5, "received_at": 5, "digest": b"d", **fields}
    return PredictionRow(id=id, **row)


async def test_leaving_a_transaction_commits(database):
    """Every connection sees what was written."""
    await put(database, "a", "b")
    assert await stored(database) == ["a", "b"]


async def test_an_exception_undoes_the_transaction(database):
    """Nothing of a transaction that was left by an exception is stored, and the next one works."""
    with suppress(KeyError):
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            raise KeyError
    await put(database, "b")
    assert await stored(database) == ["b"]


async def test_a_cancelled_transaction_is_undone(database):
    """A task that is cancelled within its transaction leaves nothing."""
    inside = asyncio.Event()

    async def write():
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await put(database, "b")
    assert await stored(database) == ["b"]


async def test_a_transaction_sees_itself_and_others_do_not(database):
    """Before the commit only the transaction itself reads what it wrote."""
    async with database.transaction() as tx:
        await tx.run("add_blob", hash="a", **BLOB)
        assert (await tx.one("blob", hash="a"))["refs"] == 1
        assert await database.one("blob", hash="a") is None


async def test_a_savepoint_undoes_its_part_alone(database):
    """What came before and after a part that failed is stored; parts can be nested."""
    async with database.transaction() as tx:
        await tx.run("add_blob", hash="before", **BLOB)
        with suppress(KeyError):
            async with tx.savepoint():
                await tx.run("add_blob", hash="outer", **BLOB)
                async with tx.savepoint():
                    await tx.run("add_blob", hash="inner", **BLOB)
                raise KeyError
        async with tx.savepoint():
            await tx.run("add_blob", hash="kept", **BLOB)
            with suppress(KeyError):
                async with tx.savepoint():
                    await tx.run("add_blob", hash="undone", **BLOB)
                    raise KeyError
        await tx.run("add_blob", hash="after", **BLOB)
    assert await stored(database) == ["after", "before", "kept"]


@pytest.mark.parametrize(
    "wrong",
    [{"confidence": 2.0}, {"latency_ms": -1.0}, {"version_id": None}, {"digest": None}, {"detection_count": 2**63}],
)
async def test_a_row_that_the_tables_refuse_is_the_rows_fault(database, wrong):
    """Constraints and numbers out of range raise RowRefused, and nothing of those rows is stored."""

    async def store(tx):
        async with tx.savepoint():
            await tx.insert("insert_predictions", [prediction("p"), prediction("q", **wrong)])
            await tx.one("count_predictions", model_id="m")

    async with database.transaction() as tx:
        with pytest.raises(RowRefused):
            await store(tx)
    assert await database.one("count_predictions", model_id="m") is not None
    assert (await database.one("count_predictions", model_id="m"))["n"] == 0


async def test_what_is_changed_comes_back(database):
    """`returning` says which rows were really changed."""
    await put(database, "a")
    async with database.transaction() as tx:
        assert await tx.one("delete_blob", hash="a") is None
        await tx.run("drop_blob", hash="a")
        assert (await tx.one("delete_blob", hash="a"))["hash"] == "a"
    assert await stored(database) == []


async def test_an_insert_says_how_many_ids_were_free(database):
    """Rows come back as they went in, of several models in one call."""
    rows = [prediction("p1", label="cat", confidence=0.25), prediction("p2", model_id="n", detail="{}", subject=b"s")]
    async with database.transaction() as tx:
        assert await events.insert_predictions(tx, rows) == 2
    found = await database.all("prediction", model_id="n", id="p2")
    assert events.to_row(PredictionRow, found[0]) == rows[1]


async def test_lists_of_keys_find_rows_of_several_models(database):
    """Each key finds its row, one without a row nothing."""
    async with database.transaction() as tx:
        await events.insert_predictions(tx, [prediction("p1"), prediction("p1", model_id="n"), prediction("p2")])
        await events.bury(tx, "prediction", [("m", "p2")], 7)
    keys = [("m", "p1"), ("n", "p1"), ("m", "p2"), ("n", "other")]
    found = await events.known(database, "prediction", keys)
    assert found.digests == {("m", "p1"): b"d", ("n", "p1"): b"d", ("m", "p2"): events.GONE}
    assert await events.gone_predictions(database, keys) == {("m", "p2")}
    assert sorted(await events.targets(database, keys)) == [("m", "p1"), ("n", "p1")]


async def test_reading_stops_at_so_many_bytes(database):
    """At least one row comes, and whether some are left is said."""
    async with database.transaction() as tx:
        await events.insert_predictions(tx, [prediction(f"p{n}", detail="x" * 1000) for n in range(10)])
    query = {"model_id": "m", "before": 9, "most": 100}
    for size, expected in ((100_000, 10), (3_500, 3), (1, 1)):
        rows, more = await database.some("expired_predictions", size, **query)
        assert (len(rows), more) == (expected, expected < 10)
    async with database.transaction() as tx:
        assert len((await tx.some("expired_predictions", 3_500, **query))[0]) == 3


async def test_texts_sort_by_their_bytes(database):
    """Not as a language would: cursors and pages of both engines agree."""
    names = ["a", "B", "\u00e9", "\U0001f600", "\uffee", "_", "10", "9"]
    await put(database, *names)
    assert await stored(database) == sorted(names, key=lambda name: name.encode())


async def test_a_snapshot_shows_one_moment(settings, database):
    """What is written while a snapshot is open isn't seen in it."""
    await put(database, "a")
    beside = await open_to_read(settings)
    try:
        async with beside.snapshot() as reader:
            assert await stored(reader) == ["a"]
            await put(database, "b")
            assert await stored(reader) == ["a"]
        assert await stored(beside) == ["a", "b"]
    finally:
        await beside.close()
