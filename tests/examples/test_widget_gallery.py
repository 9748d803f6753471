"""The widget's gallery: each element is in the state its heading names, and the pages are quiet and still."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
from browser import launched
from playwright.sync_api import Browser, Page, expect

from widget import gallery, server, stub
from widget.cases import sections

pytestmark = [pytest.mark.long, pytest.mark.timeout(180)]


CODES = gallery.languages(server.built())
CASES = {case.name: case for section in sections(CODES) for case in section.cases}
QUIET = "!document.querySelector('main').inert"
LONG_WAIT = 20_000
FORM = "part('form').checkVisibility()"
UP = "part('up').ariaPressed === 'true'"
DOWN = "part('down').ariaPressed === 'true'"
CLOSED = "!part('form')"
LABELS = "[...part('label').options ?? part('form').querySelector('datalist').options].map((one) => one.value).join()"
BOXES = "part('form') === null && inner('[part~=box]').length"
# By case: what the status says, and what is true of the element.
REACHED = {
    "empty": ("", f"!({UP}) && !({DOWN}) && {CLOSED}"),
    "up": ("Thank you", UP),
    "down": ("Thank you", DOWN),
    "back": ("Taken back", f"!({UP}) && element.rating === 0"),
    "open": ("", f"{FORM} && part('correct').ariaExpanded === 'true'"),
    "thanks": ("Thank you", f"!({UP}) && {CLOSED}"),
    "sending": ("Sending…", f"{UP} && element.pending === 1"),
    "queued": ("Will be sent", f"{UP} && element.pending === 1 && part('retry').checkVisibility()"),
    "cut": ("Will be sent", f"{DOWN} && element.pending === 1"),
    "failed": ("Could not be sent", "part('retry').checkVisibility()"),
    "refused": ("Could not be sent", "part('retry').checkVisibility()"),
    "brief": ("Could not be sent", "part('retry').checkVisibility()"),
    "known": ("", f"{UP} && element.pending === 0"),
    "disabled": ("", "part('up').disabled && part('correct').disabled"),
    "readonly": ("", f"{UP} && part('up').disabled && !part('correct').checkVisibility()"),
    "fieldset": ("", "element.matches(':disabled') && part('up').disabled"),
    "wrong": ("⚠ mode", CLOSED),
    "keyless": ("", "!part('body').checkVisibility()"),
    "both": ("", "part('up').checkVisibility() && part('correct').checkVisibility()"),
    "rating": ("", "part('up').checkVisibility() && !part('correct').checkVisibility()"),
    "correction": ("", f"!part('up').checkVisibility() && {LABELS} === 'cat,dog,fox,hedgehog,owl'"),
    "closed": ("", f"part('label').matches('select') && {LABELS} === ',cat,dog,fox'"),
    "predicted": ("", f"part('form').textContent.includes('Instead of dog') && {LABELS} === ',cat,fox'"),
    "regression": ("", "part('label').type === 'number'"),
    "filled": ("", "part('label').value === 'hedgehog' && part('notes').value === 'It rolled up.'"),
    "comfortable": ("Thank you", f"{FORM} && part('up').offsetHeight === 36"),
    "compact": ("Thank you", f"{FORM} && part('up').offsetHeight === 24"),
    "branded": ("Thank you", f"{FORM} && getComputedStyle(part('send')).backgroundColor === 'rgb(122, 31, 162)'"),
    "parts": ("Thank you", f"{FORM} && getComputedStyle(part('up')).borderRadius === '50%'"),
    "narrow": ("Will be sent", "element.offsetWidth === 160"),
    "page": ("", f"{BOXES} === 3"),
    "judged": (
        "",
        "inner('[part=verdict]').map((field) => field.value).join() === 'correct,wrong_label,false_positive'",
    ),
    "viewed": ("", f"{BOXES} === 3 && inner('[part=verdict]').every((field) => field.matches(':disabled'))"),
    "imageless": ("", f"{BOXES} === 3 && inner('img')[0].alt === 'The image could not be loaded'"),
    "boxless": ("", f"{BOXES} === 0 && inner('[part=status]')[0].textContent === 'The boxes could not be loaded'"),
    "mirrored": ("", f"{BOXES} === 3 && getComputedStyle(inner('[part~=list]')[0]).direction === 'rtl'"),
}
CHECK = """([name, condition]) => {
  const element = document.querySelector(`#${name} seeme-feedback`);
  const root = element.shadowRoot;
  const boxes = root.querySelector('[part=boxes]');
  const part = (wanted) => root.querySelector(`[part~=${wanted}]`);
  const inner = (selector) => [...boxes.querySelectorAll(selector)];
  return Function('element', 'part', 'inner', `return ${condition}`)(element, part, inner);
}"""
# What moves within an element has no node here, as it is in a shadow tree; the tests of the widget see to that.
SHIFTS = """window.shifts = [];
new PerformanceObserver((list) => list.getEntries().forEach(({ sources }) => shifts.push(
  ...sources.filter(({ node }) => node).map(({ node }) => (node.closest?.('[id]') ?? node.parentElement).outerHTML))))
  .observe({ type: 'layout-shift', buffered: true });"""


@dataclass
class Heard:
    """What a page has said, and whom it has asked."""

    console: list[tuple[str, str, str]] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """The running gallery."""
    with server.running() as url:
        yield url


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for all tests."""
    with launched() as browser:
        yield browser


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280, height: int = 900) -> Iterator[tuple[Page, Heard]]:
    """Open a page in a profile of its own, and listen to it."""
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme="light", locale="en-US")
    context.add_init_script(SHIFTS)
    page = context.new_page()
    heard = Heard()
    page.on("console", lambda said: heard.console.append((said.type, said.text, said.location["url"])))
    page.on("pageerror", lambda error: heard.console.append(("pageerror", str(error), "")))
    page.on("request", lambda request: heard.hosts.add(request.url.split("/")[2]))
    page.goto(address)
    yield page, heard
    context.close()


