"""`seeme dataset`: round trips through every format, and imports that send nothing when anything is wrong."""

import io
import json
import shutil
import zipfile
from hashlib import sha256

import pytest
from PIL import Image

from seeme import Client

from .conftest import seeme, write_lines

BOXES = [{"label": "big car", "box": [10.0, 20.5, 30.25, 40.125]}, {"label": "=bus", "box": [0, 0, 640, 480]}]
KEPT = ("id", "boxes", "image_size", "input_hash", "input_url", "input_id", "split")


@pytest.fixture
def client(service):
    """A client of the shared service."""
    with Client(service.url, service.admin_key) as client:
        yield client


@pytest.fixture
def run(service):
    """Return a function that runs a `seeme dataset` command on the shared service."""
    return lambda *arguments: seeme("dataset", *arguments, data=service.folder)


@pytest.fixture
def cars(client):
    """A dataset of detections with a version; its id."""
    dataset = client.create_dataset("Cars")
    items = [
        {"id": f"i{n}", "boxes": BOXES[: n % 3], "image_size": [640, 480], "input_hash": f"{n:064x}"} for n in range(50)
    ]
    client.import_dataset_items(dataset.id, [*items, {"id": "CON", "boxes": [], "image_size": [1, 1], "input_id": "x"}])
    client.create_dataset_version(dataset.id, "First", id="v1")
    return dataset.id


def kept(client, dataset_id):
    """Return what a round trip must keep of a dataset's items."""
    return [{name: item[name] for name in KEPT} for item in client.get_dataset_items(dataset_id, limit=None)]


@pytest.mark.parametrize(("format", "name"), [("jsonl", "x.jsonl"), ("coco", "x.json"), ("yolo", "x.zip")])
def test_what_is_exported_comes_back_as_it_was(client, run, cars, tmp_path, format, name):
    """Ids, boxes, sizes, inputs, and so the splits; a second import changes nothing."""
    exported = run("export", "--dataset", cars, "--version", "v1", "--format", format, "--output", tmp_path / name)
    assert exported.code == 0, exported.err
    other = run("create", "Copy", "--task", "detection").out.strip()
    first = run("import", tmp_path / name, "--format", format, "--dataset", other)
    assert "51 items: 51 new, 0 changed, 0 unchanged" in first.err
    assert kept(client, other) == kept(client, cars)
    again = run("import", tmp_path / name, "--format", format, "--dataset", other)
    assert "51 items: 0 new, 0 changed, 51 unchanged" in again.err


def test_a_dataset_is_made_frozen_and_listed(run, client, tmp_path):
    """Names and ids on the way out."""
    made = run("create", "Pets", "--id", "pets")
    assert made.out == "pets\n"
    path = write_lines(tmp_path / "pets.jsonl", {"id": "a", "label": "cat"}, "", {"id": "b", "label": "dog"})
    assert "2 items: 2 new" in run("import", path, "--format", "jsonl", "--dataset", "pets").err
    version = run("version", "First", "--dataset", "pets").out.strip()
    assert client.get_dataset_version("pets", version).item_count == 2
    assert any(line.split()[:2] == ["pets", "classification"] for line in run("list").lines)
    there = run("export", "--dataset", "pets", "--version", version, "--output", path)
    assert (there.code, "exists; name a file that doesn't" in there.err) == (1, True)


def yolo(folder, **files):
    """Write a YOLO dataset as others make them, with a JPEG and a PNG."""
    for split, name in (("train", "a.jpg"), ("val", "b 1.png")):
        (folder / "images" / split).mkdir(parents=True)
        (folder / "labels" / split).mkdir(parents=True)
        Image.new("RGB", (200, 100)).save(folder / "images" / split / name)
    (folder / "data.yaml").write_text("names:\n  0: cat\n  1: dog\nnc: 2\n")
    (folder / "labels" / "train" / "a.txt").write_text("1 0.5 0.5 0.1 0.2\n")
    for name, text in files.items():
        (folder / name.replace("__", "/").replace("_txt", ".txt")).write_text(text)
    return folder


@pytest.mark.parametrize("zipped", [False, True])
def test_a_yolo_dataset_from_elsewhere_comes_in(client, run, tmp_path, zipped):
    """As a folder or a zip; sizes and hashes are those of its images, and one without labels has nothing in it."""
    folder = path = yolo(tmp_path / "theirs")
    if zipped:
        path = shutil.make_archive(str(tmp_path / "theirs"), "zip", tmp_path, "theirs")
    dataset = client.create_dataset("Theirs").id
    done = run("import", path, "--format", "yolo", "--dataset", dataset)
    assert "2 items: 2 new" in done.err
    first, second = sorted(client.get_dataset_items(dataset), key=lambda item: len(item.boxes), reverse=True)
    assert (first.id, list(first.image_size)) == ("a.jpg", [200, 100])
    assert first.input_hash == sha256((folder / "images/train/a.jpg").read_bytes()).hexdigest()
    assert [(box.label, list(box.box)) for box in first.boxes] == [("dog", [90, 40, 20, 20])]
    assert (second.id.startswith("import-"), list(second.boxes)) == (True, [])


