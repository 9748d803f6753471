"""PostgreSQL 15 or newer through asyncpg: a pool per node, any number of nodes on one database."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext, suppress
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path
from typing import IO, Any

import asyncpg
from msgspec import Struct

from seeme.errors import SetupError, StorageFull, Unavailable
from seeme.store.database import Reader, Row, RowRefused, Transaction, TryAgain, queries

COMMAND_SECONDS = 30.0
COUNT_SECONDS = 3600.0  # of all rows of a table, once
WAIT_SECONDS = 10.0  # for a connection, when all are busy or have to be made
RETRY_AFTER = 2.0
GIVE_UP = 2.0  # seconds to undo something and to give a connection back; then it is closed, which does both
READS = 3  # tries, when the connection is lost meanwhile
PREFETCH = 200
_TEXTS = {name: query.numbered("$") for name, query in queries("postgres").items()}
_NAMES = {name: query.names for name, query in queries("postgres").items()}
# The names of the columns of a list of keys, after the model: `:a`, `:b` ... in postgres.sql.
_COLUMNS = "abcdefghi"

_LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.ReadOnlySQLTransactionError,  # the primary that we talk to has become a standby
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,  # a newer node has changed the tables
)
# What else is said of a commit leaves open whether it was done: a server may commit, then be lost before it says so.
_UNDONE = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError)
_AWAY = (asyncpg.TooManyConnectionsError, asyncpg.QueryCanceledError, TimeoutError)


def translate(error: Exception) -> Exception:
    """Tell a row's fault from the database's, and what a second try mends from what it doesn't."""
    if isinstance(error, _AWAY):  # before OSError, of which a TimeoutError is one
        return Unavailable(f"the database doesn't answer ({type(error).__name__})", retry_after=RETRY_AFTER)
    if isinstance(error, _LOST):
        return TryAgain(f"the database is away ({type(error).__name__})", retry_after=RETRY_AFTER)
    if isinstance(error, (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError, OverflowError)):
        return RowRefused(str(error))
    if isinstance(error, asyncpg.DiskFullError):
        return StorageFull()
    return error


def _of_commit(error: Exception) -> Exception:
    """Translate what a commit says. Who asks again after Unavailable is told by the ids what of it is stored."""
    failed = translate(error)
    if isinstance(failed, TryAgain) and not isinstance(error, _UNDONE):
        return Unavailable("the database was lost during a commit", retry_after=RETRY_AFTER)
    return failed


@asynccontextmanager
async def _begun(raw: Any, begin: str | None = "begin") -> AsyncIterator[None]:
    """Be in a transaction, or inside of one in a savepoint: an exception undoes it, else it is committed.

    Without `begin` the first statement begins it: a round trip less. Then none may have come.
    """
    inner = _is_begun(raw)
    end, undo = "commit", "rollback"
    read_only = begin is not None and "read only" in begin
    if inner:
        begin, end, undo = "savepoint part", "release part", "rollback to part; release part"
    if begin:
        await _execute(raw, begin)
    try:
        yield
    except BaseException as error:
        try:
            async with asyncio.timeout(GIVE_UP):
                await raw.execute(undo)
        except Exception as lost:
            with suppress(asyncpg.InterfaceError):  # it is closed already
                raw.terminate()  # all is undone with the connection
            # What goes on around a savepoint must not take it for undone alone.
            if inner and isinstance(error, Exception) and not isinstance(error, Unavailable):
                raise translate(lost) from error
        raise
    try:
        if (begin or _is_begun(raw)) and await raw.execute(end) == "ROLLBACK":
            raise RuntimeError("a transaction was undone: an error in it was passed over")
    except Exception as error:
        raise (translate(error) if inner or read_only else _of_commit(error)) from error


def _is_begun(raw: Any) -> bool:
    """Say whether a transaction is open; raises TryAgain where it is lost, which must not be taken for 'no'."""
    try:
        if not raw.is_closed():
            return bool(raw.is_in_transaction())
    except asyncpg.InterfaceError as error:
        raise translate(error) from error
    raise TryAgain("the database is away", retry_after=RETRY_AFTER)


