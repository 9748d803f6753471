"""A disk that is really full: nothing more is taken, nothing is lost, reading goes on, room is all that it needs."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from live import Live
from senders import MODEL, Caller, Events, Load, check_whole, wait_until

MEGABYTE = 1024 * 1024
SIZE = 24


def _mount(kind: str, folder: Path) -> None:
    """Mount a small file system of this kind, or skip."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a small file system")
    commands = [["mount", "-t", "tmpfs", "-o", f"size={SIZE}m", "tmpfs", str(folder)]]
    if kind == "ext4":
        image = folder.with_suffix(".image")
        with image.open("wb") as file:
            file.truncate(SIZE * MEGABYTE)
        commands = [["mkfs.ext4", "-q", "-m", "0", str(image)], ["mount", "-o", "loop", str(image), str(folder)]]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"a small {kind} can't be mounted here: {done.stderr.strip()}")


@pytest.fixture(params=["tmpfs", "ext4"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Live]:
    """A service whose data folder is a file system of 24 MB: one in memory, and one that allocates late."""
    folder = tmp_path / "data"
    folder.mkdir()
    _mount(request.param, folder)
    try:
        live = Live(folder).start()
        try:
            yield live
        finally:
            live.stop()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def _fill(folder: Path, leave: int = 0) -> Path:
    """Fill the file system with one file; return it."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while (room := shutil.disk_usage(folder).free - leave) > 0:
            file.write(b"x" * min(65536, room))
            os.fsync(file.fileno())
    return ballast


@pytest.fixture
def unborn(tmp_path: Path) -> Iterator[Live]:
    """A service on a small file system that isn't started yet."""
    folder = tmp_path / "data"
    folder.mkdir()
    _mount("tmpfs", folder)
    live = Live(folder)
    try:
        yield live
    finally:
        if live.process is not None:
            live.kill()
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("room", [0, 4096, 16384, 65536])
def test_a_first_start_without_room_is_one_clear_line(unborn: Live, room: int) -> None:
    """It says what is wrong, without a traceback; with room the same folder is good."""
    ballast = _fill(unborn.folder, leave=room)
    unborn.spawn()
    assert unborn.process is not None
    assert unborn.process.wait(20) == 1
    *_, line = unborn.log().splitlines()
    assert line.startswith("seeme: ")
    assert "Traceback" not in unborn.log()
    assert any(words in line for words in ("disk", "No space left"))
    ballast.unlink()
    unborn.start()


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_later_start_with_hardly_any_room_can_be_read(unborn: Live) -> None:
    """A service that was killed on a full disk starts when its own small files fit, and shows what it has."""
    load = Load(unborn.start())
    with Caller(unborn.port, load.key) as caller:
        assert load.attempt(caller, Events("early").next())
    unborn.kill()
    _fill(unborn.folder, leave=65536)
    unborn.start()
    assert load.lost() == []
    with Caller(unborn.port, load.key) as caller:
        _send_until_full(load, caller)
        assert caller("GET", f"/v1/predictions?model_id={MODEL}").status == 200


def _send_until_full(load: Load, caller: Caller) -> None:
    """Send until the service says that there is no room."""
    events = Events("filling")
    while not load.refused:
        assert load.attempt(caller, events.next())
        assert sum(load.statuses.values()) < 10_000, "the disk never was full"


def test_a_full_disk_takes_nothing_loses_nothing_and_is_read(service: Live) -> None:
    """507 for events while pages of them are read; with room again, all goes on, and the refused ones are taken."""
    load = Load(service)
    ballast = _fill(service.folder, leave=MEGABYTE)
    events = Events("refused")
    with Caller(service.port, load.key) as caller:
        _send_until_full(load, caller)
        assert len(load.acknowledged["predictions"]) > 50
        for _ in range(20):
            assert load.attempt(caller, events.next())
            assert caller("GET", f"/v1/predictions?model_id={MODEL}&limit=50").status == 200
            assert caller("GET", f"/v1/models/{MODEL}/metrics?period=day&lookback_weeks=1").status == 200
            assert caller("GET", "/healthz").status == 200
    for _, answer in load.refused:
        assert answer.status == 507
        assert answer.headers["content-type"] == "application/problem+json"
    ballast.unlink()
    load.send_again()
    check_whole(service, load)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_senders_meet_a_disk_that_fills_and_empties(service: Live) -> None:
    """Under load from several senders each answer is true, whenever the disk fills and empties."""
    load = Load(service)
    for _ in range(3):
        before = load.statuses[507]
        with load.running():
            ballast = _fill(service.folder)
            wait_until(lambda before=before: load.statuses[507] > before + 20, 60)
        ballast.unlink()
        assert load.unanswered == []
        assert {answer.status for _, answer in load.refused} == {507}
        load.send_again()
        assert load.lost() == []
    check_whole(service, load)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_service_killed_on_a_full_disk_starts_when_there_is_room(service: Live) -> None:
    """What was acknowledged before the disk was full and the process died is there."""
    load = Load(service)
    ballast = _fill(service.folder, leave=MEGABYTE)
    with Caller(service.port, load.key) as caller:
        _send_until_full(load, caller)
    service.kill()
    ballast.unlink()
    service.start()
    assert load.lost() == []
    load.send_again()
    check_whole(service, load)
