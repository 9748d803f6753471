"""What a dataset's versions and exports cost: time, and memory that must not grow with the number of items."""

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

from seeme import Client
from seeme.records.datasets import NewDataset
from seeme.records.rows import ItemRow
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.settings import Settings
from seeme.store.datasets import OPEN

from .process import Peak, Service
from .run import Run

DATASET = "many"
MOST_MB = 150
_CHUNK = 10_000


def exporting(run: Run) -> None:
    """Fill a dataset, freeze it, and download it in each form while the service's memory is watched."""
    count = run.plan.many
    folder = run.folder / "exporting"
    run.say(f"storing {count:,} items of a dataset")
    asyncio.run(_store(folder, count))
    with Service(folder) as service, Client(f"http://127.0.0.1:{service.port}", service.key, timeout=600) as client:
        began = time.perf_counter()
        version = client.create_dataset_version(DATASET, "all")
        made = (time.perf_counter() - began) * 1e3
        run.add(f"a version of {count:,} items", f"{made:.1f} ms", "<= 100 ms", made <= 100)
        for format in ("jsonl", "csv", "coco", "yolo"):
            run.say(f"exporting {count:,} items as {format}")
            target = run.folder / f"export.{format}"
            began = time.perf_counter()
            with Peak(service) as peak:
                client.export_dataset(DATASET, version.id, target, format=format)
            took = time.perf_counter() - began
            run.keep("exporting", format=format, items=count, seconds=took, megabytes=peak.megabytes)
            size = target.stat().st_size / 1e6
            run.add(
                f"export of {count:,} items as {format} ({size:,.0f} MB, {took:.1f} s): peak memory",
                f"{peak.megabytes:,.0f} MB",
                f"<= {MOST_MB} MB",
                peak.megabytes <= MOST_MB,
            )
            target.unlink()


async def _store(folder: Path, count: int) -> None:
    """Store items as the service would, a chunk in each transaction."""
    someone = Identity("sk_bench", "secret", "bench", frozenset({"admin"}))
    async with Services.open(Settings(data=folder)) as services:
        await services.datasets.create(NewDataset(name="Many", id=DATASET, task="detection"), someone)
        for start in range(0, count, _CHUNK):
            rows = [{name: getattr(row, name) for name in ItemRow.__struct_fields__} for row in _rows(start, count)]
            async with services.database.transaction() as tx:
                await tx.run_many("insert_dataset_item", rows)
        async with services.database.transaction() as tx:
            counts = [("train", "", count), ("train", "car", count), ("train", "bus", count)]
            values = [{"dataset_id": DATASET, "split": split, "label": label, "n": n} for split, label, n in counts]
            await tx.run_many("add_dataset_count", values)


def _rows(start: int, count: int) -> Iterator[ItemRow]:
    boxes = json.dumps([{"label": label, "box": [10.5, 20.25, 300.0, 40.0]} for label in ("car", "bus")])
    for number in range(start, min(start + _CHUNK, count)):
        yield ItemRow(
            dataset_id=DATASET, id=f"item-{number:09}", source="review", created_at=1_700_000_000_000_000, boxes=boxes,
            width=640, height=480, input_hash=f"{number:064x}", reviewer="bench", split="train", since=1, until=OPEN,
            digest=b"d" * 16,
        )  # fmt: skip
