"""The rows of datasets on both engines: points found by prediction and person, counts that add up, inputs held."""

import pytest

from seeme.records.rows import ItemRow
from seeme.store import datasets
from seeme.store.datasets import OPEN, WORKING_SET
from seeme.store.engines import open_database

from .traffic import BLOB


@pytest.fixture
async def database(settings):
    """An open database of either engine."""
    database = await open_database(settings)
    try:
        yield database
    finally:
        await database.close()


def item(id, dataset_id="d", since=1, until=OPEN, **fields):
    """Return a row that says all it can."""
    values = {"label": "cat", "source": "review", "created_at": 5, "digest": b"d", "split": "train", "pi": 0.25}
    return ItemRow(dataset_id=dataset_id, id=id, since=since, until=until, **values | fields)


async def store(database, *rows):
    """Store items in one transaction."""
    async with database.transaction() as tx:
        for row in rows:
            await datasets.insert_item(tx, row)


async def test_a_row_comes_back_as_it_was(database):
    """Every column, bytes and nulls too."""
    full = item("b", value=1.5, boxes="[]", width=3, height=4, input_hash="h", subject=b"s", note="ä", reviewer="A")
    await store(database, item("a"), full)
    assert await datasets.item(database, "d", "b") == full
    assert await datasets.item(database, "d", "a", until=7) is None


async def test_a_version_holds_what_began_before_and_ended_after_it(database):
    """In the order of ids, byte by byte; the working set is what hasn't ended."""
    rows = [item("a", until=3), item("B", since=2), item("c", since=3, until=4)]
    rows.append(item("a", since=3, digest=b"other"))
    await store(database, *rows, item("x", dataset_id="other"))
    held = {}
    for number in (1, 2, 3, 4, WORKING_SET):
        page = await datasets.items(database, "d", number, "", 10)
        held[number] = [(row.id, row.since) for row in page.rows]
    assert held[1] == [("a", 1)]
    assert held[2] == [("B", 2), ("a", 1)]
    assert held[3] == [("B", 2), ("a", 3), ("c", 3)]
    assert held[4] == held[WORKING_SET] == [("B", 2), ("a", 3)]
    assert await datasets.difference(database, "d", 2, 3) == (1, 0, 1)
    assert await datasets.difference(database, "d", 1, 4) == (1, 0, 1)
    assert await datasets.difference(database, "d", 3, 4) == (0, 1, 0)
    first = await datasets.items(database, "d", 3, "", 2)
    assert (len(first.rows), first.more) == (2, True)


async def test_items_are_found_by_prediction_and_by_person(database):
    """In every dataset and version; those of others aren't."""
    of = {"model_id": "m", "prediction_id": "p", "subject": b"ann"}
    rows = [item("a", until=2, **of), item("a", since=2, **of), item("b", dataset_id="e", **of)]
    await store(database, *rows, item("c", model_id="n", prediction_id="p"), item("d"))
    found = await datasets.items_of_predictions(database, "m", ["p", "q"], b"ann")
    assert sorted((row.dataset_id, row.id, row.since) for row in found) == [("d", "a", 1), ("d", "a", 2), ("e", "b", 1)]
    assert len(await datasets.items_of_subject(database, b"ann", 10)) == 3
    assert len(await datasets.items_of_subject(database, b"ann", 2)) == 2
    async with database.transaction() as tx:
        await datasets.detach(tx, "d", "m")
    assert [row.dataset_id for row in await datasets.items_of_predictions(database, "m", ["p"], b"ann")] == ["e"]


async def test_counts_are_added_up(database):
    """Those of nothing aren't shown."""
    async with database.transaction() as tx:
        for change in (2, -1, -1):
            await datasets.add_counts(tx, "d", datasets.Counts({("train", "cat"): change, ("val", "dog"): 1}))
    counts = await datasets.counts(database, "d")
    assert (counts["train"].labels, counts["val"].labels) == ({}, {"dog": 3})


async def test_an_input_is_held_only_where_it_is_stored(database):
    """And given back with the item."""
    async with database.transaction() as tx:
        await tx.run("add_blob", hash="h", **BLOB)
        assert await datasets.hold_blob(tx, "h")
        assert not await datasets.hold_blob(tx, "other")
        assert (await tx.one("blob", hash="h"))["refs"] == 2
        await datasets.delete_items(tx, [item("a", input_hash="h", input_stored=1), item("b", input_hash="h")])
        assert (await tx.one("blob", hash="h"))["refs"] == 1
