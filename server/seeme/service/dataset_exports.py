"""A version as a file, made while it is sent: a page of items at a time, so that memory stays small."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import msgspec

from seeme.domain import exchange, exchange_coco, exchange_yolo, zipping
from seeme.domain.cells import csv_line
from seeme.errors import Conflict, Unavailable
from seeme.records.datasets import DatasetItem, ExportFormat
from seeme.service.datasets import Datasets
from seeme.store import blobs, datasets
from seeme.store.blobs import Blobs
from seeme.store.database import Database

PAGE = 1000
CHUNK = 64 * 1024
MEDIA_TYPES = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "coco": "application/json",
    "yolo": "application/zip",
}
SUFFIXES = {"jsonl": "jsonl", "csv": "csv", "coco": "json", "yolo": "zip"}
Chunks = AsyncIterator[bytes]


class Export(NamedTuple):
    """A file that is made while its chunks are asked for."""

    name: str
    media_type: str
    chunks: Chunks


class DatasetExports:
    """Exports of versions."""

    def __init__(self, reader: Database, known: Datasets, files: Blobs) -> None:
        self._reader = reader
        self._datasets = known
        self._files = files

    async def open(
        self, dataset_id: str, version_id: str, format: ExportFormat, shard: int = 1, shards: int = 1
    ) -> Export:
        """Return a version as a file.

        Raises:
            NotFound: there is no such version.
            Conflict: the format isn't for the dataset's task, or items don't say how large their image is.
        """
        stored = await self._datasets.stored_version(dataset_id, version_id)
        if format in ("coco", "yolo"):
            await self._check_boxes(stored, format)
        chunks = {
            "jsonl": lambda: self._jsonl(stored),
            "csv": lambda: self._csv(stored),
            "coco": lambda: self._coco(stored),
            "yolo": lambda: self._yolo(stored, shard, shards),
        }[format]()
        part = f"-{shard}-of-{shards}" if shards > 1 else ""
        name = f"{dataset_id.replace(':', '_').replace('~', '_')}-{stored.version.number}{part}.{SUFFIXES[format]}"
        return Export(name, MEDIA_TYPES[format], chunks)

    async def _check_boxes(self, stored: datasets.StoredDatasetVersion, format: str) -> None:
        found = await datasets.dataset(self._reader, stored.version.dataset_id)
        task = found.dataset.task if found else None
        if task not in (None, "detection"):
            raise Conflict(f"the format {format} is for boxes; this dataset is for {task}: use jsonl or csv")
        count, first = await datasets.unsized(self._reader, stored.version.dataset_id, stored.version.number)
        if count:
            raise Conflict(
                f"{count} items, such as {first}, don't say how large their image is, which {format} needs: put them "
                "again with `image_size`, or use jsonl or csv"
            )

    async def _pages(self, stored: datasets.StoredDatasetVersion) -> AsyncIterator[list[DatasetItem]]:
        after, more = "", True
        while more:
            self._datasets.get(stored.version.dataset_id)  # deleted meanwhile: break off, rather than end early
            page = await datasets.items(self._reader, stored.version.dataset_id, stored.version.number, after, PAGE)
            more = page.more
            if page.rows:
                after = page.rows[-1].id
                yield [datasets.to_item(row) for row in page.rows]

    async def _jsonl(self, stored: datasets.StoredDatasetVersion) -> Chunks:
        encode = msgspec.json.Encoder().encode_lines
        async for page in self._pages(stored):
            yield encode(page)

    async def _csv(self, stored: datasets.StoredDatasetVersion) -> Chunks:
        yield csv_line(exchange.COLUMNS).encode()
        async for page in self._pages(stored):
            plain = [msgspec.to_builtins(item) for item in page]
            yield "".join(csv_line([item[name] for name in exchange.COLUMNS]) for item in plain).encode()

    async def _coco(self, stored: datasets.StoredDatasetVersion) -> Chunks:
        labels = _labels(stored)
        numbers = {label: number for number, label in enumerate(labels, 1)}
        name = f"{self._datasets.get(stored.version.dataset_id).name}: {stored.version.name}"
        yield exchange_coco.head(name, labels) + b',"images":['
        number, comma = 0, b""
        async for page in self._pages(stored):
            images = [exchange_coco.image(number + n, item, await self._suffix(item)) for n, item in enumerate(page, 1)]
            number += len(page)
            yield comma + b",\n".join(images)
            comma = b",\n"
        yield b'],"annotations":['
        image, first, comma = 0, 1, b""
        async for page in self._pages(stored):
            found: list[bytes] = []
            for item in page:
                image += 1
                found += exchange_coco.annotations(first, image, item, numbers)
                first += len(item.boxes or ())
            if found:
                yield comma + b",\n".join(found)
                comma = b",\n"
        yield b"]}"
        await self._check_whole(stored)

    async def _check_whole(self, stored: datasets.StoredDatasetVersion) -> None:
        """End the file as broken off when a person was erased meanwhile: numbers of images would be others'."""
        now = await self._datasets.stored_version(stored.version.dataset_id, stored.version.id)
        if now.version.erased != stored.version.erased:
            raise Unavailable("items were erased during the export; ask for it again", retry_after=1)

    async def _suffix(self, item: DatasetItem) -> str:
        if not item.has_input or item.input_hash is None:
            return ".jpg"
        kind = await blobs.media_type(self._reader, item.input_hash)
        return exchange.SUFFIXES.get(kind or "", ".jpg")

    async def _yolo(self, stored: datasets.StoredDatasetVersion, shard: int, shards: int) -> Chunks:
        labels = _labels(stored)
        numbers = {label: number for number, label in enumerate(labels)}
        with TemporaryFile() as directory:
            archive = _Archive(directory)
            yield archive.add("data.yaml", exchange_yolo.data_yaml(labels).encode())
            number = 0
            async for page in self._pages(stored):
                number += 1
                mine = [item for item in page if int(exchange.file_stem(item.id), 16) % shards == shard - 1]
                if mine:
                    yield archive.add(f"items/{shard:04}-{number:06}.jsonl", b"".join(map(_about, mine)))
                    async for chunk in self._files_of(archive, mine, numbers):
                        yield chunk
            for chunk in archive.end():
                yield chunk

    async def _files_of(self, archive: "_Archive", items: list[DatasetItem], numbers: dict[str, int]) -> Chunks:
        waiting = bytearray()
        for item in items:
            stem = f"{item.split}/{exchange.file_stem(item.id)}"
            waiting += archive.add(f"labels/{stem}.txt", exchange_yolo.labels_text(item, numbers).encode())
            image = await self._image(item)
            if image is not None:
                waiting += archive.add(f"images/{stem}{await self._suffix(item)}", image)
            if len(waiting) >= CHUNK:
                yield bytes(waiting)
                waiting.clear()
        yield bytes(waiting)

    async def _image(self, item: DatasetItem) -> bytes | None:
        if not item.has_input or item.input_hash is None:
            return None
        return await asyncio.to_thread(self._files.read, item.input_hash)


class _Archive:
    """A zip as it is written, whose directory waits on disk."""

    def __init__(self, directory: IO[bytes]) -> None:
        self._directory = directory
        self._count = self._size = self._offset = 0

    def add(self, name: str, data: bytes) -> bytes:
        """Return what stands in the zip for a file."""
        self._size += self._directory.write(zipping.line(name, data, self._offset))
        entry = zipping.entry(name, data)
        self._count += 1
        self._offset += len(entry)
        return entry

    def end(self) -> Iterator[bytes]:
        """Yield the directory and the end."""
        self._directory.seek(0)
        while chunk := self._directory.read(CHUNK):
            yield chunk
        yield zipping.end(self._count, self._size, self._offset)


def _labels(stored: datasets.StoredDatasetVersion) -> list[str]:
    return sorted({label for split in stored.splits.values() for label in split.labels})


def _about(item: DatasetItem) -> bytes:
    """Return the line that tells which item a file is, for those who take the archive back."""
    kept = {name: getattr(item, name) for name in ("id", "image_size", "input_hash", "input_url", "input_id")}
    return msgspec.json.encode({"file": f"{item.split}/{exchange.file_stem(item.id)}", **kept}) + b"\n"
