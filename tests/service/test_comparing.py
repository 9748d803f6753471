"""Versions compared on a dataset: which items meet which predictions, what is left out, and what is refused."""

import msgspec
import pytest

from seeme.errors import Invalid, NotFound
from seeme.records.comparing import CompareRequest
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion, Splits
from seeme.records.feedback import Accepted
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import Detection, LabelledBox, NewPrediction
from seeme.records.queries import to_cursor
from seeme.service import comparing

HASHES = [f"{at:064x}" for at in range(100)]


def request(**fields):
    """Return what to compare: by default two versions on the dataset."""
    given = {"version_a": "old", "version_b": "new", "test_dataset_id": "pets"} | fields
    return msgspec.convert({name: value for name, value in given.items() if value is not None}, CompareRequest)


async def make(services, someone, task="classification", id="birds", versions=("old", "new")):
    """Make a model with versions, and a dataset."""
    await services.models.create(NewModel(name="Birds", id=id, task=task))
    for version in versions:
        await services.models.add_version(id, NewVersion(name=version.title(), id=version))
    await services.datasets.create(NewDataset(name="Pets", id="pets", splits=Splits(train=0, val=0, test=1)), someone)


async def put(services, someone, *items):
    """Put items into the dataset."""
    results = await services.datasets.add("pets", [NewDatasetItem(**fields) for fields in items], someone)
    assert not [one for one in results if isinstance(one, Exception)], results


async def log(services, someone, *predictions, model="birds"):
    """Log predictions, each in its own request."""
    new = [NewPrediction(model_id=model, **fields) for fields in predictions]
    outcomes = await services.ingest.predictions(new, someone)
    assert all(isinstance(outcome, Accepted) for outcome in outcomes), outcomes


async def fill(services, someone, n=40):
    """Let the new version be right on all items, and the old one on half; some by hash, some by id."""
    await put(services, someone, *({"id": f"i{at:03}", "label": "wren", **where(at)} for at in range(n)))
    await log(
        services,
        someone,
        *(
            {
                "id": f"{version}-{at}",
                "version_id": version,
                "label": "wren" if version == "new" or at % 2 else "robin",
                "attributes": {"camera": "north" if at % 4 < 2 else "south"},
                **where(at),
            }
            for version in ("old", "new")
            for at in range(n)
        ),
    )


def where(at):
    """Return how an input is known."""
    return {"input_hash": HASHES[at]} if at % 3 else {"input_id": f"input-{at}"}


async def test_versions_are_compared_on_the_items_that_both_have_answered(services, someone):
    """By hash or id; the dataset's latest version is taken, and the working set before there is one."""
    await make(services, someone)
    await fill(services, someone)
    found = await services.comparing.compare("birds", request(segment="camera"))
    assert (found.version_a.accuracy, found.version_b.accuracy, found.delta) == (0.5, 1.0, 0.5)
    assert (found.items, found.compared, found.unmatched, found.dataset_version_id) == (40, 40, 0, None)
    assert (found.version_a.name, found.version_a.found) == ("Old", 40)
    assert 0.3 < found.low < 0.5 < found.high < 0.7
    assert {row.value: row.items for row in found.segments} == {"north": 20, "south": 20}
    await services.datasets.create_version("pets", NewDatasetVersion(name="First", id="first"), someone)
    await put(services, someone, {"id": "later", "label": "wren"})
    for way in ({}, {"test_dataset_id": "first"}, {"dataset_version_id": "first"}):
        found = await services.comparing.compare("birds", request(**way))
        assert (found.dataset_id, found.dataset_version_id, found.items) == ("pets", "first", 40)
    assert (await services.comparing.compare("birds", request(split="train"))).items == 0


async def test_what_cannot_be_paired_is_left_out_and_counted(services, someone):
    """Items without a prediction of both, errors, and inputs that come twice."""
    await make(services, someone)
    await fill(services, someone, 10)
    await put(
        services,
        someone,
        {"id": "j-nowhere", "label": "wren"},
        {"id": "k-old-alone", "label": "wren", "input_id": "alone"},
        {"id": "l-failed", "label": "wren", "input_id": "failed"},
        {"id": "m-again", "label": "robin", **where(1)},
    )
    await log(
        services,
        someone,
        {"id": "alone", "version_id": "old", "label": "wren", "input_id": "alone"},
        {"id": "fine", "version_id": "old", "label": "wren", "input_id": "failed"},
        {"id": "failed", "version_id": "new", "error": "out of memory", "input_id": "failed"},
        {"id": "no-version", "label": "wren", "input_id": "alone"},
    )
    found = await services.comparing.compare("birds", request())
    assert (found.items, found.compared, found.unmatched, found.failed, found.repeated) == (14, 10, 2, 1, 1)
    assert (found.version_a.found, found.version_b.found, found.version_b.failed) == (13, 12, 1)


