"""What datasets say they hold is checked against their rows, for the working set and every version."""

import random

from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.rows import ItemRow
from seeme.service.dataset_checks import differences


async def put(services, *rows):
    """Put items in one transaction."""

    async def work(tx):
        for row in rows:
            await services.datasets.put(tx, row)

    await services.inbox.run(work)


async def test_whatever_happens_the_counts_are_those_of_the_rows(services, someone):
    """Items come, change, go and are erased in any order, with versions in between (the same order each time)."""
    await services.datasets.create(NewDataset(name="Pets", id="pets"), someone)
    chance = random.Random(7)
    for step in range(300):
        id = f"i{chance.randrange(12)}"
        match chance.randrange(8):
            case 0:
                await services.datasets.create_version("pets", NewDatasetVersion(name=f"{step}"), someone)
            case 1 | 2:
                await services.inbox.run(lambda tx, id=id: services.datasets.withdraw(tx, "pets", id))
            case 3 if step > 150:
                await services.inbox.run(lambda tx, id=id: services.datasets.erase(tx, "m", [id], b"s"))
            case _:
                label = chance.choice(["cat", "dog", "mouse"])
                fields = {"model_id": "m", "prediction_id": id, "source": "review", "created_at": step, "subject": b"s"}
                await put(services, ItemRow(dataset_id="pets", id=id, label=label, **fields))
        assert await differences(services.database, "pets") == []
    versions = (await services.datasets.versions("pets")).items
    assert len(versions) > 20
    assert sum(version.erased for version in versions) > 20


async def test_counts_that_are_wrong_are_named(services, someone):
    """With what is said and what is there."""
    await services.datasets.create(NewDataset(name="Pets", id="pets"), someone)
    await services.datasets.add("pets", [NewDatasetItem(id=id, label="cat") for id in "abc"], someone)
    for name in ("v1", "v2"):
        await services.datasets.create_version("pets", NewDatasetVersion(name=name), someone)
    assert await differences(services.database, "pets") == []
    async with services.database.transaction() as tx:
        await tx.run("set_dataset_version_counts", dataset_id="pets", number=1, counts=EMPTY, erased=0)
        await tx.run("add_dataset_count", dataset_id="pets", split="val", label="dog", n=2)
    assert await differences(services.database, "pets") == [
        "version 1 says 0 items and 0 labels, its rows are 3 items and 3 labels",
        "the working set says 3 items and 5 labels, its rows are 3 items and 3 labels",
    ]


EMPTY = "{" + ",".join(f'"{split}":{{"item_count":0,"labels":{{}}}}' for split in ("train", "val", "test")) + "}"
