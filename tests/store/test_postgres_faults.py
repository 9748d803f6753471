"""PostgreSQL that fails while it is used: reads are asked again, transactions say TryAgain, nothing is half stored."""

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from seeme.errors import StorageFull, Unavailable
from seeme.records.rows import PredictionRow
from seeme.store.database import RowRefused, TryAgain
from seeme.store.postgres import translate
from seeme.store.postgres_setup import open_postgres

from .traffic import BLOB, LOCKED, connect_all, put, stored

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

WAITING = "wait_event_type = 'Lock'"


@pytest.fixture
def name(postgres):
    """The name of a new database."""
    return postgres.create().rpartition("/")[2]


@pytest.fixture
async def database(postgres, name):
    """That database, open."""
    database = await open_postgres(postgres.url(name))
    yield database
    await database.close()


def prediction(id):
    """Return a prediction's row."""
    return PredictionRow(model_id="m", id=id, version_id="", created_at=5, received_at=5, digest=b"d")


@pytest.mark.parametrize("noticed", [True, False])
async def test_reads_and_writes_go_on_after_idle_connections_were_cut(postgres, name, database, noticed):
    """Each works at once, all connections having been lost, whether or not the loop has heard of it."""
    await put(database, "a")
    await connect_all(database)
    postgres.cut(name)
    if noticed:
        await asyncio.sleep(0.1)
    assert await asyncio.gather(*(stored(database) for _ in range(20))) == [["a"]] * 20
    await put(database, "b")
    assert await stored(database) == ["a", "b"]


async def test_a_read_that_is_cut_is_asked_again(postgres, name, database):
    """Its caller waits longer, and notices nothing else."""
    await put(database, "a")
    with postgres.held(LOCKED, name):
        reading = asyncio.create_task(stored(database))
        for _ in range(2):
            await asyncio.to_thread(postgres.wait_for, f"select count(*) from pg_stat_activity where {WAITING}", "1")
            await asyncio.to_thread(postgres.cut, name, WAITING)
    assert await reading == ["a"]


async def test_a_read_that_is_cut_again_and_again_is_unavailable(postgres, name, database):
    """It isn't asked for ever."""
    with postgres.held(LOCKED, name):
        reading = asyncio.create_task(stored(database))
        for _ in range(3):
            await asyncio.to_thread(postgres.wait_for, f"select count(*) from pg_stat_activity where {WAITING}", "1")
            await asyncio.to_thread(postgres.cut, name, WAITING)
        with pytest.raises(Unavailable):
            await reading
    assert await stored(database) == []


async def test_a_snapshot_that_is_cut_is_over(postgres, name, database):
    """It can't go on at another moment; whoever wanted it begins again."""
    await put(database, "a")

    async def read(cut):
        async with database.snapshot() as reader:
            assert await stored(reader) == ["a"]
            if cut:
                postgres.cut(name)
            return await stored(reader)

    with pytest.raises(TryAgain):
        await read(cut=True)
    assert await read(cut=False) == ["a"]


STATEMENTS = {
    "run": lambda tx: tx.run("add_blob", hash="b", **BLOB),
    "run_many": lambda tx: tx.run_many("add_blob", [{"hash": "b", **BLOB}]),
    "insert": lambda tx: tx.insert("insert_predictions", [prediction("p")]),
    "hold": lambda tx: tx.hold(["m"], alone=True),
    "all": lambda tx: tx.all("all_blobs"),
    "some": lambda tx: tx.some("expired_predictions", 1000, model_id="m", before=9, most=9),
    "of": lambda tx: tx.of("targets", [("m", "p")]),
}


async def within(tx, statement):
    """Run a statement in a savepoint."""
    async with tx.savepoint():
        await STATEMENTS[statement](tx)


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("statement", STATEMENTS)
@pytest.mark.parametrize("place", ["in the transaction", "in a savepoint"])
async def test_a_transaction_that_is_cut_can_be_tried_again(postgres, name, database, statement, place, noticed):
    """Its next statement says so, in a savepoint too; nothing of it is stored, and a second try is."""

    async def write(cut):
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            if place == "in the transaction":
                await cut()
                await STATEMENTS[statement](tx)
            else:
                async with tx.savepoint():
                    await cut()
                    await within(tx, statement)

    async def cut():
        postgres.cut(name)
        await asyncio.sleep(0.05 if noticed else 0)

    with pytest.raises(TryAgain):
        await write(cut)
    assert await stored(database) == []
    await write(lambda: asyncio.sleep(0))
    assert (await stored(database))[0] == "a"


