"""`seeme check`, `seeme rebuild` and `seeme backup`: is all of it there, and copies of it."""

import io
import os
import shutil
import sqlite3
import sys
import threading

import pytest
from live import Live
from PIL import Image

from seeme import Client
from seeme.service import care
from seeme.service.services import Services

from .conftest import seeme


def image():
    """Return a small PNG."""
    file = io.BytesIO()
    Image.new("L", (8, 8), 77).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def stocked(live):
    """A service with a model, predictions, votes and an input."""
    client = Client(live.url, live.admin_key)
    client.create_model("M", id="m", config={"log_inputs": True})
    with client.batch():
        for n in range(20):
            client.log_prediction("m", id=f"p{n}", label="cat", confidence=0.5)
    client.log_feedback("p1", "rating", rating=1)
    client.upload_input("p1", image())
    return live


def corrupt_sums(folder):
    """Put the sums of the first hour in the place of the newest day's, past the service."""
    with sqlite3.connect(folder / "seeme.db") as connection:
        connection.execute("delete from sums where grain = 3")
    connection.close()


def test_a_sound_folder_passes(stocked):
    """Beside the running service and without it: every part is ok, exit 0."""
    for _ in range(2):
        done = seeme("check", data=stocked.folder)
        assert done.code == 0
        assert done.lines == ["database: ok", "sums of m against rows (1 days): ok", "inputs: ok"]
        stocked.stop()


def test_a_dataset_is_checked_too(stocked):
    """Its counts against its rows, by its id."""
    client = Client(stocked.url, stocked.admin_key)
    client.create_dataset("Pets", id="pets")
    client.import_dataset_items("pets", [{"id": "a", "label": "cat"}])
    client.create_dataset_version("pets", "First")
    assert "counts of the dataset pets against rows: ok" in seeme("check", data=stocked.folder).lines


def test_a_wrong_sum_is_found_and_mended(stocked):
    """check names the row, rebuild mends it in the running service, check is content."""
    stocked.stop()
    corrupt_sums(stocked.folder)
    found = seeme("check", data=stocked.folder)
    assert found.code == 1
    assert "sums of m against rows (1 days): 1 faults" in found.out
    assert "sums say 0, rows say" in found.out
    stocked.start()
    mended = seeme("rebuild", "--model", "m", data=stocked.folder)
    assert (mended.code, mended.out) == (0, "1 days counted again, 1 were wrong and are mended\n")
    assert seeme("check", data=stocked.folder).code == 0


def test_a_lost_input_is_found(stocked):
    """A row whose file is gone is named by its hash."""
    (path,) = [path for path in (stocked.folder / "blobs").rglob("*") if path.is_file()]
    path.unlink()
    found = seeme("check", data=stocked.folder)
    assert found.code == 1
    assert f"the input {path.name} has a row but no file" in found.out


def test_a_damaged_file_is_found(stocked):
    """SQLite's own check speaks; nothing else is looked at, and there is no traceback."""
    stocked.stop()
    path = stocked.folder / "seeme.db"
    content = bytearray(path.read_bytes())
    content[8192:40960] = bytes(40960 - 8192)
    path.write_bytes(content)
    found = seeme("check", data=stocked.folder)
    assert found.code == 1
    assert found.out.startswith("database: ")
    assert found.err == ""


def test_a_backup_made_under_load_is_a_service_of_its_own(stocked, tmp_path):
    """What was acknowledged before the backup began is in it; it is sound, complete, and can be served."""
    stop = threading.Event()
    acknowledged = []

    def write():
        client = Client(stocked.url, stocked.admin_key)
        while not stop.is_set():
            acknowledged.append(client.log_prediction("m", label="dog").id)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        while len(acknowledged) < 20:
            stop.wait(0.01)
        before = list(acknowledged)
        copy = tmp_path / "backups" / "copy"
        done = seeme("backup", copy, data=stocked.folder)
    finally:
        stop.set()
        writer.join()
    assert done.code == 0
    assert "the database and 1 inputs" in done.out
    assert seeme("check", data=copy).code == 0
    key = seeme("key", "create", "--holder", "x", "--scope", "read", data=stocked.folder).out.strip()
    stocked.stop()
    served = Live(copy).start()
    try:
        client = Client(served.url, served.admin_key)
        stored = {one.id for one in client.get_predictions("m", limit=100_000)}
        assert set(before) <= stored
        assert client.get_input("p1", "m") == image()
        assert [one.id for one in client.get_feedback("m")]
        assert (copy / "secret").read_text() == (stocked.folder / "secret").read_text()
        assert key.split("_")[1] not in seeme("key", "list", data=copy).out
    finally:
        served.stop()