@pytest.fixture(scope="module")
def shown(browser: Browser, url: str) -> Iterator[Page]:
    """The gallery, for tests that only look; what is never answered is looked at first."""
    with opened(browser, url) as (page, _):
        page.wait_for_function(QUIET, timeout=LONG_WAIT)
        page.wait_for_function(CHECK, arg=["sending", "part('status').textContent === 'Sending…'"], timeout=5000)
        yield page


@pytest.mark.parametrize("name", ["sending", *(name for name in REACHED if name != "sending")])
def test_an_element_is_in_the_state_of_its_heading(shown: Page, name: str) -> None:
    """The status says it, and the element shows it."""
    status, condition = REACHED[name]
    shown.wait_for_function(
        CHECK, arg=[name, f"part('status').textContent === {json.dumps(status)}"], timeout=LONG_WAIT
    )
    shown.wait_for_function(CHECK, arg=[name, condition], timeout=LONG_WAIT)


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith(("auto-", "light-", "dark-"))])
def test_a_theme_is_that_of_its_heading(shown: Page, name: str) -> None:
    """Light and dark bring a background, auto takes the colour around it; the form is open, a thumb pressed."""
    theme, ground = name.split("-")
    grounds = {"paper": "rgb(29, 33, 38)", "night": "rgb(236, 234, 228)", "sea": "rgb(255, 255, 255)"}
    colour = {"auto": grounds.get(ground, "rgb(43, 34, 0)"), "light": "rgb(0, 0, 0)", "dark": "rgb(255, 255, 255)"}[
        theme
    ]
    shown.wait_for_function(CHECK, arg=[name, f"{FORM} && {UP}"], timeout=LONG_WAIT)
    assert shown.evaluate(CHECK, [name, "getComputedStyle(element).color"]) == colour
    transparent = shown.evaluate(CHECK, [name, "getComputedStyle(element).backgroundColor === 'rgba(0, 0, 0, 0)'"])
    assert transparent == (theme == "auto")


@pytest.mark.parametrize("code", CODES)
def test_a_language_is_that_of_its_heading(shown: Page, code: str) -> None:
    """Its texts are those of the built file, mirrored where they are read from the right."""
    texts = json.loads((server.built() / f"feedback-widget.{code}.json").read_text(encoding="utf-8"))
    arg = [f"lang-{code}", f"part('status').textContent === {json.dumps(texts['success'])} && {FORM}"]
    shown.wait_for_function(CHECK, arg=arg, timeout=LONG_WAIT)
    mirrored = "part('up').getBoundingClientRect().x > part('down').getBoundingClientRect().x"
    assert shown.evaluate(CHECK, [f"lang-{code}", mirrored]) == (texts["dir"] == "rtl")
    assert shown.evaluate(CHECK, [f"lang-{code}", "part('body').lang"]) == texts["lang"]


def test_no_case_is_without_a_test() -> None:
    """The tests above cover the gallery, and nothing that isn't in it."""
    ruled = {name for name in CASES if name.startswith(("auto-", "light-", "dark-", "lang-"))}
    assert set(CASES) - ruled == set(REACHED)
    assert {case.service for case in CASES.values()} == set(stub.BEHAVIOURS)


