"""Around the review page: the list, an item with its log, second reviews, rights, and what a model's page tells."""

import pytest
from playwright.async_api import Browser, expect
from tests.pages.conftest import Visitor, signed_in
from tests.pages.reviewing import Desk, correct, decided, fill, fill_detections, listed, make_model, sit_down

from seeme.records.predictions import LabelledBox
from seeme.records.review import Claim, NewDecision
from seeme.service.keys import Identity
from seeme.service.services import Services
from seeme.web.pages_review import odds

BEN = Identity("sk_ben", "secret", "Ben", frozenset({"review", "read"}))


@pytest.fixture
async def desk(chromium: Browser, services: Services, address: str) -> Desk:
    """Ada's window."""
    return await sit_down(chromium, services, address)


async def test_an_item_of_the_list_is_reviewed_from_there(services: Services, someone: Identity, desk: Desk) -> None:
    """The one that was chosen comes first; its page tells who did what, and takes the decision back."""
    await make_model(services)
    await fill(services, someone, 5)
    chosen = (await listed(services))[3].id
    await desk.open(f"/models/pets/review/items/{chosen}")
    await desk.page.get_by_role("link", name="Review this one").click()
    assert await desk.item() == chosen
    await desk.page.reload()
    assert await desk.item() == chosen
    await desk.press("2")
    await desk.saved(1)
    await desk.page.reload()
    assert await desk.item() != chosen
    assert not await desk.page.locator("#told").is_visible()
    await desk.open(f"/models/pets/review/items/{chosen}")
    log = desk.page.get_by_role("table", name="The log of this item")
    await expect(log).to_contain_text("decided")
    await expect(log).to_contain_text("corrected dog")
    await desk.page.get_by_role("button", name="Take the decision back").click()
    await expect(desk.page.locator(".notice")).to_contain_text("Taken back")
    assert await decided(services) == {}


async def test_whoever_comes_back_gets_the_same_items(services: Services, someone: Identity, desk: Desk) -> None:
    """A page that is left gives its items back; a second window beside it gets others, a load of the page the same."""
    await make_model(services)
    await fill(services, someone, 9)
    await desk.open()
    first = await desk.item()
    await desk.page.reload()
    assert await desk.item() == first
    await expect(desk.page.locator("#others")).to_be_empty()
    beside = Desk(await desk.page.context.new_page(), desk.address)
    await beside.open()
    other = await beside.item()
    assert other != first
    await desk.open("/models/pets")
    assert len(await listed(services, status="in_review")) == 4
    await desk.open()
    assert await desk.item() == first
    await beside.page.close()
    await desk.page.reload()
    await expect(desk.page.locator("#others")).to_be_empty()
    assert desk.mistakes == []


async def test_a_second_review_says_what_it_is(
    services: Services, someone: Identity, chromium: Browser, address: str, desk: Desk
) -> None:
    """Whoever made the first one isn't asked again; the other isn't told what it was."""
    rules = {"enabled": True, "random_sample": {"enabled": True, "rate": 1.0}, "second_review": {"share": 1.0}}
    await make_model(services, engine=rules)
    await fill(services, someone, 1)
    await desk.open()
    await desk.item()
    await desk.press("2")
    await desk.saved(1)
    await expect(desk.page.locator("#nothing")).to_contain_text("or made the first review")
    other = await sit_down(chromium, services, address, "Ben")
    await other.open()
    await other.item()
    await expect(other.page.locator("#second")).to_be_visible()
    await other.press("2")
    await other.saved(1)
    await other.open("/models/pets")
    await expect(other.page.locator("section[aria-labelledby=queue]")).to_contain_text("reviewed twice")