async def test_the_latest_prediction_of_a_version_counts(services, someone, clock):
    """By the time it was made, whether it names the input by hash or by id."""
    await make(services, someone)
    both = {"input_hash": HASHES[0], "input_id": "one"}
    await put(services, someone, {"id": "i", "label": "wren", **both})
    await log(services, someone, {"id": "z", "version_id": "old", "label": "robin", "input_hash": HASHES[0]})
    await log(services, someone, {"id": "n", "version_id": "new", "label": "wren", **both})
    assert (await services.comparing.compare("birds", request())).version_a.accuracy == 0
    clock.forward(1_000_000)
    await log(services, someone, {"id": "a", "version_id": "old", "label": "wren", "input_id": "one"})
    assert (await services.comparing.compare("birds", request())).version_a.accuracy == 1


async def test_disagreements_are_listed_in_pages(services, someone, monkeypatch):
    """Each item that one version alone has right, once, with both answers; also where few items are looked at."""
    await make(services, someone)
    await fill(services, someone)
    for most in (comparing.MOST_LOOKED_AT, 7):
        monkeypatch.setattr(comparing, "MOST_LOOKED_AT", most)
        monkeypatch.setattr(comparing, "PAGE", 7)
        found, cursor, pages = [], None, 0
        while cursor is not None or not pages:
            page = await services.comparing.disagreements("birds", request(), 3, cursor)
            assert len(page.items) <= 3
            found += page.items
            cursor, pages = page.next_cursor, pages + 1
        assert [one.item_id for one in found] == [f"i{at:03}" for at in range(0, 40, 2)]
    one = found[0]
    assert (one.right, one.label, one.a.label, one.b.label) == ("b", "wren", "robin", "wren")
    assert (one.a.prediction_id, one.b.prediction_id) == ("old-0", "new-0")


async def test_an_attribute_that_no_prediction_has_is_told(services, someone):
    """It may be mistyped; one that some have is fine."""
    await make(services, someone)
    await fill(services, someone)
    found = await services.comparing.compare("birds", request(segment="camra"))
    assert "no prediction has the attribute `camra`, so there is one segment" in found.notes
    found = await services.comparing.compare("birds", request(segment="camera"))
    assert not any("attribute" in note for note in found.notes)


async def test_pages_that_are_too_large_are_halved(services, someone, monkeypatch):
    """However little fits: the numbers stay the same."""
    await make(services, someone)
    await fill(services, someone)
    whole = await services.comparing.compare("birds", request(segment="camera"))
    monkeypatch.setattr("seeme.store.comparing.PAGE_SIZE", 300)
    monkeypatch.setattr(comparing, "PAGE", 9)
    assert await services.comparing.compare("birds", request(segment="camera")) == whole


async def test_boxes_and_numbers_are_compared(services, someone):
    """Each task in its own way."""
    await make(services, someone, "detection", "cars")
    box = (0, 0, 10, 10)
    await put(
        services,
        someone,
        *({"id": f"i{at}", "boxes": [LabelledBox(label="car", box=box)], "input_id": f"i{at}"} for at in range(12)),
    )
    answers = {"old": [], "new": [Detection(label="car", box=box, confidence=0.9)]}
    predictions = [
        {"id": f"{name}{at}", "version_id": name, "input_id": f"i{at}", "detections": found, "image_size": (20, 20)}
        for name, found in answers.items()
        for at in range(12)
    ]
    await log(services, someone, *predictions, model="cars")
    found = await services.comparing.compare("cars", request())
    assert (found.version_a.map_50_95, found.version_b.map_50_95, found.delta) == (0.0, pytest.approx(1.0), 1.0)
    page = await services.comparing.disagreements("cars", request(), 100)
    assert [(one.objects, one.a.objects, one.b.objects) for one in page.items] == [(1, 0, 1)] * 12
    await services.datasets.create(NewDataset(name="Prices", id="prices", task="regression"), someone)
    await services.datasets.add("prices", [NewDatasetItem(id="i", value=2.0, input_id="i")], someone)
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    for name, value in (("old", 3.0), ("new", 2.5)):
        await services.models.add_version("prices", NewVersion(name=name, id=name))
        await log(services, someone, {"version_id": name, "value": value, "input_id": "i"}, model="prices")
    found = await services.comparing.compare("prices", request(test_dataset_id="prices"))
    assert (found.version_a.mae, found.version_b.rmse, found.delta) == (1.0, 0.5, -0.5)


