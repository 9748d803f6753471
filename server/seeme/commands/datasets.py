"""`seeme dataset`: files of labelled items into a dataset, all checked before the first is sent, and out of one."""

from collections import Counter
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any
from zipfile import BadZipFile, ZipFile

import msgspec

from seeme.client import Client
from seeme.commands.progress import Progress
from seeme.domain import exchange, exchange_coco, exchange_yolo
from seeme.domain.image_sizes import image_size
from seeme.errors import SetupError, invalid
from seeme.records.datasets import NewDatasetItem
from seeme.results import Record

CHUNK = 1000
TASKS = {"label": "classification", "boxes": "detection", "value": "regression"}
_IMAGES = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"})


def load(client: Client, path: Path, format: str, dataset_id: str) -> None:
    """Put a file's items into a dataset, and say how many; nothing is sent when anything of it is wrong.

    Raises:
        SetupError: there is no such file, or it isn't of the format.
        Invalid: with the place of the first thing that is wrong in it.
    """
    if not path.exists():
        raise SetupError(f"there is no file {path}")
    task = client.get_dataset(dataset_id).task
    if format == "jsonl":
        total = _checked(_lines(path), task)
        items: Iterable[NewDatasetItem] = (item for _, item in _lines(path))
    else:
        found = _coco(path) if format == "coco" else list(_yolo(path))
        total = _checked(((item.id, item) for item in found), task)
        items = found
    progress = Progress(f"Importing {path.name}", total)
    stored: Counter[str] = Counter()
    for chunk in _chunks(items):
        plain = [msgspec.to_builtins(item) for item in chunk]
        stored.update(answer.status for answer in client.import_dataset_items(dataset_id, plain))
        progress.show(stored.total())
    progress.end(
        f"{total} items: {stored['created']} new, {stored['changed']} changed, {stored['unchanged']} unchanged"
    )


def _checked(items: Iterable[tuple[str, NewDatasetItem]], task: str | None) -> int:
    """Return how many items there are, after a look at each with its place: no id twice, and all of one task."""
    seen: set[str] = set()
    for place, item in items:
        (kind,) = (name for name in TASKS if getattr(item, name) is not None)
        task = task or TASKS[kind]
        if TASKS[kind] != task:
            raise invalid(place, f"`{kind}` is for {TASKS[kind]}, but the dataset, or what came before it, for {task}")
        if item.id in seen:
            raise invalid(place, f"the id {item.id} stands twice")
        seen.add(item.id)
    return len(seen)


def _chunks(items: Iterable[NewDatasetItem]) -> Iterator[list[NewDatasetItem]]:
    chunk: list[NewDatasetItem] = []
    for item in items:
        chunk.append(item)
        if len(chunk) == CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _lines(path: Path) -> Iterator[tuple[str, NewDatasetItem]]:
    """Yield each line of JSONL as an item, with its place."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"line {number}", exchange.of_line(msgspec.json.decode(line))
                except (ValueError, RecursionError) as error:  # msgspec's are ValueErrors
                    raise invalid(f"line {number}", str(error)) from None


def _coco(path: Path) -> list[NewDatasetItem]:
    if path.is_dir():
        raise SetupError(f"{path} is a folder; name the JSON file with the annotations")
    found = exchange_coco.read(path.read_bytes())
    if found.crowds:
        print(f"{found.crowds} annotations of crowds (iscrowd) are left out: they are no single objects")
    return found.items


class _Files:
    """The files of a YOLO dataset, in a folder or a zip, by their names from the folder of data.yaml."""

    def __init__(self, path: Path) -> None:
        self._folder = path
        self._zip: ZipFile | None = None
        if path.is_dir():
            names = [str(PurePosixPath(one.relative_to(path))) for one in path.rglob("*") if one.is_file()]
        else:
            try:
                self._zip = ZipFile(path)
            except BadZipFile:
                raise SetupError(f"{path} is neither a folder nor a zip") from None
            names = [info.filename for info in self._zip.infolist() if not info.is_dir()]
        found = sorted((name for name in names if PurePosixPath(name).name in ("data.yaml", "data.yml")), key=len)
        if not found:
            raise SetupError(f"there is no data.yaml in {path}")
        self.data = PurePosixPath(found[0]).name
        self._root = found[0].removesuffix(self.data)
        self.names = sorted(name.removeprefix(self._root) for name in names if name.startswith(self._root))

    def read(self, name: str) -> bytes:
        """Return the bytes of a file."""
        if self._zip is not None:
            return self._zip.read(self._root + name)
        return (self._folder / (self._root + name)).read_bytes()

    def text(self, name: str) -> str:
        """Return a file's text."""
        try:
            return self.read(name).decode("utf-8-sig")
        except UnicodeDecodeError:
            raise invalid(name, "isn't text in UTF-8") from None


