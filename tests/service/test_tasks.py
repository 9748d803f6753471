"""Background work: a vital task that dies is noticed, a periodic one that fails is tried again."""

import asyncio
import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from seeme.errors import SetupError
from seeme.service.services import Services
from seeme.service.tasks import TASKS, Task, Tasks

ALONE = SimpleNamespace(database=SimpleNamespace(shared=False))


async def test_a_vital_task_that_dies_is_told(caplog):
    """`failed` resolves with its name, and the log has why."""

    async def dies(services):
        raise RuntimeError("out of luck")

    tasks = Tasks()
    tasks.start(ALONE, (Task("heart", dies, None),))
    assert await asyncio.wait_for(tasks.failed, 5) == "heart"
    await tasks.stop()
    assert "the vital task heart died" in caplog.text
    assert "out of luck" in caplog.text


async def test_a_vital_task_that_ends_by_itself_is_no_death():
    """At the end of the service the writer just returns."""

    async def ends(services):
        return

    tasks = Tasks()
    tasks.start(ALONE, (Task("heart", ends, None),))
    await tasks.stop()
    assert not tasks.failed.done()


async def test_a_periodic_task_that_fails_is_tried_again(caplog):
    """The failure is logged with its traceback; the next run comes in its time, and the service goes on."""
    runs, enough = [], asyncio.Event()

    async def fails_first(services):
        runs.append(services)
        if len(runs) < 3:
            raise ValueError("not yet")
        enough.set()

    tasks = Tasks()
    tasks.start(ALONE, (Task("care", fails_first, 0.001),))
    await asyncio.wait_for(enough.wait(), 5)
    assert not tasks.failed.done()
    await tasks.stop()
    assert all(services is ALONE for services in runs)
    assert caplog.text.count("the task care failed") == 2
    assert "not yet" in caplog.text


async def test_stopping_ends_periodic_work_and_waits_for_vital(caplog):
    """A periodic task is cut off in its sleep; a vital one ends what it has begun."""
    ended = []

    async def vital(services):
        await asyncio.sleep(0.05)
        ended.append("vital")

    async def periodic(services):
        ended.append("periodic")

    tasks = Tasks()
    tasks.start(ALONE, (Task("a", vital, None), Task("b", periodic, 3600)))
    await asyncio.sleep(0.01)
    async with asyncio.timeout(5):
        await tasks.stop()
    assert ended == ["periodic", "vital"]
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def test_the_table_has_one_writer_and_what_a_single_node_needs():
    """All background work is rows of one table; the writer is vital, the others are periodic."""
    alone = {task.name: task.every for task in TASKS if not task.shared_only}
    assert alone == {"writer": None, "retention": 3600, "quota": 60, "A/B tests": 30}


async def test_a_dead_writer_shows_in_health(services):
    """Health says that the service stops."""
    assert (services.health().status, services.health().waiting) == ("ok", 0)
    services.tasks._vital[0].cancel()
    await asyncio.wait_for(services.tasks.failed, 5)
    assert services.health().status == "stopping"


@pytest.mark.parametrize("broken", ["blobs", "secret"])
async def test_a_data_folder_that_is_broken_stops_the_start(settings, clock, broken):
    """What can't be used is said, and the folder is free for the next try."""
    settings.data.mkdir()
    (settings.data / broken).write_text("")
    for _ in range(2):
        with pytest.raises((SetupError, OSError)):
            async with Services.open(settings, clock):
                pass
    (settings.data / broken).unlink()
    async with Services.open(settings, clock):
        pass


async def test_the_deployments_secret_is_made_once_for_the_owner_alone(settings, clock):
    """It stays the same over restarts, so that a person stays the same; SEEME_SECRET goes before it."""
    hashes = []
    for _ in range(2):
        async with Services.open(settings, clock) as services:
            hashes.append(services.ingest.subject_hash("ann"))
    assert hashes[0] == hashes[1]
    assert (settings.data / "secret").stat().st_mode & 0o777 == 0o600
    assert not (settings.data / "secret.part").exists()


def test_a_refused_start_ends_the_process(tmp_path):
    """No thread of a half-opened store keeps a process alive."""
    (tmp_path / "blobs").write_text("a file where a folder should be")
    code = (
        "import asyncio, pathlib\n"
        "from seeme.service.services import Services\n"
        "from seeme.settings import Settings\n"
        "async def main():\n"
        f"    async with Services.open(Settings(data=pathlib.Path({str(tmp_path)!r}))): pass\n"
        "asyncio.run(main())\n"
    )
    path = ":".join(sys.path)
    ended = subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": path}, capture_output=True, timeout=20)
    assert ended.returncode == 1
