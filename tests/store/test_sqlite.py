"""One SQLite file: its settings, its lock, its transactions, its snapshots and copies."""

import asyncio
import os
import sqlite3
import threading
import time
from contextlib import asynccontextmanager, suppress

import pytest

from seeme.errors import SetupError, StorageFull, Unavailable
from seeme.store.database import RowRefused, migrations
from seeme.store.sqlite import open_sqlite, open_sqlite_readonly

from .traffic import BLOB, put, stored

PREDICTION = {
    "model_id": "m",
    "id": "p",
    "version_id": "",
    "arm": "",
    "created_at": 5,
    "received_at": 5,
    "digest": b"d",
    **dict.fromkeys(["label", "confidence", "value", "latency_ms", "error", "detection_count", "detail", "input_url"]),
    **dict.fromkeys(["input_hash", "input_id", "subject", "matched", "taken", "rule_set", "pi"]),
    **dict.fromkeys(["ab_test_id", "unit", "assigned"]),
}


@pytest.fixture
def path(tmp_path):
    """Where the database is."""
    return tmp_path / "data" / "seeme.db"


@asynccontextmanager
async def opened(opening):
    """Hold a database open: its threads would keep a failed test from ending."""
    database = await opening
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(path):
    """An open database."""
    async with opened(open_sqlite(path)) as database:
        yield database


async def pragma(database, name):
    """Return a pragma of the writer and of every reader."""
    return [(await one.execute_fetchall(f"pragma {name}"))[0][0] for one in database._connections]


async def test_every_commit_is_on_disk(database):
    """All connections use write-ahead logging with an fsync for each commit."""
    assert await pragma(database, "journal_mode") == ["wal"] * 3
    assert await pragma(database, "synchronous") == [2] * 3


async def test_readers_cannot_write(database):
    """There is exactly one writer; the other connections refuse to change anything."""
    assert await pragma(database, "query_only") == [1, 1, 0]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.all("revoke_key", id="k", revoked_at=1)


async def test_the_file_says_which_schema_it_has(database, path):
    """The number of the last migration is in the file."""
    with sqlite3.connect(path) as other:
        assert other.execute("pragma user_version").fetchone() == (migrations()[-1][0],)
    other.close()


async def test_a_newer_schema_is_refused(path):
    """A file that a newer version has written is left alone, and nothing of the attempt stays behind."""
    await (await open_sqlite(path)).close()
    other = sqlite3.connect(path)
    other.execute("pragma user_version = 99")
    other.close()
    before = threading.active_count()
    for open_it in (open_sqlite, open_sqlite_readonly, open_sqlite):
        with pytest.raises(SetupError, match=r"has schema 99, this version of seeme knows \d+: .* upgrade"):
            await open_it(path)
    until = time.monotonic() + 5  # a connection's thread ends a moment after it says that it is closed
    while threading.active_count() > before and time.monotonic() < until:
        await asyncio.sleep(0.01)
    assert threading.active_count() == before


@pytest.mark.parametrize("open_it", [open_sqlite, open_sqlite_readonly])
async def test_a_file_of_another_kind_is_refused_untouched(path, open_it):
    """A file that isn't SQLite is named, and not changed."""
    path.parent.mkdir()
    path.write_bytes(b"precious notes, not a database" * 100)
    before = threading.active_count()
    with pytest.raises(SetupError, match="isn't a SQLite database"):
        await open_it(path)
    assert path.read_bytes() == b"precious notes, not a database" * 100
    until = time.monotonic() + 5  # a connection's thread ends a moment after it says that it is closed
    while threading.active_count() > before and time.monotonic() < until:
        await asyncio.sleep(0.01)
    assert threading.active_count() == before


async def test_a_folder_in_the_place_of_the_file_is_refused(path):
    """What can't be opened is said in one line."""
    path.mkdir(parents=True)
    with pytest.raises(SetupError, match="can't be opened"):
        await open_sqlite(path)


async def test_a_second_writer_is_refused_with_the_first_ones_name(database, path):
    """The message names the process that writes, and what to do."""
    with pytest.raises(SetupError, match=rf"is in use by process {os.getpid()}: .* --data"):
        await open_sqlite(path)


async def test_a_refused_writer_changes_nothing_for_the_first(database, path):
    """The one that holds the file goes on, and its lock still names it."""
    with suppress(SetupError):
        await open_sqlite(path)
    await put(database, "a")
    assert path.with_suffix(".lock").read_text() == f"process {os.getpid()}"


async def test_after_closing_the_next_may_write(path):
    """The lock ends with its holder."""
    for hash in "ab":
        async with opened(open_sqlite(path)) as database:
            await put(database, hash)
    async with opened(open_sqlite_readonly(path)) as database:
        assert await stored(database) == ["a", "b"]


async def test_reading_beside_a_writer(database, path):
    """A file that is open to read shows what was committed, and can't be written."""
    await put(database, "a")
    async with opened(open_sqlite_readonly(path)) as beside:
        assert await stored(beside) == ["a"]
        await put(database, "b")
        assert await stored(beside) == ["a", "b"]
        with pytest.raises(SetupError, match="read only"):
            await put(beside, "c")


