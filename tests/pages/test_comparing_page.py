"""The page that compares versions: what can be chosen, what is said, and that it says no more than is known."""

import re

from tests.pages.conftest import Visitor, Window, signed_in
from tests.pages.test_models import EVIL

from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.models import NewModel, NewVersion
from seeme.records.predictions import Detection, LabelledBox, NewPrediction
from seeme.service.keys import Identity
from seeme.service.services import Services

COMPARED = "/models/birds/compare?a=old&b=new&dataset=pets"


async def make(services: Services, someone: Identity, task: str = "classification") -> None:
    """Make a model with two versions, and a dataset of its task."""
    await services.models.create(NewModel(name="Birds", id="birds", task=task))  # type: ignore[arg-type]
    for version in ("old", "new"):
        await services.models.add_version("birds", NewVersion(name=f"{version.title()} {EVIL}", id=version))
    await services.datasets.create(NewDataset(name="Pets", id="pets", task=task), someone)  # type: ignore[arg-type]


async def fill(services: Services, someone: Identity, n: int = 120, labels: int = 3) -> None:
    """Let both versions be wrong on some items, the old one on more."""
    await make(services, someone)
    names = ["wren", EVIL, *(f"bird {at}" for at in range(labels - 2))]
    items = [NewDatasetItem(id=f"i{at:03}", label=names[at % labels], input_id=f"i{at}") for at in range(n)]
    await services.datasets.add("pets", items, someone)
    new = [
        NewPrediction(
            model_id="birds",
            id=f"{version}-{at}",
            version_id=version,
            input_id=f"i{at}",
            label=names[(at + (at % wrong == 0)) % labels],
            attributes={"camera": "north" if at % 4 else "south"},
        )
        for version, wrong in (("old", 3), ("new", 7))
        for at in range(n)
    ]
    await services.ingest.predictions(new, someone)