def _yolo(path: Path) -> Iterator[NewDatasetItem]:
    files = _Files(path)
    classes = exchange_yolo.read_names(files.text(files.data))
    images = {_labels_of(name): name for name in files.names if PurePosixPath(name).suffix.lower() in _IMAGES}
    labels = {
        name.removesuffix(".txt"): name for name in files.names if name.endswith(".txt") and _part("labels", name)
    }
    about = _about(files)
    for key in sorted(labels.keys() | {key for key in images if _part("labels", key)}):
        known = about.get(key)
        if known is None:
            known = _of_image(files, images.get(key), labels.get(key, key))
        text = files.text(labels[key]) if key in labels else ""  # an image without labels has nothing in it
        boxes = exchange_yolo.read_boxes(text, classes, known["image_size"], labels.get(key, key))
        yield msgspec.convert({**known, "boxes": msgspec.to_builtins(boxes)}, NewDatasetItem)


def _part(folder: str, name: str) -> bool:
    return folder in PurePosixPath(name).parts[:-1]


def _labels_of(name: str) -> str:
    """Return what the labels of an image are called, without suffix: the last `images` of its path is `labels`."""
    parts = list(PurePosixPath(name).with_suffix("").parts)
    for at in range(len(parts) - 2, -1, -1):
        if parts[at] == "images":
            parts[at] = "labels"
            break
    return "/".join(parts)


def _about(files: _Files) -> dict[str, dict[str, Any]]:
    """Return what an archive of ours tells of its items, by the name of their labels."""
    found: dict[str, dict[str, Any]] = {}
    for name in files.names:
        if name.startswith("items/") and name.endswith(".jsonl"):
            for number, line in enumerate(files.text(name).splitlines(), 1):
                try:
                    one = msgspec.json.decode(line, type=dict[str, Any])
                    key = f"labels/{one.pop('file')}"
                    item = {field: value for field, value in one.items() if value is not None}
                    msgspec.convert({**item, "boxes": []}, NewDatasetItem)
                    item["image_size"] = tuple(item["image_size"])
                except (ValueError, KeyError) as error:
                    raise invalid(f"{name}, line {number}", f"isn't about an item ({error})") from None
                found[key] = item
    return found


def _of_image(files: _Files, name: str | None, labels: str) -> dict[str, Any]:
    if name is None:
        raise invalid(labels, "there is no image of it, so its boxes can't be told in pixels")
    data = files.read(name)
    size = image_size(data)
    if size is None:
        raise invalid(name, "isn't a PNG, JPEG, GIF, BMP or WebP image whose size can be read")
    id = exchange.given_id(PurePosixPath(name).name)
    return {"id": id, "image_size": size, "input_hash": sha256(data).hexdigest(), "input_id": id}


def save(
    client: Client, dataset_id: str, version_id: str, format: str, target: Path, shard: int | None, shards: int | None
) -> None:
    """Write a version to a file that doesn't exist yet."""
    if target.exists():
        raise SetupError(f"{target} exists; name a file that doesn't")
    client.export_dataset(dataset_id, version_id, target, format=format, shard=shard, shards=shards)


def line(dataset: Record) -> str:
    """Return a dataset as a line of the list."""
    return f"{dataset.id}  {dataset.task or 'any task yet':14}  {dataset.name}"
