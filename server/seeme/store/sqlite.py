"""SQLite through aiosqlite: WAL, synchronous=FULL, one writer connection held by one process, a few readers."""

import asyncio
import fcntl
import os
import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache, partial
from itertools import chain, cycle
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, TypeVar

import aiosqlite
import msgspec
from msgspec import Struct

from seeme.errors import SetupError, StorageFull, Unavailable
from seeme.store.database import VALUE, Reader, Row, RowRefused, Transaction, migrations, queries

READERS = 2
Result = TypeVar("Result")
# A statement is stepped without the GIL but must take it back after each step, beside a busy event loop: one step that
# inserts 64 rows does so once, 64 steps 64 times.
ROWS_PER_INSERT = 64
_ROW = re.compile(r"\bvalues (\(.*\))$", re.DOTALL)
_TEXTS = {name: query.numbered("?") for name, query in queries("sqlite").items()}
_NAMES = {name: query.names for name, query in queries("sqlite").items()}


def _values(query: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return values in the order of their places; a list is one JSON value here."""
    found = [values[name] for name in _NAMES[query]]
    return tuple([msgspec.json.encode(value).decode() if type(value) is list else value for value in found])


@cache
def _insert(query: str, rows: int) -> str:
    """Return the text of an insert with places for several rows."""
    text = queries("sqlite")[query].text
    found = _ROW.search(text)
    assert found is not None
    return f"{text[: found.start()]}values {', '.join([VALUE.sub('?', found[1])] * rows)}"


@cache
def _fields(query: str) -> Callable[[Struct], tuple[Any, ...]]:
    return attrgetter(*_NAMES[query])


def _translate(error: sqlite3.Error) -> Exception:
    """Tell a row's fault from the disk's."""
    if isinstance(error, (sqlite3.IntegrityError, sqlite3.DataError)):
        return RowRefused(str(error))
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull()
    if code in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_CANTOPEN):
        return Unavailable(f"the database can't be written now ({error})", retry_after=5)
    return error


class _Connection:
    """One connection that speaks in named queries."""

    def __init__(self, raw: aiosqlite.Connection) -> None:
        self.raw = raw

    async def do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        """Do something in the connection's thread at one go.

        aiosqlite changes threads for every statement, which costs more than most statements. What it does that by is
        private to it, and used here alone.
        """
        try:
            result: Result = await self.raw._execute(work, self.raw._conn)  # type: ignore[no-untyped-call]
            return result
        except OverflowError as error:
            raise RowRefused(str(error)) from error
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        text, places = _TEXTS[query], _values(query, values)
        return await self.do(lambda connection: connection.execute(text, places).fetchall())

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        text, places = _TEXTS[query], _values(query, values)
        return await self.do(lambda connection: _until(connection.execute(text, places), size))

    async def one(self, query: str, **values: Any) -> Row | None:
        rows = await self.all(query, **values)
        return rows[0] if rows else None

    async def of(self, query: str, keys: Iterable[tuple[Any, ...]], **values: Any) -> Sequence[Row]:
        return await self.all(query, keys=list(keys), **values)


class _SqliteTransaction(_Connection):
    """The writer connection between BEGIN IMMEDIATE and COMMIT.

    Writes that answer nothing wait for the next statement that does, or for the commit, and then go with it. If one of
    them fails, none after it is done, and the error is raised there.
    """

    def __init__(self, raw: aiosqlite.Connection) -> None:
        super().__init__(raw)
        self._waiting: list[Callable[[sqlite3.Connection], object]] = [lambda one: one.execute("begin immediate")]
        self.touched = False

    async def do(self, work: Callable[[sqlite3.Connection], Result]) -> Result:
        waiting, self._waiting = self._waiting, []
        self.touched = True

        def all_of_it(connection: sqlite3.Connection) -> Result:
            for step in waiting:
                step(connection)
            return work(connection)

        return await super().do(all_of_it)

    async def run(self, query: str, **values: Any) -> None:
        await self.all(query, **values)

    async def run_many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            text, places = _TEXTS[query], [_values(query, row) for row in rows]
            self._later(lambda connection: connection.executemany(text, places))

    async def insert(self, query: str, rows: Sequence[Struct]) -> int:
        fields = _fields(query)
        for start in range(0, len(rows), ROWS_PER_INSERT):
            chunk = rows[start : start + ROWS_PER_INSERT]
            self._later(partial(_execute, _insert(query, len(chunk)), list(chain.from_iterable(map(fields, chunk)))))
        return len(rows)

    async def hold(self, model_ids: Iterable[str], *, alone: bool = False) -> None:
        """Nothing to do: one writer is always alone."""

    async def confirm(self) -> None:
        """Nothing to do: what is read here is on disk."""

    def _later(self, step: Callable[[sqlite3.Connection], object]) -> None:
        self._waiting.append(step)
        self.touched = True

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self.do(partial(_execute, "savepoint part", ()))
        try:
            yield
            await self.do(partial(_execute, "release part", ()))
        except BaseException:
            self._waiting = []
            if self.raw.in_transaction:  # a full disk may have rolled back everything already, savepoints too
                await self.do(partial(_execute, "rollback to part", ()))
                await self.do(partial(_execute, "release part", ()))
            raise


def _until(cursor: sqlite3.Cursor, size: int) -> tuple[Sequence[Row], bool]:
    rows: list[Row] = []
    for row in cursor:
        size -= sum(len(text) if text.isascii() else len(text.encode()) for text in row if isinstance(text, str))
        if size < 0 and rows:
            cursor.close()
            return rows, True
        rows.append(row)
    return rows, False


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("rollback")


def _execute(text: str, places: Sequence[Any], connection: sqlite3.Connection) -> object:
    return connection.execute(text, places)


class SqliteDatabase:
    """One SQLite file. Open it with `open_sqlite` (to write) or `open_sqlite_readonly`."""

    shared = False

    def __init__(self, writer: aiosqlite.Connection | None, readers: list[aiosqlite.Connection], lock: IO[str] | None):
        self._writer = writer
        self._readers = cycle([_Connection(reader) for reader in readers])
        self._connections = [*readers, *([writer] if writer else [])]
        self._lock = lock
        self._one_at_a_time = asyncio.Lock()

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        """Return every row of a named query, from a reader connection."""
        return await next(self._readers).all(query, **values)

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        """Return rows of a named query until their texts exceed `size` bytes, and whether some are left."""
        return await next(self._readers).some(query, size, **values)

    async def one(self, query: str, **values: Any) -> Row | None:
        """Return the first row of a named query, from a reader connection."""
        return await next(self._readers).one(query, **values)

    async def of(self, query: str, keys: Iterable[tuple[Any, ...]], **values: Any) -> Sequence[Row]:
        """Return every row of a named query about a list of keys, from a reader connection."""
        return await next(self._readers).of(query, keys, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open the write transaction; it is on disk (fsync) when the block is left."""
        if self._writer is None:
            raise SetupError("this database was opened to read only")
        async with self._one_at_a_time:
            transaction = _SqliteTransaction(self._writer)
            try:
                yield transaction
                if transaction.touched:
                    await transaction.do(partial(_execute, "commit", ()))
            except BaseException:
                await self._undo()
                raise

    async def _undo(self) -> None:
        """Roll back; some errors (a full disk among them) have already done so.

        It is asked in the connection's thread: what was on its way there when its task was cancelled comes first.
        """
        assert self._writer is not None
        await _Connection(self._writer).do(_roll_back)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        """Let a database that is open to read show one moment, whatever is written meanwhile."""
        await self._connections[0].execute("begin")
        try:
            yield self
        finally:
            await self._connections[0].execute("commit")

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        rows: Any = await self._connections[0].execute_fetchall(f"select count(*) from {table}")
        return int(rows[0][0])

    async def columns(self, table: str) -> list[str]:
        """Return the columns of a table."""
        rows: Any = await self._connections[0].execute_fetchall(f"pragma table_info({table})")
        return [row["name"] for row in rows]

    async def chunks(
        self, table: str, columns: Sequence[str], key: Sequence[str], size: int
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield the rows of a table by its key, `size` at a time."""
        text = f"select {', '.join(columns)} from {table} order by {', '.join(key)}"
        async with self._connections[0].execute(text) as cursor:
            while rows := await cursor.fetchmany(size):
                yield [tuple(row) for row in rows]

    async def backup(self, target: Path) -> None:
        """Copy the database, as of one moment, into a new file while writing goes on."""
        await self._connections[0].execute("vacuum into ?", (str(target),))

    async def integrity_errors(self) -> list[str]:
        """Return what SQLite's own check finds wrong; nothing, if all is well."""
        try:
            rows: Any = await self._connections[0].execute_fetchall("pragma integrity_check")
        except sqlite3.DatabaseError as error:  # too damaged to be checked to the end
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    async def close(self) -> None:
        """Close every connection and let the next process write."""
        for connection in self._connections:
            await connection.close()
        if self._lock is not None:
            self._lock.close()


async def open_sqlite(path: Path) -> SqliteDatabase:
    """Open the file for writing, made and migrated if need be.

    Raises:
        SetupError: another process writes to it, it can't be written (a full disk), or its schema is newer than this
            code.
    """
    try:
        lock = take_lock(path)
    except OSError as error:
        raise SetupError(f"{path.parent} can't be written: {error.strerror}") from None
    connections: list[aiosqlite.Connection] = []
    try:
        connections.append(await _connect(path))
        await _migrate(connections[0])
        for _ in range(READERS):
            connections.append(await _connect(path))
            await connections[-1].execute("pragma query_only = on")
    except BaseException as error:
        for connection in connections:  # each has a thread that would keep the process alive
            await connection.close()
        lock.close()
        if isinstance(error, sqlite3.OperationalError):
            raise _unwritable(path, error) from None
        raise
    return SqliteDatabase(connections[0], connections[1:], lock)


async def open_sqlite_readonly(path: Path) -> SqliteDatabase:
    """Open the file to read, beside a running service or without one.

    Raises:
        SetupError: there is none, it isn't ours, or its schema is newer than this code.
    """
    if not path.exists():  # noqa: ASYNC240 - one look, at the start of a command
        raise SetupError(f"there is no database at {path}; is --data right?")
    address = f"{path.absolute().as_uri()}?mode=ro"  # noqa: ASYNC240 - as above
    try:
        reader = await aiosqlite.connect(address, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise SetupError(f"{path} can't be opened: {error}") from None
    try:
        reader.row_factory = sqlite3.Row
        await reader.execute("pragma busy_timeout = 5000")
        await _refuse_newer(reader, migrations()[-1][0])
    except BaseException as error:
        await reader.close()  # its thread would keep the process alive
        if isinstance(error, sqlite3.DatabaseError):
            raise SetupError(f"{path} isn't a SQLite database that can be read ({error})") from None
        raise
    return SqliteDatabase(None, [reader], None)


def take_lock(path: Path) -> IO[str]:
    """Return the lock on a data folder, held until it is closed; raises SetupError naming the process that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = open(path.with_suffix(".lock"), "a+", encoding="utf-8")  # noqa: SIM115 - held until the database closes
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise SetupError(
            f"{path.parent} is in use by {holder}: a data folder is for one process. "
            "Stop it first, or give this one another --data folder."
        ) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


async def _connect(path: Path) -> aiosqlite.Connection:
    connecting = aiosqlite.connect(path, isolation_level=None, cached_statements=256)
    try:
        connection = await connecting
    except sqlite3.Error as error:
        # Its thread has still to say that it ends; were the loop gone by then, the thread would die with a traceback.
        await asyncio.to_thread(connecting._thread.join)
        raise SetupError(f"{path} can't be opened: {error}") from None
    connection.row_factory = sqlite3.Row
    try:
        for pragma in ("journal_mode = wal", "synchronous = full", "busy_timeout = 5000", "temp_store = memory"):
            await connection.execute_fetchall(f"pragma {pragma}")
    except sqlite3.DatabaseError as error:
        await connection.close()
        if isinstance(error, sqlite3.OperationalError):
            raise _unwritable(path, error) from None
        raise SetupError(f"{path} isn't a SQLite database ({error})") from None
    return connection


def _unwritable(path: Path, error: sqlite3.Error) -> SetupError:
    return SetupError(f"{path} can't be written ({error}): is there room on the disk, and may this user write there?")


async def _refuse_newer(connection: aiosqlite.Connection, newest: int) -> int:
    rows: Any = await connection.execute_fetchall("pragma user_version")
    version = int(rows[0][0])
    if version > newest:
        raise SetupError(
            f"the database has schema {version}, this version of seeme knows {newest}: "
            "it was written by a newer version; upgrade seeme-feedback"
        )
    return version


async def _migrate(connection: aiosqlite.Connection) -> None:
    steps = migrations()
    version = await _refuse_newer(connection, steps[-1][0])
    for number, script in steps:
        if number > version:
            await connection.executescript(f"begin immediate;\n{script}\npragma user_version = {number};\ncommit;")
