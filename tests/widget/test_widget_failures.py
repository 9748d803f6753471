"""What goes wrong is said, and can be tried again without counting twice."""

import threading
from collections.abc import Callable

import pytest
from outside import Answer, Origin
from playwright.sync_api import ConsoleMessage, Page, expect

Embed = Callable[..., Page]
FAILED = "Could not be sent"
QUEUED = "Will be sent"


def vote(page: Page, direction: str = "up") -> None:
    """Click a thumb."""
    page.get_by_role("button", name=f"Thumbs {direction}").click()


def said(page: Page, text: str) -> None:
    """Wait until the status says the text."""
    expect(page.get_by_role("status")).to_have_text(text)


@pytest.mark.parametrize(
    "answer", [Answer(503, {"detail": "full"}), Answer(500, "<h1>no JSON</h1>"), Answer(drop=True)], ids=str
)
def test_a_retry_sends_the_same_id(embed: Embed, service: Origin, answer: Answer) -> None:
    """The answer may have been lost after the vote was stored, so the retry must be the same request."""
    service.answers.append(answer)
    page = embed()
    vote(page)
    said(page, QUEUED)
    assert page.locator("seeme-feedback").evaluate("element => element.pending") == 1
    page.get_by_role("button", name="Retry").click()
    said(page, "Thank you")
    # Chromium itself repeats a request whose connection was closed without an answer.
    bodies = service.feedback
    assert len(bodies) >= 2
    assert all(body == bodies[0] for body in bodies)
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_a_service_that_does_not_answer_is_waited_for_and_asked_again(
    page: Page, embed: Embed, service: Origin
) -> None:
    """A hanging connection ends as queued instead of sending for ever."""
    faster = "const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 50)"
    page.add_init_script(faster)
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    embed()
    vote(page)
    said(page, QUEUED)
    hold.set()
    said(page, "Thank you")


@pytest.mark.parametrize("status", [401, 403, 422])
def test_a_refusal_gives_the_page_its_reason(embed: Embed, service: Origin, status: int) -> None:
    """The person reads that it could not be sent; the problem's detail and fields are in the event."""
    problem = {
        "status": status,
        "detail": "This key may not do that",
        "errors": [{"path": "$.rating", "message": "no"}],
    }
    service.answers.append(Answer(status, problem))
    page = embed()
    vote(page)
    said(page, FAILED)
    name, detail = page.evaluate("heard.at(-1)")
    assert name == "seeme-error"
    assert (detail["status"], detail["detail"]) == (status, "This key may not do that")
    assert detail["errors"] == problem["errors"]
    assert detail["feedback"] == service.feedback[0]


def test_an_unreachable_service_is_status_0(embed: Embed, service: Origin) -> None:
    """The event tells no answer from a bad answer."""
    page = embed()
    page.locator("seeme-feedback").evaluate("element => { element.endpoint = 'http://127.0.0.1:9' }")
    vote(page)
    said(page, QUEUED)
    name, detail = page.evaluate("heard.at(-1)")
    assert (name, detail["status"], detail["kept"]) == ("seeme-queued", 0, True)
    assert "TypeError" in detail["detail"]


def test_a_mended_key_sends_what_was_refused(embed: Embed, service: Origin) -> None:
    """What waits for a key is parked, not asked for again; a new key sends it by itself."""
    service.answers.append(Answer(401, {"detail": "revoked"}))
    page = embed()
    vote(page)
    said(page, FAILED)
    page.wait_for_timeout(2000)
    assert len(service.of("POST")) == 1
    page.locator("seeme-feedback").evaluate("element => { element.apiKey = 'pk_2_y' }")
    said(page, "Thank you")
    assert [request.headers["authorization"] for request in service.of("POST")] == ["Bearer pk_1_x", "Bearer pk_2_y"]


def test_a_vote_that_was_replaced_is_not_tried_again(embed: Embed, service: Origin) -> None:
    """Sent again it would arrive last and count, against what the person wants now."""
    service.answers.append(Answer(422, {"detail": "no"}))
    page = embed()
    vote(page, "up")
    said(page, FAILED)
    vote(page, "down")
    said(page, "Thank you")
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()
    assert [body["rating"] for body in service.feedback] == [1, -1]
    assert service.feedback[1]["supersedes"] == service.feedback[0]["id"]


