"""Accessibility of every state, in every look: what axe finds, what it can't decide, and what it can't see."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from html import escape
from typing import Any

import pytest
from axe import examine
from editor import BOXES, png
from measures import Record
from outside import Answer, Origin
from playwright.sync_api import Browser, Page, expect

TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="pk_1_x" predicted-label="dog" {}></seeme-feedback>'
PAGE = """<html lang="en"><meta name="viewport" content="width=device-width">
<style>:root {{ color-scheme: light dark; color: CanvasText; background: Canvas }}</style>
<main><h1>A dog?</h1>{tag}</main><script src="{service}/feedback-widget.js"></script>"""
NO_ANSWER = 0


def nothing(page: Page) -> None:
    """Leave the element as it is."""


def press(page: Page, name: str = "Thumbs up") -> None:
    """Click a button of the element."""
    page.get_by_role("button", name=name).click()


def vote(text: str, *names: str) -> Callable[[Page], None]:
    """Return what presses the buttons one after the other and waits until the status says the text."""

    def act(page: Page) -> None:
        for name in names:
            press(page, name)
        expect(page.get_by_role("status")).to_have_text(text)

    return act


def open_form(page: Page) -> None:
    """Open the correction form."""
    press(page, "Correct it")
    expect(page.get_by_label("Instead of dog")).to_be_focused()


def draw(page: Page) -> None:
    """Wait until the boxes are drawn, and select one."""
    expect(page.locator("seeme-feedback [part=box]")).to_have_count(3)
    page.locator("seeme-feedback [part=box]").nth(2).focus()
    page.keyboard.press("ArrowRight")


BOXED = f'mode="detection" image-src="{png()}" boxes="{escape(json.dumps(BOXES))}"'
# By name: the attributes of the tag, the status that the service answers with, and what is done to reach the state.
STATES: dict[str, tuple[str, list[int], Callable[[Page], None]]] = {
    "empty": ("", [], nothing),
    "rated up": ("", [], vote("Thank you", "Thumbs up")),
    "rated down": ("", [], vote("Thank you", "Thumbs down")),
    "taken back": ("", [], vote("Taken back", "Thumbs up", "Thumbs up")),
    "form open": ("", [], open_form),
    "choice open": ('labels="cat, fox"', [], open_form),
    "sending": ("", [NO_ANSWER], vote("Sending…", "Thumbs up")),
    "queued": ("", [503], vote("Will be sent", "Thumbs up")),
    "failed": ("", [422], vote("Could not be sent", "Thumbs up")),
    "detection": (BOXED, [], draw),
    "disabled": ("disabled", [], nothing),
    "readonly": ('readonly value="1"', [], nothing),
    "misconfigured": ('endpoint="" model-id=""', [], nothing),
}
Look = tuple[Any, Any, str, int]
LOOKS: list[Look] = list(itertools.product(("light", "dark"), ("none", "active"), ("ltr", "rtl"), (320, 1280)))
# Together these have every value once.
FEW: list[Look] = [("light", "none", "rtl", 320), ("dark", "active", "ltr", 1280)]
# What axe leaves to a person, by state, and what that person has found.
UNDECIDED = {
    "detection": {"color-contrast": "labels on the image are white with an edge of black, legible on whatever it shows"}
}


def put_on(page: Page, look: Look) -> None:
    """Give the page a colour scheme, forced colours, a direction and a width."""
    scheme, forced, direction, width = look
    page.emulate_media(color_scheme=scheme, forced_colors=forced)
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("(direction) => { document.documentElement.dir = direction }", direction)


def faults(page: Page, look: Look, state: str) -> list[object]:
    """Return what is wrong with a page: violations, other doubts than those known, small targets, too great a width."""
    findings = examine(page)
    wrong: list[object] = [*findings.violations]
    doubts = {rule for rule, _, _ in findings.undecided}
    if doubts != set(UNDECIDED.get(state, {})):
        wrong.append(("undecided", findings.undecided))
    for target in page.locator("seeme-feedback").locator("button, input, select, textarea").all():
        box = target.bounding_box()
        if box and min(box["width"], box["height"]) < 24:
            wrong.append(("smaller than 24 pixels", target.inner_text(), box))
    if page.evaluate("document.documentElement.scrollWidth") > look[3]:
        wrong.append("wider than the page")
    return wrong


@pytest.fixture
def show(browser: Browser, site: Origin, service: Origin) -> Iterator[Callable[[str], Page]]:
    """Open a page with the element in a state."""
    page = browser.new_page()
    end = threading.Event()

    def open_page(state: str) -> Page:
        attributes, statuses, act = STATES[state]
        service.answers.extend(Answer(status, {"detail": "no"}) if status else Answer(hold=end) for status in statuses)
        page.goto(site.show(PAGE.format(tag=TAG.format(attributes), service=service.address)))
        act(page)
        return page

    yield open_page
    end.set()
    page.close()


@pytest.mark.parametrize(
    "looks",
    [
        pytest.param(FEW, id="few"),
        pytest.param(LOOKS, id="all", marks=[pytest.mark.long, pytest.mark.timeout(120)]),
    ],
)
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(record_property: Record, show: Callable[[str], Page], state: str, looks: list[Look]) -> None:
    """No violation, no doubt that nobody has looked into, every target of 24 pixels, and no scrolling sideways."""
    page = show(state)
    found = {}
    for look in looks:
        put_on(page, look)
        found[look] = faults(page, look, state)
    record_property("violations that axe finds", sum(map(len, found.values())))
    assert {look: wrong for look, wrong in found.items() if wrong} == {}


def test_axe_would_find_something(page: Page, site: Origin) -> None:
    """Also within a shadow tree: no name, too little contrast, too small and too near."""
    page.goto(site.show("<html lang=en><main><h1>x</h1><div></div></main>"))
    page.evaluate("""() => {
      const root = document.querySelector('div').attachShadow({ mode: 'open' });
      for (let i = 0; i < 2; i++) {
        const button = document.createElement('button');
        button.style = 'inline-size: 12px; block-size: 12px; padding: 0';
        root.append(button);
      }
      const words = document.createElement('p');
      words.style = 'color: #888; background: #999';
      words.append('hardly legible');
      root.append(words);
    }""")
    assert {rule for rule, _, _ in examine(page).violations} == {"button-name", "color-contrast", "target-size"}


def test_the_focus_goes_in_the_order_of_reading(show: Callable[[str], Page]) -> None:
    """Through all controls, and back to the button that opened the form when Escape closes it."""
    page = show("failed")
    open_form(page)
    page.get_by_role("button", name="Thumbs up").focus()
    order = []
    for _ in range(8):
        order.append(page.evaluate("document.activeElement.shadowRoot.activeElement.part.value.split(' ').at(-1)"))
        page.keyboard.press("Tab")
    page.keyboard.press("Shift+Tab")
    assert order == ["up", "down", "correct", "retry", "label", "notes", "send", "cancel"]
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Correct it")).to_be_focused()
    expect(page.get_by_label("Note")).to_be_hidden()


def test_what_becomes_of_a_vote_is_announced(show: Callable[[str], Page], service: Origin) -> None:
    """A live region that is there from the start says each outcome once; that is all that is read out."""
    page = show("empty")
    page.evaluate("""() => {
      window.announced = [];
      const status = document.querySelector('seeme-feedback').shadowRoot.querySelector('[part=status]');
      const hear = () => announced.push(status.textContent);
      new MutationObserver(hear).observe(status, { childList: true, characterData: true, subtree: true });
    }""")
    press(page)
    expect(page.get_by_role("status")).to_have_text("Thank you")
    service.answers.append(Answer(422, {"detail": "no"}))
    press(page)
    expect(page.get_by_role("status")).to_have_text("Could not be sent")
    assert page.evaluate("announced") == ["Sending…", "Thank you", "Sending…", "Could not be sent"]
    assert page.locator("seeme-feedback [aria-live], seeme-feedback [role=alert]").count() == 0
