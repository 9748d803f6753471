"""The review page when something is in the way: leases that end, a service away, nothing to do, few rights."""

import re

import pytest
from playwright.async_api import Browser, Route, expect
from tests.conftest import FakeClock
from tests.pages.reviewing import (
    Desk,
    add_images,
    correct,
    decided,
    fill,
    fill_detections,
    listed,
    make_model,
    sit_down,
)
from tests.pages.test_models import EVIL

from seeme.clock import MINUTE
from seeme.records.review import Claim, NewDecision
from seeme.service.keys import Identity
from seeme.service.services import Services

pytestmark = [pytest.mark.long, pytest.mark.timeout(120)]

BEN = Identity("sk_ben", "secret", "Ben", frozenset({"review", "read"}))
API = re.compile(r"/v1/")


@pytest.fixture
async def desk(chromium: Browser, services: Services, address: str) -> Desk:
    """Ada's window."""
    return await sit_down(chromium, services, address)


async def away(route: Route) -> None:
    """Answer as a service does that isn't there."""
    await route.abort()


async def test_a_lease_that_ended_gives_the_item_back_and_says_who_has_it(
    services: Services, clock: FakeClock, someone: Identity, desk: Desk
) -> None:
    """What was decided too late is shown as not saved, and the page goes on."""
    await make_model(services)
    await fill(services, someone, 6)
    await desk.open()
    first = await desk.item()
    await expect(desk.page.locator("#lease")).to_contain_text("Held by you (Ada) for 5 minutes")
    clock.forward(6 * MINUTE)
    await services.queue.claim(Claim(model_id="pets", ids=[first]), BEN)
    await desk.press("a")
    await desk.told("Not saved (cat: correct)")
    await expect(desk.page.locator("#told")).to_contain_text("is held by Ben until")
    await expect(desk.page.locator("#history-list li").first).to_contain_text("not saved")
    await desk.saved(0)
    assert await desk.item() != first
    assert await decided(services) == {}


async def test_who_was_away_for_long_is_welcomed_back(
    services: Services, clock: FakeClock, someone: Identity, desk: Desk
) -> None:
    """The leases end by themselves; the page says so instead of letting people decide in vain."""
    await make_model(services)
    await fill(services, someone, 2)
    await desk.page.clock.install()
    await desk.open()
    first = await desk.item()
    clock.forward(10 * MINUTE)
    await desk.page.clock.fast_forward(10 * 60_000)
    await expect(desk.page.locator("#ended")).to_be_focused()
    await expect(desk.page.locator("#item")).to_be_hidden()
    await desk.press("Enter")
    assert await desk.item() == first
    await desk.press("a")
    await desk.saved(1)
    assert desk.mistakes == []


async def test_leases_are_renewed_while_the_page_is_used(services: Services, someone: Identity, desk: Desk) -> None:
    """Reading for three minutes is using it."""
    await make_model(services)
    await fill(services, someone, 1)
    await desk.page.clock.install()
    await desk.open()
    await desk.item()
    renewed: list[str] = []
    desk.page.on("request", lambda request: renewed.append(request.url) if "/renew" in request.url else None)
    for _ in range(4):
        await desk.page.clock.run_for(60_000)
        await desk.press("Shift")
    await expect(desk.page.locator("#lease")).to_contain_text(re.compile("for [45] minutes"))
    assert renewed
    assert desk.mistakes == []


async def test_decisions_are_kept_while_the_service_is_away(services: Services, someone: Identity, desk: Desk) -> None:
    """They are counted when they are stored and not before; the page tries again by itself."""
    await make_model(services)
    await fill(services, someone, 6)
    await desk.open()
    await desk.item()
    await desk.page.route(API, away)
    await desk.press("a")
    await expect(desk.page.locator("#trouble-text")).to_contain_text("1 decision is kept on this page")
    await desk.press("x")
    await expect(desk.page.locator("#trouble-text")).to_contain_text("2 decisions are kept on this page")
    await expect(desk.page.locator("#history-list .badge")).to_have_text(["saving…", "saving…"])
    await desk.saved(0)
    assert await decided(services) == {}
    await desk.page.unroute(API)
    await desk.saved(2)
    await expect(desk.page.locator("#trouble")).to_be_hidden()
    assert sorted((await decided(services)).values()) == ["correct", "unusable"]