async def test_no_file_no_reading(path):
    """Reading makes no file; the message asks for the right folder."""
    with pytest.raises(SetupError, match=r"there is no database at .* is --data right"):
        await open_sqlite_readonly(path)
    assert not path.exists()


@pytest.mark.parametrize("name", ["a b", "50% off", "what?", "a#b", "ümlaut"])
async def test_any_name_of_a_folder_can_be_read(tmp_path, name):
    """Signs that mean something in an address are nothing special in a folder's name."""
    path = tmp_path / name / "seeme.db"
    async with opened(open_sqlite(path)) as database:
        await put(database, "a")
        async with opened(open_sqlite_readonly(path)) as beside:
            assert await stored(beside) == ["a"]


@pytest.mark.parametrize("turns", range(8))
async def test_a_transaction_may_be_cancelled_at_any_time(database, turns):
    """Also while a statement or the commit is on its way to SQLite's thread: it is all stored or nothing."""
    task = asyncio.create_task(put(database, "a", "b"))
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await put(database, "c")
    assert await stored(database) in (["c"], ["a", "b", "c"])


async def test_transactions_come_one_at_a_time(database):
    """Two tasks that write at once are served one after the other."""
    await asyncio.gather(*(put(database, "a") for _ in range(20)))
    assert (await database.one("blob", hash="a"))["refs"] == 20


async def test_an_id_that_is_taken_is_the_rows_fault(database):
    """The same id twice is refused by the key, as late as at the commit, and nothing of the transaction is stored."""

    async def write():
        async with database.transaction() as tx:
            await tx.run("add_blob", hash="a", **BLOB)
            await tx.run_many("insert_predictions", [PREDICTION, PREDICTION])
            await tx.run_many("drop_blob", [{"hash": "a"}])

    with pytest.raises(RowRefused, match="UNIQUE"):
        await write()
    assert await stored(database) == []


async def test_a_full_disk_is_the_disks_fault(database):
    """SQLITE_FULL raises StorageFull out of the transaction; with room again the next one is stored."""
    await put(database, "before")
    writer = database._writer
    (pages,) = (await writer.execute_fetchall("pragma page_count"))[0]
    await writer.execute_fetchall(f"pragma max_page_count = {pages}")
    rows = [{**PREDICTION, "id": f"p{n}", "detail": "x" * 2000} for n in range(100)]
    with pytest.raises(StorageFull):
        async with database.transaction() as tx, tx.savepoint():
            await tx.run_many("insert_predictions", rows)
    assert await stored(database) == ["before"]
    await writer.execute_fetchall("pragma max_page_count = 1000000")
    async with database.transaction() as tx:
        await tx.run_many("insert_predictions", rows)
    assert (await database.one("count_predictions", model_id="m"))["n"] == 100


@pytest.mark.parametrize("first", ["a read", "a write", "a part"])
async def test_a_file_that_someone_locks_is_unavailable(database, path, first):
    """When another program holds the file's write lock the answer is Unavailable, however a transaction begins."""

    async def begin():
        async with database.transaction() as tx:
            if first == "a read":
                await tx.all("all_blobs")
            if first == "a part":
                async with tx.savepoint():
                    await tx.run("add_blob", hash="no", **BLOB)
            await tx.run("add_blob", hash="no", **BLOB)

    await database._writer.execute_fetchall("pragma busy_timeout = 50")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(Unavailable) as refused:
        await begin()
    assert refused.value.retry_after > 0
    other.execute("rollback")
    other.close()
    await put(database, "a")
    assert await stored(database) == ["a"]


async def test_a_transaction_that_only_reads_leaves_nothing_open(database, path):
    """After it others may write, and so may the next transaction."""
    for _ in range(2):
        async with database.transaction() as tx:
            await tx.all("all_blobs")
    async with database.transaction():
        pass
    other = sqlite3.connect(path, isolation_level=None, timeout=0.1)
    other.execute("begin immediate")
    other.execute("rollback")
    other.close()
    await put(database, "a")
    assert await stored(database) == ["a"]


async def test_a_backup_equals_its_source(database, path, tmp_path):
    """A copy that is made beside the writer has every row and schema object, and passes SQLite's check."""
    async with database.transaction() as tx:
        await tx.run_many("insert_predictions", [{**PREDICTION, "id": f"p{n}"} for n in range(500)])
    async with opened(open_sqlite_readonly(path)) as beside:
        await beside.backup(tmp_path / "copy.db")
    pictures = []
    for file in (path, tmp_path / "copy.db"):
        connection = sqlite3.connect(file)
        version = connection.execute("pragma user_version").fetchone()
        pictures.append((version, sorted(connection.iterdump())))
        connection.close()
    assert pictures[0] == pictures[1]
    async with opened(open_sqlite(tmp_path / "copy.db")) as copy:
        assert await copy.integrity_errors() == []


async def test_a_damaged_file_is_found(database, path):
    """SQLite's own check names what is wrong."""
    async with database.transaction() as tx:
        await tx.run_many("insert_predictions", [{**PREDICTION, "id": f"p{n:04}"} for n in range(2000)])
    await database.close()
    content = bytearray(path.read_bytes())
    content[40_000:44_000] = bytes(4_000)
    path.write_bytes(content)
    async with opened(open_sqlite_readonly(path)) as beside:
        assert await beside.integrity_errors() != []
