"""The element in the pages of others: their policies, frameworks, layouts and people."""

import threading
from collections.abc import Callable

import pytest
from measures import WATCH_SHIFTS, Record, shifts, within
from outside import Answer, Origin
from playwright.sync_api import Browser, Page, expect

Embed = Callable[..., Page]
NOTE_VIOLATIONS = (
    "window.violated = []; addEventListener('securitypolicyviolation', (e) => violated.push(e.violatedDirective))"
)
TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="k" {}></seeme-feedback>'


def vote(page: Page) -> None:
    """Click the thumb up and wait for the thanks."""
    page.get_by_role("button", name="Thumbs up").click()
    expect(page.get_by_role("status")).to_have_text("Thank you")


def test_the_strictest_policy_is_enough(record_property: Record, page: Page, site: Origin, service: Origin) -> None:
    """No violation of CSP or Trusted Types from load to correction."""
    policy = (
        f"default-src 'none'; script-src {service.address}; connect-src {service.address};"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    page.add_init_script(NOTE_VIOLATIONS)
    html = f'<script src="{service.address}/feedback-widget.js"></script>' + TAG
    page.goto(site.show(html.format(""), **{"Content-Security-Policy": policy}))
    vote(page)
    page.get_by_role("button", name="Correct it").click()
    page.get_by_label("Right answer").fill("cat")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_have_text("Thank you")
    assert len(service.feedback) == 2
    within(record_property, "violations of the strictest CSP and Trusted Types", len(page.evaluate("violated")))
    assert page.get_by_role("button", name="Thumbs up").evaluate("b => getComputedStyle(b).borderTopWidth") == "1px"


def test_the_policy_listener_hears_a_violation(page: Page, site: Origin) -> None:
    """The test above would notice."""
    page.add_init_script(NOTE_VIOLATIONS)
    page.goto(site.show("<p style='color:red'>x</p>", **{"Content-Security-Policy": "default-src 'none'"}))
    assert page.evaluate("violated") == ["style-src-attr"]


def test_no_cookie_and_no_other_host_is_involved(page: Page, embed: Embed, service: Origin) -> None:
    """Even when the service's host has a cookie, the widget does not send it."""
    page.context.add_cookies([{"name": "session", "value": "x", "url": service.address}])
    hosts: set[str] = set()
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    vote(embed())
    assert "cookie" not in service.of("POST")[0].headers
    assert len(hosts) == 2
    assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie.length]")[:2] == [0, 0]


@pytest.mark.parametrize("attribute", ["", "defer", "async"])
def test_the_service_may_live_under_a_prefix(page: Page, site: Origin, service: Origin, attribute: str) -> None:
    """The address is the folder of the script, whatever its query says."""
    script = f'<script {attribute} src="{service.address}/a/b/feedback-widget.js?v=/1/2"></script>'
    page.goto(site.show(script + TAG.format("")))
    vote(page)
    assert service.of("POST")[0].path == "/a/b/v1/feedback"


def test_the_endpoint_attribute_overrides_the_script(page: Page, site: Origin, service: Origin) -> None:
    """A page that hosts the script itself names the service; a slash at the end does no harm."""
    endpoint = f'endpoint="{service.address}/feedback/"'
    page.goto(site.show(f'<script src="{site.address}/feedback-widget.js"></script>' + TAG.format(endpoint)))
    vote(page)
    assert service.of("POST")[0].path == "/feedback/v1/feedback"
    assert site.of("POST") == []


def test_the_module_finds_its_own_tag(page: Page, site: Origin, service: Origin) -> None:
    """The ESM build has no currentScript, but its tag is in the page."""
    script = f'<script type="module" src="{service.address}/x/feedback-widget.esm.js"></script>'
    page.goto(site.show(script + TAG.format("")))
    vote(page)
    assert service.of("POST")[0].path == "/x/v1/feedback"


