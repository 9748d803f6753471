"""The pages in a real browser: what people see, press and get."""

import re

import pytest
from playwright.async_api import expect
from tests.conftest import NOON, FakeClock
from tests.pages.conftest import Window
from tests.pages.test_models import EVIL, log, quarantine

from seeme.clock import HOUR, from_micros
from seeme.records.feedback import Comment, Rating
from seeme.records.models import Model, NewModel
from seeme.records.predictions import NewPrediction
from seeme.service.keys import Identity
from seeme.service.services import Services


async def test_charts_are_drawn_and_described(
    services: Services, someone: Identity, model: Model, window: Window
) -> None:
    """Each chart has a title, a drawing and a legend; the same numbers stand in a table."""
    await log(services, someone, 30)
    await services.ingest.feedback([Rating(prediction_id="p0", model_id="digits", rating=1)], someone)
    for period in ("hour", "day", "week"):
        await window.open(f"/models/digits?period={period}")
        await expect(window.page.locator(".plot canvas")).to_have_count(4)
        await expect(window.page.locator(".u-legend").first).to_contain_text("(running)")
    await window.page.click("text=The numbers as a table")
    await expect(window.page.locator(".figures tbody tr")).to_have_count(12)
    assert window.mistakes == []


async def test_a_value_between_gaps_is_seen(
    services: Services, someone: Identity, model: Model, window: Window
) -> None:
    """No line runs to it; in a narrow window, where lines have no markers, it has one."""
    one = NewPrediction(model_id="digits", label="1", latency_ms=50, created_at=from_micros(NOON - 10 * HOUR))
    await services.ingest.predictions([one], someone)
    await window.page.set_viewport_size({"width": 320, "height": 640})
    painted = """(canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        let seen = 0;
        for (let i = 0; i < data.length; i += 4) {
            const [red, green, blue, alpha] = data.slice(i, i + 4);
            if (alpha > 200 && Math.max(red, green, blue) - Math.min(red, green, blue) > 60) seen += 1;
        }
        return seen;
    }"""
    for period in ("hour", "day"):
        await window.open(f"/models/digits?period={period}")
        canvas = window.page.locator("[data-chart=latency] canvas")
        await expect(canvas).to_be_visible()
        await expect(window.page.locator(".u-legend").first).to_contain_text("(running)")
        assert await canvas.evaluate(painted) > 5


async def test_the_contents_of_the_reference_are_closed_where_there_is_no_room(window: Window) -> None:
    """Beside the text they are open; above it they would push it off the screen."""
    for width, is_open in ((1280, True), (320, False)):
        await window.page.set_viewport_size({"width": width, "height": 640})
        await window.open("/docs")
        assert await window.page.locator(".contents li").first.is_visible() is is_open


async def test_times_are_those_of_the_viewer(
    services: Services, someone: Identity, model: Model, window: Window
) -> None:
    """11:00 UTC is 06:00 in New York; UTC stays in the tooltip."""
    await log(services, someone)
    await window.open("/models/digits")
    time = window.page.locator("section[aria-labelledby=predictions] time").first
    await expect(time).to_have_text("20 Nov 2025, 06:00")
    await expect(time).to_have_attribute("title", "2025-11-20 11:00 UTC")


async def test_a_thumb_arrives_on_the_open_page(
    services: Services, someone: Identity, model: Model, window: Window
) -> None:
    """Somebody who clicks sees it without loading the page again, in the rows and in the numbers."""
    await log(services, someone)
    await window.open("/models/digits")
    await expect(window.page.locator("text=Nobody has said anything yet.")).to_be_visible()
    await services.ingest.feedback([Rating(prediction_id="p0", model_id="digits", rating=1)], someone)
    await expect(window.page.locator("#feedback-rows tr.fresh")).to_contain_text("Thumbs up", timeout=10_000)
    await expect(window.page.locator(".tiles")).to_contain_text("1 up, 0 down")
    await expect(window.page.locator("[data-live-state]")).to_contain_text("1 new")
    assert window.mistakes == []


async def test_quarantined_feedback_is_released_by_a_button(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window
) -> None:
    """The row says why it is held; afterwards it counts."""
    await log(services, someone)
    await quarantine(services, visitor)
    await window.open("/models/digits?status=quarantined")
    await expect(window.page.locator("tr.held")).to_contain_text("had 50 votes within an hour")
    await window.page.click("text=Release")
    await expect(window.page.locator(".notice[role=status]")).to_have_text("Released: it counts now.")
    await expect(window.page.locator("tr.held")).to_have_count(0)