@pytest.mark.parametrize("noticed", [True, False])
@pytest.mark.parametrize("place", ["before", "inside", "around a refused row"])
async def test_a_savepoint_that_is_cut_ends_the_transaction(postgres, name, database, place, noticed):
    """Entered or left without a connection it says so: what goes on around it must not think that it was undone."""

    async def cut():
        postgres.cut(name)
        await asyncio.sleep(0.05 if noticed else 0)

    async def write():
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            if place == "before":
                await cut()
            with suppress(RowRefused):
                async with tx.savepoint():
                    await tx.run("add_blob", hash="b", **BLOB)
                    if place != "before":
                        await cut()
                    if place == "around a refused row":
                        raise RowRefused

    with pytest.raises(TryAgain):
        await write()
    assert await stored(database) == []


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_transaction_that_is_cut_before_its_commit_is_not_taken_for_stored(postgres, name, database, noticed):
    """Whether it was is unknown, so it isn't repeated here; here it wasn't."""

    async def write():
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            postgres.cut(name)
            await asyncio.sleep(0.05 if noticed else 0)

    with pytest.raises(Unavailable) as raised:
        await write()
    assert not isinstance(raised.value, TryAgain)
    assert raised.value.retry_after
    assert await stored(database) == []


async def test_of_two_that_wait_for_each_other_one_is_tried_again(database):
    """The other commits; in a savepoint it is the same."""
    await put(database, "a", "b")
    reached = [asyncio.Event(), asyncio.Event()]

    async def change(own, first, second):
        async with database.transaction() as tx:
            await tx.run("drop_blob", hash=first)
            reached[own].set()
            await reached[1 - own].wait()
            async with tx.savepoint():
                await tx.run("drop_blob", hash=second)

    ended = await asyncio.gather(change(0, "a", "b"), change(1, "b", "a"), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ended) == ["NoneType", "TryAgain"]
    for hash in "ab":
        assert (await database.one("blob", hash=hash))["refs"] == 0


MODEL = {
    "id": "m",
    "name": "M",
    "task": "t",
    "labels": "[]",
    "config": "{}",
    "digest": b"",
    "created_at": 1,
    "data_engine": "{}",
}


@pytest.mark.parametrize(
    "wrong",
    [{}, {"name": None}, {"created_at": 2**63}, {"name": "a\0b"}, {"name": "\ud800"}, {"name": 5}, {"digest": "x"}],
)
async def test_a_row_that_is_refused_is_not_the_databases_fault(database, wrong):
    """Constraints, and values that the driver can't send, raise RowRefused; around the savepoint it goes on."""

    async def insert(tx, **values):
        async with tx.savepoint():
            await tx.run("insert_model", **{**MODEL, "updated_at": 1, **values})

    async with database.transaction() as tx:
        await insert(tx)
        with pytest.raises(RowRefused):
            await insert(tx, **({"id": "n", **wrong} if wrong else {}))
        await tx.run("add_blob", hash="a", **BLOB)
    assert [row["id"] for row in await database.all("all_models")] == ["m"]
    assert await stored(database) == ["a"]


async def test_a_transaction_with_an_error_in_it_is_not_taken_for_stored(database):
    """PostgreSQL answers its commit by undoing it, without an error: whoever went on would think that it is stored."""

    async def write():
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            with suppress(RowRefused):
                await tx.run("insert_model", **MODEL | {"name": None, "updated_at": 1})

    with pytest.raises(Exception, match="undone"):
        await write()
    assert await stored(database) == []


def test_a_full_disk_is_said_as_one():
    """What PostgreSQL says of it is what SQLite says."""
    assert isinstance(translate(asyncpg.DiskFullError("could not extend file")), StorageFull)
