"""Looking after a data folder without the service: is all of it there and consistent, and copies of it."""

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from tempfile import mkdtemp

from seeme.errors import SetupError
from seeme.service import ab_recount, dataset_checks, recount
from seeme.settings import Settings
from seeme.store import ab_tests, blobs, datasets, registry, strata
from seeme.store.database import Reader
from seeme.store.engines import FILE, open_to_read
from seeme.store.sqlite import open_sqlite_readonly


async def model_ids(reader: Reader) -> list[str]:
    """Return the models that aren't deleted."""
    return [stored.model.id for stored in await registry.models(reader) if stored.deleted_at is None]


async def check(settings: Settings) -> AsyncIterator[tuple[str, list[str]]]:
    """Yield what was looked at, with the faults found there: the file, sums and counts against rows, the inputs."""
    database = await open_to_read(settings)
    try:
        damage = await database.integrity_errors()
        yield "database", damage
        if damage:  # what is read from it would mean nothing
            return
        async with database.snapshot() as reader:
            for model_id in await model_ids(reader):
                faults = []
                days = await recount.days(reader, model_id)
                for day, thinned in days:
                    if not thinned:
                        delta = await recount.day(reader, model_id, day)
                        faults += await recount.differences(reader, model_id, day, delta)
                        counted = await recount.strata_day(reader, model_id, day)
                        faults += await strata.differences(reader, model_id, day, counted)
                skipped = sum(thinned for _, thinned in days)
                note = f", {skipped} without rows any more" if skipped else ""
                yield f"sums of {model_id} against rows ({len(days)} days{note})", faults
            for stored in await datasets.datasets(reader):
                if stored.deleted_at is None:
                    faults = await dataset_checks.differences(reader, stored.dataset.id)
                    yield f"counts of the dataset {stored.dataset.id} against rows", faults
            for test in await ab_tests.tests(reader):
                faults = await ab_recount.differences(reader, test)
                note = ", without all its predictions" if test.thinned else ""
                yield f"sums of the A/B test {test.test.id} against units{note}", faults
            missing = [hash for hash in await blobs.hashes(reader) if not _blob(settings.data, hash).exists()]
            yield "inputs", [f"the input {hash} has a row but no file" for hash in missing]
    finally:
        await database.close()


async def backup(settings: Settings, target: Path) -> int:
    """Copy a data folder as of one moment, beside a running service or without one; return how many inputs it has.

    Raises:
        SetupError: the target exists, or the data are in PostgreSQL, which has its own tools.
    """
    if target.exists():  # noqa: ASYNC240 - a command with nothing else to do
        raise SetupError(f"{target} exists; name a folder that doesn't")
    database = await open_to_read(settings)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: what else is there, a half copy of another backup too, isn't ours to delete.
        part = Path(mkdtemp(prefix=f"{target.name}.", suffix=".part", dir=target.parent))
        try:
            await database.backup(part / FILE)
            copied = await _copy_rest(settings.data, part)
            _publish(part, target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    finally:
        await database.close()
    return copied


async def _copy_rest(data: Path, part: Path) -> int:
    """Copy what belongs to a copied database beside it; return how many inputs that database has."""
    copied = await open_sqlite_readonly(part / FILE)
    try:
        hashes = await blobs.hashes(copied)
    finally:
        await copied.close()
    for hash in hashes:
        source, place = _blob(data, hash), _blob(part, hash)
        place.parent.mkdir(parents=True, exist_ok=True)
        if source.exists():  # retention may have deleted it since
            shutil.copy2(source, place)
    if (data / "secret").exists():
        shutil.copy2(data / "secret", part / "secret")
    return len(hashes)


def _publish(part: Path, target: Path) -> None:
    """Give a copy its name, once all of it is on disk."""
    _seal(part)
    part.rename(target)
    _fsync(target.parent)


def _seal(folder: Path) -> None:
    """Leave a folder and all in it to their owner alone, and see that they are on disk."""
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder before the folder
        path.chmod(0o700 if path.is_dir() else 0o600)
        _fsync(path)
    _fsync(folder)


def _fsync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # can't be opened there
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _blob(data: Path, hash: str) -> Path:
    return blobs.place(data / "blobs", hash)