BAD_COCO = {
    "images": [{"id": 1, "width": 5, "height": 5, "file_name": "a"}],
    "annotations": [{"id": 1, "image_id": 2, "category_id": 1, "bbox": [0, 0, 1, 1]}],
    "categories": [{"id": 1, "name": "x"}],
}


@pytest.mark.parametrize(
    ("format", "content", "says"),
    [
        ("coco", json.dumps(BAD_COCO), "there is no image 2 at $.annotations[0].image_id"),
        ("coco", "[]", "Expected `object`"),
        ("jsonl", '{"id": "a", "boxes": []}\n{"id": "b"}\n', "at line 2"),
        ("jsonl", '{"id": "a", "boxes": []}\n{"id": "a", "boxes": []}\n', "the id a stands twice at line 2"),
        ("jsonl", '{"id": "a", "boxes": []}\n{"id": "b", "label": "x"}\n', "`label` is for classification"),
        ("jsonl", '{"id": "a", "boxes": []}\nNaN\n', "at line 2"),
        ("jsonl", '{"id": "a", "boxes": []}\n{"id": "b", "boxes": [], "color": 1}\n', "unknown field `color`"),
        ("yolo", "no zip", "neither a folder nor a zip"),
    ],
)
def test_nothing_is_sent_when_anything_is_wrong(client, run, tmp_path, format, content, says):
    """One line names the place; the dataset stays empty."""
    dataset = client.create_dataset("Empty").id
    path = tmp_path / "file"
    path.write_text(content)
    done = run("import", path, "--format", format, "--dataset", dataset)
    assert done.code == 1
    assert says in done.err
    assert len(done.err.splitlines()) == 1
    assert client.get_dataset(dataset).item_count == 0


def test_a_wrong_line_of_yolo_is_named(client, run, tmp_path):
    """By its file and number; and labels without an image can't be told in pixels."""
    dataset = client.create_dataset("Empty").id
    wrong = yolo(tmp_path / "one", labels__train__a_txt="0 .5 .5 .1 .1\n7 .5 .5 .1 .1\n")
    alone = yolo(tmp_path / "two", labels__train__c_txt="0 .5 .5 .1 .1\n")
    broken = yolo(tmp_path / "three")
    (broken / "images" / "train" / "a.jpg").write_bytes(b"\xff\xd8\xff")
    for folder, says in (
        (wrong, "there is no class 7: data.yaml names 2 at labels/train/a.txt, line 2"),
        (alone, "there is no image of it, so its boxes can't be told in pixels at labels/train/c.txt"),
        (broken, "isn't a PNG, JPEG, GIF, BMP or WebP image whose size can be read at images/train/a.jpg"),
    ):
        done = run("import", folder, "--format", "yolo", "--dataset", dataset)
        assert (done.code, says in done.err) == (1, True), done.err
    assert client.get_dataset(dataset).item_count == 0


def test_a_file_of_another_task_is_told_before_anything_is_sent(client, run, cars, tmp_path):
    """The dataset's task counts, too."""
    path = write_lines(tmp_path / "x.jsonl", {"id": "a", "label": "cat"})
    done = run("import", path, "--format", "jsonl", "--dataset", cars)
    assert "but the dataset, or what came before it, for detection at line 1" in done.err
    missing = run("import", tmp_path / "nothing", "--format", "jsonl", "--dataset", cars)
    assert "there is no file" in missing.err


def test_crowds_of_coco_are_left_out_and_counted(client, run, tmp_path):
    """They are no single objects."""
    crowd = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 1, 1], "iscrowd": 1}
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(BAD_COCO | {"annotations": [crowd]}))
    done = run("import", path, "--format", "coco", "--dataset", client.create_dataset("Crowd").id)
    assert "1 annotations of crowds (iscrowd) are left out" in done.out
    assert "1 items: 1 new" in done.err


def test_an_archive_of_a_stranger_writes_nothing(client, run, tmp_path):
    """Names that lead elsewhere are only read."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("data.yaml", "names: [a]")
        archive.writestr("labels/../../../../tmp/evil.txt", "0 .5 .5 .1 .1")
    path = tmp_path / "evil.zip"
    path.write_bytes(content.getvalue())
    done = run("import", path, "--format", "yolo", "--dataset", client.create_dataset("Evil").id)
    assert "there is no image of it" in done.err
