"""Datasets: what is put, replaced, withdrawn and erased, and that versions never change but by erasures."""

from collections import Counter
from functools import partial

import pytest

from seeme.errors import Conflict, NotFound
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion, NewTrainingJob, Splits
from seeme.records.models import ConfigPatch, NewModel
from seeme.records.predictions import LabelledBox, NewPrediction
from seeme.records.rows import ItemRow
from seeme.store import blobs

from .test_inputs import PNG, chunks

pytestmark = pytest.mark.usefixtures("dataset")


@pytest.fixture
async def dataset(services, someone):
    """A dataset without a task yet."""
    return (await services.datasets.create(NewDataset(name="Pets", id="pets"), someone))[0]


def item(id, label="cat", **fields):
    """Return an item as a decision puts it."""
    return ItemRow(dataset_id="pets", id=id, source="review", created_at=5, **{"label": label, **fields})


async def put(services, *rows):
    """Put items in one transaction."""

    async def work(tx):
        for row in rows:
            await services.datasets.put(tx, row)

    await services.inbox.run(work)


async def withdraw(services, *ids):
    """Withdraw items in one transaction."""

    async def work(tx):
        for id in ids:
            await services.datasets.withdraw(tx, "pets", id)

    await services.inbox.run(work)


async def freeze(services, someone, name="v", **fields):
    """Make a version."""
    return (await services.datasets.create_version("pets", NewDatasetVersion(name=name, **fields), someone))[0]


async def labels(services, version=None):
    """Return the labels of a version, or of the working set, by id."""
    page = await services.datasets.items("pets", version.id if version else None, limit=1000)
    return {one.id: one.label for one in page.items}


async def changes(services, version):
    """Return what a version has added, removed and changed."""
    found = (await services.datasets.version("pets", version.id)).changes
    return (found.added, found.removed, found.changed)


async def test_a_version_never_changes(services, someone):
    """Whatever comes, goes and is replaced after it is in the next one only."""
    await put(services, item("a"), item("b"), item("c"))
    first = await freeze(services, someone)
    await put(services, item("b", "dog"), item("d"))
    await withdraw(services, "c")
    second = await freeze(services, someone)
    assert await labels(services, first) == {"a": "cat", "b": "cat", "c": "cat"}
    assert await labels(services, second) == await labels(services) == {"a": "cat", "b": "dog", "d": "cat"}
    assert (second.number, second.parent_version_id, second.item_count) == (2, first.id, 3)
    assert await changes(services, second) == (1, 1, 1)
    assert (await services.datasets.version("pets", first.id)).changes is None


async def test_the_difference_is_to_the_parent_that_was_named(services, someone):
    """Also when others came in between."""
    await put(services, item("a"))
    first = await freeze(services, someone)
    await put(services, item("b"))
    await freeze(services, someone)
    await put(services, item("a", "dog"), item("c"))
    third = await freeze(services, someone, parent_version_id=first.id)
    assert (third.parent_version_id, await changes(services, third)) == (first.id, (2, 0, 1))
    with pytest.raises(NotFound):
        await freeze(services, someone, parent_version_id="nothing")


async def test_what_was_changed_and_changed_back_is_no_change(services, someone):
    """Also when a version in between has it otherwise."""
    await put(services, item("a"), item("b"))
    first = await freeze(services, someone)
    await put(services, item("a", "dog"), item("b", "dog"))
    await freeze(services, someone)
    await put(services, item("a"), item("b", "mouse"), item("c"))
    third = await freeze(services, someone, parent_version_id=first.id)
    assert await changes(services, third) == (1, 0, 1)


async def test_what_is_undone_leaves_no_trace(services, someone):
    """Out and in again, or changed there and back, is no change at all."""
    await put(services, item("a"), item("b"))
    await freeze(services, someone)
    await withdraw(services, "a", "nothing")
    await put(services, item("b", "dog"), item("new"))
    await withdraw(services, "new")
    await put(services, item("a"), item("b", "mouse"), item("b"))
    second = await freeze(services, someone)
    assert await changes(services, second) == (0, 0, 0)
    assert second.item_count == 2
    counts = (await services.datasets.read("pets")).counts
    assert sum((Counter(split.labels) for split in counts.values()), Counter()) == {"cat": 2}


