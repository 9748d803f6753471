"""The widget in a real Firefox: another engine with its own events, focus, storage and policies."""

import json
from collections.abc import Callable, Iterator
from html import escape

import firefox
import pytest
from editor import BOXES, png
from firefox import Firefox, Node, Tab
from outside import Answer, Origin

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(90),
    pytest.mark.skipif(firefox.COMMAND is None, reason=firefox.MISSING),
]
Embed = Callable[..., Tab]
ROOT = "document.querySelector('seeme-feedback').shadowRoot"
TAG = '<seeme-feedback model-id="m" prediction-id="p" api-key="pk_1_x" {}></seeme-feedback>'
LISTEN = """
window.heard = [];
for (const name of ['seeme-submit', 'seeme-success', 'seeme-error', 'seeme-change'])
  addEventListener(name, (event) => heard.push([name, JSON.parse(JSON.stringify(event.detail))]));
window.violated = [];
addEventListener('securitypolicyviolation', (event) => violated.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Firefox]:
    """A Firefox for the tests of this module."""
    with firefox.launched() as browser:
        yield browser


@pytest.fixture
def tab(browser: Firefox) -> Iterator[Tab]:
    """A tab without memory of others; an exception in it fails the test."""
    tab = browser.tab()
    browser.before_scripts(tab.user_context, LISTEN)
    yield tab
    browser.forget(tab.user_context)
    assert tab.errors == []


@pytest.fixture
def embed(tab: Tab, site: Origin, service: Origin) -> Embed:
    """Open a page with the documents' tag, its further attributes, and what else stands in the page."""

    def open_page(attributes: str = "", after: str = "", **headers: str) -> Tab:
        script = f'<script src="{service.address}/feedback-widget.js"></script>'
        tab.goto(site.show(script + TAG.format(attributes) + after, **headers))
        return tab

    return open_page


def part(tab: Tab, name: str) -> Node:
    """Return the control of that part, as soon as it is there: the form is loaded when it is wanted."""
    tab.wait_for(f"!!{ROOT}.querySelector('[part~={name}]')")
    node = tab.evaluate(f"{ROOT}.querySelector('[part~={name}]')")
    assert isinstance(node, Node)
    return node


def said(tab: Tab, text: str) -> None:
    """Wait until the status says the text."""
    tab.wait_for(f"{ROOT}.querySelector('[part=status]').textContent", text)


def pressed(tab: Tab, name: str) -> bool:
    """Say whether a thumb is shown as pressed."""
    return tab.evaluate(f"{ROOT}.querySelector('[part~={name}]').ariaPressed") == "true"


def focused(tab: Tab, name: str) -> None:
    """Wait until the control of that part has the focus."""
    tab.wait_for(f"{ROOT}.activeElement?.part.contains('{name}')")


def test_the_tag_of_the_documents_sends_a_vote(embed: Embed, service: Origin, site: Origin) -> None:
    """A real click in Firefox is one POST with the key, and thanks after the answer."""
    tab = embed()
    tab.click(part(tab, "up"))
    said(tab, "Thank you")
    assert pressed(tab, "up")
    [request] = service.of("POST")
    assert request.headers["authorization"] == "Bearer pk_1_x"
    assert request.headers["origin"] == site.address
    assert request.body["rating"] == 1
    assert tab.evaluate("heard.map(([name]) => name)") == ["seeme-submit", "seeme-change", "seeme-success"]
    assert tab.screenshot().startswith(b"\x89PNG")


def test_a_changed_mind_supersedes_the_first_vote(embed: Embed, service: Origin) -> None:
    """The other thumb, and the same thumb again, which takes the vote back."""
    tab = embed()
    for name, text in (("up", "Thank you"), ("down", "Thank you"), ("down", "Taken back")):
        before = len(service.of("POST"))
        tab.click(part(tab, name))
        tab.wait_for("heard.filter(([name]) => name === 'seeme-success').length", before + 1)
        said(tab, text)
    first, second, third = service.feedback
    assert [first["rating"], second["rating"], third["rating"]] == [1, -1, 0]
    assert second["supersedes"] == third["supersedes"] == first["id"]
    assert not pressed(tab, "up")
    assert not pressed(tab, "down")


def test_a_correction_is_sent(embed: Embed, service: Origin) -> None:
    """By mouse and by typing."""
    tab = embed('predicted-label="dog"')
    tab.click(part(tab, "correct"))
    focused(tab, "label")
    tab.press(*"red panda")
    tab.click(part(tab, "notes"))
    tab.press(*"tail")
    tab.click(part(tab, "send"))
    said(tab, "Thank you")
    [body] = service.feedback
    assert (body["correct_label"], body["notes"]) == ("red panda", "tail")


def test_the_keyboard_is_enough(embed: Embed, service: Origin) -> None:
    """Tab, Space, Enter and Escape; the focus returns to what opened the form."""
    tab = embed()
    tab.press("Tab", "Space")
    said(tab, "Thank you")
    focused(tab, "up")
    tab.press("Tab", "Tab", "Enter")
    focused(tab, "label")
    tab.press("Escape")
    focused(tab, "correct")
    tab.press("Enter")
    focused(tab, "label")
    tab.press(*"cat", "Enter")
    tab.wait_for("heard.filter(([name]) => name === 'seeme-success').length", 2)
    focused(tab, "correct")
    assert service.feedback[1]["correct_label"] == "cat"