@pytest.mark.parametrize("path", ["/", "/frameworks.html", "/csp.html"])
def test_a_page_says_nothing_unexpected_and_asks_nobody_else(browser: Browser, url: str, path: str) -> None:
    """The console has what the two wrong elements are there to show, and the failures of the stubs that fail."""
    with opened(browser, url + path) as (page, heard):
        if path == "/":
            page.wait_for_function(QUIET, timeout=LONG_WAIT)
            page.wait_for_function(CHECK, arg=["refused", REACHED["refused"][1]], timeout=LONG_WAIT)
        page.wait_for_load_state("load")
    failing = tuple(f"{url}/{name}/v1/" for name in ("full", "refused", "invalid", "away", "slow"))
    kept = [said for said in heard.console if not said[2].startswith((*failing, f"{url}/missing.svg"))]
    words = [(kind, text.split(" ", 1)[1]) for kind, text, _ in kept if kind not in ("info", "log")]
    wrong = [("error", "needs model-id,prediction-id,api-key"), ("warning", 'can\'t understand mode="stars"')]
    assert sorted(words) == (wrong if path == "/" else [])
    assert heard.hosts == {url.removeprefix("http://")}


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_around_an_element_moves_or_sticks_out(browser: Browser, url: str, width: int) -> None:
    """From load until all is reached, in a window that sees all of it; and nobody has to scroll sideways."""
    with opened(browser, url, width, 30_000 if width == 320 else 12_000) as (page, _):
        page.wait_for_function(QUIET, timeout=LONG_WAIT)
        page.wait_for_function(CHECK, arg=["judged", REACHED["judged"][1]], timeout=LONG_WAIT)
        page.wait_for_timeout(500)
        assert page.evaluate("shifts") == []
        for direction in ("ltr", "rtl"):
            page.evaluate("(direction) => { document.documentElement.dir = direction }", direction)
            assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_shift_observer_sees_a_shift(browser: Browser, url: str) -> None:
    """The test above would notice."""
    with opened(browser, url + "/frameworks.html") as (page, _):
        page.evaluate("document.querySelector('h1').style.marginTop = '99px'")
        page.wait_for_function("shifts.length > 0")


def test_the_page_can_be_switched(browser: Browser, url: str) -> None:
    """Its colours and its direction."""
    with opened(browser, url) as (page, _):
        page.wait_for_function(QUIET, timeout=LONG_WAIT)
        page.get_by_label("dark", exact=True).check()
        page.get_by_label("right to left").check()
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 26)"
        assert page.evaluate("document.documentElement.dir") == "rtl"


def test_the_strictest_policy_is_not_violated(browser: Browser, url: str) -> None:
    """The page is served with the policy that it shows, and counts no violation from load to votes, form and boxes."""
    with opened(browser, url + "/csp.html") as (page, heard):
        expect(page.locator("#policy")).to_have_text(server.STRICT)
        first = page.locator("seeme-feedback").first
        first.get_by_role("button", name="Thumbs up").click()
        first.get_by_role("button", name="Correct it").click()
        first.get_by_label("Instead of cat").fill("fox")
        first.get_by_role("button", name="Send").click()
        expect(first.get_by_role("status")).to_have_text("Thank you")
        boxes = page.locator("[mode=detection]")
        boxes.get_by_label("Verdict").first.select_option("correct")
        boxes.get_by_role("button", name="Send").click()
        expect(boxes.locator("[part=status]").first).to_have_text("Thank you")
        expect(page.locator("#violations")).to_have_text("0")
        page.evaluate("document.body.append(Object.assign(document.createElement('img'), { src: 'data:,' }))")
        expect(page.locator("#violations")).to_have_text("1")
    assert len(heard.console) == 2  # The violation that was made on purpose, told by the browser and by the page.


@pytest.mark.parametrize(("service", "status"), [("ok", 201), ("full", 503), ("refused", 403), ("invalid", 422)])
def test_a_stub_answers_as_it_is_called(url: str, service: str, status: int) -> None:
    """With JSON, a problem where it fails, and Retry-After where there is another time."""
    body = json.dumps({"id": "1", "model_id": "animals"}).encode()
    request = urllib.request.Request(f"{url}/{service}/v1/feedback", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            found, headers, content = answer.status, answer.headers, json.load(answer)
    except urllib.error.HTTPError as error:
        found, headers, content = error.code, error.headers, json.load(error)
    assert found == status
    assert content["status"] == ("created" if status == 201 else status)
    assert ("Retry-After" in headers) == (status == 503)
    assert headers["Content-Type"] == ("application/json" if status == 201 else "application/problem+json")


def test_a_stub_takes_a_batch(url: str) -> None:
    """What waits goes in one request when the page is left."""
    body = json.dumps({"items": [{"id": "1", "model_id": "animals"}, {"id": "2", "model_id": "animals"}]}).encode()
    with urllib.request.urlopen(urllib.request.Request(f"{url}/ok/v1/feedback", body), timeout=5) as answer:
        assert answer.status == 207
        assert [item["id"] for item in json.load(answer)["items"]] == ["1", "2"]


@pytest.mark.parametrize("path", ["/../server.py", "/ok/../../cases.py", "/ok/feedback-widget", "/nothing", "/ok/"])
def test_nothing_else_is_served(url: str, path: str) -> None:
    """No path leads out of the two folders."""
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(url + path, timeout=5)
