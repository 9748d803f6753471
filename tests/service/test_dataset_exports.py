"""Exports of versions: read by tools that nobody here wrote, with memory that doesn't grow."""

import contextlib
import csv
import io
import json
import warnings
import zipfile
from pathlib import Path

import pytest
import yaml
from pycocotools.coco import COCO

from seeme.errors import Conflict, NotFound, Unavailable
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.models import ConfigPatch, NewModel
from seeme.records.predictions import LabelledBox, NewPrediction
from seeme.records.rows import ItemRow

from .test_inputs import chunks

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff3f030005fe02fea7"
    "9d6bd50000000049454e44ae426082"
)
LABELS = ["car", 'a "b": #', "-", "\u0085 \u2028"]


async def export(services, format="jsonl", dataset="cars", shard=1, shards=1):
    """Return a whole export of the version v1."""
    opened = await services.dataset_exports.open(dataset, "v1", format, shard, shards)
    return b"".join([chunk async for chunk in opened.chunks])


@pytest.fixture
async def cars(services, someone):
    """A version of 2,500 images with up to three boxes each, all within 640 x 480."""
    await services.datasets.create(NewDataset(name="Cars", id="cars"), someone)
    items = [
        NewDatasetItem(
            id=f"i{n:04}",
            boxes=[LabelledBox(label=LABELS[(n + k) % 4], box=(n / 8, k * 10, 1 + k, 2.5)) for k in range(n % 4)],
            image_size=(640, 480),
            input_url=f"https://a.example/{n}.jpg",
        )
        for n in range(2500)
    ]
    for start in range(0, 2500, 1000):
        await services.datasets.add("cars", items[start : start + 1000], someone)
    await services.datasets.create_version("cars", NewDatasetVersion(name="First", id="v1"), someone)
    return items


async def texts(services, someone, *labels):
    """Make a version of items with labels."""
    await services.datasets.create(NewDataset(name="T", id="t"), someone)
    items = [NewDatasetItem(id=f"i{n}", label=label, note="a,b\nc") for n, label in enumerate(labels)]
    await services.datasets.add("t", items, someone)
    await services.datasets.create_version("t", NewDatasetVersion(name="First", id="v1"), someone)


async def test_jsonl_has_every_item_as_the_list_shows_it(services, cars):
    """One line for each, in the order of ids."""
    lines = [json.loads(line) for line in (await export(services)).splitlines()]
    assert [line["id"] for line in lines] == [one.id for one in cars]
    shown = (await services.datasets.items("cars", "v1", 1)).items[0]
    assert (lines[0]["split"], lines[0]["reviewer"]) == (shown.split, "Ada")


async def test_a_spreadsheet_runs_nothing_of_a_csv(services, someone):
    """What would be a formula begins with a quote; commas, quotes and line ends stay in their cell."""
    await texts(services, someone, "=1+1", "+1", "-1", "@x", "cat", 'a "b", c')
    rows = list(csv.DictReader(io.StringIO((await export(services, "csv", "t")).decode(), newline="")))
    assert [row["label"] for row in rows] == ["'=1+1", "'+1", "'-1", "'@x", "cat", 'a "b", c']
    assert rows[0]["note"] == "a,b\nc"


async def test_pycocotools_reads_the_coco_file(services, cars, tmp_path):
    """Every image and box, under its category."""
    path = tmp_path / "coco.json"
    path.write_bytes(await export(services, "coco"))
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(str(path))
    assert len(coco.getImgIds()) == 2500
    names = {one["id"]: one["name"] for one in coco.loadCats(coco.getCatIds())}
    for image in coco.loadImgs(coco.getImgIds())[::37]:
        one = next(item for item in cars if item.id == image["item_id"])
        found = coco.loadAnns(coco.getAnnIds(imgIds=[image["id"]]))
        assert [(names[ann["category_id"]], tuple(ann["bbox"])) for ann in found] == [
            (box.label, tuple(box.box)) for box in one.boxes
        ]
    assert coco.getAnnIds() == list(range(1, sum(len(one.boxes) for one in cars) + 1))


