"""What is done with datasets on pages: items looked through and taken out, versions made, trainings asked for."""

import re

from tests.conftest import FakeClock
from tests.pages.conftest import Visitor, Window, signed_in
from tests.pages.reviewing import add_images, fill_detections, listed, make_model
from tests.pages.test_models import EVIL

from seeme.clock import MINUTE
from seeme.records.datasets import NewDataset, NewDatasetItem, NewDatasetVersion
from seeme.records.models import NewModel
from seeme.records.predictions import LabelledBox
from seeme.records.review import Claim, NewDecision
from seeme.service.keys import Identity
from seeme.service.services import Services


async def fill(services: Services, someone: Identity, count: int = 30) -> None:
    """Make the dataset `animals` of labelled items, and a version of the first half of them."""
    await services.datasets.create(NewDataset(name="Animals", id="animals"), someone)
    items = [NewDatasetItem(id=f"i{n:02}", label=("cat", "d_g", "dog")[n % 3], note=EVIL) for n in range(count)]
    await services.datasets.add("animals", items[: count // 2], someone)
    await services.datasets.create_version("animals", NewDatasetVersion(name="Half", id="v1"), someone)
    await services.datasets.add("animals", items[count // 2 :], someone)


def ids(text: str) -> list[str]:
    """Return the ids of the items that a page lists."""
    return re.findall(r'class="why id">([^<]+)<', text)


async def test_items_are_listed_with_filters_and_pages(services: Services, someone: Identity, admin: Visitor) -> None:
    """Filters go along to the next page; a wildcard is a letter; what isn't a filter is passed over."""
    await fill(services, someone)
    first = (await admin.get("/datasets/animals/items?split=nonsense")).text
    assert len(ids(first)) == 24
    assert EVIL not in first
    more = re.search(r'href="([^"]*cursor=[^"]*)">More items', first)
    assert more
    assert len(ids((await admin.get(more[1].replace("&amp;", "&"))).text)) == 6
    assert len(ids((await admin.get("/datasets/animals/items?label=d_g")).text)) == 10
    train = ids((await admin.get("/datasets/animals/items?label=dog&split=train&source=import")).text)
    assert len(train) == (await services.datasets.read("animals")).counts["train"].labels["dog"]
    assert "No item fits these filters." in (await admin.get("/datasets/animals/items?source=review")).text


async def test_an_item_is_taken_out_of_the_working_set_alone(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """The version keeps it; the filters stay; a second time there is nothing to take out."""
    await fill(services, someone)
    page = (await admin.get("/datasets/animals/items?label=cat")).text
    link = re.search(r'action="([^"]*/i00/remove[^"]*)"', page)
    assert link
    answer = await admin.post(link[1])
    assert answer.headers["location"] == "/datasets/animals/items?label=cat&notice=removed"
    page = (await admin.get(answer.headers["location"])).text
    assert ("i00" in ids(page), "Versions that have it keep it." in page) == (False, True)
    assert (await services.datasets.read("animals")).item_count == 29
    assert "i00" in [item.id for item in (await services.datasets.items("animals", "v1")).items]
    assert (await admin.post(link[1])).status == 404


async def test_reviewed_items_show_their_image_and_lead_back(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """The image is the item's own, so it stays when the prediction has expired."""
    await services.datasets.create(NewDataset(name="Pets", id="d-pets", task="detection"), someone)
    rules = {"enabled": True, "random_sample": {"enabled": True, "rate": 1.0}}
    await make_model(services, "detection", engine={**rules, "target_dataset_id": "d-pets"})
    await fill_detections(services, someone, 1)
    await add_images(services, 1, 320, 240)
    (item,) = await listed(services)
    await services.queue.claim(Claim(model_id="pets", ids=[item.id]), someone)
    right = NewDecision(decision="corrected", boxes=[LabelledBox(label="fox", box=(1.0, 2.0, 30.0, 40.0))])
    await services.queue.decide("pets", item.id, right, someone)
    page = (await admin.get("/datasets/d-pets/items?label=fox")).text
    assert ids(page) == [item.id]
    assert '<rect x="1.0" y="2.0" width="30.0" height="40.0"' in page
    for link in ("/models/pets/predictions/p0", f"/models/pets/review/items/{item.id}"):
        assert f'href="{link}"' in page
        assert (await admin.get(link)).status == 200
    image = await admin.get(f"/datasets/d-pets/items/{item.id}/input")
    assert (image.status, image.headers["content-type"]) == (200, "image/png")
    assert "sandbox" in image.headers["content-security-policy"]
    assert ids((await admin.get("/datasets/d-pets/items?label=fo")).text) == []
    assert (await admin.get("/datasets/d-pets/items/other/input")).status == 404


async def test_a_version_is_made_and_a_training_asked_for(
    services: Services, clock: FakeClock, someone: Identity, admin: Visitor
) -> None:
    """By forms without scripts; each leads to what was made, and says who made it."""
    await fill(services, someone)
    await services.models.create(NewModel(name="Pets", id="pets", task="classification", labels=["cat"]))
    answer = await admin.post("/datasets/animals/versions", {"name": " Whole ", "parent_version_id": "v1"})
    page = (await admin.get(answer.headers["location"].split("#")[0])).text
    assert "Version 2: Whole" in page
    assert "Ada &lt;Lovelace&gt;" in page
    assert '<option value="pets">' in page
    (made,) = [one for one in (await services.datasets.versions("animals")).items if one.number == 2]
    assert (made.parent_version_id, made.item_count) == ("v1", 30)
    link = f"/datasets/animals/versions/{made.id}/training-jobs"
    answer = await admin.post(link, {"name": "Pets 2", "base_model_id": "pets"})
    page = (await admin.get(answer.headers["location"])).text
    assert all(words in page for words in ("Pets 2", "2 · Whole", "created", 'href="/models/pets"'))
    clock.forward(MINUTE)
    await admin.post(link, {"name": "Pets 3", "base_model_id": ""})
    jobs = (await admin.get("/training-jobs")).text
    assert jobs.index("Pets 3") < jobs.index("Pets 2")
    assert (await admin.post(link, {"name": " "})).status == 422
    assert (await admin.post(link, {"name": "x", "base_model_id": "none"})).status == 404
    assert (await admin.post("/datasets/animals/versions", {"name": "x" * 201})).status == 422
    await services.datasets.delete("animals")
    assert "deleted" in (await admin.get("/training-jobs")).text
    assert "deleted" in (await admin.get(answer.headers["location"])).text


async def test_who_may_only_read_is_offered_no_change(services: Services, someone: Identity) -> None:
    """And a key for some models sees none of it."""
    await fill(services, someone)
    reader = await signed_in(services, "read")
    pages = [(await reader.get(f"/datasets/animals{part}")).text for part in ("", "/items")]
    assert not any(word in page for page in pages for word in ("<button>Take", "Remove…", "Make a version", "Ask for"))
    for link in ("/items/i00/remove", "/versions", "/versions/v1/training-jobs"):
        assert (await reader.post(f"/datasets/animals{link}", {"name": "x"})).status == 403
    limited = await signed_in(services, "read", "review", models=("pets",))
    for link in ("/datasets/animals/items", "/datasets/animals/items/i00/input", "/training-jobs", "/training-jobs/x"):
        assert (await limited.get(link)).status == 403
    assert (await limited.post("/datasets/animals/versions", {"name": "x"})).status == 403


async def test_the_items_fit_a_narrow_window(services: Services, someone: Identity, window: Window) -> None:
    """A version can be made there, too."""
    await fill(services, someone)
    await window.page.set_viewport_size({"width": 320, "height": 640})
    await window.open("/datasets/animals/items")
    assert await window.overflow() == 0
    await window.open("/datasets/animals")
    await window.page.get_by_text("Make a version of it…").click()
    await window.page.get_by_label("Name").first.fill("Small")
    assert await window.overflow() == 0
    await window.page.get_by_role("button", name="Make the version").click()
    await window.page.get_by_role("heading", name="Version 2: Small").wait_for()
    assert window.mistakes == []