async def test_without_versions_or_datasets_the_page_says_what_is_missing(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """And nothing is compared before it is asked for."""
    await services.models.create(NewModel(name="Birds", id="birds"))
    assert "Two versions are needed" in (await admin.get("/models/birds/compare")).text
    for version in ("old", "new"):
        await services.models.add_version("birds", NewVersion(name=version, id=version))
    await services.datasets.create(NewDataset(name="Boxes", id="boxes", task="detection"), someone)
    assert "No dataset for classification yet" in (await admin.get("/models/birds/compare")).text
    await services.datasets.create(NewDataset(name="Pets", id="pets", task="classification"), someone)
    page = await admin.get("/models/birds/compare")
    assert "Choose two versions" in page.text
    assert 'href="/models/birds/compare"' in (await admin.get("/models/birds")).text
    empty = await admin.get(COMPARED)
    assert "Nothing can be compared: the dataset has no item here." in empty.text


async def test_the_comparison_is_said_in_words_and_numbers(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """The verdict with its interval, scores, confusions, labels, segments, and the items where only one is right."""
    await fill(services, someone)
    await services.datasets.create_version("pets", NewDatasetVersion(name="First", id="v1"), someone)
    page = await admin.get(COMPARED + "&segment=camera&version=v1")
    assert page.status == 200
    assert re.search(r"B is better: B&#39;s share of right items is \d+\.\d to \d+\.\d points higher", page.text)
    for part in ("Scores", "Who is right", "Confusions, B minus A", "By label", "By camera", "Where only one is right"):
        assert part in page.text
    assert "/models/birds/predictions/old-" in page.text
    assert EVIL not in page.text
    more = re.search(r'href="([^"]+)#apart"', page.text)
    assert more
    following = await admin.get(more[1].replace("&amp;", "&"))
    assert following.status == 200
    assert set(re.findall(r"<code>i\d+</code>", page.text)).isdisjoint(re.findall(r"<code>i\d+</code>", following.text))


async def test_what_cannot_be_told_is_not_claimed(services: Services, someone: Identity, admin: Visitor) -> None:
    """With an interval around 0 neither version is the better one; with many labels changes are a list."""
    await fill(services, someone, n=15, labels=14)
    page = await admin.get(COMPARED)
    assert "No difference can be told" in page.text
    assert "better:" not in page.text
    assert "matrix" not in page.text


async def test_bad_choices_are_answered_with_the_reason(services: Services, someone: Identity, admin: Visitor) -> None:
    """The form stays."""
    await fill(services, someone, n=10)
    for link, says in (
        ("/models/birds/compare?a=old&b=old&dataset=pets", "named twice"),
        ("/models/birds/compare?a=old&b=new&dataset=cats", "no dataset"),
        ("/models/birds/compare?a=old&b=new&dataset=pets&split=tset", "isn&#39;t one of a comparison"),
        ("/models/birds/compare?a=old&b=new&dataset=pets&cursor=x", "next_cursor"),
    ):
        page = await admin.get(link)
        assert (page.status, says in page.text, "<form" in page.text) == (422, True, True), link


async def test_a_key_for_some_models_has_no_such_page(services: Services, someone: Identity) -> None:
    """Neither the link nor the page."""
    await make(services, someone)
    narrow = await signed_in(services, "read", models=("birds",))
    assert "/models/birds/compare" not in (await narrow.get("/models/birds")).text
    assert (await narrow.get("/models/birds/compare")).status == 403


async def test_boxes_and_numbers_have_their_own_scores(services: Services, someone: Identity, admin: Visitor) -> None:
    """Without confidences average precision is unknown, and says why."""
    await make(services, someone, "detection")
    box = LabelledBox(label="car", box=(0, 0, 9, 9))
    items = [NewDatasetItem(id=f"i{at}", boxes=[box], input_id=f"i{at}") for at in range(12)]
    await services.datasets.add("pets", items, someone)
    new = [
        NewPrediction(
            model_id="birds",
            version_id=version,
            input_id=f"i{at}",
            detections=[Detection(label="car", box=box.box)] if version == "new" or at % 2 else [],
        )
        for version in ("old", "new")
        for at in range(12)
    ]
    await services.ingest.predictions(new, someone)
    page = await admin.get(COMPARED)
    assert "mAP at .5 to .95" in page.text
    assert "average precision needs them in order" in page.text
    assert "1 object" in page.text
    await services.models.create(NewModel(name="Prices", id="prices", task="regression"))
    await services.datasets.create(NewDataset(name="Prices", id="prices", task="regression"), someone)
    await services.datasets.add(
        "prices", [NewDatasetItem(id=f"i{n}", value=n, input_id=f"i{n}") for n in range(12)], someone
    )
    for version, far in (("old", 2.0), ("new", 1.0)):
        await services.models.add_version("prices", NewVersion(name=version, id=version))
        near = [
            NewPrediction(model_id="prices", version_id=version, input_id=f"i{n}", value=n + far * (1 + n % 3))
            for n in range(12)
        ]
        await services.ingest.predictions(near, someone)
    page = await admin.get("/models/prices/compare?a=old&b=new&dataset=prices")
    assert "B is better: B&#39;s mean absolute error is" in page.text
    assert "Where only one is right" not in page.text
    assert "Where one is nearer by most" in page.text
    first, last = (page.text.index(f"<code>i{n}</code>") for n in (2, 0))
    assert first < last
    assert "off by 6" in page.text


async def test_the_page_fits_a_narrow_window(services: Services, someone: Identity, window: Window) -> None:
    """Chosen in the form and sent; at 320 pixels nothing sticks out, and nothing is logged as wrong."""
    await fill(services, someone)
    await window.open("/models/birds/compare")
    await window.page.select_option("#b", "new")
    await window.page.click("button.primary")
    await window.page.wait_for_selector("#result")
    for width in (320, 1280):
        await window.page.set_viewport_size({"width": width, "height": 640})
        assert await window.overflow() == 0, width
    await window.page.click("table a[href*='/predictions/'] >> nth=0")
    await window.page.wait_for_selector("text=Prediction")
    assert window.mistakes == []