def test_the_strictest_policy_is_enough(embed: Embed, service: Origin) -> None:
    """No violation of CSP or Trusted Types from load to correction, and the look is there."""
    policy = (
        f"default-src 'none'; script-src {service.address}; connect-src {service.address};"
        " require-trusted-types-for 'script'; trusted-types 'none'"
    )
    tab = embed(**{"Content-Security-Policy": policy})
    tab.click(part(tab, "up"))
    said(tab, "Thank you")
    tab.click(part(tab, "correct"))
    focused(tab, "label")
    tab.press(*"cat", "Enter")
    tab.wait_for("heard.filter(([name]) => name === 'seeme-success').length", 2)
    assert tab.evaluate("violated") == []
    assert tab.evaluate(f"getComputedStyle({ROOT}.querySelector('button')).borderTopWidth") == "1px"


def test_the_policy_listener_hears_a_violation(tab: Tab, site: Origin) -> None:
    """The test above would notice, and Firefox calls it an error of the page."""
    tab.goto(site.show("<p style='color:red'>x</p>", **{"Content-Security-Policy": "default-src 'none'"}))
    assert tab.evaluate("violated") == ["style-src-attr"]
    [error] = tab.errors
    assert "style-src-attr" in error
    tab.errors.clear()


def test_a_503_is_followed_by_recovery_with_the_same_id(embed: Embed, service: Origin) -> None:
    """It is said that the vote waits; it is sent again by itself, and the service has it once."""
    service.answers.append(Answer(503, {"detail": "full"}))
    tab = embed()
    tab.click(part(tab, "up"))
    said(tab, "Will be sent")
    said(tab, "Thank you")
    assert len({body["id"] for body in service.feedback}) == 1
    assert len(service.of("POST")) == 2


def test_what_waits_is_sent_after_a_reload(embed: Embed, service: Origin) -> None:
    """Firefox keeps it in IndexedDB; the next page shows it, and sends it with its id."""
    service.answers.extend([Answer(503, {"detail": "full"})] * 20)
    tab = embed()
    tab.click(part(tab, "down"))
    said(tab, "Will be sent")
    [first, *_] = service.feedback
    tab.reload()
    service.answers.clear()
    said(tab, "Thank you")
    assert pressed(tab, "down")
    assert service.feedback[-1] == first


def test_properties_set_before_the_script_came_are_kept(tab: Tab, site: Origin, service: Origin) -> None:
    """Frameworks set properties as soon as they have the element."""
    tab.goto(site.show("<main></main>"))
    tab.call(
        """(address) => new Promise((resolve, reject) => {
          const element = document.createElement('seeme-feedback');
          const strings = { up: 'Yes' };
          Object.assign(element, { modelId: 'm', predictionId: 'p', apiKey: 'k', labels: ['a,b', 'c'], strings });
          document.querySelector('main').append(element);
          const script = Object.assign(document.createElement('script'), { onload: resolve, onerror: reject });
          script.src = address;
          document.head.append(script);
        })""",
        service.address + "/feedback-widget.js",
    )
    assert tab.evaluate(f"{ROOT}.querySelector('[part~=up]').textContent") == "Yes"
    tab.click(part(tab, "correct"))
    focused(tab, "label")
    assert tab.evaluate(f"[...{ROOT}.querySelectorAll('select option')].map((o) => o.text)") == ["", "a,b", "c"]
    tab.click(part(tab, "up"))
    said(tab, "Thank you")


def test_a_move_in_the_page_keeps_the_state(embed: Embed) -> None:
    """A vote and a half-written form survive it."""
    tab = embed(after="<aside></aside>")
    tab.click(part(tab, "up"))
    said(tab, "Thank you")
    tab.click(part(tab, "correct"))
    focused(tab, "label")
    tab.press(*"cat")
    tab.evaluate("document.querySelector('aside').append(document.querySelector('seeme-feedback'))")
    assert pressed(tab, "up")
    assert tab.evaluate(f"{ROOT}.querySelector('[part~=label]').value") == "cat"
    said(tab, "Thank you")


def test_two_tabs_send_each_vote_once(embed: Embed, site: Origin, service: Origin) -> None:
    """They share what the browser keeps, and neither sends what the other has sent."""
    tab = embed()
    other = tab.another()
    other.goto(site.address + "/")
    for each, name in ((tab, "up"), (other, "down")):
        each.click(part(each, name))
        said(each, "Thank you")
    assert sorted(body["rating"] for body in service.feedback) == [-1, 1]
    assert other.errors == []


def test_boxes_are_dragged_and_judged_by_keys(embed: Embed, service: Origin) -> None:
    """Detection mode: a box is moved by the mouse, another deleted on the keyboard, and each verdict is sent once."""
    tab = embed(f'mode="detection" image-src="{png()}" boxes="{escape(json.dumps(BOXES))}"')
    tab.wait_for(f"{ROOT}.querySelectorAll('[part=box]').length", 3)
    tab.wait_for(f"{ROOT}.querySelector('[part=image]').naturalWidth", 400)
    x, y, scale = tab.evaluate(
        f"(({{ x, y, width }}) => [x, y, width / 400])({ROOT}.querySelector('[part=canvas]').getBoundingClientRect())"
    )
    places = ((310, 90), (315, 92), (320, 95))
    tab.drag(*((x + left * scale, y + top * scale) for left, top in places))
    tab.evaluate(f"{ROOT}.querySelectorAll('[part=box]')[1].focus()")
    tab.press("Delete")
    tab.click(part(tab, "send"))
    said(tab, "Thank you")
    tab.wait_for("heard.filter(([name]) => name === 'seeme-success').length", 2)
    deleted, moved = sorted(service.feedback, key=lambda body: str(body["feedback_type"]))
    assert (deleted["feedback_type"], deleted["detection_index"]) == ("false_positive", 1)
    assert (moved["feedback_type"], moved["detection_index"]) == ("wrong_box", 2)
    assert moved["box"] == pytest.approx([270, 45, 100, 100], abs=1 / scale)