def test_a_backup_is_its_owners_alone(stocked, tmp_path):
    """Whatever the umask and the rights of what was copied; folders 0700, files 0600."""
    for path in (stocked.folder / "blobs").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    before = os.umask(0)
    try:
        assert seeme("backup", tmp_path / "copy", data=stocked.folder).code == 0
    finally:
        os.umask(before)
    found = [tmp_path / "copy", *(tmp_path / "copy").rglob("*")]
    modes = {path.is_dir(): set() for path in found}
    for path in found:
        modes[path.is_dir()].add(path.stat().st_mode & 0o777)
    assert modes == {True: {0o700}, False: {0o600}}


@pytest.mark.sqlite
async def test_a_backup_is_on_disk_before_it_has_its_name(settings, tmp_path, monkeypatch):
    """Each file and folder is synced, the folder that holds it last."""
    async with Services.open(settings):
        pass
    synced = []
    monkeypatch.setattr(care, "_fsync", lambda path: synced.append(path.name))
    await care.backup(settings, tmp_path / "copy")
    assert {"seeme.db", "secret"} <= set(synced)
    assert [name.rpartition(".")[2] for name in synced[-2:-1]] == ["part"]
    assert synced[-1] == tmp_path.name


def test_a_backup_overwrites_nothing(stocked, tmp_path):
    """A folder that exists is refused, untouched."""
    (tmp_path / "mine").mkdir()
    refused = seeme("backup", tmp_path / "mine", data=stocked.folder)
    assert refused.code == 1
    assert "exists; name a folder that doesn't" in refused.err
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_backup_of_nothing_leaves_nothing(tmp_path):
    """Without a database there is one line, and no folder."""
    refused = seeme("backup", tmp_path / "copy", data=tmp_path / "nothing")
    assert refused.code == 1
    assert "there is no database at" in refused.err
    assert list(tmp_path.iterdir()) == []


def test_a_line_about_a_strange_name_cannot_act_on_the_terminal(tmp_path):
    """Control characters of a name are shown as such."""
    refused = seeme("check", data=tmp_path / "no\x1b[2Jthing")
    assert refused.code == 1
    assert "\\x1b[2J" in refused.err
    assert "\x1b" not in refused.err


def test_a_backup_of_a_stopped_service_equals_its_folder(stocked, tmp_path):
    """Row for row and file for file."""
    stocked.stop()
    assert seeme("backup", tmp_path / "copy", data=stocked.folder).code == 0
    pictures = []
    for folder in (stocked.folder, tmp_path / "copy"):
        connection = sqlite3.connect(folder / "seeme.db")
        pictures.append(sorted(connection.iterdump()))
        connection.close()
    assert pictures[0] == pictures[1]
    shutil.rmtree(stocked.folder)
    assert seeme("check", data=tmp_path / "copy").code == 0


def test_check_warns_of_another_package_of_the_same_name(service, tmp_path):
    """Where another distribution also brings a `seeme`, check says so: the two overwrite each other."""
    folder = tmp_path / "seeme_sdk-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: seeme-sdk\nVersion: 1.0\n")
    (folder / "top_level.txt").write_text("seeme\n")
    ended = seeme("check", data=service.folder, PYTHONPATH=os.pathsep.join([*sys.path, str(tmp_path)]))
    assert "warning: seeme-sdk is installed too" in ended.out
    assert ended.code == 0


def test_a_backup_deletes_nothing_beside_it(stocked, tmp_path):
    """A folder that has the name of a half copy is somebody's too; a backup that fails takes its own half away."""
    (tmp_path / "copy.part").mkdir()
    (tmp_path / "copy.part" / "mine").write_text("mine")
    before = {path.name for path in tmp_path.iterdir()}
    assert seeme("backup", tmp_path / "copy", data=stocked.folder).code == 0
    assert (tmp_path / "copy.part" / "mine").read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == before | {"copy"}


@pytest.mark.sqlite
async def test_a_backup_that_fails_leaves_nothing(settings, tmp_path, monkeypatch):
    """No half copy stays to fill the disk."""
    async with Services.open(settings):
        pass

    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr(care, "_seal", fail)
    with pytest.raises(OSError, match="no room"):
        await care.backup(settings, tmp_path / "backups" / "copy")
    assert list((tmp_path / "backups").iterdir()) == []
