"""`seeme export`: a model's predictions, labels or feedback as JSONL or CSV, read beside a running service."""

import csv
from collections.abc import AsyncIterator
from typing import TextIO

import msgspec

from seeme.commands.progress import Progress
from seeme.domain.cells import cell
from seeme.records.feedback import Feedback
from seeme.records.predictions import Prediction, StoredLabel
from seeme.service.exports import count, rows
from seeme.settings import Settings
from seeme.store.engines import open_to_read

COLUMNS = {
    "predictions": Prediction.__struct_fields__,
    "labels": StoredLabel.__struct_fields__,
    "feedback": Feedback.__struct_fields__,
}


async def export(settings: Settings, model_id: str, kind: str, format: str, target: TextIO) -> int:
    """Write every row of a kind, oldest first; return how many."""
    database = await open_to_read(settings)
    try:
        async with database.snapshot() as reader:
            progress = Progress(f"Exporting {kind}", await count(reader, model_id, kind))
            found = rows(reader, model_id, kind)
            if format == "csv":
                written = await _csv(found, COLUMNS[kind], target, progress)
            else:
                written = await _jsonl(found, target, progress)
    finally:
        await database.close()
    progress.end(f"{written} {kind} exported")
    return written


async def _jsonl(found: AsyncIterator[msgspec.Struct], target: TextIO, progress: Progress) -> int:
    written = 0
    async for record in found:
        target.write(msgspec.json.encode(record).decode() + "\n")
        written += 1
        progress.show(written)
    return written


async def _csv(
    found: AsyncIterator[msgspec.Struct], columns: tuple[str, ...], target: TextIO, progress: Progress
) -> int:
    writer = csv.writer(target)
    writer.writerow(columns)
    written = 0
    async for record in found:
        plain = msgspec.to_builtins(record)
        writer.writerow([cell(plain[name]) for name in columns])
        written += 1
        progress.show(written)
    return written