async def test_deleting_asks_once_more(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window
) -> None:
    """The first press only shows the button that deletes."""
    await log(services, someone)
    held = await quarantine(services, visitor)
    await window.open("/models/digits?status=quarantined")
    await window.page.click("text=Delete…")
    assert (await services.events.feedback(held, "digits")).status == "quarantined"
    await window.page.click("text=Delete for good")
    await expect(window.page.locator(".notice[role=status]")).to_have_text("Deleted for good.")


async def test_the_embed_page_makes_a_key_and_tests_it(services: Services, model: Model, window: Window) -> None:
    """The test speaks in words, for a key of another page, of any page, and one that doesn't exist."""
    await window.open("/models/digits/embed")
    await window.page.fill("#origins", "https://shop.example.com")
    await window.page.click("text=Make the key")
    await expect(window.page.locator("#tag")).to_contain_text('api-key="pk_')
    await window.page.click("#test button")
    await expect(window.page.locator("#test-result")).to_contain_text("serves pages of https://shop.example.com only")
    await window.page.fill("#test-key", "pk_nothing_at-all")
    await window.page.click("#test button")
    await expect(window.page.locator("#test-result")).to_contain_text("doesn't know this key")
    await window.page.reload()
    await expect(window.page.locator("#origins")).to_be_visible()
    assert len([key for key in services.keys.list().items if key.kind == "publishable"]) == 1
    await window.page.fill("#origins", "*")
    await window.page.click("text=Make the key")
    await window.page.click("#test button")
    await expect(window.page.locator("#test-result")).to_contain_text("It works")
    await expect(window.page.locator("#test-result")).to_contain_text("2 labels: 0, 1")


async def test_a_secret_key_is_not_sent_by_the_test(model: Model, window: Window) -> None:
    """Whoever pastes the wrong kind of key is told before it leaves the page."""
    await window.open("/models/digits/embed")
    await window.page.fill("#test-key", "sk_a_b")
    await window.page.click("#test button")
    await expect(window.page.locator("#test-result")).to_contain_text("That is a secret key.")


async def test_hostile_text_runs_nowhere(services: Services, someone: Identity, window: Window) -> None:
    """No dialog opens, no policy is violated, and the text is there to read."""
    await services.models.create(NewModel(name=EVIL, id="evil", labels=[EVIL]))
    bad = NewPrediction(model_id="evil", id="e", label=EVIL, scores={EVIL: 1.0}, attributes={"a": EVIL})
    await services.ingest.predictions([bad], someone)
    await services.ingest.feedback([Comment(prediction_id="e", model_id="evil", notes=EVIL)], someone)
    dialogs: list[str] = []
    window.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    for link in ("/", "/models/evil", "/models/evil/predictions/e", "/models/evil/embed"):
        await window.open(link)
        await expect(window.page.locator("main")).to_contain_text("onerror=alert(1)")
        assert await window.overflow() == 0
    assert (dialogs, window.mistakes) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_fit_a_narrow_window_in_both_schemes(
    services: Services, someone: Identity, visitor: Identity, model: Model, window: Window, scheme: str
) -> None:
    """At 320 pixels nothing is cut off sideways; targets are at least 24 pixels high; dark is really dark."""
    await log(services, someone, 30)
    await quarantine(services, visitor)
    await window.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    await window.page.set_viewport_size({"width": 320, "height": 640})
    for link in ("/", "/models/digits", "/models/digits/predictions/p0", "/models/digits/embed", "/docs", "/none"):
        await window.open(link)
        assert (link, await window.overflow()) == (link, 0)
        small = "[...document.querySelectorAll('button, select, input, summary, nav a')]"
        heights = await window.page.evaluate(f"{small}.map((e) => e.getBoundingClientRect().height).filter((h) => h)")
        assert min(heights) >= 24
        ground = await window.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 150) == (scheme == "dark")


async def test_the_first_stop_of_the_keyboard_skips_to_the_content(model: Model, window: Window) -> None:
    """Nobody has to tab through the navigation of every page."""
    await window.open("/models/digits")
    await window.page.keyboard.press("Tab")
    await expect(window.page.locator(".skip")).to_be_focused()
    await window.page.keyboard.press("Enter")
    await expect(window.page.locator("main")).to_be_focused()


async def test_a_link_on_another_site_finds_the_session(
    services: Services, model: Model, window: Window, clock: FakeClock
) -> None:
    """A strict cookie isn't sent with the first request; the visitor lands on the page all the same."""

    async def elsewhere(route: object) -> None:
        link = f"<a href='{window.address}/models/digits'>go</a>"
        await route.fulfill(content_type="text/html", body=link)  # type: ignore[attr-defined]

    await window.page.route("http://other.example/", elsewhere)
    await window.page.goto("http://other.example/")
    await window.page.click("a")
    await expect(window.page.locator("h1")).to_have_text("Digits")
