"""Datasets over HTTP: what programs send, and what they are told."""

import pytest

BOX = {"label": "car", "box": [1, 2, 3, 4]}


@pytest.fixture
async def pets(program):
    """A dataset with two items in its first version and another one after it."""
    await program("POST", "/v1/datasets", {"id": "pets", "name": "Pets"})
    items = [{"id": "a", "label": "cat"}, {"id": "b", "label": "dog"}]
    await program("POST", "/v1/datasets/pets/items", {"items": items})
    await program("POST", "/v1/datasets/pets/versions", {"id": "v1", "name": "First"})
    await program("POST", "/v1/datasets/pets/items", {"items": [{"id": "c", "label": "cat"}]})


async def test_a_dataset_is_made_filled_frozen_and_deleted(program, pets):
    """201 and 200 tell new from known; what is deleted is gone."""
    new = {"id": "cars", "name": "Cars", "task": "detection", "splits": {"train": 0.5, "val": 0.5, "test": 0}}
    assert [(await program("POST", "/v1/datasets", new)).status for _ in range(2)] == [201, 200]
    assert (await program("POST", "/v1/datasets", new | {"name": "Birds"})).status == 409
    listed = (await program("GET", "/v1/datasets")).json()["items"]
    assert sorted((one["id"], one["task"], one["created_by"]) for one in listed) == [
        ("cars", "detection", "Ada"),
        ("pets", "classification", "Ada"),
    ]
    assert (await program("DELETE", "/v1/datasets/cars")).status == 204
    assert (await program("GET", "/v1/datasets/cars")).status == 404
    assert (await program("GET", "/v1/datasets/cars/versions")).status == 404


async def test_a_version_says_what_it_holds_and_what_changed(program, pets):
    """The working set is shown with the dataset, a version with its difference to its parent."""
    made = await program("POST", "/v1/datasets/pets/versions", {"id": "v2", "name": "Second"})
    assert (made.status, made.json()["number"], made.json()["parent_version_id"]) == (201, 2, "v1")
    assert (await program("POST", "/v1/datasets/pets/versions", {"id": "v2", "name": "Second"})).status == 200
    found = (await program("GET", "/v1/datasets/pets/versions/v2")).json()
    assert (found["item_count"], found["erased"]) == (3, 0)
    assert found["changes"] == {"added": 1, "removed": 0, "changed": 0}
    assert sum(split["labels"].get("cat", 0) for split in found["splits"].values()) == 2
    whole = (await program("GET", "/v1/datasets/pets")).json()
    assert (whole["item_count"], whole["counts"], whole["latest_version"]["id"]) == (3, found["splits"], "v2")
    listed = await program("GET", "/v1/datasets/pets/versions?limit=1")
    rest = await program("GET", f"/v1/datasets/pets/versions?cursor={listed.json()['next_cursor']}")
    assert [one["id"] for answer in (listed, rest) for one in answer.json()["items"]] == ["v1", "v2"]
    assert (await program("GET", "/v1/datasets/pets/versions/v3")).status == 404


async def test_items_are_those_of_a_version_or_of_the_working_set(program, pets):
    """An item says what is true, and who brought it."""
    for query, ids in (("version=v1", ["a", "b"]), ("", ["a", "b", "c"])):
        items = (await program("GET", f"/v1/datasets/pets/items?{query}")).json()["items"]
        assert [one["id"] for one in items] == ids
    assert (items[0]["label"], items[0]["source"], items[0]["reviewer"]) == ("cat", "import", "Ada")
    assert (await program("GET", "/v1/datasets/pets/items?version=v9")).status == 404


async def test_a_bad_item_fails_alone_and_in_its_place(program, pets):
    """A batch is answered item by item, in order, and the same again changes nothing."""
    items = [{"id": "a", "label": "cat"}, {"id": "x"}, {"id": "y", "boxes": [BOX]}, 7, {"id": "b", "label": "cat"}]
    answer = await program("POST", "/v1/datasets/pets/items", {"items": items})
    results = answer.json()["items"]
    assert answer.status == 207
    assert [one["status"] for one in results] == ["unchanged", "refused", "refused", "refused", "changed"]
    assert "exactly one of `label`, `value` and `boxes`" in results[1]["problem"]["detail"]
    assert results[2]["problem"]["detail"].startswith("the dataset pets is for classification")


