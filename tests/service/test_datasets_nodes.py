"""Datasets on two nodes of one database: what one makes the other knows, and what both do at once adds up."""

import asyncio

import pytest

from seeme.errors import NotFound
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.predictions import NewPrediction
from seeme.records.rows import ItemRow

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]


@pytest.fixture
async def dataset(nodes, someone):
    """A dataset that both nodes know."""
    a, b = nodes
    await a.datasets.create(NewDataset(name="Pets", id="pets"), someone)
    with pytest.raises(NotFound):
        b.datasets.get("pets")
    await b.cluster.refresh()
    assert b.datasets.get("pets").name == "Pets"


async def test_versions_made_while_items_come_hold_what_they_say(nodes, someone, dataset):
    """Numbers follow each other, and each version's count is that of its rows, whoever made it."""
    a, b = nodes

    async def fill(node, name):
        for number in range(8):
            items = [NewDatasetItem(id=f"{name}{number}-{n}", label="cat") for n in range(20)]
            items.append(NewDatasetItem(id="both", label=f"{name} {number}"))
            await node.datasets.add("pets", items, someone)
            await node.datasets.create_version("pets", NewDatasetVersion(name=name, id=f"{name}{number}"), someone)

    await asyncio.gather(fill(a, "a"), fill(b, "b"))
    versions = (await a.datasets.versions("pets")).items
    assert [version.number for version in versions] == list(range(1, 17))
    for version in versions:
        rows = (await b.datasets.items("pets", version.id, 1000)).items
        assert len(rows) == version.item_count
        detail = await b.datasets.version("pets", version.id)
        assert sum(sum(split.labels.values()) for split in detail.splits.values()) == len(rows)
    assert versions[-1].item_count == 321


async def test_an_erasure_on_one_node_meets_versions_of_the_other(nodes, someone, dataset):
    """Nothing of the person is left, and every gap is counted."""
    a, b = nodes
    new = [NewPrediction(model_id="digits", id=f"p{n}", label="1", subject="ann") for n in range(30)]
    await a.ingest.predictions(new, someone)

    async def put(node):
        for number in range(30):
            row = ItemRow(
                dataset_id="pets",
                id=f"i{number}",
                source="review",
                created_at=1,
                label="1",
                model_id="digits",
                prediction_id=f"p{number}",
            )
            await node.inbox.run(lambda tx, row=row: node.datasets.put(tx, row))

    await put(a)
    await a.datasets.create_version("pets", NewDatasetVersion(name="First", id="v1"), someone)

    async def freeze():
        for number in range(10):
            await b.datasets.create_version("pets", NewDatasetVersion(name="B", id=f"b{number}"), someone)

    await asyncio.gather(a.removal.erase(a.ingest.subject_hash("ann")), freeze())
    for version in (await b.datasets.versions("pets")).items:
        assert (await b.datasets.items("pets", version.id)).items == []
        assert version.item_count == 0
    assert (await b.datasets.version("pets", "v1")).erased == 30
    assert (await b.datasets.read("pets")).item_count == 0