async def test_numbers_are_listed_by_how_much_nearer_one_version_is(services, someone, monkeypatch):
    """The largest difference of the errors first, in one page, over all pages of the dataset; equal errors are none."""
    monkeypatch.setattr(comparing, "PAGE", 3)
    await services.datasets.create(NewDataset(name="Prices", id="prices", task="regression"), someone)
    items = [NewDatasetItem(id=f"i{at}", value=10.0, input_id=f"i{at}") for at in range(8)]
    await services.datasets.add("prices", items, someone)
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    said = {"old": [11, 12, 9, 10, 15, 4, 10, 8], "new": [11, 9, 5, 12, 10, 13, 8, 12]}
    for name, values in said.items():
        await services.models.add_version("prices", NewVersion(name=name, id=name))
        new = [{"version_id": name, "value": float(v), "input_id": f"i{at}"} for at, v in enumerate(values)]
        await log(services, someone, *new, model="prices")
    asked = request(test_dataset_id="prices")
    page = await services.comparing.disagreements("prices", asked, 100)
    found = [(one.item_id, one.right, one.a.error, one.b.error) for one in page.items]
    assert found[:3] == [("i4", "b", 5.0, 0.0), ("i2", "a", 1.0, 5.0), ("i5", "b", 6.0, 3.0)]
    assert [one[0] for one in found[3:]] == ["i3", "i6", "i1"]
    assert (page.next_cursor, page.items[0].value, page.items[0].a.value) == (None, 10.0, 15.0)
    few = await services.comparing.disagreements("prices", asked, 2)
    assert few.items == page.items[:2]
    with pytest.raises(Invalid, match="one page"):
        await services.comparing.disagreements("prices", asked, 2, to_cursor(0, "i4"))


@pytest.mark.parametrize(
    ("fields", "path", "says"),
    [
        ({"version_b": "old"}, "$.version_b", "named twice"),
        ({"version_a": "newest"}, "$.version_a", "no version newest of the model birds"),
        (
            {"versions": ["old", "new", "older"], "version_a": None, "version_b": None},
            "$.versions[2]",
            "no version older",
        ),
        ({"test_dataset_id": "cats"}, "$.test_dataset_id", "no dataset"),
        ({"test_dataset_id": "cats", "dataset_version_id": "v"}, "$.test_dataset_id", "no dataset"),
        ({"dataset_version_id": "second"}, "$.dataset_version_id", "no version second of the dataset pets"),
        ({"test_dataset_id": "v"}, "$.test_dataset_id", "several datasets have a version v"),
        ({"test_dataset_id": "boxes"}, "$.test_dataset_id", "is for detection, and the model birds for classification"),
        ({"segment": "user"}, "$.segment", "more than 3 values"),
    ],
)
async def test_what_cannot_be_compared_is_refused_by_field(services, someone, monkeypatch, fields, path, says):
    """With a sentence about what to do."""
    monkeypatch.setattr("seeme.domain.tallies.MOST_SEGMENTS", 3)
    monkeypatch.setattr(comparing, "MOST_SEGMENTS", 3)
    await make(services, someone)
    await put(services, someone, *({"id": f"i{at}", "label": "wren", **where(at)} for at in range(4)))
    tagged = [{"version_id": name, "label": "wren", "attributes": {"user": at}, **where(at)}
              for name in ("old", "new") for at in range(4)]  # fmt: skip
    await log(services, someone, *tagged)
    await services.datasets.create(NewDataset(name="Boxes", id="boxes", task="detection"), someone)
    for dataset in ("pets", "boxes"):
        await services.datasets.create_version(dataset, NewDatasetVersion(name="V", id="v"), someone)
    with pytest.raises(Invalid) as caught:
        await services.comparing.compare("birds", request(**fields))
    assert caught.value.errors[0].path == path
    assert says in caught.value.message


async def test_an_unknown_model_is_not_found(services):
    """As everywhere."""
    with pytest.raises(NotFound):
        await services.comparing.compare("fish", request())