async def test_an_answer_that_got_lost_does_no_harm(services: Services, someone: Identity, desk: Desk) -> None:
    """The decision was stored; sent again it is the same one, and undo takes it back once."""
    await make_model(services)
    await fill(services, someone, 3)
    await desk.open()
    first = await desk.item()

    async def lose(route: Route) -> None:
        await route.fetch()
        await route.abort()

    await desk.page.route(re.compile("/decide"), lose, times=1)
    await desk.press("a")
    await desk.saved(1)
    assert await decided(services) == {first: "correct"}
    assert [entry.action for entry in (await services.flagged.item(first)).log] == ["claimed", "decided"]


async def test_undo_waits_behind_a_decision_that_may_have_arrived(
    services: Services, someone: Identity, desk: Desk
) -> None:
    """Whether it was stored isn't known, so both are sent, in order."""
    await make_model(services)
    await fill(services, someone, 3)
    await desk.open()
    first = await desk.item()
    await desk.page.route(API, away)
    await desk.press("a")
    await expect(desk.page.locator("#trouble")).to_be_visible()
    await desk.press("u")
    await expect(desk.page.locator("#history-list .badge")).to_have_text(["taking back…"])
    await desk.page.unroute(API)
    await desk.page.click("#retry")
    await desk.told("Taken back: cat: correct.")
    assert await desk.item() == first
    assert await decided(services) == {}


async def test_a_decision_survives_a_load_of_the_page(services: Services, someone: Identity, desk: Desk) -> None:
    """It is kept for this window, as are the items that it holds."""
    await make_model(services)
    await fill(services, someone, 8)
    await desk.open()
    first = await desk.item()
    await desk.page.route(API, away)
    await desk.press("a")
    second = await desk.item()
    await expect(desk.page.locator("#trouble")).to_be_visible()
    desk.page.on("dialog", lambda dialog: dialog.accept())
    await desk.page.unroute(API)
    await desk.page.reload()
    await desk.saved(1)
    assert await decided(services) == {first: "correct"}
    assert await desk.item() == second
    assert sum(item.status == "in_review" for item in await listed(services)) == 4


async def test_who_was_signed_out_keeps_what_was_decided(services: Services, someone: Identity, desk: Desk) -> None:
    """The page asks to sign in elsewhere, and goes on from there."""
    await make_model(services)
    await fill(services, someone, 3)
    await desk.open()
    await desk.item()
    cookies = await desk.page.context.cookies()
    await desk.page.context.clear_cookies()
    await desk.press("a")
    await expect(desk.page.locator("#sign-in")).to_be_visible()
    await desk.saved(0)
    await desk.page.context.add_cookies(cookies)  # type: ignore[arg-type]
    await desk.page.click("#retry")
    await desk.saved(1)


async def test_a_refused_decision_shows_the_item_again(services: Services, someone: Identity, desk: Desk) -> None:
    """A box of an unknown class can't be stored as right; the page says why, and nothing is lost."""
    await make_model(services, "detection", labels=["cat"])
    await fill_detections(services, someone, 2)
    await desk.open()
    first = await desk.item()
    await desk.press("b", "ArrowRight", "Enter")
    await desk.told("'dog' isn't among the model's labels")
    assert await desk.item() == first
    assert await decided(services) == {}


async def test_the_empty_states_say_what_is_so(services: Services, someone: Identity, desk: Desk) -> None:
    """Off: how to switch it on. Others: they hold the rest. Skipped: somebody else has to look. Done: well done."""
    await make_model(services, engine={"enabled": False})
    await desk.open()
    nothing = desk.page.locator("#nothing")
    await expect(nothing).to_contain_text("The data engine is off")
    await expect(nothing).to_contain_text("client.configure_data_engine")
    assert await desk.violations() == []
    assert desk.mistakes == []


async def test_nothing_left_and_others_and_skipped(services: Services, someone: Identity, desk: Desk) -> None:
    """Each in words of its own."""
    await make_model(services)
    await fill(services, someone, 3)
    held = await services.queue.claim(Claim(model_id="pets"), BEN)
    await desk.open()
    await desk.item()
    await desk.press("s")
    await desk.item()
    await desk.press("a")
    nothing = desk.page.locator("#nothing")
    await expect(nothing).to_contain_text("1 item is open, but you have skipped it")
    skipped = next(item.id for item in await listed(services) if item.status == "needs_review")
    await services.queue.claim(Claim(model_id="pets", ids=[skipped]), BEN)
    await desk.page.reload()
    await expect(nothing).to_contain_text("Others hold the rest")
    await expect(nothing).to_contain_text("2 items are with other reviewers")
    for id in (held[0].id, skipped):
        await services.queue.decide("pets", id, NewDecision(decision="correct"), BEN)
    await desk.page.reload()
    await expect(nothing).to_contain_text("Every prediction that was taken has been looked at")
    assert desk.mistakes == []