async def test_an_item_shows_its_boxes_without_a_script(services: Services, someone: Identity, admin: Visitor) -> None:
    """Those predicted, and beside them those that a reviewer decided on."""
    await make_model(services, "detection")
    await fill_detections(services, someone, 2)
    first, second = await listed(services)
    link = f"/models/pets/review/items/{first.id}"
    page = (await admin.get(link)).text
    assert page.count('x="80.0" y="60.0" width="160.0"') == 1
    assert "The image with 2 predicted objects" in page
    await services.queue.claim(Claim(model_id="pets", ids=[first.id, second.id]), BEN)
    moved = NewDecision(decision="corrected", boxes=[LabelledBox(label="fox", box=(90.0, 60.0, 160.0, 120.0))])
    await services.queue.decide("pets", first.id, moved, BEN)
    page = (await admin.get(link)).text
    assert "The image with 2 predicted objects and 1 right one" in page
    assert page.count('<rect x="80.0" y="60.0"') == page.count('<rect x="90.0" y="60.0"') == 1
    await services.queue.decide("pets", second.id, NewDecision(decision="unusable"), BEN)
    assert "predicted objects and" not in (await admin.get(f"/models/pets/review/items/{second.id}")).text


async def test_who_may_only_read_sees_and_decides_nothing(services: Services, someone: Identity) -> None:
    """No script that claims, no button; a form and a key for other models are refused."""
    await make_model(services)
    await fill(services, someone, 3)
    reader = await signed_in(services, "read")
    page = (await reader.get("/models/pets/review")).text
    assert "Your key may look, not decide" in page
    assert "start.js" not in page
    item = (await listed(services))[0]
    await services.queue.claim(Claim(model_id="pets", ids=[item.id]), BEN)
    await services.queue.decide("pets", item.id, NewDecision(decision="correct"), BEN)
    link = f"/models/pets/review/items/{item.id}"
    page = (await reader.get(link)).text
    assert "Ben" in page
    assert "Take the decision back" not in page
    assert (await reader.post(link + "/undo")).status == 403
    stranger = await signed_in(services, "read", "review", models=("other",))
    for path in ("/models/pets/review", "/models/pets/review/items", link):
        assert (await stranger.get(path)).status == 403
    colleague = await signed_in(services, "read", "review")
    assert (await colleague.post(link + "/undo")).status == 409
    assert (await colleague.post(link + "/undo", **{"sec-fetch-site": "cross-site"})).status == 403


async def test_the_list_is_filtered(services: Services, someone: Identity, admin: Visitor) -> None:
    """By status, reason and label; an unknown word is passed over, and no match is said."""
    await make_model(services)
    await fill(services, someone, 3)
    await correct(services, someone, "p1", "dog", "no")
    claimed = (await services.queue.claim(Claim(model_id="pets"), BEN))[0].id
    base = "/models/pets/review/items"
    assert (await admin.get(base)).text.count("Open the item") == 3
    page = (await admin.get(base + "?status=in_review")).text
    assert page.count("Open the item") == 1
    assert claimed in page
    assert "with Ben" in page
    assert (await admin.get(base + "?reason=negative_feedback")).text.count("Open the item") == 1
    assert (await admin.get(base + "?status=nonsense")).text.count("Open the item") == 3
    assert "No item fits these filters" in (await admin.get(base + "?label=dog")).text
    assert (await admin.get(base + "/nothing")).status == 404


async def test_a_models_page_tells_of_its_data_engine_and_queue(
    services: Services, someone: Identity, admin: Visitor
) -> None:
    """The rules with their rates, how many are open, and the way there."""
    low = {"enabled": True, "threshold": 0.6, "sample_rate": 0.25}
    await make_model(services, engine={"enabled": True, "low_confidence": low})
    await fill(services, someone, 60)
    page = (await admin.get("/models/pets")).text
    assert "less sure than 60 %" in page
    assert "25 % of them" in page
    assert "Without a random sample nothing is known" in page
    assert f'<span class="badge warn">{len(await listed(services))}</span>' in page
    assert 'href="/models/pets/review"' in page


@pytest.mark.parametrize(
    ("pi", "words"),
    [(None, "It came by feedback alone"), (1.0, "Every such"), (0.02, "1 of 50 such"), (0.4, "1 of 2.5 such")],
)
def test_the_odds_are_told_in_words(pi: float | None, words: str) -> None:
    """1 of N, as people say it."""
    assert odds(pi).startswith(words)