async def _execute(raw: Any, text: str) -> None:
    try:
        await raw.execute(text)
    except Exception as error:
        raise translate(error) from error


def _values(query: str, values: Mapping[str, Any]) -> list[Any]:
    return [values[name] for name in _NAMES[query]]


def _by_model(keys: Iterable[tuple[Any, ...]]) -> Iterable[tuple[str, dict[str, list[Any]]]]:
    """Yield each model of some keys, in order, with the columns of its keys."""
    models: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for model_id, *rest in keys:
        models[model_id].append(tuple(rest))
    for model_id in sorted(models):
        columns = zip(*sorted(models[model_id]), strict=True)
        yield model_id, {name: list(column) for name, column in zip(_COLUMNS, columns, strict=False)}


class _Connection:
    """One connection that speaks in named queries."""

    def __init__(self, raw: Any) -> None:
        self.raw = raw

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        try:
            rows: Sequence[Row] = await self.raw.fetch(_TEXTS[query], *_values(query, values))
            return rows
        except Exception as error:
            raise translate(error) from error

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        rows: list[Row] = []
        try:
            async with nullcontext() if _is_begun(self.raw) else _begun(self.raw, "begin read only"):
                async for row in self.raw.cursor(_TEXTS[query], *_values(query, values), prefetch=PREFETCH):
                    size -= sum(len(text.encode()) for text in row.values() if isinstance(text, str))
                    if size < 0 and rows:
                        return rows, True
                    rows.append(row)
        except Exception as error:
            raise translate(error) from error
        return rows, False

    async def one(self, query: str, **values: Any) -> Row | None:
        rows = await self.all(query, **values)
        return rows[0] if rows else None

    async def of(self, query: str, keys: Iterable[tuple[Any, ...]], **values: Any) -> Sequence[Row]:
        """Ask model by model: on a cluster each statement then goes to one shard."""
        found: list[Row] = []
        for model_id, columns in _by_model(keys):
            found += await self.all(query, model_id=model_id, **columns, **values)
        return found


class _PostgresTransaction(_Connection):
    """A connection inside a transaction, which its first statement begins."""

    async def _begin(self) -> None:
        if not _is_begun(self.raw):
            await _execute(self.raw, "begin")

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        await self._begin()
        return await super().all(query, **values)

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        await self._begin()
        return await super().some(query, size, **values)

    async def run(self, query: str, **values: Any) -> None:
        await self.all(query, **values)

    async def run_many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            await self._begin()
            try:
                await self.raw.executemany(_TEXTS[query], [_values(query, row) for row in rows])
            except Exception as error:
                raise translate(error) from error

    async def insert(self, query: str, rows: Sequence[Struct]) -> int:
        """Insert by arrays, model by model, in the order of ids: nodes that insert the same ones don't cross."""
        key = attrgetter("model_id", "id")
        rows = sorted(rows, key=key)
        inserted = start = 0
        while start < len(rows):
            model_id = rows[start].model_id  # type: ignore[attr-defined]
            stop = start
            while stop < len(rows) and rows[stop].model_id == model_id:  # type: ignore[attr-defined]
                stop += 1
            chunk = rows[start:stop]
            columns = {name: list(map(attrgetter(name), chunk)) for name in _NAMES[query]} | {"model_id": model_id}
            inserted += len(await self.all(query, **columns))
            start = stop
        return inserted

    async def hold(self, model_ids: Iterable[str], *, alone: bool = False) -> None:
        """Take advisory locks of this transaction: no row is written for them."""
        verb = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
        steps = [] if _is_begun(self.raw) else ["begin"]
        steps += [f"select {verb}({number})" for number in sorted(map(_number, model_ids))]
        if steps:
            await _execute(self.raw, "; ".join(steps))

    async def confirm(self) -> None:
        """Write a word to the log: a commit that has written nothing doesn't wait for the synchronous standby."""
        await self._begin()
        await _execute(self.raw, "select pg_logical_emit_message(true, 'seeme', '')")

    @asynccontextmanager
    async def savepoint(self) -> AsyncIterator[None]:
        await self._begin()
        async with _begun(self.raw):
            yield


