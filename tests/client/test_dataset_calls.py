"""Datasets through the client, against a real service: the documented calls, exports to files, imports in batches."""

import json
from pathlib import Path
from typing import Any

import pytest

from seeme.client import BatchFailed, Client
from seeme.errors import Conflict, NotFound


@pytest.fixture
def client(live: Any) -> Any:
    """A client with every right."""
    with Client(live.url, live.admin_key, timeout=20) as client:
        yield client


def test_the_documented_calls_run(client: Client) -> None:
    """A version with a parent, and a training job on it."""
    model = client.create_model("Vehicles", task="detection")
    dataset = client.create_dataset("Streets")
    client.import_dataset_items(dataset.id, [{"id": "a", "boxes": [{"label": "car", "box": [1, 2, 3, 4]}]}])
    version = client.create_dataset_version(dataset_id=dataset.id, name="v1")
    client.import_dataset_items(dataset.id, [{"id": "b", "boxes": []}])
    new_version = client.create_dataset_version(
        dataset_id=dataset.id, parent_version_id=version.id, name="v2 - with feedback"
    )
    job = client.create_training_job(
        name="Vehicle Detection v2", dataset_id=dataset.id, version_id=new_version.id, base_model_id=model.id
    )
    assert (job.status, job["created_by"]) == ("created", "command line")
    assert [one.id for one in client.get_training_jobs()] == [job.id]
    assert client.get_training_job(job.id).version_id == new_version.id
    assert client.get_dataset_version(dataset.id, new_version.id).changes.added == 1
    assert [one.name for one in client.get_dataset_versions(dataset.id)] == ["v1", "v2 - with feedback"]
    assert client.get_dataset(dataset.id).item_count == 2
    assert [one.task for one in client.get_datasets()] == ["detection"]
    client.delete_dataset(dataset.id)
    with pytest.raises(NotFound):
        client.get_dataset(dataset.id)


def test_many_items_go_in_batches_and_come_back_in_pages(client: Client) -> None:
    """The answers are in the items' order; a second time nothing changes."""
    dataset = client.create_dataset("Pets", id="pets", splits={"train": 0.5, "val": 0.25, "test": 0.25})
    items = [{"id": f"i{n:04}", "label": "cat", "note": None} for n in range(2300)]
    for status in ("created", "unchanged"):
        answers = client.import_dataset_items(dataset.id, items)
        assert [(one.id, one.status) for one in answers] == [(item["id"], status) for item in items]
    assert [one.id for one in client.get_dataset_items("pets", limit=None)] == [item["id"] for item in items]


def test_an_item_is_found_by_its_label_and_taken_out(client: Client) -> None:
    """Of boxes one with the label is enough; versions keep what they have."""
    client.create_dataset("Streets", id="streets")
    cars = [{"label": "car", "box": [1, 2, 3, 4]}]
    both = [{"label": name, "box": [1, 2, 3, 4]} for name in ("bus", "c%r")]
    client.import_dataset_items("streets", [{"id": "a", "boxes": cars}, {"id": "b", "boxes": both}])
    version = client.create_dataset_version("streets", "First")
    assert [one.id for one in client.get_dataset_items("streets", label="car", source="import")] == ["a"]
    assert [one.id for one in client.get_dataset_items("streets", label="c%r")] == ["b"]
    client.remove_dataset_item("streets", "a")
    assert [one.id for one in client.get_dataset_items("streets")] == ["b"]
    assert [one.id for one in client.get_dataset_items("streets", version.id)] == ["a", "b"]
    with pytest.raises(NotFound):
        client.remove_dataset_item("streets", "a")


def test_items_that_are_refused_are_named(client: Client) -> None:
    """The others are stored."""
    client.create_dataset("Pets", id="pets")
    with pytest.raises(BatchFailed, match="dataset item b") as error:
        client.import_dataset_items("pets", [{"id": "a", "label": "cat"}, {"id": "b", "value": 1.5}])
    assert (error.value.failures[0].index, error.value.failures[0].item["value"]) == (1, 1.5)
    assert isinstance(error.value.failures[0].error, Conflict)
    assert [one and one.id for one in error.value.results] == ["a", None]


def test_an_export_is_a_whole_file_or_none(client: Client, tmp_path: Path) -> None:
    """What was there before stays when the service refuses."""
    client.create_dataset("Pets", id="pets")
    client.import_dataset_items("pets", [{"id": f"i{n}", "label": "cat"} for n in range(3000)])
    client.create_dataset_version("pets", "v1", id="v1")
    target = client.export_dataset("pets", "v1", tmp_path / "pets.jsonl")
    assert len([json.loads(line) for line in target.read_text().splitlines()]) == 3000
    with pytest.raises(Conflict, match="is for boxes"):
        client.export_dataset("pets", "v1", target, format="coco")
    assert len(target.read_text().splitlines()) == 3000
    assert [path.name for path in tmp_path.iterdir()] >= ["pets.jsonl"]
    assert not list(tmp_path.glob(".*part*"))
    client.export_dataset("pets", "v1", target, format="csv")
    assert target.read_text().startswith("id,split,label")
