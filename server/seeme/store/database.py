"""The few driver verbs, and the queries by name: an engine is one file that offers these."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from seeme.errors import Unavailable

Row = Mapping[str, Any]

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
VALUE = re.compile(r"(?<![:\w]):([a-z_]+)")


class RowRefused(Exception):
    """The database refused a row's content (a constraint, a number out of range): that row's fault, not ours."""


class TryAgain(Unavailable):
    """Another node was in the way, or the connection was lost before the commit: the same again may well succeed."""


class Query(NamedTuple):
    """A query with the names of its values in the order of their places."""

    text: str
    names: tuple[str, ...]

    def numbered(self, sign: str) -> str:
        """Return the text with `:name` as numbered places: ?1 for SQLite, $1 for PostgreSQL."""
        return VALUE.sub(lambda match: f"{sign}{self.names.index(match[1]) + 1}", self.text)


@cache
def queries(engine: str) -> dict[str, Query]:
    """Return every query by name: the shared ones, and those of one engine ('sqlite', 'postgres')."""
    found: dict[str, Query] = {}
    for name in ("queries.sql", f"{engine}.sql"):
        parts = _NAME.split((files("seeme.store") / name).read_text("utf-8"))
        for query, text in zip(parts[1::2], parts[2::2], strict=True):
            if query in found:
                raise ValueError(f"the query {query} stands twice")
            found[query] = Query(text.strip().rstrip(";"), tuple(dict.fromkeys(VALUE.findall(text))))
    return found


def migrations() -> list[tuple[int, str]]:
    """Return the numbered migrations in order, as (number, SQL)."""
    folder = files("seeme.store") / "migrations"
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".sql"))
    return [(int(name[:4]), (folder / name).read_text("utf-8")) for name in names]


class Reader(Protocol):
    """Something that can be asked."""

    async def all(self, query: str, **values: Any) -> Sequence[Row]:
        """Return every row of a named query."""
        ...

    async def some(self, query: str, size: int, **values: Any) -> tuple[Sequence[Row], bool]:
        """Return a named query's rows until their texts exceed `size` bytes, at least one; and whether some are left.

        What is left isn't loaded.
        """
        ...

    async def one(self, query: str, **values: Any) -> Row | None:
        """Return the first row of a named query, or None."""
        ...

    async def of(self, query: str, keys: Iterable[tuple[Any, ...]], **values: Any) -> Sequence[Row]:
        """Return every row of a named query about a list of keys, each of which starts with its model."""
        ...


class Transaction(Reader, Protocol):
    """An open write transaction: all of it is stored, or none."""

    async def run(self, query: str, **values: Any) -> None:
        """Run a named query that changes something. What it changed is asked by `all` and `returning`."""
        ...

    async def run_many(self, query: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run a named query once per row of values.

        What goes wrong is raised here, at a later call or at the commit, and undoes the savepoint or transaction: among
        it RowRefused for a row's own fault.
        """
        ...

    async def insert(self, query: str, rows: Sequence[Struct]) -> int:
        """Insert rows whose fields are the query's values; what goes wrong is raised as by `run_many`.

        Return how many were inserted: fewer when another node took an id since it was asked for.
        """
        ...

    async def hold(self, model_ids: Iterable[str], *, alone: bool = False) -> None:
        """Keep others from changing models until the transaction ends: those who are `alone`, or all others if alone.

        Where there is one writer, it always is alone.
        """
        ...

    async def confirm(self) -> None:
        """Let the commit promise what others have committed before it, too: this one may only have read it."""
        ...

    def savepoint(self) -> AbstractAsyncContextManager[None]:
        """Open a part that is undone alone when an exception leaves it."""
        ...


class Database(Reader, Protocol):
    """An open database: reads from any task, writes in transactions. `shared`: by other nodes too."""

    shared: bool

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Open the write transaction; leaving it commits, durably, and an exception undoes it."""
        ...

    def snapshot(self) -> AbstractAsyncContextManager[Reader]:
        """Open something to read that shows one moment, whatever is written meanwhile."""
        ...

    async def backup(self, target: Path) -> None:
        """Copy the database, as of one moment, into a new file; raises SetupError where it isn't one."""
        ...

    async def integrity_errors(self) -> list[str]:
        """Return what is damaged in the database itself; nothing, if all is well."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...