def _number(model_id: str) -> int:
    return int.from_bytes(blake2b(model_id.encode(), digest_size=8).digest(), "big", signed=True)


class Loading:
    """A transaction that fills tables in bulk."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw

    async def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return int(await self._raw.fetchval(f"select count(*) from {table}", timeout=COUNT_SECONDS))

    async def add(self, table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows with COPY."""
        await self._raw.copy_records_to_table(table, records=rows, columns=columns)

    async def chunks(
        self, table: str, columns: Sequence[str], key: Sequence[str], size: int
    ) -> AsyncIterator[list[tuple[Any, ...]]]:
        """Yield the rows of a table by its key, `size` at a time."""
        cursor = await self._raw.cursor(f"select {', '.join(columns)} from {table} order by {', '.join(key)}")
        while rows := await cursor.fetch(size):
            yield [tuple(row) for row in rows]


class PostgresDatabase:
    """A pool of connections to one database; opened by `open_postgres`."""

    shared = True

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self.lock: IO[str] | None = None  # of the node's data folder

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        try:
            raw = await self._pool.acquire(timeout=WAIT_SECONDS)
        except SetupError:
            raise
        except Exception as error:  # whatever it is, at once again wouldn't help
            raise Unavailable(f"the database is away ({type(error).__name__})", retry_after=RETRY_AFTER) from error
        try:
            yield raw
        finally:
            with suppress(Exception):  # a lost connection can't be reset; the pool drops it
                await self._pool.release(raw, timeout=GIVE_UP)

    async def _read(self, verb: str, *arguments: Any, **values: Any) -> Any:
        """Read, and again when the connection was lost meanwhile."""
        for left in reversed(range(READS)):
            try:
                async with self._acquired() as raw:
                    return await getattr(_Connection(raw), verb)(*arguments, **values)
            except TryAgain:
                if not left:
                    raise
        raise AssertionError

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        """Return every row of a named query."""
        rows: Sequence[Row] = await self._read("all", query, **values)
        return rows

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        """Return rows of a named query until their texts exceed `size` bytes, and whether some are left."""
        found: tuple[Sequence[Row], bool] = await self._read("some", query, size, **values)
        return found

    async def one(self, query: str, **values: Any) -> Row | None:
        """Return the first row of a named query, or None."""
        row: Row | None = await self._read("one", query, **values)
        return row

    async def of(self, query: str, keys: Iterable[tuple[Any, ...]], **values: Any) -> Sequence[Row]:
        """Return every row of a named query about a list of keys."""
        rows: Sequence[Row] = await self._read("of", query, list(keys), **values)
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction; it is durable (on a synchronous standby too) when the block is left."""
        async with self._acquired() as raw, _begun(raw, None):
            yield _PostgresTransaction(raw)

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Reader]:
        """Let what is read show one moment, whatever is written meanwhile."""
        # Whoever reads it may take a rest: an export into a pager.
        begin = "begin isolation level repeatable read read only; set local idle_in_transaction_session_timeout = 0"
        async with self._acquired() as raw, _begun(raw, begin):
            yield _Connection(raw)

    @asynccontextmanager
    async def loading(self) -> AsyncIterator[Loading]:
        """Open a transaction that fills tables in bulk; what goes wrong undoes all of it."""
        async with self._acquired() as raw:
            try:
                async with _begun(raw, "begin; set local idle_in_transaction_session_timeout = 0"):
                    yield Loading(raw)
            except Exception as error:
                failed = translate(error)
                if isinstance(failed, RowRefused):
                    raise SetupError(f"the target refuses a row, so nothing was copied: {failed}") from error
                raise failed from error

    async def backup(self, target: Path) -> None:
        """PostgreSQL has tools of its own for that."""
        raise SetupError("copy a PostgreSQL database with pg_dump, and the inputs' folder beside it: docs/postgres.md")

    async def integrity_errors(self) -> list[str]:
        """Return nothing: PostgreSQL checks its pages itself when they are read (initdb --data-checksums)."""
        return []

    async def close(self) -> None:
        """Close every connection."""
        with suppress(TimeoutError):
            await self._pool.close()
        if self.lock is not None:
            self.lock.close()