def test_properties_set_before_the_script_came_are_kept(page: Page, site: Origin, service: Origin) -> None:
    """Frameworks set properties as soon as they have the element."""
    page.goto(site.show("<main></main>"))
    page.evaluate("""() => {
      const element = document.createElement('seeme-feedback');
      const strings = { up: 'Yes' };
      Object.assign(element, { modelId: 'm', predictionId: 'p', apiKey: 'k', labels: ['a,b', 'c'], strings });
      document.querySelector('main').append(element);
    }""")
    page.add_script_tag(url=service.address + "/feedback-widget.js")
    page.get_by_role("button", name="Yes").click()
    expect(page.get_by_role("status")).to_have_text("Thank you")
    page.get_by_role("button", name="Correct it").click()
    expect(page.locator("select option")).to_have_text(["", "a,b", "c"])
    assert page.locator("seeme-feedback").get_attribute("model-id") == "m"


def test_properties_mirror_attributes(embed: Embed) -> None:
    """Both ways, in camelCase."""
    element = embed('predicted-label="dog" labels="a,b"').locator("seeme-feedback")
    assert element.evaluate("e => [e.modelId, e.predictedLabel, e.labels, e.disabled, e.mode, e.value]") == [
        "m", "dog", ["a", "b"], False, "", "",
    ]  # fmt: skip
    element.evaluate(
        "e => Object.assign(e, { readOnly: true, theme: 'dark', labels: ['x'], subject: 's', rating: -1 })"
    )
    assert element.evaluate("e => ['readonly', 'theme', 'labels', 'subject'].map((n) => e.getAttribute(n))") == [
        "", "dark", '["x"]', "s",
    ]  # fmt: skip
    assert element.evaluate("e => [e.value, e.rating]") == ["-1", -1]


