"""Whether the database answers. It is asked once a second at most, as anybody may ask for readiness."""

import asyncio

from seeme.errors import Unavailable
from seeme.store.database import Reader

GOOD_FOR = 1.0
PATIENCE = 3.0


class Pulse:
    """The database's last sign of life."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._asking: asyncio.Task[None] | None = None
        self._asked_at = float("-inf")

    async def feel(self) -> None:
        """Return when the database answers, or has just done so; raises Unavailable."""
        now = asyncio.get_running_loop().time()
        # One that isn't answered yet is waited for: each has a connection, of which there are few.
        if self._asking is None or (self._asking.done() and now - self._asked_at > GOOD_FOR):
            self._asked_at = now
            self._asking = asyncio.create_task(self._ask())
        await asyncio.shield(self._asking)

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE):
                await self._reader.one("ping")
        except TimeoutError:
            raise Unavailable("the database doesn't answer", retry_after=2) from None