async def test_counts_are_those_of_the_rows(services, someone):
    """By split and label, in the working set and in a version."""
    await put(services, *(item(f"i{n}", "cat" if n % 3 else "dog") for n in range(60)))
    await withdraw(services, *(f"i{n}" for n in range(10)))
    version = await freeze(services, someone)
    rows = (await services.datasets.items("pets", version.id, 1000)).items
    expected = Counter((row.split, row.label) for row in rows)
    detail = await services.datasets.version("pets", version.id)
    found = {(split, label): n for split, count in detail.splits.items() for label, n in count.labels.items()}
    assert found == expected
    assert {split: count.item_count for split, count in detail.splits.items()} == Counter(row.split for row in rows)
    assert (await services.datasets.read("pets")).counts == detail.splits


async def test_boxes_are_counted_by_their_label(services, someone):
    """An image with nothing in it is an item, too."""
    boxes = [LabelledBox(label=label, box=(1, 2, 3, 4)) for label in ("car", "car", "bus")]
    await services.datasets.add(
        "pets", [NewDatasetItem(id="a", boxes=boxes), NewDatasetItem(id="b", boxes=[])], someone
    )
    counts = (await services.datasets.read("pets")).counts.values()
    assert sum(count.item_count for count in counts) == 2
    assert sum((Counter(count.labels) for count in counts), Counter()) == {"car": 2, "bus": 1}


async def test_a_dataset_is_for_one_task(services, someone):
    """It learns it from its first item, and then refuses others with a sentence."""
    await put(services, item("a"))
    assert services.datasets.get("pets").task == "classification"
    with pytest.raises(Conflict, match="the dataset pets is for classification: its items have `label`, not `value`"):
        await put(services, item("b", None, value=2.0))
    with pytest.raises(Conflict, match="exactly one of `label`, `boxes` and `value`, not 0"):
        await put(services, item("b", None))
    results = await services.datasets.add(
        "pets", [NewDatasetItem(id="x", value=1.0), NewDatasetItem(id="y", label="dog")], someone
    )
    assert isinstance(results[0], Conflict)
    assert (results[1].id, results[1].status) == ("y", "created")


async def test_duplicates_are_never_in_two_splits(services, someone):
    """What has the same input is in the same split, whatever its id; the shares are about those asked for."""
    new = NewDataset(name="D", id="d", splits=Splits(train=0.5, val=0.3, test=0.2))
    await services.datasets.create(new, someone)
    items = [NewDatasetItem(id=f"{n}-{twin}", label="x", input_id=f"i{n}") for n in range(450) for twin in (1, 2)]
    await services.datasets.add("d", items, someone)
    rows = (await services.datasets.items("d", None, 1000)).items
    splits = {}
    for row in rows:
        assert splits.setdefault(row.input_id, row.split) == row.split
    counts = Counter(row.split for row in rows)
    assert counts["train"] == pytest.approx(450, abs=60)
    assert counts["test"] == pytest.approx(180, abs=60)


async def test_an_import_is_harmless_when_repeated(services, someone):
    """The same id with the same content is unchanged, whoever brings it; with other content it is replaced."""
    one = NewDatasetItem(id="a", label="cat", note="n")
    other = someone.__class__("sk_2", "secret", "Bob", someone.scopes)
    results = [
        (await services.datasets.add("pets", [new], who))[0].status
        for new, who in ((one, someone), (one, other), (NewDatasetItem(id="a", label="dog"), other))
    ]
    assert results == ["created", "unchanged", "changed"]
    assert (await services.datasets.items("pets", None)).items[0].reviewer == "Bob"