def unpack(content, folder):
    """Unpack a zip after testing it; return its names."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert all(not Path(name).is_absolute() and ".." not in name for name in names)
        archive.extractall(folder)
    return names


async def test_supervision_reads_the_yolo_archive(services, cars, tmp_path):
    """Every box of every image, in its split."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import supervision
    from PIL import Image

    names = unpack(await export(services, "yolo"), tmp_path)
    assert list(yaml.safe_load((tmp_path / "data.yaml").read_text())["names"].values()) == sorted(LABELS)
    labels = [name for name in names if name.startswith("labels/")]
    assert len(labels) == len(set(labels)) == 2500
    some = [name for name in labels if name.startswith("labels/val/")][:40]
    (tmp_path / "some").mkdir()
    (tmp_path / "images").mkdir()
    for name in some:  # the images stay where they are: here are some of the same size
        (tmp_path / "some" / Path(name).name).write_text((tmp_path / name).read_text())
        Image.new("RGB", (640, 480)).save(tmp_path / "images" / f"{Path(name).stem}.png")
    found = supervision.DetectionDataset.from_yolo(
        str(tmp_path / "images"), str(tmp_path / "some"), str(tmp_path / "data.yaml")
    )
    about = {}
    for path in (tmp_path / "items").iterdir():
        about |= {line["file"]: line["id"] for line in map(json.loads, path.read_text().splitlines())}
    assert len(found.annotations) == 40
    for path, detections in found.annotations.items():
        one = next(item for item in cars if item.id == about[f"val/{Path(path).stem}"])
        boxes = {(found.classes[c], *map(round, b)) for c, b in zip(detections.class_id, detections.xyxy, strict=True)}
        expected = {(b.label, b.box[0], b.box[1], b.box[0] + b.box[2], b.box[1] + b.box[3]) for b in one.boxes}
        assert boxes == {(label, *map(round, corners)) for label, *corners in expected}


async def test_shards_have_every_item_once(services, cars, tmp_path):
    """Unpacked into one folder, they are what one archive is."""
    parts = [unpack(await export(services, "yolo", shard=n, shards=3), tmp_path) for n in (1, 2, 3)]
    labels = [name for names in parts for name in names if name.startswith("labels/")]
    assert len(labels) == len(set(labels)) == 2500
    items = [name for names in parts for name in names if name.startswith("items/")]
    assert len(items) == len(set(items))


async def test_an_archive_has_the_images_that_are_stored(services, someone, tmp_path):
    """Under the name of their labels, with the suffix that their bytes say."""
    await services.models.create(NewModel(id="m", name="M", task="detection", config=ConfigPatch(log_inputs=True)))
    await services.ingest.predictions([NewPrediction(model_id="m", id="p", detections=[])], someone)
    await services.inputs.put("p", "m", chunks(PNG))
    hash = (await services.events.prediction("p", "m")).input_hash
    await services.datasets.create(NewDataset(name="Cars", id="cars"), someone)
    row = ItemRow(
        dataset_id="cars", id="..x", source="review", created_at=1, boxes="[]", width=1, height=1, input_hash=hash
    )
    await services.inbox.run(lambda tx: services.datasets.put(tx, row))
    await services.datasets.create_version("cars", NewDatasetVersion(name="First", id="v1"), someone)
    names = unpack(await export(services, "yolo"), tmp_path)
    (image,) = (name for name in names if name.startswith("images/"))
    assert (tmp_path / image).read_bytes() == PNG
    assert image.replace("images/", "labels/").replace(".png", ".txt") in names
    coco = json.loads(await export(services, "coco"))
    assert coco["images"][0]["file_name"] == image


async def test_what_a_format_has_no_place_for_is_refused_before_anything_is_sent(services, someone, cars):
    """Labels in COCO, items without a size, a version that isn't there."""
    await texts(services, someone, "cat")
    for format in ("coco", "yolo"):
        with pytest.raises(Conflict, match=f"the format {format} is for boxes; this dataset is for classification"):
            await export(services, format, "t")
    await services.datasets.add("cars", [NewDatasetItem(id="small", boxes=[])], someone)
    await services.datasets.create_version("cars", NewDatasetVersion(name="Second", id="v2"), someone)
    with pytest.raises(Conflict, match="1 items, such as small, don't say how large"):
        await services.dataset_exports.open("cars", "v2", "coco")
    with pytest.raises(NotFound):
        await services.dataset_exports.open("cars", "v3", "jsonl")


async def test_an_erasure_breaks_a_coco_export_off(services, someone, cars):
    """Numbers of images would be others' in its second half."""
    opened = await services.dataset_exports.open("cars", "v1", "coco")
    await anext(opened.chunks)
    async with services.database.transaction() as tx:
        await tx.run("set_dataset_version_counts", dataset_id="cars", number=1, counts="{}", erased=1)
    with pytest.raises(Unavailable, match="erased during the export"):
        async for _ in opened.chunks:
            pass
