"""SQLite through aiosqlite: WAL, synchronous=FULL, one writer connection held by one process, a few readers."""

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path
from typing import IO, Any

import aiosqlite

from seeme.errors import SetupError, StorageFull, Unavailable
from seeme.store.database import Row, RowRefused, Transaction, migrations, queries

READERS = 2
_TEXTS = {name: query.numbered("?") for name, query in queries("sqlite").items()}
_NAMES = {name: query.names for name, query in queries("sqlite").items()}


def _values(query: str, values: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple([values[name] for name in _NAMES[query]])


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

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        try:
            rows: Any = await self.raw.execute_fetchall(_TEXTS[query], _values(query, values))
        except sqlite3.Error as error:
            raise _translate(error) from error
        return list(rows)

    async def one(self, query: str, **values: Any) -> Row | None:
        rows = await self.all(query, **values)
        return rows[0] if rows else None


class _SqliteTransaction(_Connection):
    """The writer connection between BEGIN IMMEDIATE and COMMIT."""

    async def run(self, query: str, **values: Any) -> int:
        try:
            return (await self.raw.execute(_TEXTS[query], _values(query, values))).rowcount
        except sqlite3.Error as error:
            raise _translate(error) from error

    async def run_many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if not rows:
            return
        try:
            cursor = await self.raw.executemany(_TEXTS[query], [_values(query, row) for row in rows])
        except (OverflowError, sqlite3.Error) as error:
            raise (RowRefused(str(error)) if isinstance(error, OverflowError) else _translate(error)) from error
        del cursor

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self.raw.execute("savepoint part")
        try:
            yield
        except BaseException:
            if self.raw.in_transaction:  # a full disk may have rolled back everything already, savepoints too
                await self.raw.execute("rollback to part")
                await self.raw.execute("release part")
            raise
        await self.raw.execute("release part")


class SqliteDatabase:
    """One SQLite file. Open it with `open_sqlite` (to write) or `open_sqlite_readonly`."""

    def __init__(self, writer: aiosqlite.Connection | None, readers: list[aiosqlite.Connection], lock: IO[str] | None):
        self._writer = writer
        self._readers = cycle([_Connection(reader) for reader in readers])
        self._connections = [*readers, *([writer] if writer else [])]
        self._lock = lock
        self._one_at_a_time = asyncio.Lock()

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        """Return every row of a named query, from a reader connection."""
        return await next(self._readers).all(query, **values)

    async def one(self, query: str, **values: Any) -> Row | None:
        """Return the first row of a named query, from a reader connection."""
        return await next(self._readers).one(query, **values)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open the write transaction; it is on disk (fsync) when the block is left."""
        if self._writer is None:
            raise SetupError("this database was opened to read only")
        async with self._one_at_a_time:
            try:
                await self._writer.execute("begin immediate")
                try:
                    yield _SqliteTransaction(self._writer)
                except BaseException:
                    await self._undo()
                    raise
                try:
                    await self._writer.execute("commit")
                except sqlite3.Error:
                    await self._undo()
                    raise
            except sqlite3.Error as error:
                raise _translate(error) from error

    async def _undo(self) -> None:
        """Roll back; some errors (a full disk among them) have already done so."""
        assert self._writer is not None
        if self._writer.in_transaction:
            await self._writer.execute("rollback")

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[None]:
        """Let a database that is open to read show one moment, whatever is written meanwhile."""
        await self._connections[0].execute("begin")
        try:
            yield
        finally:
            await self._connections[0].execute("commit")

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
        lock = _take_lock(path)
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


def _take_lock(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = open(path.with_suffix(".lock"), "a+", encoding="utf-8")  # noqa: SIM115 - held until the database closes
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        holder = lock.read().strip() or "another process"
        lock.close()
        raise SetupError(
            f"{path} is in use by {holder}: one process writes to a SQLite file. "
            "Stop it first, or give this one another --data folder."
        ) from None
    lock.truncate(0)
    lock.write(f"process {os.getpid()}")
    lock.flush()
    return lock


async def _connect(path: Path) -> aiosqlite.Connection:
    try:
        connection = await aiosqlite.connect(path, isolation_level=None, cached_statements=256)
    except sqlite3.Error as error:
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
