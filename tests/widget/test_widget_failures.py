"""What goes wrong is said, and can be tried again without counting twice."""

import threading
from collections.abc import Callable

import pytest
from outside import Answer, Origin
from playwright.sync_api import ConsoleMessage, Page, expect

Embed = Callable[..., Page]
FAILED = "Could not be sent"


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
    said(page, FAILED)
    assert page.locator("seeme-feedback").evaluate("element => element.pending") == 1
    page.get_by_role("button", name="Retry").click()
    said(page, "Thank you")
    # Chromium itself repeats a request whose connection was closed without an answer.
    bodies = service.feedback
    assert len(bodies) >= 2
    assert all(body == bodies[0] for body in bodies)
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()


def test_a_service_that_does_not_answer_is_a_failure(page: Page, embed: Embed, service: Origin) -> None:
    """A hanging connection ends as failed instead of sending for ever."""
    faster = "const { timeout } = AbortSignal; AbortSignal.timeout = (ms) => timeout.call(AbortSignal, ms / 50)"
    page.add_init_script(faster)
    hold = threading.Event()
    service.answers.append(Answer(hold=hold))
    embed()
    vote(page)
    said(page, FAILED)
    hold.set()


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
    said(page, FAILED)
    detail = page.evaluate("heard.at(-1)[1]")
    assert detail["status"] == 0
    assert "TypeError" in detail["detail"]


def test_a_mended_key_is_used_for_the_retry(embed: Embed, service: Origin) -> None:
    """A page may get a new key and let the person try again."""
    service.answers.append(Answer(401, {"detail": "revoked"}))
    page = embed()
    vote(page)
    said(page, FAILED)
    page.locator("seeme-feedback").evaluate("element => { element.apiKey = 'pk_2_y' }")
    page.get_by_role("button", name="Retry").click()
    said(page, "Thank you")
    assert [request.headers["authorization"] for request in service.of("POST")] == ["Bearer pk_1_x", "Bearer pk_2_y"]


def test_a_vote_that_was_replaced_is_not_tried_again(embed: Embed, service: Origin) -> None:
    """Sent again it would arrive last and count, against what the person wants now."""
    service.answers.append(Answer(503, {"detail": "full"}))
    page = embed()
    vote(page, "up")
    said(page, FAILED)
    vote(page, "down")
    said(page, "Thank you")
    expect(page.get_by_role("button", name="Retry")).to_be_hidden()
    assert [body["rating"] for body in service.feedback] == [1, -1]
    assert service.feedback[1]["supersedes"] == service.feedback[0]["id"]


def test_the_focus_stays_in_the_element_after_a_retry(embed: Embed, service: Origin) -> None:
    """The retry button disappears; who uses a keyboard must not start again at the top of the page."""
    service.answers.append(Answer(503, {"detail": "full"}))
    page = embed()
    vote(page)
    said(page, FAILED)
    page.get_by_role("button", name="Retry").focus()
    page.keyboard.press("Enter")
    said(page, "Thank you")
    assert page.evaluate("document.activeElement.localName") == "seeme-feedback"


@pytest.mark.parametrize("name", ["model-id", "prediction-id", "api-key"])
def test_a_missing_attribute_shows_nothing_and_says_so(page: Page, site: Origin, service: Origin, name: str) -> None:
    """One line in the console names what is missing; when it comes, the element appears."""
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    tag = '<seeme-feedback model-id="m" prediction-id="p" api-key="k"></seeme-feedback>'.replace(f"{name}=", "data-x=")
    page.goto(site.show(f'<script src="{service.address}/feedback-widget.js"></script>' + tag * 2))
    errors = [line.text for line in lines if line.type == "error" and "seeme" in line.text]
    assert errors == [f"<seeme-feedback> shows nothing without {name}"]
    assert page.get_by_role("button").count() == 0
    assert page.locator("seeme-feedback").first.evaluate("element => element.rate(1)") is False
    page.locator("seeme-feedback").first.evaluate("(element, name) => element.setAttribute(name, 'x')", name)
    expect(page.get_by_role("button", name="Thumbs up")).to_have_count(1)


def test_what_is_not_supported_yet_is_named_once(page: Page, embed: Embed) -> None:
    """No attribute is ignored in silence, and a hundred elements don't fill the console."""
    lines: list[ConsoleMessage] = []
    page.on("console", lambda line: lines.append(line))
    attributes = 'mode="detection" image-src="a.png" boxes="[]" prediction-token="t" no-queue'
    embed(
        attributes, after=f'<seeme-feedback model-id="m" prediction-id="q" api-key="k" {attributes}></seeme-feedback>'
    )
    ignored = ["detection", "image-src", "boxes", "prediction-token", "no-queue"]
    warnings = [line.text for line in lines if line.type == "warning" and "seeme" in line.text]
    assert warnings == [f"<seeme-feedback> ignores {name}" for name in ignored]
