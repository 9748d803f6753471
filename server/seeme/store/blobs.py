"""Input images on disk, named by the SHA-256 of their bytes and counted by reference."""

import asyncio
import errno
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from seeme.clock import HOUR, SECOND
from seeme.errors import StorageFull, TooLarge
from seeme.ids import short_id
from seeme.store.database import Reader, Transaction

ABANDONED = HOUR  # without a byte


class Upload(NamedTuple):
    """Bytes received, on disk but not yet under their name."""

    path: Path
    hash: str
    size: int
    head: bytes


class Blobs:
    """A folder of files that are written whole or not at all."""

    def __init__(self, folder: Path, at: int) -> None:
        self._folder = folder
        (folder / "incoming").mkdir(parents=True, exist_ok=True)
        for left in (folder / "incoming").iterdir():  # from a process that was killed, not from another node
            with suppress(FileNotFoundError):
                if at - left.stat().st_mtime * SECOND > ABANDONED:
                    left.unlink()

    def path(self, hash: str) -> Path:
        """Return where the bytes of a hash are."""
        return place(self._folder, hash)

    async def receive(self, chunks: AsyncIterator[bytes], most: int) -> Upload:
        """Write bytes to disk as they come, with an fsync at the end.

        Raises:
            TooLarge: more than `most` bytes came.
            StorageFull: there is no room.
        """
        path = self._folder / "incoming" / short_id("in")
        hasher, size, head = sha256(), 0, b""
        try:
            with path.open("wb") as file:
                async for chunk in chunks:
                    size += len(chunk)
                    if size > most:
                        raise TooLarge(f"an input has at most {most} bytes (SEEME_MAX_INPUT)")
                    head = (head + chunk)[:64] if len(head) < 64 else head
                    hasher.update(chunk)
                    file.write(chunk)
                await asyncio.to_thread(_sync, file)
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageFull() from error
            raise
        return Upload(path, hasher.hexdigest(), size, head)

    async def keep(self, upload: Upload) -> None:
        """Give an upload its name, durably; the same bytes may be there already."""
        await asyncio.to_thread(self._keep, upload)

    def _keep(self, upload: Upload) -> None:
        target = self.path(upload.hash)
        target.parent.mkdir(exist_ok=True)
        try:
            upload.path.replace(target)
        except FileNotFoundError:
            # The writer does its work a second time when a row of its commit was refused.
            if not target.exists():
                raise
        for folder in (target.parent, self._folder):
            descriptor = os.open(folder, os.O_RDONLY)
            os.fsync(descriptor)
            os.close(descriptor)

    def discard(self, upload: Upload) -> None:
        """Delete an upload that isn't wanted."""
        upload.path.unlink(missing_ok=True)

    def read(self, hash: str) -> bytes | None:
        """Return the bytes of a hash, None where they aren't there (any more)."""
        try:
            return self.path(hash).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, hash: str) -> None:
        """Delete the bytes of a hash."""
        self.path(hash).unlink(missing_ok=True)


def place(folder: Path, hash: str) -> Path:
    """Return where in a folder of blobs the bytes of a hash are."""
    return folder / hash[:2] / hash


async def hashes(reader: Reader) -> list[str]:
    """Return the hash of every input that some prediction has."""
    return [row["hash"] for row in await reader.all("all_blobs")]


def _sync(file: object) -> None:
    file.flush()  # type: ignore[attr-defined]
    os.fsync(file.fileno())  # type: ignore[attr-defined]


async def add_reference(tx: Transaction, upload: Upload, media_type: str, at: int) -> None:
    """Count one more prediction that has these bytes as its input."""
    await tx.run("add_blob", hash=upload.hash, size=upload.size, media_type=media_type, created_at=at)


async def drop_references(tx: Transaction, hashes: list[str]) -> None:
    """Count one prediction less for each of these hashes."""
    await tx.run_many("drop_blob", [{"hash": hash} for hash in hashes])


async def media_type(reader: Reader, hash: str) -> str | None:
    """Return what the bytes of a hash are, or None when they aren't stored."""
    row = await reader.one("blob", hash=hash)
    return row["media_type"] if row and row["refs"] > 0 else None


async def unreferenced(reader: Reader, most: int) -> list[str]:
    """Return hashes that no prediction has any more."""
    return [row["hash"] for row in await reader.all("unreferenced_blobs", most=most)]


async def set_input(tx: Transaction, model_id: str, prediction_id: str, hash: str) -> None:
    """Store that a prediction's input is there."""
    await tx.run("set_input", model_id=model_id, id=prediction_id, hash=hash)


async def forget_blob(tx: Transaction, hash: str) -> bool:
    """Delete the row of a hash if nothing refers to it; say whether it did."""
    return await tx.one("delete_blob", hash=hash) is not None
