"""Small writes and reads of a database, for tests that care about when and whether rather than what."""

from contextlib import AsyncExitStack

from seeme.store import postgres_setup

BLOB = {"size": 3, "media_type": "image/png", "created_at": 1}
LOCKED = "lock table blobs in access exclusive mode"


async def put(database, *hashes):
    """Store blobs' rows in one transaction."""
    async with database.transaction() as tx:
        for hash in hashes:
            await tx.run("add_blob", hash=hash, **BLOB)


async def stored(database):
    """Return the hashes that are stored."""
    return [row["hash"] for row in await database.all("all_blobs")]


async def connect_all(database):
    """Open as many connections as there may be, and give them back."""
    async with AsyncExitStack() as stack:
        for _ in range(postgres_setup.POOL):
            await stack.enter_async_context(database._acquired())
