"""`seeme migrate`: from the SQLite file of a data folder to PostgreSQL."""

import asyncio

from seeme.commands.progress import Progress
from seeme.service.moving import migrate
from seeme.settings import Settings


def move(settings: Settings, url: str) -> None:
    """Copy everything, and say what was copied."""
    bars: list[Progress] = []

    def done(rows: int, total: int) -> None:
        if not bars:
            bars.append(Progress("Copying", total))
        bars[0].show(rows)

    counts = asyncio.run(migrate(settings, url, done))
    text = ", ".join(f"{counts[table]} {table}" for table in ("predictions", "labels", "feedback", "models", "keys"))
    (bars[0] if bars else Progress("Copying", 1)).end(f"{text}: copied, and both sides agree")
    print(f"Now: seeme serve --data {settings.data} --database ... (the inputs and the secret stay in {settings.data})")
