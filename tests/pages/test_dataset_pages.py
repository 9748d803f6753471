"""The pages of datasets: the list, and one of them with versions, labels, differences and downloads."""

import re

from tests.pages.conftest import Visitor, Window, signed_in
from tests.pages.test_models import EVIL

from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.predictions import LabelledBox
from seeme.service.keys import Identity
from seeme.service.services import Services


async def fill(services: Services, someone: Identity, name: str = "Streets") -> None:
    """Make a dataset of boxes with twelve versions, and items after them."""
    await services.datasets.create(NewDataset(name=name, id="streets"), someone)
    for number in range(1, 13):
        boxes = [LabelledBox(label=label, box=(1, 2, 3, 4)) for label in ("car", "car", f"rare {number % 60}", EVIL)]
        items = [NewDatasetItem(id=f"i{number}-{n}", boxes=boxes, image_size=(9, 9)) for n in range(5)]
        await services.datasets.add("streets", items, someone)
        await services.datasets.create_version(
            "streets", NewDatasetVersion(name=f"{name} {number}", id=f"v{number}"), someone
        )
    more = [NewDatasetItem(id=f"z{n}", boxes=[LabelledBox(label=f"label {n}", box=(1, 2, 3, 4))]) for n in range(70)]
    await services.datasets.add("streets", more, someone)


async def test_without_datasets_the_page_says_how_to_make_one(admin: Visitor) -> None:
    """And the list is found from every page."""
    assert 'href="/datasets"' in (await admin.get("/")).text
    page = await admin.get("/datasets")
    assert (page.status, "seeme dataset create" in page.text) == (200, True)


async def test_a_dataset_without_items_says_so(services: Services, someone: Identity, admin: Visitor) -> None:
    """Nothing is counted where nothing is."""
    await services.datasets.create(NewDataset(name="New", id="new"), someone)
    page = await admin.get("/datasets/new")
    assert "Nothing is in it." in page.text
    assert "None yet. A version freezes the working set" in page.text
    assert "0 items" not in page.text
    assert "any task yet" in (await admin.get("/datasets")).text


async def test_the_latest_version_is_shown_with_its_difference(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """Its labels are those of the API, the most frequent first, and rare ones are added up."""
    await fill(services, someone)
    page = await admin.get("/datasets/streets")
    assert "Version 12: Streets 12" in page.text
    assert "5 added, 0 removed, 0 changed" in page.text
    assert page.text.index(">v12<") < page.text.index("12 · Streets 12</a>")
    assert re.search(r"\d+ other labels", page.text)
    for format in ("jsonl", "csv", "coco", "yolo"):
        assert f"/v1/datasets/streets/versions/v12/export?format={format}" in page.text
    assert (await admin.get("/v1/datasets/streets/versions/v12/export?format=csv")).status == 200


async def test_another_version_can_be_chosen_and_older_ones_listed(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """Ten of them are on a page."""
    await fill(services, someone)
    page = await admin.get("/datasets/streets?version=v1")
    assert "Version 1: Streets 1" in page.text
    assert "Since its parent" not in page.text
    assert "2 · Streets 2<" not in page.text
    older = await admin.get("/datasets/streets?version=v1&below=3")
    assert re.findall(r"(\d+) · Streets \d+</a>", older.text) == ["2", "1"]
    assert "Older versions" not in older.text
    assert (await admin.get("/datasets/streets?version=v99")).status == 404
    assert (await admin.get("/datasets/streets?below=x")).status == 200
    assert (await admin.get("/datasets/nothing")).status == 404


async def test_names_and_labels_are_shown_as_text(services: Services, someone: Identity, admin: Visitor) -> None:
    """Whatever stands in them."""
    await fill(services, someone, EVIL)
    for link in ("/datasets", "/datasets/streets"):
        text = (await admin.get(link)).text
        assert EVIL not in text
        assert "&lt;" in text


async def test_a_key_for_some_models_sees_no_dataset(services: Services, someone: Identity) -> None:
    """Neither the link nor the pages."""
    await fill(services, someone)
    narrow = await signed_in(services, "read", models=("digits",))
    assert 'href="/datasets"' not in (await narrow.get("/")).text
    assert [(await narrow.get(link)).status for link in ("/datasets", "/datasets/streets")] == [403, 403]


async def test_the_pages_fit_a_narrow_window_and_a_download_is_a_file(
    services: Services, someone: Identity, window: Window
) -> None:
    """At 320 pixels nothing sticks out; nothing is logged as wrong."""
    await fill(services, someone)
    for width in (320, 1280):
        await window.page.set_viewport_size({"width": width, "height": 640})
        for link in ("/datasets", "/datasets/streets"):
            await window.open(link)
            assert await window.overflow() == 0, (link, width)
    async with window.page.expect_download() as downloading:
        await window.page.click("text=JSON lines")
    assert (await downloading.value).suggested_filename == "streets-12.jsonl"
    assert window.mistakes == []