async def test_hostile_text_is_only_text(services: Services, someone: Identity, desk: Desk) -> None:
    """Labels, notes, names and reasons of users are put in as text."""
    await make_model(services, labels=[EVIL, "b"])
    await fill(services, someone, 2, label=EVIL, scores={EVIL: 0.9, "b": 0.1}, attributes={"a": EVIL})
    for n in range(2):
        await correct(services, someone, f"p{n}", EVIL, EVIL)
    dialogs: list[str] = []
    desk.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    await desk.open()
    await desk.item()
    await expect(desk.page.locator("#item-title .label")).to_have_text(EVIL)
    await expect(desk.page.locator("#feedback-list .note")).to_have_text(EVIL)
    await desk.page.fill("#note", EVIL)
    await desk.press("Escape", "2")
    await desk.saved(1)
    await expect(desk.page.locator("#history-list")).to_contain_text(EVIL)
    done = next(iter(await decided(services)))
    for link in ("", "?label=" + "%3Cimg", f"/{done}"):
        await desk.open("/models/pets/review/items" + link)
        assert await desk.page.locator("main").inner_text()
    assert await desk.page.locator("img[src=x]").count() == 0
    assert dialogs + desk.mistakes == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_nothing_is_in_the_way_of_assistive_technology(
    services: Services, someone: Identity, desk: Desk, scheme: str
) -> None:
    """Axe finds nothing on an item, in the dialog of keys, in the lists; nothing is wider than a narrow window."""
    await make_model(services, labels=[f"kind {n}" for n in range(12)])
    await fill(services, someone, 5, label="kind 1")
    await add_images(services, 5, 90, 60)
    await correct(services, someone, "p0", "kind 2", "a note")
    await desk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await desk.open()
    await desk.item()
    await desk.press("2")
    await desk.saved(1)
    assert await desk.violations() == []
    await desk.press("/")
    assert await desk.violations() == []
    await desk.press("Escape", "?")
    await expect(desk.page.locator("#keys")).to_be_visible()
    assert await desk.violations() == []
    await desk.press("Escape")
    await desk.page.set_viewport_size({"width": 320, "height": 640})
    assert await desk.overflow() == 0
    for link in ("", f"/{(await listed(services))[0].id}"):
        await desk.open("/models/pets/review/items" + link)
        assert await desk.violations() == []
        assert await desk.overflow() == 0
    assert desk.mistakes == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_boxes_are_in_nobodys_way_either(services: Services, someone: Identity, desk: Desk, scheme: str) -> None:
    """The editor within the page, wide and narrow."""
    await make_model(services, "detection")
    await fill_detections(services, someone, 2)
    await desk.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await desk.open()
    await desk.item()
    await desk.press("b", "3")
    for width in (1280, 320):
        await desk.page.set_viewport_size({"width": width, "height": 720})
        assert await desk.violations() == []
        assert await desk.overflow() == 0
    assert desk.mistakes == []


async def test_single_keys_can_be_switched_off(services: Services, someone: Identity, desk: Desk) -> None:
    """Speech and screen readers send letters; the buttons stay, and the choice is remembered."""
    await make_model(services)
    await fill(services, someone, 2)
    await desk.open()
    await desk.item()
    await desk.press("?")
    await desk.page.uncheck("#single-keys")
    await desk.press("Escape")
    await desk.page.reload()
    first = await desk.item()
    await desk.press("a", "2", "x", "s")
    assert await desk.item() == first
    await desk.page.click("#approve")
    await desk.saved(1)


async def test_focus_and_the_live_region_follow_the_work(services: Services, someone: Identity, desk: Desk) -> None:
    """The next item's heading has the focus; what was stored and what comes next is said."""
    await make_model(services)
    await fill(services, someone, 3)
    await desk.open()
    await desk.item()
    await expect(desk.page.locator("#item-title")).to_be_focused()
    await expect(desk.page.locator("#item-title")).to_have_text("The model says cat, 50 % sure")
    await desk.page.get_by_role("button", name="dog").click()
    await desk.told("Saved: cat: dog. Next: The model says cat, 50 % sure.")
    await expect(desk.page.locator("#item-title")).to_be_focused()
