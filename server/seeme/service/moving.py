"""From the SQLite file of a data folder to PostgreSQL, while no service runs on either."""

from collections.abc import Callable

from seeme.errors import SetupError
from seeme.service.secrets import deployment_secret, fingerprint
from seeme.settings import Settings
from seeme.store.engines import FILE
from seeme.store.moving import move
from seeme.store.postgres_setup import open_postgres
from seeme.store.sqlite import open_sqlite


async def migrate(settings: Settings, url: str, done: Callable[[int, int], None]) -> dict[str, int]:
    """Copy everything in the data folder's SQLite file; return how many rows each table has.

    The inputs and the secret stay in the data folder, which the service goes on using. `done` is told how many rows of
    how many are copied.

    Raises:
        SetupError: a service runs on the data folder, there is no file, the target isn't empty, or it can't be reached.
    """
    if not (settings.data / FILE).exists():
        raise SetupError(f"there is no database at {settings.data / FILE}; is --from right?")
    if not url.startswith(("postgresql://", "postgres://")):
        raise SetupError("--to is an address such as postgresql://user@host/name")
    source = await open_sqlite(settings.data / FILE)
    try:
        try:
            target = await open_postgres(url)
        except SetupError as error:
            raise SetupError(str(error).replace("--database", "--to")) from None
        try:
            return await move(source, target, fingerprint(deployment_secret(settings)), done)
        finally:
            await target.close()
    finally:
        await source.close()
