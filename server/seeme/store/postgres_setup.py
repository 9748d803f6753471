"""Opening a PostgreSQL database: whatever is wrong with it is said in one line; the schema is made or brought up."""

import re
from typing import Any

import asyncpg

from seeme.errors import SetupError
from seeme.store.database import migrations
from seeme.store.postgres import COMMAND_SECONDS, PostgresDatabase

POOL = 6  # connections per node, at most
OLDEST = 15
IDLE_SECONDS = 5  # within a transaction
CONNECT_SECONDS = 10.0
MIGRATION_SECONDS = 3600.0  # of a large table, and for a node that waits for another's
READ_ONLY = "the database is read-only: is --database the primary?"
_TEXT_COLUMN = re.compile(r"(?m)^(  \w+ text|alter table \w+ add column \w+ text)\b")
# Migrations of several nodes that start at once wait for each other under this number.
_MIGRATION_LOCK = 7_305_436


async def open_postgres(url: str, *, migrate: bool = True) -> PostgresDatabase:
    """Open a pool on a database, made ready if need be.

    Raises:
        SetupError: the address, user, password, encoding, version or schema is wrong, each in one clear line.
    """
    # None is connected ahead (min_size): the driver would log a traceback per try for as long as the database is away.
    pool = await asyncpg.create_pool(
        url,
        min_size=0,
        max_size=POOL,
        command_timeout=COMMAND_SECONDS,
        timeout=CONNECT_SECONDS,
        init=_prepare,
        reset=_as_it_is,
    )
    try:
        async with pool.acquire() as raw:
            if migrate:
                await _migrate(raw)
            elif not await _refuse_newer(raw, migrations()[-1][0]):
                raise SetupError("there is nothing of SeeMe in the database that --database names; is it right?")
    except BaseException as error:
        pool.terminate()
        said = _said(error)
        if said is None:
            raise
        raise SetupError(said) from None
    return PostgresDatabase(pool)


def _said(error: BaseException) -> str | None:
    """Return one line about what is wrong with an address or its database, without the password; None for else."""
    line = str(error).partition("\n")[0] or type(error).__name__
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return "PostgreSQL refuses the user or the password of --database"
        case asyncpg.InvalidCatalogNameError():
            return f"PostgreSQL has no such database: {line}; create it first"
        case asyncpg.InsufficientPrivilegeError():
            return f"the user of --database may not make its tables or use them: {line}"
        case asyncpg.ReadOnlySQLTransactionError() | asyncpg.TargetServerAttributeNotMatched():
            return READ_ONLY
        case asyncpg.ClientConfigurationError():
            return f"--database isn't a PostgreSQL address: {line}"
        case ValueError() | OverflowError():  # whose text may be a part of the password, cut at a sign of it
            return (
                "--database isn't a PostgreSQL address such as postgresql://user:password@host:5432/name "
                "(in a password / ? # @ [ are written %2F %3F %23 %40 %5B)"
            )
        case OSError():
            return f"PostgreSQL can't be reached with --database: {line}"
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | asyncpg.InternalClientError():
            return f"PostgreSQL can't be used with --database: {line}"
    return None


async def _prepare(raw: Any) -> None:
    """Check each new connection: the encoding, the version, and that a commit means a durable one."""
    encoding = raw.get_settings().server_encoding
    if encoding != "UTF8":
        raise SetupError(
            f"the database's encoding is {encoding}; create it with: "
            "create database ... encoding 'UTF8' template template0"
        )
    version = raw.get_server_version().major
    if version < OLDEST:
        raise SetupError(f"this is PostgreSQL {version}; {OLDEST} or newer is needed")
    # Every query of ours goes from key to key over an index; before the first analyze the planner takes a growing table
    # for an empty one, and would keep plans that read all of it.
    await raw.execute("set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off")
    # What is read whole, such as the few models, then looks so dear that each time 30 ms went into compiling it.
    await raw.execute("set jit = off")
    # What is read after a lock was waited for must be what the others have committed meanwhile.
    await raw.execute("set default_transaction_isolation = 'read committed'")
    # A node that stands still or is cut off must not hold up the others for longer than this.
    await raw.execute(f"set idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'; set tcp_user_timeout = '10s'")
    await raw.execute("set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3")
    if await raw.fetchval("show synchronous_commit") not in ("on", "remote_apply"):
        await raw.execute("set synchronous_commit = on")


async def _as_it_is(raw: Any) -> None:
    """Give a connection back to the pool with what `_prepare` has set: the driver's own way would reset all of it."""


async def _refuse_newer(raw: Any, newest: int) -> int:
    """Return the schema's version, 0 where there is none."""
    exists = await raw.fetchval("select to_regclass('seeme_schema') is not null")
    version = int(await raw.fetchval("select max(version) from seeme_schema") or 0) if exists else 0
    if version > newest:
        raise SetupError(
            f"the database has schema {version}, this version of seeme knows {newest}: "
            "it was written by a newer version; upgrade seeme-feedback"
        )
    return version


async def _migrate(raw: Any) -> None:
    """Bring the schema up to date in one transaction; nodes that start at once do it one after the other."""
    steps = migrations()
    if await raw.fetchval("show transaction_read_only") == "on":
        raise SetupError(READ_ONLY)
    async with raw.transaction():
        await raw.execute("select pg_advisory_xact_lock($1)", _MIGRATION_LOCK, timeout=MIGRATION_SECONDS)
        version = await _refuse_newer(raw, steps[-1][0])
        if version == 0:
            await raw.execute("create table if not exists seeme_schema (version bigint primary key)")
        for number, script in steps:
            if number > version:
                await raw.execute(_TEXT_COLUMN.sub(r'\1 collate "C"', script), timeout=MIGRATION_SECONDS)
                await raw.execute("insert into seeme_schema (version) values ($1)", number)
