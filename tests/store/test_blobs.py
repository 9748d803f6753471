"""Inputs on disk: written whole or not at all, named by what they are, gone when nobody refers to them."""

import errno
import os
import time
from hashlib import sha256

import pytest

from seeme.errors import StorageFull, TooLarge
from seeme.store import blobs
from seeme.store.blobs import Blobs
from seeme.store.sqlite import open_sqlite

NOW = time.time_ns() // 1000
IMAGE = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20
HASH = sha256(IMAGE).hexdigest()


@pytest.fixture
def folder(tmp_path):
    """Where the files are."""
    return tmp_path / "blobs"


@pytest.fixture
def files(folder):
    """A store of files."""
    return Blobs(folder, NOW)


async def chunks(content, size=1000):
    """Yield bytes as they come from a socket."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def every_file(folder):
    """Return the files of a folder, by name."""
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
async def test_bytes_are_received_as_sent(files, size):
    """Whatever the size of the pieces, hash, size and the first 64 bytes are those of the whole."""
    upload = await files.receive(chunks(IMAGE, size), len(IMAGE))
    assert (upload.hash, upload.size, upload.head) == (HASH, len(IMAGE), IMAGE[:64])
    assert upload.path.read_bytes() == IMAGE


async def test_nothing_is_an_upload_too(files):
    """No bytes have a hash and no head; what they are is decided elsewhere."""
    upload = await files.receive(chunks(b""), 10)
    assert (upload.size, upload.head) == (0, b"")


async def test_too_many_bytes_are_refused_and_leave_nothing(files, folder):
    """One byte above the bound ends the upload; just the bound is fine."""
    with pytest.raises(TooLarge, match="SEEME_MAX_INPUT"):
        await files.receive(chunks(IMAGE), len(IMAGE) - 1)
    assert every_file(folder) == []
    await files.receive(chunks(IMAGE), len(IMAGE))


async def test_a_sender_that_goes_away_leaves_nothing(files, folder):
    """An upload that breaks off is deleted."""

    async def broken():
        yield IMAGE[:100]
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await files.receive(broken(), 10**6)
    assert every_file(folder) == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
async def test_no_room_is_told_as_such(files, folder, number):
    """A full disk or quota is StorageFull, and leaves nothing."""

    async def full():
        yield IMAGE[:100]
        raise OSError(number, os.strerror(number))

    with pytest.raises(StorageFull):
        await files.receive(full(), 10**6)
    assert every_file(folder) == []


async def test_a_kept_upload_has_its_hash_for_a_name(files, folder):
    """The file is under its hash, and no longer among the incoming."""
    upload = await files.receive(chunks(IMAGE), 10**6)
    await files.keep(upload)
    assert files.path(HASH).read_bytes() == IMAGE
    assert every_file(folder) == [HASH]


async def test_the_same_bytes_may_be_kept_twice(files, folder):
    """The second upload of the same bytes takes the place of the first."""
    for _ in range(2):
        await files.keep(await files.receive(chunks(IMAGE), 10**6))
    assert every_file(folder) == [HASH]


async def test_keeping_again_is_harmless(files, folder):
    """The writer does its work a second time when some row of its commit was refused."""
    upload = await files.receive(chunks(IMAGE), 10**6)
    for _ in range(2):
        await files.keep(upload)
    assert every_file(folder) == [HASH]
    files.delete(HASH)
    with pytest.raises(FileNotFoundError):
        await files.keep(upload)


async def test_bytes_and_name_are_synced_before_the_answer(files):
    """The file is synced while it is incoming, and both folders after it has its name, in this order."""
    synced = []

    real = os.fsync

    def record(descriptor):
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    os.fsync = record
    try:
        upload = await files.receive(chunks(IMAGE), 10**6)
        await files.keep(upload)
    finally:
        os.fsync = real
    target = files.path(HASH)
    assert synced == [str(upload.path), str(target.parent), str(target.parents[1])]


async def test_what_a_killed_process_left_is_deleted_at_the_start(files, folder):
    """Incoming files without a byte for an hour are no one's; younger ones may be another node's."""
    left = await files.receive(chunks(IMAGE), 10**6)
    young = await files.receive(chunks(IMAGE), 10**6)
    os.utime(left.path, (1, 1))
    kept = await files.receive(chunks(IMAGE + b"2"), 10**6)
    await files.keep(kept)
    Blobs(folder, NOW)
    assert sorted(every_file(folder)) == sorted([kept.hash, young.path.name])


async def test_deleting_or_discarding_twice_is_harmless(files, folder):
    """A file that is gone already is no error."""
    upload = await files.receive(chunks(IMAGE), 10**6)
    await files.keep(upload)
    for _ in range(2):
        files.discard(upload)
        files.delete(HASH)
    assert every_file(folder) == []


async def test_references_are_counted(files, tmp_path):
    """A hash is known while some prediction refers to it, and its row goes only when none does."""
    database = await open_sqlite(tmp_path / "seeme.db")
    upload = await files.receive(chunks(IMAGE), 10**6)
    async with database.transaction() as tx:
        for _ in range(2):
            await blobs.add_reference(tx, upload, "image/png", 1)
    assert await blobs.media_type(database, HASH) == "image/png"
    for left in ([], [HASH]):
        async with database.transaction() as tx:
            await blobs.drop_references(tx, [HASH])
        assert await blobs.unreferenced(database, 10) == left
        async with database.transaction() as tx:
            assert await blobs.forget_blob(tx, HASH) == bool(left)
    assert await blobs.media_type(database, HASH) is None
    await database.close()