async def test_pages_of_items_follow_each_other(services, someone):
    """Without gap or overlap, in the order of ids."""
    await put(services, *(item(f"i{n:02}") for n in range(25)))
    version = await freeze(services, someone)
    seen, cursor = [], None
    while True:
        page = await services.datasets.items("pets", version.id, 10, cursor)
        seen += [one.id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [f"i{n:02}" for n in range(25)]


async def person(services, someone, *ids, **fields):
    """Log predictions of a person, with an input each, and put them into the dataset."""
    config = ConfigPatch(log_inputs=True)
    await services.models.create(NewModel(id="m", name="M", config=config))
    new = [NewPrediction(model_id="m", id=id, label="cat", subject="ann", **fields) for id in ids]
    await services.ingest.predictions(new, someone)
    for id in ids:
        await services.inputs.put(id, "m", chunks(PNG))
    rows = [await services.events.prediction(id, "m") for id in ids]
    await put(services, *(item(r.id, model_id="m", prediction_id=r.id, input_hash=r.input_hash) for r in rows))


async def refs(services):
    """Return how often inputs are referred to, by those stored."""
    return [(await services.database.one("blob", hash=hash))["refs"] for hash in await blobs.hashes(services.database)]


async def test_an_erased_person_is_gone_from_every_version_and_the_gap_is_counted(services, someone):
    """Numbers of versions fall by what was theirs."""
    await person(services, someone, "p1", "p2")
    await put(services, item("other"))
    first = await freeze(services, someone)
    await withdraw(services, "p2")
    second = await freeze(services, someone)
    await services.removal.erase(services.ingest.subject_hash("ann"))
    assert await labels(services, first) == await labels(services, second) == await labels(services) == {"other": "cat"}
    found = [await services.datasets.version("pets", version.id) for version in (first, second)]
    assert [(one.item_count, one.erased) for one in found] == [(1, 2), (1, 1)]
    assert (await services.datasets.read("pets")).item_count == 1
    assert await refs(services) == []


async def test_a_person_is_erased_when_their_predictions_have_long_expired(services, someone, clock):
    """Items outlive the prediction and its retention, with their image; not the erasure."""
    await person(services, someone, "p1")
    first = await freeze(services, someone)
    clock.forward(40 * 86_400_000_000)
    await services.removal.retain()
    with pytest.raises(NotFound):
        await services.events.prediction("p1", "m")
    assert await labels(services, first) == {"p1": "cat"}
    assert await refs(services) == [1]
    await services.removal.erase(services.ingest.subject_hash("ann"))
    assert await labels(services, first) == {}
    assert (await services.datasets.version("pets", first.id)).erased == 1
    assert await refs(services) == []


async def test_an_image_is_kept_as_long_as_a_version_has_it(services, someone):
    """Each row that has it counts; withdrawn without a version, it is given back at once."""
    await person(services, someone, "p1")
    assert await refs(services) == [2]
    await withdraw(services, "p1")
    assert await refs(services) == [1]
    row = await services.events.prediction("p1", "m")
    again = partial(item, "p1", model_id="m", prediction_id="p1", input_hash=row.input_hash)
    await put(services, again())
    await freeze(services, someone)
    await put(services, again(label="dog"))
    assert await refs(services) == [3]
    await services.datasets.delete("pets")
    await services.removal.retain()
    assert await refs(services) == [1]


async def test_items_outlive_their_model_and_are_cut_loose(services, someone):
    """Another model may take its id, and must not find them."""
    await person(services, someone, "p1")
    first = await freeze(services, someone)
    await services.models.delete("m")
    await services.removal.retain()
    found = (await services.datasets.items("pets", first.id)).items[0]
    assert (found.model_id, found.prediction_id, found.has_input) == ("m", None, True)
    await services.removal.erase(services.ingest.subject_hash("ann"))
    assert await labels(services, first) == {}


async def test_a_deleted_dataset_is_gone_at_once_and_its_id_free_when_it_is_swept(services, someone):
    """Until then the id is refused."""
    await put(services, item("a"))
    await freeze(services, someone)
    await services.datasets.delete("pets")
    with pytest.raises(NotFound):
        services.datasets.get("pets")
    with pytest.raises(NotFound):
        await put(services, item("b"))
    await withdraw(services, "a")
    with pytest.raises(Conflict, match="being deleted"):
        await services.datasets.create(NewDataset(name="Pets", id="pets"), someone)
    await services.removal.retain()
    assert (await services.datasets.create(NewDataset(name="Other", id="pets"), someone))[1]
    assert (await services.datasets.read("pets")).item_count == 0
    assert (await services.datasets.versions("pets")).items == []


async def test_making_something_again_is_harmless(services, someone):
    """The same id and content is the same dataset, version and job; other content is a conflict."""
    assert not (await services.datasets.create(NewDataset(name="Pets", id="pets"), someone))[1]
    with pytest.raises(Conflict):
        await services.datasets.create(NewDataset(name="Birds", id="pets"), someone)
    new = NewDatasetVersion(name="v1", id="v1")
    assert [(await services.datasets.create_version("pets", new, someone))[1] for _ in range(2)] == [True, False]
    with pytest.raises(Conflict):
        await freeze(services, someone, "other", id="v1")
    job = NewTrainingJob(name="J", id="j", dataset_id="pets", version_id="v1")
    assert [(await services.training.create(job, someone))[1] for _ in range(2)] == [True, False]
    with pytest.raises(Conflict):
        await services.training.create(NewTrainingJob(name="K", id="j", dataset_id="pets", version_id="v1"), someone)
    with pytest.raises(NotFound, match="no version v2"):
        await services.training.create(NewTrainingJob(name="J", dataset_id="pets", version_id="v2"), someone)
    with pytest.raises(NotFound, match="no model"):
        await services.training.create(
            NewTrainingJob(name="J", dataset_id="pets", version_id="v1", base_model_id="no"), someone
        )


async def test_items_are_found_by_split_source_and_label(services, someone):
    """Of boxes one with the label is enough, and a wildcard or a part of a label is none."""

    async def found(**filters):
        return [one.id for one in (await services.datasets.items("pets", None, **filters)).items]

    await put(services, item("a"), item("b", "d_g"), item("c", 'say "dog"'))
    assert await found(label="d_g") == ["b"]
    assert await found(label="d%") == await found(label="cat", source="import") == []
    assert await found(label="cat", source="review") == ["a"]
    assert sorted([id for split in ("train", "val", "test") for id in await found(split=split)]) == ["a", "b", "c"]
    await services.datasets.create(NewDataset(name="Boxes", id="boxes"), someone)
    boxes = [LabelledBox(label=label, box=(1, 2, 3, 4)) for label in ("cär", 'say "dog"')]
    await services.datasets.add("boxes", [NewDatasetItem(id="x", boxes=boxes)], someone)
    for label, number in (("cär", 1), ('say "dog"', 1), ("dog", 0), ("c", 0), ("C\u00c4R", 0)):
        assert len((await services.datasets.items("boxes", None, label=label)).items) == number


async def test_an_item_is_removed_by_its_id(services, someone):
    """Versions keep it; what isn't there can't be removed."""
    await put(services, item("a"), item("b"))
    version = await freeze(services, someone)
    await services.datasets.remove("pets", "a")
    assert (await labels(services), await labels(services, version)) == ({"b": "cat"}, {"a": "cat", "b": "cat"})
    assert (await services.datasets.read("pets")).item_count == 1
    with pytest.raises(NotFound, match="no item a in the working set"):
        await services.datasets.remove("pets", "a")


async def test_the_latest_training_jobs_come_first(services, clock, someone):
    """In pages, each of them once."""
    await freeze(services, someone, id="v1")
    for name in "abcde":
        await services.training.create(NewTrainingJob(name=name, dataset_id="pets", version_id="v1"), someone)
        clock.forward(1)
    first = await services.training.latest(3)
    rest = await services.training.latest(3, first.next_cursor)
    assert ([job.name for job in first.items], [job.name for job in rest.items]) == (["e", "d", "c"], ["b", "a"])
    assert rest.next_cursor is None