@pytest.mark.parametrize("items", [[], [{"id": "a", "label": "x"}] * 1001, None])
async def test_a_batch_has_1_to_1000_items(program, pets, items):
    """More or fewer are refused as a whole."""
    assert (await program("POST", "/v1/datasets/pets/items", {"items": items})).paths() == ["$.items"]


async def test_shares_that_are_no_whole_are_refused(program):
    """Nobody knows what the rest would be."""
    splits = {"train": 0.5, "val": 0.1, "test": 0.1}
    answer = await program("POST", "/v1/datasets", {"name": "D", "splits": splits})
    assert (answer.status, answer.paths()) == (422, ["$.splits"])


async def test_a_training_job_is_a_record(program, pets):
    """It names a version that exists, and can be read back."""
    new = {"id": "j", "name": "Pets 2", "dataset_id": "pets", "version_id": "v1", "base_model_id": "digits"}
    made = await program("POST", "/v1/training-jobs", new)
    assert (made.status, made.json()["status"], made.json()["created_by"]) == (201, "created", "Ada")
    assert (await program("POST", "/v1/training-jobs", new)).status == 200
    assert (await program("GET", "/v1/training-jobs/j")).json() == made.json()
    assert (await program("GET", "/v1/training-jobs")).json()["items"] == [made.json()]
    assert (await program("GET", "/v1/training-jobs/k")).status == 404
    assert (await program("POST", "/v1/training-jobs", new | {"id": "k", "version_id": "v7"})).status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/datasets"),
        ("GET", "/v1/datasets"),
        ("GET", "/v1/datasets/pets"),
        ("DELETE", "/v1/datasets/pets"),
        ("POST", "/v1/datasets/pets/items"),
        ("GET", "/v1/datasets/pets/items"),
        ("POST", "/v1/datasets/pets/versions"),
        ("GET", "/v1/datasets/pets/versions/v1"),
        ("POST", "/v1/training-jobs"),
    ],
)
async def test_a_key_for_some_models_sees_no_dataset(narrow, pets, method, path):
    """A dataset may hold items of any model."""
    body = {"name": "D"} if path.endswith(("datasets", "versions")) else {"items": [{"id": "a", "label": "x"}]}
    if path.endswith("jobs"):
        body = {"name": "J", "dataset_id": "pets", "version_id": "v1", "base_model_id": "other"}
    assert (await narrow(method, path, b"" if method in ("GET", "DELETE") else body)).status == 403


async def test_an_export_is_a_file_that_no_browser_shows(program, pets):
    """It is called by its dataset, its version and its form."""
    for format, kind in (("jsonl", "application/x-ndjson"), ("csv", "text/csv; charset=utf-8")):
        answer = await program("GET", f"/v1/datasets/pets/versions/v1/export?format={format}")
        assert (answer.status, answer.headers["content-type"]) == (200, kind)
        assert answer.headers["content-disposition"] == f'attachment; filename="pets-1.{format}"'
        assert "sandbox" in answer.headers["content-security-policy"]
        assert len(answer.body.splitlines()) == (2 if format == "jsonl" else 3)
    head = await program("HEAD", "/v1/datasets/pets/versions/v1/export?format=csv")
    assert (head.status, head.headers["content-type"], head.body) == (200, "text/csv; charset=utf-8", b"")
    assert (await program("GET", "/v1/datasets/pets/versions/v1/export?format=coco")).status == 409
    assert (await program("GET", "/v1/datasets/pets/versions/v1/export?format=xml")).paths() == ["$.format"]
    assert (await program("GET", "/v1/datasets/pets/versions/v1/export?format=yolo&shard=2")).status == 422
    assert (await program("GET", "/v1/datasets/pets/versions/v9/export")).status == 404