def test_a_move_in_the_page_keeps_the_state(embed: Embed, service: Origin) -> None:
    """Lists are sorted and dialogs are opened: a vote, a failure and a half-written form survive it."""
    service.answers.append(Answer(503, {"detail": "full"}))
    page = embed(after="<aside></aside>")
    page.get_by_role("button", name="Thumbs up").click()
    page.get_by_role("button", name="Correct it").click()
    page.get_by_label("Right answer").fill("cat")
    expect(page.get_by_role("status")).to_have_text("Will be sent")
    page.evaluate("document.querySelector('aside').append(document.querySelector('seeme-feedback'))")
    expect(page.get_by_role("status")).to_have_text("Will be sent")
    expect(page.get_by_label("Right answer")).to_have_value("cat")
    expect(page.get_by_role("button", name="Thumbs up")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Retry").click()
    expect(page.get_by_role("status")).to_have_text("Thank you")
    assert service.feedback[0] == service.feedback[1]


def test_a_second_definition_does_nothing(page: Page, site: Origin, service: Origin) -> None:
    """The first script wins, as classic or as module; one click is one request."""
    scripts = (
        f'<script src="{service.address}/feedback-widget.js"></script>'
        f'<script src="{site.address}/feedback-widget.js"></script>'
        f'<script type="module" src="{site.address}/feedback-widget.esm.js"></script>'
    )
    page.goto(site.show(scripts + TAG.format("")))
    vote(page)
    assert len(service.of("POST")) == 1
    assert site.of("POST") == []


def test_the_fallback_is_shown_only_without_the_script(page: Page, site: Origin, service: Origin) -> None:
    """Children of the element are for pages where the script can't run."""
    tag = TAG.format("").replace("></", "><a href='mailto:x'>Write to us</a></")
    page.goto(site.show(tag))
    expect(page.get_by_text("Write to us")).to_be_visible()
    page.add_script_tag(url=service.address + "/feedback-widget.js")
    expect(page.get_by_text("Write to us")).to_be_hidden()


@pytest.mark.parametrize("style", ["", "display: flex", "float: inline-end", "inline-size: 9rem"])
def test_nothing_on_the_page_moves(
    record_property: Record, page: Page, embed: Embed, service: Origin, style: str
) -> None:
    """The outcome's place is kept free, so an answer a second after the click shifts no layout."""
    page.add_init_script(WATCH_SHIFTS)
    hold = threading.Event()
    service.answers.extend([Answer(503, {"detail": "full"}, hold=hold), Answer()])
    embed(before=f'<section style="{style}">', after="</section><p style='margin: 0'>What stands below.</p>")
    below = page.get_by_text("What stands below.").bounding_box()
    page.get_by_role("button", name="Thumbs up").click()
    page.wait_for_timeout(700)  # A shift within 500 ms of a click would be forgiven.
    hold.set()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    assert page.get_by_text("What stands below.").bounding_box() == below
    within(record_property, "layout shifts", len(shifts(page)))


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
def test_320_pixels_are_enough(browser: Browser, site: Origin, service: Origin, direction: str) -> None:
    """Nothing overflows, every target has 24 pixels, and the first thumb is where reading starts."""
    service.answers.append(Answer(503, {"detail": "full"}, headers={"Retry-After": "600"}))
    page = browser.new_page(viewport={"width": 320, "height": 600})
    script = (
        f'<meta name=viewport content="width=device-width"><script src="{service.address}/feedback-widget.js"></script>'
    )
    page.goto(site.show(f"{script}<div dir={direction}>" + TAG.format('predicted-label="' + "long" * 40 + '"')))
    page.get_by_role("button", name="Thumbs up").click()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    page.get_by_role("button", name="Correct it").click()
    assert page.evaluate("document.documentElement.scrollWidth <= 320")
    boxes = [control.bounding_box() for control in page.locator("button, input, textarea").all()]
    assert len(boxes) == 8
    assert all(box and box["width"] >= 24 and box["height"] >= 24 and box["x"] >= 0 for box in boxes)
    assert all(box and box["x"] + box["width"] <= 320 for box in boxes)
    up, down = (page.get_by_role("button", name=f"Thumbs {way}").bounding_box() for way in ("up", "down"))
    assert up
    assert down
    assert (up["x"] < down["x"]) is (direction == "ltr")
    page.close()


def test_english_is_set_as_english_on_a_page_from_right_to_left(page: Page, embed: Embed, service: Origin) -> None:
    """The dots of "Sending…" stand behind the word, on its right."""
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    embed(before="<div dir=rtl>")
    page.get_by_role("button", name="Thumbs up").click()
    expect(page.get_by_role("status")).to_have_text("Sending…")
    first, last = page.get_by_role("status").evaluate("""(status) => [0, 7].map((place) => {
      const range = new Range();
      range.setStart(status.firstChild, place);
      range.setEnd(status.firstChild, place + 1);
      return range.getBoundingClientRect().x;
    })""")
    hold.set()
    assert first < last


def test_screen_readers_hear_names_states_and_outcomes(embed: Embed) -> None:
    """The tree that assistive technology reads."""
    page = embed()
    vote(page)
    page.get_by_role("button", name="Correct it").click()
    tree = page.locator("seeme-feedback").aria_snapshot().splitlines()
    roles = ("group", "button", "status", "combobox", "textbox")
    assert [line.strip(" -:") for line in tree if line.strip(" -").startswith(roles)] == [
        'group "Feedback"',
        'button "Thumbs up" [pressed]',
        'button "Thumbs down"',
        'button "Correct it" [expanded]',
        "status: Thank you",
        'combobox "Right answer"',
        'textbox "Note"',
        'button "Send"',
        'button "Cancel"',
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_is_legible_on_any_page(embed: Embed, theme: str) -> None:
    """It brings its background; `auto` takes the colours of the text around it."""
    page = embed(f'theme="{theme}"', before="<style>body { color: rgb(1, 2, 3) }</style>")
    colours = "e => [getComputedStyle(e).color, getComputedStyle(e).backgroundColor]"
    element = page.locator("seeme-feedback")
    expected = {"light": ["rgb(0, 0, 0)", "rgb(255, 255, 255)"], "dark": ["rgb(255, 255, 255)", "rgb(18, 18, 18)"]}
    assert element.evaluate(colours) == expected[theme]
    element.evaluate("e => { e.theme = 'auto' }")
    assert element.evaluate(colours) == ["rgb(1, 2, 3)", "rgba(0, 0, 0, 0)"]
