"""Which engine keeps the data: SQLite in the data folder, or the PostgreSQL database that the settings name."""

from typing import TYPE_CHECKING

from seeme.errors import SetupError
from seeme.settings import Settings
from seeme.store.database import Database
from seeme.store.sqlite import open_sqlite, open_sqlite_readonly, take_lock

if TYPE_CHECKING:
    from seeme.store.postgres import PostgresDatabase

FILE = "seeme.db"


async def open_database(settings: Settings) -> Database:
    """Open the database for a service, made and migrated if need be; raises SetupError."""
    if settings.database:
        lock = take_lock(settings.data / FILE)
        try:
            database = await _postgres(settings.database, migrate=True)
        except BaseException:
            lock.close()
            raise
        database.lock = lock
        return database
    return await open_sqlite(settings.data / FILE)


async def open_to_read(settings: Settings) -> Database:
    """Open the database beside a running service or without one; raises SetupError when there is none."""
    if settings.database:
        return await _postgres(settings.database, migrate=False)
    return await open_sqlite_readonly(settings.data / FILE)


async def _postgres(url: str, *, migrate: bool) -> "PostgresDatabase":
    if not url.startswith(("postgresql://", "postgres://")):
        raise SetupError("--database / SEEME_DATABASE is an address such as postgresql://user@host/name, or nothing")
    try:
        from seeme.store.postgres_setup import open_postgres  # only here: who has SQLite needn't hold 5 MB of a driver
    except ModuleNotFoundError:  # asyncpg comes with the extra `postgres`
        raise SetupError("PostgreSQL needs one more package: pip install 'seeme-feedback[postgres]'") from None
    return await open_postgres(url, migrate=migrate)
