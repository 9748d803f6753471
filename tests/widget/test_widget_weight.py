"""What the widget costs a page: bytes, time, memory, and not a pixel of movement."""

from collections.abc import Callable, Iterator

import pytest
from measures import BARE, WATCH_SHIFTS, Record, kept_per_element, shifts, sizes, within, worked
from outside import Origin
from playwright.sync_api import Browser, Page, expect
from test_widget_build import needs_node

Embed = Callable[..., Page]
TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="k" {}></seeme-feedback>'
ROOM = "<style>seeme-feedback:not(:defined) { display: block; min-block-size: 2.25rem }</style>"


@needs_node
@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("core, classic script", "feedback-widget.js"),
        ("core, module", "feedback-widget.esm.js"),
        ("detection part", "feedback-detection.js"),
        ("extras, which it needs", "feedback-extras.js"),
    ],
)
def test_a_script_stays_within_its_size(record_property: Record, what: str, name: str) -> None:
    """What every page pays, and what detection mode adds, in bytes of brotli at quality 11."""
    within(record_property, f"{what} (bytes of brotli)", sizes()[name])


@needs_node
def test_a_language_stays_within_its_size(record_property: Record) -> None:
    """Each file that a page in another language loads."""
    texts = [size for name, size in sizes().items() if name.endswith(".json") and ".en." not in name]
    assert len(texts) >= 2 * 15
    within(record_property, "largest file of a language (bytes of brotli)", max(texts))


def test_a_thousand_elements_are_there_at_once(record_property: Record, page: Page, embed: Embed) -> None:
    """A page of a thousand predictions isn't held up, not even on a machine that takes long for bare elements too."""
    embed()
    taken = min(worked(page) for _ in range(3))
    record_property("1,000 elements (ms of the main thread)", round(taken))
    assert taken <= max(300, 2 * worked(page, BARE))
    assert page.get_by_role("button", name="Thumbs up").count() >= 1000


@pytest.fixture
def clean(browser: Browser) -> Iterator[Page]:
    """A page that nobody listens to: what a listener remembers would count as kept."""
    page = browser.new_page()
    yield page
    page.close()


def test_nothing_stays_of_elements_that_are_gone(
    record_property: Record, clean: Page, site: Origin, service: Origin
) -> None:
    """Lists are built anew all day: no element, listener or action is kept when its element is removed."""
    clean.goto(site.show(f'<script src="{service.address}/feedback-widget.js"></script>'))
    within(record_property, "memory kept of an element that is gone (bytes)", round(kept_per_element(clean)))


@pytest.mark.parametrize("when", ["late", "language", "left behind"])
def test_nothing_moves_when_something_comes_late(
    record_property: Record, page: Page, site: Origin, service: Origin, when: str
) -> None:
    """The script after the page (with the README's line of CSS), the texts of a language, a vote of before."""
    page.add_init_script(WATCH_SHIFTS)
    language = "de" if when == "language" else "en"
    below = "<p style='margin: 0'>What stands below.</p>"
    page.goto(site.show(f'<html lang="{language}">{ROOM}{TAG.format("")}{below}'))
    place = page.get_by_text("What stands below.").bounding_box()
    if when == "left behind":
        page.add_script_tag(url=service.address + "/feedback-widget.js")
        page.route("**/v1/feedback", lambda route: route.abort())
        page.get_by_role("button", name="Thumbs up").click()
        expect(page.get_by_role("status")).to_have_text("Will be sent")
        page.add_init_script("const real = Date.now; Date.now = () => real() + 60000")
        page.reload()
    page.wait_for_timeout(700)  # A shift within 500 ms of a click would be forgiven.
    page.add_script_tag(url=service.address + "/feedback-widget.js")
    expect(page.get_by_role("button").first).to_be_visible()
    if when == "left behind":
        expect(page.locator("[aria-pressed=true]")).to_have_count(1)
    assert page.get_by_text("What stands below.").bounding_box() == place
    within(record_property, "layout shifts", len(shifts(page)))