@pytest.mark.parametrize("body", ["<h1>Sign in</h1>", {"ok": True}, None], ids=str)
def test_a_200_that_confirms_nothing_is_no_thanks(embed: Embed, service: Origin, body: object) -> None:
    """A sign-in page of a proxy answers 200, too: stored is what is confirmed by its id, the rest is sent again."""
    service.answers.append(Answer(200, body if body else {"id": "another"}))
    page = embed()
    vote(page)
    said(page, QUEUED)
    said(page, "Thank you")
    assert service.feedback[0] == service.feedback[1]


@pytest.mark.parametrize("wait", ["-1", "Infinity", "3000000", "Sat, 21 Nov 2026 12:00:00 GMT"])
def test_an_odd_retry_after_makes_no_flood(embed: Embed, service: Origin, wait: str) -> None:
    """What is no number of seconds is replaced by the widget's own patience."""
    service.answers.extend([Answer(503, {"detail": "full"}, headers={"Retry-After": wait})] * 50)
    page = embed()
    vote(page)
    said(page, QUEUED)
    page.wait_for_timeout(2500)
    assert len(service.feedback) <= 3


def test_a_new_element_with_a_good_key_sends_what_was_refused(page: Page, embed: Embed, service: Origin) -> None:
    """Frameworks replace the element when the key changes."""
    service.answers.append(Answer(401, {"detail": "revoked"}))
    embed()
    vote(page)
    said(page, FAILED)
    page.evaluate("""() => {
      const old = document.querySelector('seeme-feedback');
      const element = old.cloneNode();
      element.apiKey = 'pk_2_y';
      old.replaceWith(element);
    }""")
    said(page, "Thank you")
    assert [request.headers["authorization"] for request in service.of("POST")] == ["Bearer pk_1_x", "Bearer pk_2_y"]


def test_the_focus_stays_in_the_element_after_a_retry(embed: Embed, service: Origin) -> None:
    """The retry button disappears; who uses a keyboard must not start again at the top of the page."""
    service.answers.append(Answer(503, {"detail": "full"}))
    page = embed()
    vote(page)
    said(page, QUEUED)
    page.get_by_role("button", name="Retry").focus()
    page.keyboard.press("Enter")
    said(page, "Thank you")
    assert page.evaluate("document.activeElement.localName") == "seeme-feedback"


@pytest.mark.parametrize("name", ["model-id", "prediction-id", "api-key"])
def test_a_missing_attribute_shows_nothing_and_says_so(page: Page, site: Origin, service: Origin, name: str) -> None:
    """The console names what is needed; when it comes, the element appears."""
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    tag = '<seeme-feedback model-id="m" prediction-id="p" api-key="k"></seeme-feedback>'.replace(f"{name}=", "data-x=")
    page.goto(site.show(f'<script src="{service.address}/feedback-widget.js"></script>' + tag * 2))
    errors = [line.text for line in lines if line.type == "error" and "seeme" in line.text]
    assert set(errors) == {"seeme-feedback needs model-id,prediction-id,api-key"}
    assert page.get_by_role("button").count() == 0
    assert page.locator("seeme-feedback").first.evaluate("element => element.rate(1)") is False
    page.locator("seeme-feedback").first.evaluate("(element, name) => element.setAttribute(name, 'x')", name)
    expect(page.get_by_role("button", name="Thumbs up")).to_have_count(1)


@pytest.mark.parametrize(
    "wrong",
    [
        'mode="thumbs"',
        'theme="blue"',
        'theme="dark" value="7"',
        'mode="rating" labels="[&quot;cat&quot;"',
        'theme="auto" lang="de" boxes="none"',
    ],
)
def test_a_wrong_attribute_is_named_once_and_seen(page: Page, embed: Embed, wrong: str) -> None:
    """In the console once for a hundred elements, and in each element; the rest of it works."""
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    name = wrong.split()[-1].split("=")[0]
    embed(wrong, after=f'<seeme-feedback model-id="m" prediction-id="q" api-key="k" {wrong}></seeme-feedback>')
    page.get_by_role("button").first.hover()
    expect(page.get_by_role("status").first).to_have_text(f"\u26a0 {name}")
    warnings = [line.text for line in lines if line.type == "warning" and "seeme" in line.text]
    assert len(warnings) == 1
    assert f"can't understand {name}=" in warnings[0]
    page.locator("seeme-feedback").first.evaluate("(element, name) => element.removeAttribute(name)", name)
    expect(page.get_by_role("status").first).to_have_text("")
